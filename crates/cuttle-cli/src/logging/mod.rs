//! Logs go to standard error: for people on a terminal, as JSON lines elsewhere.

mod json;
mod standard_error;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal as _};
use std::panic;
use std::sync::Arc;
use std::time::Duration;

use cuttle_config::LogFormat;
use cuttle_server::LogHealth;
use tracing_subscriber::EnvFilter;

use self::json::JsonLines;
use self::standard_error::StandardError;

/// What a log that is read gets on the way out; one that nobody reads must not keep the process.
const WRITTEN_WITHIN: Duration = Duration::from_secs(1);

/// The log of this process. Dropped, it has been written.
#[derive(Debug)]
pub(crate) struct Logging(StandardError);

/// Sets up logging for a server. `CUTTLE_LOG` takes `tracing`'s filter syntax (`debug`,
/// `cuttle::access=debug`, …).
///
/// # Errors
/// The system gives no thread.
pub(crate) fn init(format: LogFormat, health: Arc<LogHealth>) -> io::Result<Logging> {
    let out = StandardError::start(health)?;
    let filter = EnvFilter::try_from_env("CUTTLE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let writer = out.clone();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // It would print that it cannot print, and panic.
        .log_internal_errors(false)
        .with_writer(move || writer.clone());
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
    // The usual one waits for standard error, on the thread that panicked.
    panic::set_hook(Box::new(|panicked| {
        let backtrace = Backtrace::capture();
        let backtrace = (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace);
        tracing::error!(backtrace = backtrace.map(tracing::field::display), "{panicked}");
    }));
    Ok(Logging(out))
}

impl Logging {
    /// Waits for what was logged, for a moment.
    pub(crate) fn flush(&self) {
        self.0.flush_within(WRITTEN_WITHIN);
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.flush();
    }
}
