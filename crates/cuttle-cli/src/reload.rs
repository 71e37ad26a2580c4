//! `cuttle reload`: tells the server that runs here that the application runs the build that is there now.

use std::process::ExitCode;

use cuttle_host::{Layers, StateDir, read_only};
use serde_json::Value;

use crate::admin_client::Server;
use crate::args::Reload;
use crate::failure::Failure;
use crate::runtime;
use crate::say::say;

/// Asks, and says what is followed now.
///
/// # Errors
/// There is no server to be found, or no build that it could follow.
pub(crate) fn run(reload: &Reload) -> Result<ExitCode, Failure> {
    let state_dir = reload.state_dir.as_ref().map(|dir| ("state-dir", dir.display().to_string()));
    let flags = state_dir.into_iter().collect();
    let config = read_only(&Layers { config: reload.config.clone(), flags, ..Layers::default() })?;
    let state = StateDir::of(&config).map_err(|error| Failure::Argument(error.to_string()))?;
    let address = format!("unix:{}", state.control_of_server().display());
    let server = Server { address, token: None };
    let runtime = runtime::on_this_thread()?;
    let asked = runtime.block_on(server.ask("POST", "/reload", Some("{}")));
    let answer = asked.map_err(|failure| match failure {
        Failure::NoServer { address, error } => Failure::NoControl { address, error },
        failure => failure,
    })?;
    let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
    match answer["release"].as_str().unwrap_or_default() {
        "" => say("reloaded: every image of the app is checked again\n")?,
        release => say(format_args!("reloaded: the app runs build {release}\n"))?,
    }
    Ok(ExitCode::SUCCESS)
}
