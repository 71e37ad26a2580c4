//! Logs go to standard error: for people on a terminal, as JSON lines elsewhere.

mod json;

use std::io::{self, IsTerminal as _};

use cuttle_config::LogFormat;
use tracing_subscriber::EnvFilter;

use self::json::JsonLines;

/// Sets up logging for a server. `CUTTLE_LOG` takes `tracing`'s filter syntax (`debug`,
/// `cuttle::access=debug`, …).
pub(crate) fn init(format: LogFormat) {
    let filter = EnvFilter::try_from_env("CUTTLE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let for_people = match format {
        LogFormat::Auto => io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    if for_people {
        builder.with_ansi(io::stderr().is_terminal()).with_target(false).compact().init();
    } else {
        builder.event_format(JsonLines).init();
    }
}
