//! The one thread that starts workers and buries them.
//!
//! It must be one thread that lives as long as the pool: Linux sends a worker its parent-death
//! signal when the *thread* that started it ends, and threads of an async runtime come and go.
//! When the pool is dropped without a word, this thread ends and the kernel kills what is left.

use std::{
    io,
    os::{fd::OwnedFd, unix::process::CommandExt},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

use tokio::sync::oneshot;

use crate::{Exit, StartError, WORKER_ARGUMENT, executable::Executable, settings::Settings};

/// The first descriptor after the standard streams.
const FIRST_UNEXPECTED: i32 = 3;

/// A handle on the thread; it ends with the last one.
#[derive(Debug, Clone)]
pub(crate) struct Spawner {
    orders: mpsc::Sender<Order>,
}

#[derive(Debug)]
enum Order {
    Start {
        socket: OwnedFd,
        settings: Settings,
        answer: oneshot::Sender<Result<Child, StartError>>,
    },
    Bury {
        child: Child,
        answer: oneshot::Sender<io::Result<Exit>>,
    },
}

impl Spawner {
    pub(crate) fn new() -> Result<Self, StartError> {
        let executable = Executable::locate()?;
        let (orders, taken) = mpsc::channel();
        thread::Builder::new().name("cuttle-spawner".to_owned()).spawn(move || {
            for order in taken {
                match order {
                    Order::Start { socket, settings, answer } => {
                        let started = start(&executable, socket, &settings);
                        if let Err(Ok(child)) = answer.send(started) {
                            // Nobody waits for it any more.
                            let _ = bury(child);
                        }
                    }
                    Order::Bury { child, answer } => drop(answer.send(bury(child))),
                }
            }
        })?;
        Ok(Self { orders })
    }

    /// Starts a worker with the socket as its standard input.
    pub(crate) async fn start(
        &self,
        socket: OwnedFd,
        settings: Settings,
    ) -> Result<Child, StartError> {
        let (answer, answered) = oneshot::channel();
        let _ = self.orders.send(Order::Start { socket, settings, answer });
        answered.await.unwrap_or_else(|_| Err(StartError::Spawn(gone())))
    }

    /// Kills a worker at once, and reaps it on the thread. The answer may be ignored.
    pub(crate) fn bury(&self, mut child: Child) -> oneshot::Receiver<io::Result<Exit>> {
        // Here and not there, so that no start that is under way delays it.
        let _ = child.kill();
        let (answer, answered) = oneshot::channel();
        let _ = self.orders.send(Order::Bury { child, answer });
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

/// Waiting keeps the ceiling on memory honest: the next worker starts when this one's is back.
fn bury(mut child: Child) -> io::Result<Exit> {
    child.kill()?;
    Ok(child.wait()?.into())
}
