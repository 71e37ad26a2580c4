//! The admin address of a server: where it listens, who may ask, and the note that says so to other commands.

use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use cuttle_config::{Admin, Config, Secret};
use cuttle_server::{AdminAt, Door, Drain, Guard, Server};
use rustix::fs::Mode;
use rustix::process::umask;
use tokio::net::{TcpListener, UnixListener};

use crate::address::bind;
use crate::error::HostError;
use crate::state::{self, Note, StateDir, StateError};

/// Where operators ask.
#[derive(Debug)]
pub(crate) enum Listening {
    Nowhere,
    At(TcpListener),
    Socket(UnixListener),
}

impl Listening {
    /// # Errors
    /// Another program is there, or the system says no.
    pub(crate) async fn open(admin: &Admin) -> Result<Self, HostError> {
        Ok(match admin {
            Admin::Off => Self::Nowhere,
            Admin::At(address) => Self::At(bind(*address, "--admin").await?),
            Admin::Socket(path) => Self::Socket(socket(path)?),
        })
    }

    /// Who may ask here.
    pub(crate) fn guard(&self, config: &Config) -> Guard {
        let at = match self {
            Self::Nowhere => AdminAt::Off,
            Self::At(listener) => listener.local_addr().map_or(AdminAt::Off, AdminAt::Address),
            Self::Socket(_) => AdminAt::Socket,
        };
        let token = config.server.admin_token.as_ref().map(Secret::reveal);
        Guard::new(at, &config.server.admin_hosts, token)
    }

    /// Says where, in the log and in the state directory. The note lasts as long as what is returned.
    pub(crate) fn announce(
        &self,
        config: &Config,
        state: Result<StateDir, StateError>,
    ) -> (Option<Note>, Vec<&'static str>) {
        let address = match (self, &config.server.admin) {
            (Self::Nowhere, _) => None,
            // The port may have been chosen by the system.
            (Self::At(listener), _) => {
                listener.local_addr().ok().map(|address| address.to_string())
            }
            (Self::Socket(_), admin) => Some(state::shown(admin)),
        };
        let token = config.server.admin_token.as_ref().map(Secret::reveal);
        let noted = state.and_then(|state| {
            state.open()?;
            address.as_deref().map(|address| state.note(address, token)).transpose()
        });
        if let Some(address) = address {
            tracing::info!(address, "health and readiness");
        }
        if matches!(noted, Ok(Some(None))) {
            tracing::warn!(
                "another server runs with this state directory, and commands such as `cuttle purge` reach that one: to reach this one, give them --admin ADDRESS"
            );
        }
        if self.guard(config).is_without_change() {
            tracing::warn!(
                "other machines can reach the admin address, and server.admin_token is not set: purging is off, and everyone can read the metrics"
            );
        }
        match noted {
            Ok(note) => (note.flatten(), Vec::new()),
            Err(error) => {
                tracing::error!(%error, "the state directory cannot be used: nothing is kept for the next start, and commands such as `cuttle purge` need --admin ADDRESS");
                (None, vec!["no state directory"])
            }
        }
    }

    /// Answers until nothing new is accepted.
    pub(crate) fn answer(self, server: &Arc<Server>, drain: Drain) {
        let server = Arc::clone(server);
        match self {
            Self::Nowhere => {}
            Self::At(listener) => {
                let answering = cuttle_server::serve(server, Door::Admin, listener, drain);
                cuttle_watchdog::spawn("admin address", answering);
            }
            Self::Socket(listener) => {
                let answering = cuttle_server::serve_admin_socket(server, listener, drain);
                cuttle_watchdog::spawn("admin address", answering);
            }
        }
    }
}

/// A socket that only this user can open. One that a server left behind when it was killed gives way; one that somebody
/// answers on does not.
pub(crate) fn socket(path: &Path) -> Result<UnixListener, HostError> {
    let failed = |error| HostError::Socket { path: path.to_owned(), error };
    // A file is refused like a socket that nobody answers on, and is nobody's to remove.
    let is_socket =
        || std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let is_left_behind = || {
        is_socket()
            && UnixStream::connect(path)
                .is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
    };
    if is_left_behind() {
        std::fs::remove_file(path).map_err(failed)?;
    }
    // SECURITY: from its first moment on, and not only after a change of its mode.
    let before = umask(Mode::from_raw_mode(0o177));
    let bound = UnixListener::bind(path);
    umask(before);
    bound.map_err(failed)
}
