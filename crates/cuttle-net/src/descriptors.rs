//! The lack of file descriptors, as it is found in the errors of libraries. It is ours, never the other side's.

use std::error::Error;
use std::io;

use rustix::io::Errno;

/// Whether an error or one of its causes is that this process, or the system, may open nothing more.
#[must_use]
pub fn is_out_of_descriptors(error: &(dyn Error + 'static)) -> bool {
    let Some(io) = error.downcast_ref::<io::Error>() else {
        return error.source().is_some_and(is_out_of_descriptors);
    };
    // What an error of this type wraps is not its source.
    matches!(Errno::from_io_error(io), Some(Errno::MFILE | Errno::NFILE))
        || io.get_ref().is_some_and(|wrapped| is_out_of_descriptors(wrapped))
}
