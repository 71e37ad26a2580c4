//! What every tier (memory now, disk and shared stores later) can do.

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
    /// Sniffed from `bytes` when they were made.
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<V> {
    /// Where the variant is.
    pub content: ContentKey,
    /// State of the source that it was made from, in the words of whoever loaded it.
    pub validator: V,
}

/// How full a tier is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Variants held.
    pub variants: u64,
    /// Bytes of those variants, with what it takes to keep them.
    pub bytes: u64,
    /// Requests in the index.
    pub requests: u64,
}

/// One place that keeps variants and index entries.
///
/// Everything is best effort: a tier may drop anything at any time and never fails a request. Calls
/// may block on a disk; whoever holds a blocking tier calls it off the reactor.
pub trait Tier<V>: Send + Sync {
    /// What is known of a request.
    fn find(&self, request: &RequestDigest) -> Option<Entry<V>>;
    /// Remembers what answered a request, over anything older.
    fn record(&self, request: RequestDigest, entry: Entry<V>);
    /// Forgets what answered a request.
    fn forget(&self, request: &RequestDigest);
    /// The variant of some content.
    fn get(&self, content: &ContentKey) -> Option<Variant>;
    /// Keeps a variant. Putting the same content twice is harmless.
    fn put(&self, content: ContentKey, variant: Variant);
    /// How full it is; may lag behind the last writes.
    fn usage(&self) -> Usage;
}
