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
    #[error(
        "cannot listen on the socket of LISTEN_FDS: {0}. It must be one TCP socket that listens: in the systemd socket unit, write one ListenStream"
    )]
    Given(String),
    #[error("cannot listen on unix:{}: {error}", path.display())]
    Socket { path: PathBuf, error: io::Error },
    #[error("no server at {address}: {error}; start one, or name another with --admin")]
    NoServer { address: String, error: String },
    #[error(
        "no server runs with the state directory {}; look at how it is spelled, or name the server with --admin",
        .0.display()
    )]
    NoServerWith(PathBuf),
    #[error(
        "no server at {address}: {error}; start one, or name its state directory with --state-dir"
    )]
    NoControl { address: String, error: String },
    #[error("{address}: {sentence}")]
    Refused { address: String, sentence: String },
    #[error("{0}")]
    Argument(String),
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\ncuttle: "))]
    Configuration(Vec<cuttle_config::Problem>),
    #[error("there is an app in the configuration, so the folder {} is not served: leave the folder out, or the app (its upstream and next)", .0.display())]
    TwoThingsToServe(PathBuf),
    #[error(
        "this folder is a project, and all of its files would be served, sources too. In front of a Next app: cuttle serve --next . --upstream http://127.0.0.1:3000. For the images of one folder: cuttle serve public. If you mean this folder: cuttle serve ."
    )]
    ProjectAsFolder,
    #[error(transparent)]
    Project(#[from] cuttle_source::ProjectError),
    #[error(transparent)]
    Rules(#[from] cuttle_contract::ConfigError),
    #[error(transparent)]
    Workers(#[from] cuttle_worker::StartError),
    #[error("cannot read {}: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error(
        "cannot read the configuration {}: {error}; name one that is there with --config, or leave that out",
        path.display()
    )]
    Config { path: PathBuf, error: io::Error },
    #[error("cannot write {}: {error}", path.display())]
    Write { path: PathBuf, error: io::Error },
    #[error("cannot write to standard output: {0}")]
    Print(#[source] io::Error),
    #[error("{}: {error}", path.display())]
    Render { path: PathBuf, error: cuttle_worker::JobError },
    #[error("the system gave no resources to start with: {}{}", .0, cuttle_worker::advice(.0))]
    Runtime(#[source] io::Error),
}
