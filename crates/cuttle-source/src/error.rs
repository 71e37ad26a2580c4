//! Why an original could not be had, by whose fault it is.
//!
//! `Display` is for the operator: it names hosts, addresses and paths, but never a query, which may carry a signature.
//! [`LoadError::failure`] is what clients may learn of it.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use cuttle_contract::Failure;
use cuttle_net::{RefusedHost, causes, is_out_of_descriptors};

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
    /// The origin's answer has no bytes.
    #[error("the original is empty")]
    Empty,
    /// A redirect leads to a source that no pattern allows, or to no http or https URL.
    #[error("it redirects to {to}, which is not allowed")]
    RedirectNotAllowed {
        /// Without its query.
        to: String,
    },
    /// More redirects than allowed.
    #[error("more than {limit} redirects")]
    TooManyRedirects {
        /// Redirects.
        limit: u32,
    },
    /// A host that is not connected to, at whichever hop.
    #[error(transparent)]
    AddressNotAllowed(#[from] RefusedHost),
    /// The origin answered with something else than a picture.
    #[error("the origin answered with status {status}")]
    Status {
        /// As the origin gave it.
        status: u16,
        /// When to come back, if it said so.
        retry_after: Option<Duration>,
    },
    /// The origin was not done in time.
    #[error("no {waited_for} in time")]
    TimedOut {
        /// What was missing.
        waited_for: &'static str,
    },
    /// The origin could not be reached, or broke off.
    #[error("the connection to the origin failed: {}", causes(.0.as_ref()))]
    Network(#[source] Box<dyn Error + Send + Sync>),
    /// It shows a certificate that is not trusted.
    #[error("its certificate is not trusted: {}. If a private authority signed it, name that in `[tls] roots`", causes(.0.as_ref()))]
    Certificate(#[source] Box<dyn Error + Send + Sync>),
    /// The body is not what its `Content-Encoding` says.
    #[error("the body cannot be decoded: {0}")]
    Encoding(#[source] io::Error),
    /// More content codings over each other than anyone has a use for.
    #[error("its Content-Encoding has {count} codings, more than Cuttle undoes")]
    TooManyCodings {
        /// Codings.
        count: usize,
    },
    /// The memory that the load needs was not to be had; the intake says what that means.
    #[error("there is no memory for the original at the moment")]
    NoRoom(Failure),
    /// The file is there and could not be read.
    #[error("reading the original failed: {0}")]
    Failed(#[source] io::Error),
    /// Our own side of the copy failed.
    #[error("the original cannot be kept in memory: {0}")]
    Sink(#[source] io::Error),
}

impl LoadError {
    /// What the contracts answer to it.
    #[must_use]
    pub fn failure(&self) -> Failure {
        if self.source().is_some_and(is_out_of_descriptors) {
            return Failure::OutOfDescriptors;
        }
        match self {
            Self::NotFound | Self::Status { status: 404, .. } => Failure::SourceNotFound,
            Self::NotAllowed | Self::RedirectNotAllowed { .. } => Failure::SourceNotAllowed,
            Self::TooLarge { .. } => Failure::SourceTooLarge,
            Self::Empty => Failure::SourceEmpty,
            Self::TooManyRedirects { .. } => Failure::TooManyRedirects,
            Self::AddressNotAllowed(_) => Failure::AddressNotAllowed,
            // Something else than the whole picture: nothing that a status could tell a client.
            Self::Status { status: 200..=299, .. } => Failure::SourceFailed { status: None },
            Self::Status { status, .. } => Failure::SourceFailed { status: Some(*status) },
            Self::TimedOut { .. } => Failure::SourceTimeout,
            // Next answers 400 to this one and 5xx to every other body that it cannot read.
            Self::TooManyCodings { .. } => Failure::SourceFailed { status: Some(400) },
            Self::Network(_) | Self::Certificate(_) | Self::Encoding(_) | Self::Failed(_) => {
                Failure::SourceFailed { status: None }
            }
            Self::NoRoom(failure) => *failure,
            Self::Sink(_) => Failure::Internal,
        }
    }

    /// Whether the same question may have a better answer in a moment: a network error, 429 or 5xx. A slow origin is not
    /// asked again: that would only make it slower.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Network(_) | Self::Status { status: 429 | 500..=599, .. })
    }

    /// Whether the origin says that there is no such picture any more, so that nothing older may be served in its place.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::NotFound | Self::Status { status: 401 | 403 | 404 | 410, .. })
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// The folder to serve cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// Nothing there.
    #[error("there is no folder at {}; name one that is there, as in cuttle serve ~/Pictures", .0.display())]
    Missing(PathBuf),
    /// Something else there.
    #[error("{} is not a folder; for the folder that it is in: cuttle serve {}", .0.display(), .0.parent().unwrap_or(std::path::Path::new(".")).display())]
    NotAFolder(PathBuf),
    /// Permission, a broken mount, …
    #[error("cannot read the folder {}: {}", .0.display(), .1)]
    Unreadable(PathBuf, #[source] io::Error),
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn a_source_is_not_to_blame_for_descriptors_that_we_lack() {
        let none = || io::Error::from(Errno::MFILE);
        for error in [
            LoadError::Network(none().into()),
            LoadError::Network(io::Error::other(none()).into()),
            LoadError::Failed(none()),
            LoadError::Sink(io::Error::from(Errno::NFILE)),
        ] {
            assert_eq!(error.failure(), Failure::OutOfDescriptors, "{error}");
        }
        let refused = LoadError::Network(io::Error::from(Errno::CONNREFUSED).into());
        assert_eq!(refused.failure(), Failure::SourceFailed { status: None });
    }
}
