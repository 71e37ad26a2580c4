//! Why a command failed, as the one sentence that is printed.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What can stop a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Folder(#[from] cuttle_source::FolderError),
    #[error(
        "{address} is in use by another program; stop it, or choose another address with {flag}"
    )]
    Busy { address: SocketAddr, flag: &'static str },
    #[error("cannot listen on {address}: {error}")]
    Listen { address: SocketAddr, error: io::Error },
    #[error("{0}")]
    Argument(String),
    #[error(transparent)]
    Rules(#[from] cuttle_contract::ConfigError),
    #[error(transparent)]
    Workers(#[from] cuttle_worker::StartError),
    #[error("cannot read {}: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error("cannot write {}: {error}", path.display())]
    Write { path: PathBuf, error: io::Error },
    #[error("{}: {error}", path.display())]
    Render { path: PathBuf, error: cuttle_worker::JobError },
    #[error("the system gave no resources to start with: {0}")]
    Runtime(#[source] io::Error),
}
