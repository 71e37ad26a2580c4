//! One thread that starts guardians, and our side of each.
//!
//! One, and for as long as the process lives: Linux sends a parent-death signal when the *thread* ends that started a process,
//! and threads of an async runtime come and go.

use std::{
    collections::HashSet,
    ffi::OsString,
    io,
    os::unix::process::CommandExt as _,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};
use tokio::sync::{oneshot, watch};

use crate::{
    orders::{GUARDIAN_ARGUMENT, Orders, write_environment},
    processes,
};

/// The running program, also after its file was replaced.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// For a guardian to notice that its time is over, and to see to the end of everyone.
const GRACE: Duration = Duration::from_secs(7);

/// Guardians that nobody has reaped, for whoever reaps what is not ours.
static GUARDIANS: Mutex<Option<HashSet<Pid>>> = Mutex::new(None);

pub(crate) fn is_guardian(pid: Pid) -> bool {
    lock(&GUARDIANS).as_ref().is_some_and(|known| known.contains(&pid))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Our side of a guardian. The pipe closes with it, and then the guardian ends everything.
#[derive(Debug)]
pub(crate) struct Guardian {
    pub(crate) pid: Pid,
    pub(crate) stdout: Option<ChildStdout>,
    pub(crate) stderr: Option<ChildStderr>,
    pipe: Option<ChildStdin>,
    ended: watch::Receiver<Option<ExitStatus>>,
    /// Locked while it is signalled or reaped, so that its number is never another's; none once it is reaped.
    there: Arc<Mutex<Option<Pid>>>,
}

struct Start {
    orders: Orders,
    environment: Vec<(OsString, OsString)>,
    answer: oneshot::Sender<io::Result<Guardian>>,
}

/// The way to the thread, which is started with the first guardian.
fn starts() -> io::Result<mpsc::Sender<Start>> {
    static STARTS: Mutex<Option<mpsc::Sender<Start>>> = Mutex::new(None);
    let mut known = lock(&STARTS);
    if let Some(starts) = &*known {
        return Ok(starts.clone());
    }
    let (starts, taken) = mpsc::channel::<Start>();
    thread::Builder::new().name("cuttle-starter".to_owned()).spawn(move || {
        for Start { orders, environment, answer } in taken {
            // Where nobody waits for it any more, it ends as its pipe is dropped.
            let _ = answer.send(start(&orders, &environment));
        }
    })?;
    Ok(known.insert(starts).clone())
}

impl Guardian {
    /// Starts a guardian, which starts the command.
    pub(crate) async fn start(
        orders: Orders,
        environment: Vec<(OsString, OsString)>,
    ) -> io::Result<Self> {
        let (answer, answered) = oneshot::channel();
        let _ = starts()?.send(Start { orders, environment, answer });
        let gone = |_| io::Error::other("the thread that starts apps is gone");
        answered.await.map_err(gone)?
    }

    /// Returns when it has ended.
    pub(crate) async fn ended(&mut self) -> Option<ExitStatus> {
        self.ended.wait_for(Option::is_some).await.ok().and_then(|status| *status)
    }

    /// Ends everything, and returns when nothing is left. `within` is what it was ordered to take at most.
    pub(crate) async fn end(mut self, within: Duration) {
        self.pipe = None;
        if tokio::time::timeout(within + GRACE, self.ended()).await.is_err() {
            tracing::warn!(
                guardian = self.pid.as_raw_pid(),
                "it did not end an app in time, so both are killed"
            );
            self.kill();
            self.ended().await;
        }
    }

    /// SIGKILL to everyone, and to it.
    fn kill(&self) {
        if let Some(pid) = *lock(&self.there) {
            // Itself last: whoever loses it is handed to others, and is no descendant any more.
            let family = processes::family(pid, &processes::all().unwrap_or_default());
            processes::signal(&family, Signal::KILL);
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

fn start(orders: &Orders, environment: &[(OsString, OsString)]) -> io::Result<Guardian> {
    let mut child = Command::new(THIS_PROGRAM)
        .arg0("cuttle")
        .arg(GUARDIAN_ARGUMENT)
        .args(orders.to_arguments())
        .env_clear()
        .current_dir("/")
        // Ctrl-C reaches the terminal's whole group, and a server that drains still needs its apps.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let pid = Pid::from_raw(child.id().cast_signed());
    let pid = pid.ok_or(io::ErrorKind::InvalidData)?;
    lock(&GUARDIANS).get_or_insert_default().insert(pid);
    let (stdout, stderr, mut pipe) = (child.stdout.take(), child.stderr.take(), child.stdin.take());
    let there = Arc::new(Mutex::new(Some(pid)));
    let (told, ended) = watch::channel(None);
    let waiting = Arc::clone(&there);
    let builder = thread::Builder::new().name("cuttle-reaper".to_owned());
    let thread = builder.spawn(move || {
        let _ = told.send(Some(reap(child, pid, &waiting)));
    });
    // What was started ends with its pipe.
    thread?;
    if let Some(pipe) = &mut pipe {
        write_environment(pipe, environment)?;
    }
    Ok(Guardian { pid, stdout, stderr, pipe, ended, there })
}

/// Waits for its end. Where that was not its own will, whoever is left in its group has no guardian.
fn reap(mut child: Child, pid: Pid, there: &Mutex<Option<Pid>>) -> ExitStatus {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(pid), look), Err(rustix::io::Errno::INTR)) {}
    let mut there = lock(there);
    // Nobody can be given this number before it is reaped. Where nobody is left, nobody is told.
    let _ = kill_process_group(pid, Signal::KILL);
    *there = None;
    let status = child.wait();
    if let Some(known) = lock(&GUARDIANS).as_mut() {
        known.remove(&pid);
    }
    status.unwrap_or_default()
}
