//! Logs go to standard error: for people on a terminal, as JSON lines elsewhere.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

/// Sets up logging for a server. `CUTTLE_LOG` takes `tracing`'s filter syntax (`debug`,
/// `cuttle::access=debug`, …).
pub(crate) fn init() {
    let filter = EnvFilter::try_from_env("CUTTLE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if io::stderr().is_terminal() {
        builder.with_target(false).compact().init();
    } else {
        builder.json().flatten_event(true).init();
    }
}
