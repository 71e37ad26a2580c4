//! `cuttle serve`: reads the configuration, sets up the log, and says when the host answers.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use cuttle_host::{Ended, Host, HostError, HostParts, Layers, configure, given_listener};

use crate::args::Serve;
use crate::failure::Failure;
use crate::logging::{self, Logging};
use crate::runtime;
use crate::say::say;

/// Serves until it is told to stop.
///
/// # Errors
/// [`Failure`], before the ready line only.
pub(crate) fn run(serve: &Serve) -> Result<ExitCode, Failure> {
    host(Layers::from(&serve.layers), serve.folder.clone(), None)
}

/// Serves what is configured, or a folder. A `name` is what people open instead of the address.
///
/// # Errors
/// As [`run`].
pub(crate) fn host(
    layers: Layers,
    folder: Option<PathBuf>,
    name: Option<&str>,
) -> Result<ExitCode, Failure> {
    let configured = configure(&layers)?;
    // Before there are threads: it reads the environment and takes from it.
    let given = given_listener()?;
    let log = Arc::default();
    let logging = logging::init(configured.config.server.log_format, Arc::clone(&log))
        .map_err(HostError::Runtime)?;
    let runtime = runtime::of_server()?;
    let parts = HostParts { folder, layers, configured, given, log };
    runtime.block_on(cuttle_watchdog::watched("start and end", start(parts, &logging, name)))
}

async fn start(
    parts: HostParts,
    logging: &Logging,
    name: Option<&str>,
) -> Result<ExitCode, Failure> {
    let host = Host::start(parts).await?;
    // Nobody has to read it for images to be served.
    if let Err(error) = say(format_args!("cuttle listening on http://{}\n", host.address())) {
        tracing::warn!(%error, "Cuttle is ready, but the line that says so cannot be written to standard output");
    }
    if let Some(name) = name {
        let port = host.address().rsplit(':').next().unwrap_or_default();
        let _ = say(format_args!(
            "cuttle dev: open http://{name}.localhost:{port} (at another name `next dev` may refuse live updates)\n"
        ));
    }
    match host.serve().await {
        Ended::Written => Ok(ExitCode::SUCCESS),
        Ended::Abandoned => {
            logging.flush();
            leave()
        }
    }
}

/// On the usual way out, threads are waited for that wait for a dead disk.
#[expect(clippy::disallowed_methods, reason = "the workers have ended and the note is gone")]
fn leave() -> ! {
    std::process::exit(0)
}
