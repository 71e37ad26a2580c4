//! Locks on files, between processes, that are not waited for without end.

use std::fs::{File, TryLockError};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;

/// What is done under a lock takes some milliseconds; whoever waits in vain tries again later.
const LOCKED: Duration = Duration::from_secs(1);

/// Locks `file` until it is closed.
///
/// # Errors
/// Its holder may have been stopped, and a server must start all the same; or the system call is refused.
#[expect(
    clippy::disallowed_methods,
    reason = "in threads that may block, and no lock can be waited for until a deadline"
)]
pub(super) fn lock(file: &File) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCKED => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(unlockable(error.into())),
        }
    }
}

/// What a container's profile refuses is named: the texts of the system do not say what was asked of it.
fn unlockable(error: io::Error) -> io::Error {
    match Errno::from_io_error(&error) {
        Some(Errno::NOSYS | Errno::PERM) => {
            let text = format!(
                "the system call flock is refused ({error}): allow it in the container's seccomp profile"
            );
            io::Error::new(io::ErrorKind::Unsupported, text)
        }
        _ => error,
    }
}
