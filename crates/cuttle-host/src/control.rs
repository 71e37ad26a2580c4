//! The control socket of a server, in its state directory: where `cuttle reload` asks.

use cuttle_config::Config;
use cuttle_server::{Control, Drain, Reload, serve_control_socket};
use rustix::process::geteuid;

use crate::admin::socket;
use crate::state::{StateDir, StateError};

/// Answers there until nothing new is accepted. A server without one serves on: SIGHUP asks for the same.
pub(crate) fn answer(config: &Config, reload: Reload, drain: Drain) {
    let opened = state_dir(config).map_err(|error| error.to_string());
    let opened =
        opened.and_then(|state| socket(&state.control()).map_err(|error| error.to_string()));
    match opened {
        Ok(listener) => {
            let control = Control { owner: geteuid().as_raw(), reload };
            let answering = serve_control_socket(control, listener, drain);
            cuttle_watchdog::spawn("control socket", answering);
        }
        Err(error) => {
            tracing::warn!(
                error,
                "`cuttle reload` cannot reach this server: to reload it, send it SIGHUP"
            );
        }
    }
}

/// SECURITY: one that others may write to is not used; they could put a socket of their own into it.
fn state_dir(config: &Config) -> Result<StateDir, StateError> {
    let state = StateDir::of(config)?;
    state.open()?;
    Ok(state)
}
