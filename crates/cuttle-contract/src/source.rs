//! Where the original of a picture comes from.

use std::{borrow::Cow, fmt};

use url::Url;

use crate::{LocalPath, percent};

/// The original that a request names, in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// A path of the application itself.
    Local(LocalPath),
    /// An absolute `http` or `https` URL without a fragment.
    Remote(Url),
}

/// [`Source`] without its name: which texts and which fetcher apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// A path of the application itself.
    Local,
    /// Somebody else's server.
    Remote,
}

impl Source {
    /// Local or remote.
    #[must_use]
    pub fn kind(&self) -> SourceKind {
        match self {
            Self::Local(_) => SourceKind::Local,
            Self::Remote(_) => SourceKind::Remote,
        }
    }

    /// The canonical string: path and query, or the whole URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Local(path) => path.as_str(),
            Self::Remote(url) => url.as_str(),
        }
    }

    /// The last segment of the path, decoded; `None` when the path ends in `/`.
    #[must_use]
    pub fn file_name(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Local(path) => path.file_name(),
            Self::Remote(url) => {
                url.path().rsplit('/').next().filter(|name| !name.is_empty()).map(percent::decode)
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
