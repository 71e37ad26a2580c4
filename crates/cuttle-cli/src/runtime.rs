//! The runtime that everything runs on, or a sentence where the system gives it no threads (`RLIMIT_NPROC`, a control group of pids).
//!
//! tokio has no error for that. It panics, and where it got some of its threads and not all, it waits while it unwinds for those that it
//! got, which nobody ends: a limit of three processes was a server that hung before it listened (1.54, `Launch`, drop of `BlockingPool`).
//! So who is refused while a runtime begins ends the process there.

use std::io;
use std::panic::{self, PanicHookInfo};
use std::thread;
use std::time::Duration;

use cuttle_host::HostError;
use tokio::runtime::{Builder, Runtime};

use crate::say::complain;

/// Longer than any command takes.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// For a server: a thread for each core.
///
/// # Errors
/// [`HostError::Runtime`].
pub(crate) fn of_server() -> Result<Runtime, HostError> {
    // Its threads for what blocks need not be kept: it looks for builds by one every second.
    started(&mut Builder::new_multi_thread())
}

/// For a command that only asks a server: the thread that asks for it, and no second one.
///
/// # Errors
/// [`HostError::Runtime`].
pub(crate) fn on_this_thread() -> Result<Runtime, HostError> {
    Builder::new_current_thread().enable_all().build().map_err(HostError::Runtime)
}

/// For a command that starts workers.
///
/// # Errors
/// [`HostError::Runtime`].
pub(crate) fn of_command() -> Result<Runtime, HostError> {
    started(Builder::new_current_thread().thread_keep_alive(KEPT))
}

/// With a first thread for what blocks: work for such a thread waits where no more can be had, and panics where there is none.
fn started(builder: &mut Builder) -> Result<Runtime, HostError> {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(refused));
    let begun = builder.enable_all().build();
    if let Ok(runtime) = &begun {
        drop(runtime.spawn_blocking(|| ()));
    }
    panic::set_hook(usual);
    begun.map_err(HostError::Runtime)
}

#[expect(clippy::disallowed_methods, reason = "no worker is there yet, and unwinding would wait")]
fn refused(panicked: &PanicHookInfo<'_>) {
    // What the system says of it is known to who asks it: to a profile that forbids `clone3` there is another answer than to a limit.
    let error = thread::Builder::new().spawn(|| ()).err().unwrap_or_else(|| {
        let said = panicked.payload_as_str().unwrap_or("no thread could be started");
        io::Error::new(io::ErrorKind::WouldBlock, said)
    });
    complain(format_args!("cuttle: {}", HostError::Runtime(error)));
    std::process::exit(1)
}
