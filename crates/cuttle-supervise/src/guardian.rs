//! The process between us and an app: leader of the app's process group, and parent of whatever loses its own.
//!
//! It holds the reading end of a pipe whose other end we have. The pipe closes when we end, however we end, and then it ends
//! everything that descends from it. It answers nothing, restarts nothing and writes nothing but why it could not start. What
//! it cannot help is its own `kill -9`: then its group is killed by us, and who had left the group is not found.

use std::{
    collections::HashSet,
    env,
    ffi::OsString,
    fs::File,
    io::{self, Write as _},
    os::{fd::AsFd as _, unix::process::CommandExt as _},
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use rustix::process::{
    Pid, Signal, WaitOptions, geteuid, getpid, set_child_subreaper,
    set_parent_process_death_signal, setpgid, wait,
};
use tokio::{
    io::AsyncReadExt as _,
    net::unix::pipe,
    signal::unix::{self, SignalKind},
    time::{Instant, sleep},
};

use crate::{
    orders::{GUARDIAN_ARGUMENT, Orders, read_environment},
    processes,
};

/// The first descriptor after the standard streams.
const FIRST_UNEXPECTED: i32 = 3;
/// How often it looks for who is left; most of them it hears of, as they are its children.
const LOOK: Duration = Duration::from_millis(50);
/// After this long of SIGKILL whoever is left cannot be killed by us: another user's, or stuck in the kernel.
const GIVE_UP: Duration = Duration::from_secs(5);

/// Statuses as shells have them.
const USAGE: u8 = 2;
const CANNOT_EXECUTE: u8 = 126;
const NOT_FOUND: u8 = 127;
const SIGNALLED: i32 = 128;

/// Runs this process as a guardian. Call it before anything else when the first argument is [`GUARDIAN_ARGUMENT`].
#[must_use]
pub fn guardian_main() -> ExitCode {
    let Some(orders) = Orders::parse(env::args_os().skip(2)) else {
        complain(&format!(
            "Cuttle starts its guardians itself; {GUARDIAN_ARGUMENT} is not a command"
        ));
        return ExitCode::from(USAGE);
    };
    match guard(&orders) {
        Ok(status) => status,
        Err(error) => {
            complain(&format!(
                "cannot start {}: {error}{}",
                orders.program.display(),
                advice(&error)
            ));
            let found = error.kind() != io::ErrorKind::NotFound;
            ExitCode::from(if found { CANNOT_EXECUTE } else { NOT_FOUND })
        }
    }
}

/// What to do about it, with the space before it, or nothing.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => {
            " (is it in PATH, or is the path right, seen from the app's folder? What a package brought is in node_modules/.bin, or is started by npx)"
        }
        io::ErrorKind::PermissionDenied => {
            " (may the app's user enter the folder and execute it, and is it in a folder of PATH that this user may read?)"
        }
        _ => "",
    }
}

fn complain(what: &str) {
    let _ = writeln!(io::stderr(), "cuttle: {what}");
}

#[tokio::main(flavor = "current_thread")]
async fn guard(orders: &Orders) -> io::Result<ExitCode> {
    // First, so that whoever writes it never finds the pipe closed, and hears what is wrong instead.
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    let environment = read_environment(File::from(input.try_clone()?))?;
    // SECURITY: whoever started the server may have left sockets and files open in it, systemd does.
    close_fds::set_fds_cloexec_threadsafe(FIRST_UNEXPECTED, &[]);
    let us = getpid();
    // Done for us where we are started as we should be; a leader of a session is one of a group already.
    let _ = setpgid(None, None);
    set_child_subreaper(Some(us))?;
    // Beside the pipe, for the case that another process got hold of its other end.
    set_parent_process_death_signal(Some(Signal::TERM))?;
    if geteuid().is_root() && orders.user.is_none_or(|(uid, _)| uid == 0) {
        return Err(io::Error::other("an app is never run as root"));
    }
    // Whoever could not see whom to end must not start anybody.
    processes::all()?;
    let mut guardian = Guardian {
        us,
        pipe: pipe::Receiver::from_owned_fd(input)?,
        ended: unix::signal(SignalKind::child())?,
        terminate: unix::signal(SignalKind::terminate())?,
        // Some tools send these to a whole group.
        interrupt: unix::signal(SignalKind::interrupt())?,
        hangup: unix::signal(SignalKind::hangup())?,
        command: start(orders, environment)?,
        status: None,
    };
    guardian.wait().await;
    guardian.end_all(orders.stop_within).await;
    Ok(guardian.status.map_or(ExitCode::FAILURE, exit_code))
}

fn start(orders: &Orders, environment: Vec<(OsString, OsString)>) -> io::Result<Pid> {
    let mut command = Command::new(&orders.program);
    command.args(&orders.arguments).current_dir(&orders.folder);
    command.env_clear().envs(environment);
    // Not the pipe. Standard output and error are ours, which are the server's pipes.
    command.stdin(Stdio::null());
    if let Some((uid, gid)) = orders.user {
        // The library leaves our other groups as well, as we are root.
        command.uid(uid).gid(gid);
    }
    let child = command.spawn()?;
    Pid::from_raw(child.id().cast_signed()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The status that a shell would give.
fn exit_code(status: i32) -> ExitCode {
    ExitCode::from(u8::try_from(status).unwrap_or(u8::MAX))
}

#[derive(Debug)]
struct Guardian {
    us: Pid,
    pipe: pipe::Receiver,
    ended: unix::Signal,
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
    command: Pid,
    /// The command's, once it ended.
    status: Option<i32>,
}

impl Guardian {
    /// Returns when everything shall end: the command did, the server did, or somebody asked.
    async fn wait(&mut self) {
        while self.status.is_none() {
            // Nothing is ever sent after the environment; what ends the pipe ends this.
            let mut byte = [0];
            tokio::select! {
                _ = self.ended.recv() => self.reap(),
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => return,
                _ = self.pipe.read(&mut byte) => return,
            }
        }
    }

    /// Asks how those ended who were started by us or handed up to us.
    fn reap(&mut self) {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid == self.command {
                let signal = status.terminating_signal().map(|signal| SIGNALLED + signal);
                self.status = status.exit_status().or(signal);
            }
        }
    }

    /// SIGTERM once to each, SIGKILL to whoever is there when the time is over, until nobody is.
    async fn end_all(&mut self, within: Duration) {
        let (kill_at, give_up) = (Instant::now() + within, Instant::now() + within + GIVE_UP);
        let mut told = HashSet::new();
        loop {
            self.reap();
            let family = processes::family(self.us, &processes::all().unwrap_or_default());
            if family.is_empty() || Instant::now() > give_up {
                return;
            }
            if Instant::now() >= kill_at {
                processes::signal(&family, Signal::KILL);
            } else {
                let new: Vec<Pid> = family.into_iter().filter(|pid| told.insert(*pid)).collect();
                processes::signal(&new, Signal::TERM);
            }
            tokio::select! {
                _ = self.ended.recv() => {}
                () = sleep(LOOK) => {}
            }
        }
    }
}
