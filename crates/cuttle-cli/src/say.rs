//! What a command prints. `println!` panics where nothing can be written, so it is not used (a lint).
//!
//! A reader that has left (`| head`, `| true`) has what it wanted: no failure. A disk that is full is one.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};

use crate::failure::Failure;

/// Prints on standard output, as it is.
///
/// # Errors
/// [`Failure::Print`].
pub(crate) fn say(text: impl Display) -> Result<(), Failure> {
    is_read(text).map(drop)
}

/// The same; whether somebody still reads it.
///
/// # Errors
/// [`Failure::Print`].
pub(crate) fn is_read(text: impl Display) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::Print(error)),
    }
}

/// Prints a line for people on standard error. That it cannot be read there is nothing that could be told to anyone.
pub(crate) fn complain(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
