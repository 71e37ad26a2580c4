//! Why nothing can be served, as the one sentence that is printed.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What can stop a server before it is ready. Each is the operator's to mend, and says how.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each is its own sentence")]
pub enum HostError {
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
    #[error("the app {app:?} does not run: {why}")]
    App { app: String, why: String },
    #[error("stopped before the app was ready")]
    StoppedAtStart,
    #[error("`apps.env_file` is {}: {why}", path.display())]
    EnvFile { path: PathBuf, why: String },
    #[error("{named_by} names {}: {why}", path.display())]
    Roots { named_by: &'static str, path: PathBuf, why: String },
    #[error(transparent)]
    User(#[from] cuttle_supervise::UserError),
    #[error(
        "cannot read the configuration {}: {error}; name one that is there with --config, or leave that out",
        path.display()
    )]
    Config { path: PathBuf, error: io::Error },
    #[error("the system gave no resources to start with: {}{}", .0, cuttle_worker::advice(.0))]
    Runtime(#[source] io::Error),
}
