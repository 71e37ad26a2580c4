//! Variants, and the index that finds them.
//!
//! Two keys, because a request and a picture are two things: the index leads from a request to the
//! content it was answered with, and the content is kept under a digest of what made it. The same
//! picture under a new URL, or after a new deploy, is found again; a changed picture under the same
//! URL is another content. Nothing here knows HTTP, pixels or the deadlines of clients.
#![forbid(unsafe_code)]

mod memory;
mod tier;

pub use memory::MemoryTier;
pub use tier::{ContentKey, Entry, RequestDigest, Tier, Usage, Variant};
