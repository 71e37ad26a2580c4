//! Why an original could not be had, by whose fault it is.

use std::io;
use std::path::PathBuf;

/// A load that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// No regular, visible file of that name. Hidden, special and escaping files answer the same, so
    /// that nobody learns what lies beside the pictures.
    #[error("no such file")]
    NotFound,
    /// This kind of source is not served here.
    #[error("this kind of source is not served here")]
    NotAllowed,
    /// More bytes than the limit.
    #[error("the original has more than {limit} bytes")]
    TooLarge {
        /// Bytes.
        limit: u64,
    },
    /// The file is there and could not be read.
    #[error("reading the original failed: {0}")]
    Failed(#[source] io::Error),
    /// Our own side of the copy failed.
    #[error("keeping the original failed: {0}")]
    Sink(#[source] io::Error),
}

/// The folder to serve cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// Nothing there.
    #[error("there is no folder at {}", .0.display())]
    Missing(PathBuf),
    /// Something else there.
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// Permission, a broken mount, …
    #[error("cannot read the folder {}: {}", .0.display(), .1)]
    Unreadable(PathBuf, #[source] io::Error),
}
