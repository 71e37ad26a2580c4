//! The runtime of a command that asks one thing and ends.

use cuttle_host::HostError;
use tokio::runtime::{Builder, Runtime};

/// On this thread alone.
///
/// # Errors
/// The system gives no descriptors for it.
pub(crate) fn on_this_thread() -> Result<Runtime, HostError> {
    Builder::new_current_thread().enable_all().build().map_err(HostError::Runtime)
}
