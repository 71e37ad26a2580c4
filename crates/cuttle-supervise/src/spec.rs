//! What an app is to its supervisor, and how it is.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration, time::Instant};

use crate::health::Health;

/// From the start of a command to its first answer. Next with a cold file system took 1.4 s; a database that starts with it takes longer.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// From SIGTERM to SIGKILL. One silent connection keeps Next alive for ever.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// An app to run.
#[derive(Debug, Clone)]
pub struct Spec {
    /// What messages call it.
    pub name: String,
    /// A path, or a name that is looked up in `PATH`.
    pub program: PathBuf,
    /// Its arguments. `next start` is given `-H` and `-p` beside them.
    pub arguments: Vec<OsString>,
    /// Where it runs.
    pub folder: PathBuf,
    /// Variables beside ours. `PORT`, `HOSTNAME` and `KEEP_ALIVE_TIMEOUT` are set by us whatever they say.
    pub environment: Vec<(String, String)>,
    /// User and group to run it as, from [`crate::user_for`] or [`crate::user_named`]; `None` for our own, which is refused to root.
    pub user: Option<(u32, u32)>,
    /// What it must answer before it is given visitors.
    pub health: Health,
    /// How long a start may take.
    pub ready_within: Duration,
    /// How long an end may take before it is killed.
    pub stop_within: Duration,
}

impl Spec {
    /// A command in a folder, with what holds for most apps.
    #[must_use]
    pub fn new(
        name: &str,
        folder: PathBuf,
        program: PathBuf,
        arguments: Vec<OsString>,
        health: Health,
    ) -> Self {
        Self {
            name: name.to_owned(),
            program,
            arguments,
            folder,
            environment: Vec::new(),
            user: None,
            health,
            ready_within: READY_WITHIN,
            stop_within: STOP_WITHIN,
        }
    }
}

/// How an app is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Its command is started, and it does not answer yet.
    Starting,
    /// It answers.
    Ready {
        /// Where.
        address: SocketAddr,
        /// The process that listens there; its guardian where we may not see which.
        pid: u32,
    },
    /// It is being ended, to be started again or not, and gets no visitors any more.
    Stopping,
    /// It ended, or never answered, and is started again.
    Waiting {
        /// When.
        again_at: Instant,
        /// Why, for the operator alone: it quotes what the app printed.
        why: String,
    },
    /// It was stopped, and nothing of it is left.
    Stopped,
}
