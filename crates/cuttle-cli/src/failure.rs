//! Why a command failed, as the one sentence that is printed.

use std::io;
use std::path::PathBuf;

use cuttle_host::HostError;

/// What can stop a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Workers(#[from] cuttle_worker::StartError),
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
    #[error(
        "there is nothing to run: in the folder of a Next.js app, run `next build` first; else name the command, as in: cuttle run -- npm start"
    )]
    NothingToRun,
    #[error(
        "there is no `next` in node_modules, here or above: run `npm install` in the folder of the app, or name the command, as in: cuttle dev -- npm run dev"
    )]
    NothingToDevelop,
    #[error(
        "no app of this state directory has printed anything: `cuttle logs` shows apps that `cuttle run`, or `run` in [[apps]], has started"
    )]
    NoLogs,
    #[error("{address}: {sentence}")]
    Refused { address: String, sentence: String },
    #[error("{0}")]
    Argument(String),
    #[error("cannot read {}: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error("cannot write {}: {error}", path.display())]
    Write { path: PathBuf, error: io::Error },
    #[error("cannot write to standard output: {0}")]
    Print(#[source] io::Error),
    #[error("{}: {error}", path.display())]
    Render { path: PathBuf, error: cuttle_worker::JobError },
}
