//! Where the original of a picture comes from.

use std::{borrow::Cow, fmt};

use url::Url;

use crate::{LocalPath, next, percent, remote};

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
    /// Every source that may be meant by a text: the contracts agree on paths, and each has its own canonical form of a URL.
    /// None for what neither takes.
    #[must_use]
    pub fn spellings(written: &str) -> Vec<Self> {
        if written.starts_with('/') {
            return LocalPath::parse(written).ok().map(Self::Local).into_iter().collect();
        }
        let loosely = next::remote(written).ok();
        let strictly = remote::parse(written).ok().map(Self::Remote);
        let differs = strictly != loosely;
        loosely.into_iter().chain(strictly.filter(|_| differs)).collect()
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_means_what_either_contract_makes_of_it() {
        for (written, meant) in [
            ("/photo.jpg", &["/photo.jpg"][..]),
            ("/%61.jpg?", &["/a.jpg"]),
            ("https://Example.com/a.jpg#top", &["https://example.com/a.jpg"]),
            (
                "https://example.com/%61.jpg",
                &["https://example.com/%61.jpg", "https://example.com/a.jpg"],
            ),
            (
                "https://example.com/d%2ff.jpg",
                &["https://example.com/d%2ff.jpg", "https://example.com/d%2Ff.jpg"],
            ),
            ("https://example.com/a?", &["https://example.com/a?", "https://example.com/a"]),
            ("photo.jpg", &[]),
            ("ftp://example.com/a.jpg", &[]),
            ("//example.com/a.jpg", &[]),
            ("https://user:pass@example.com/a.jpg", &[]),
        ] {
            let sources = Source::spellings(written);
            let texts: Vec<&str> = sources.iter().map(Source::as_str).collect();
            assert_eq!(texts, meant, "{written}");
        }
    }
}
