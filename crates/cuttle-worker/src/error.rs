//! Why there is no worker, or no rendition: whose fault it is, before what it is.

use std::{fmt, io, os::unix::process::ExitStatusExt, process::ExitStatus, time::Duration};

use cuttle_image::RenderError;

use crate::{MAX_RENDITIONS, ProtocolError};

/// How a worker process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It returned, with this status.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        status.signal().map_or_else(|| Self::Code(status.code().unwrap_or_default()), Self::Signal)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// Why no worker could be started. Ours or the machine's fault, never a picture's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The running program's own file could not be found or opened.
    #[error("cannot find the running program's own file, which workers are started from: {0}")]
    Executable(#[source] io::Error),
    /// Another file sits where the program was started from.
    #[error("the program's file was replaced while it ran; restart to use the new one")]
    Replaced,
    /// The system refused to make the process or its socket.
    #[error("cannot start a worker process: {}{}", .0, advice(.0))]
    Spawn(#[from] io::Error),
    /// The process ended before it was ready.
    #[error("a worker ended before it was ready, by {0}")]
    Died(Exit),
    /// The process did not report in time.
    #[error("a worker was not ready within {} s", .0.as_secs_f32())]
    NotReady(Duration),
    /// It spoke out of turn or in another version.
    #[error("a worker did not speak the protocol when starting: {0}")]
    Protocol(#[from] ProtocolError),
    /// `require_sandbox` was asked for and something is open.
    #[error("the sandbox is required, but on this machine it is not complete: {0}")]
    Sandbox(String),
    /// No worker was asked for.
    #[error("a pool needs at least one worker")]
    NoWorkers,
}

/// What to do where the system refuses to start a thread or a process, beside what it says itself; begins with a semicolon, or is empty.
#[must_use]
pub fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported => {
            "; a system call is refused that starting needs: allow clone3, clone, vfork, execve, epoll_create1 and eventfd2 in the container's seccomp profile, or update Docker (before 20.10.10 it refuses clone3)"
        }
        io::ErrorKind::WouldBlock => {
            "; there are too many threads and processes: raise TasksMax of systemd, --pids-limit of Docker or ulimit -u"
        }
        _ => "",
    }
}

impl StartError {
    pub(crate) fn died(exit: Option<Exit>) -> Self {
        exit.map_or_else(|| Self::Spawn(io::Error::other("it cannot be reaped")), Self::Died)
    }
}

/// Why a job has no rendition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// None, or more than one job may have: the caller's fault.
    #[error("a job of {0} renditions, outside 1 to {MAX_RENDITIONS}")]
    Renditions(usize),
    /// More jobs than workers were asked for: the caller's admission is wrong or absent.
    #[error("every worker has a job")]
    Busy,
    /// No worker could be started for it.
    #[error("no worker could be started: {0}")]
    Start(String),
    /// The worker died of it, or was killed from outside.
    #[error("the worker crashed by {0}")]
    Crashed(Exit),
    /// The engine panicked on it, and its worker was replaced.
    #[error("the engine panicked: {0}")]
    Panicked(String),
    /// It was not done at its deadline, and its worker was killed.
    #[error("it took too long")]
    TimedOut,
    /// The picture, or rarely the encoder, is at fault.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The worker's answer cannot be believed; it was killed.
    #[error("the worker broke the protocol: {0}")]
    Protocol(#[from] ProtocolError),
    /// The pool is shutting down.
    #[error("the pool is shut down")]
    ShutDown,
    /// The job's files could not be made or read on our side.
    #[error("cannot exchange an image with a worker: {0}")]
    Exchange(String),
}

impl JobError {
    pub(crate) fn crashed(exit: Option<Exit>) -> Self {
        exit.map_or_else(|| Self::Exchange("the worker cannot be reaped".to_owned()), Self::Crashed)
    }
}
