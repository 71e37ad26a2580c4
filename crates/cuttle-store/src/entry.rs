//! What is kept: finished pictures, and which request was answered with which of them.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use cuttle_image::Kind;

/// Digest of the canonical key of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestDigest(pub [u8; 32]);

/// Digest of source bytes, canonical options and engine version: what a variant is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentKey(pub [u8; 32]);

/// A finished picture, cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Variant {
    /// The encoded file.
    pub bytes: Bytes,
    /// Sniffed from `bytes` when they were made, and again whenever they were read from a disk.
    pub kind: Kind,
    /// Pixels; 0 for an original that was passed through.
    pub width: u32,
    /// Pixels; 0 for an original that was passed through.
    pub height: u32,
    /// Strong entity tag, quoted: a digest of `bytes`.
    pub etag: Arc<str>,
    /// The original itself, passed through untouched.
    pub passthrough: bool,
}

impl fmt::Debug for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variant")
            .field("bytes", &self.bytes.len())
            .field("kind", &self.kind)
            .field("etag", &self.etag)
            .finish_non_exhaustive()
    }
}

/// What the index knows of a request: which content answered it, and for which state of the source.
/// As cheap to clone as `S` is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<S> {
    /// Where the variant is.
    pub content: ContentKey,
    /// State of the source that it was made from, in the words of whoever loaded it.
    pub state: S,
    /// The id of the application that it was made for, for purges.
    pub application: Arc<str>,
    /// The source itself as canonical text, for purges.
    pub source: Arc<str>,
}
