//! Two threads: one starts workers, the other reaps those that ended, so that neither waits for the other.
//!
//! Starting must be one thread that lives as long as the pool: Linux sends a worker its parent-death
//! signal when the *thread* that started it ends, and threads of an async runtime come and go.
//! When the pool is dropped without a word, that thread ends and the kernel kills what is left.

use std::{
    io,
    os::{fd::OwnedFd, unix::process::CommandExt},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

use tokio::sync::oneshot;

use crate::{
    Exit, Platform, StartError, WORKER_ARGUMENT, executable::Executable, settings::Settings,
};

/// The first descriptor after the standard streams.
const FIRST_UNEXPECTED: i32 = 3;

/// A handle on the threads; they end with the last one.
#[derive(Debug, Clone)]
pub(crate) struct Spawner {
    starts: mpsc::Sender<Start>,
    ended: mpsc::Sender<Ended>,
}

#[derive(Debug)]
struct Start {
    socket: OwnedFd,
    settings: Settings,
    answer: oneshot::Sender<Result<Child, StartError>>,
}

#[derive(Debug)]
struct Ended {
    child: Child,
    answer: oneshot::Sender<io::Result<Exit>>,
}

impl Spawner {
    pub(crate) fn new() -> Result<Self, StartError> {
        let executable = Executable::locate()?;
        let (starts, taken) = mpsc::channel::<Start>();
        thread::Builder::new().name("cuttle-spawner".to_owned()).spawn(move || {
            // A worker is of low priority from its first instruction on: a start takes a millisecond, and
            // most are made for nobody who waits. Whoever cannot have that is told by the worker itself.
            let _ = Platform::NATIVE.lower_priority();
            for Start { socket, settings, answer } in taken {
                if let Err(Ok(child)) = answer.send(start(&executable, socket, &settings)) {
                    // Nobody waits for it any more.
                    let _ = reap(child);
                }
            }
        })?;
        let (ended, taken) = mpsc::channel::<Ended>();
        thread::Builder::new().name("cuttle-reaper".to_owned()).spawn(move || {
            for Ended { child, answer } in taken {
                drop(answer.send(reap(child)));
            }
        })?;
        Ok(Self { starts, ended })
    }

    /// Starts a worker with the socket as its standard input.
    pub(crate) async fn start(
        &self,
        socket: OwnedFd,
        settings: Settings,
    ) -> Result<Child, StartError> {
        let (answer, answered) = oneshot::channel();
        let _ = self.starts.send(Start { socket, settings, answer });
        answered.await.unwrap_or_else(|_| Err(StartError::Spawn(gone())))
    }

    /// Kills a worker at once, and reaps it on a thread. The answer may be ignored.
    pub(crate) fn end(&self, mut child: Child) -> oneshot::Receiver<io::Result<Exit>> {
        // Here and not there, so that no end that is under way delays it.
        let _ = child.kill();
        let (answer, answered) = oneshot::channel();
        let _ = self.ended.send(Ended { child, answer });
        answered
    }
}

fn gone() -> io::Error {
    io::Error::other("the thread that starts workers is gone")
}

fn start(
    executable: &Executable,
    socket: OwnedFd,
    settings: &Settings,
) -> Result<Child, StartError> {
    // SECURITY: whoever started the server may have left pipes and files open in it. Ours are
    // close-on-exec from birth; this makes theirs so, and the worker counts what it was given.
    close_fds::set_fds_cloexec_threadsafe(FIRST_UNEXPECTED, &[]);
    let child = Command::new(executable.path()?)
        .arg0("cuttle")
        .arg(WORKER_ARGUMENT)
        .args(settings.to_args())
        // SECURITY: tokens and addresses live in the environment of a server.
        .env_clear()
        .current_dir("/")
        // Ctrl-C reaches the terminal's whole group; a server that drains still needs its workers.
        .process_group(0)
        .stdin(socket)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(child)
}

fn reap(mut child: Child) -> io::Result<Exit> {
    child.kill()?;
    Ok(child.wait()?.into())
}
