//! What is remembered of an original, so that the next load can be a question.
//!
//! One type for files and for servers, small enough for an index entry and serialisable, so that a restart does not cost a
//! download.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::Validator;

/// An original as it was when it was last looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What its origin calls this version of it.
    pub version: Version,
    /// BLAKE3 of its bytes.
    pub digest: [u8; 32],
    /// How many they are.
    pub bytes: u64,
    /// When the origin last confirmed it.
    pub checked_at: SystemTime,
    /// What the origin said about keeping it.
    pub freshness: Freshness,
}

/// What tells one version of an original from the next, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// A file's identity.
    File(Validator),
    /// RFC 9110 §8.8, as they were sent. Neither of them: every load is a full one.
    Http {
        /// `ETag`.
        etag: Option<Box<str>>,
        /// `Last-Modified`.
        last_modified: Option<Box<str>>,
    },
}

/// How long an origin lets us keep what it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Freshness {
    /// From [`State::checked_at`] on; zero for files and where nothing was said.
    pub max_age: Duration,
    /// Nothing of it may be kept past those who wait for it now.
    pub private: bool,
}

impl State {
    /// Whether it is that of a file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        matches!(self.version, Version::File(_))
    }

    /// Bytes of the texts that it holds.
    #[must_use]
    pub fn text_bytes(&self) -> u64 {
        match &self.version {
            Version::File(_) => 0,
            Version::Http { etag, last_modified } => {
                [etag, last_modified].into_iter().flatten().map(|text| text.len() as u64).sum()
            }
        }
    }

    /// Until when nobody needs to be asked; `min_ttl` is the operator's.
    #[must_use]
    pub fn fresh_until(&self, min_ttl: Duration) -> SystemTime {
        let lifetime = self.freshness.max_age.max(min_ttl);
        self.checked_at.checked_add(lifetime).unwrap_or(self.checked_at)
    }
}

/// What a conditional load came to.
#[derive(Debug)]
pub enum Outcome<I> {
    /// New bytes, or the first ones.
    Loaded(Loaded<I>),
    /// What was remembered is still true, as of now. The intake was given back unused.
    NotModified(State),
}

/// An original that was read to its end.
#[derive(Debug)]
pub struct Loaded<I> {
    /// With all the bytes in it.
    pub intake: I,
    /// To be remembered.
    pub state: State,
    /// The `Content-Type` that the origin gave. For the log: never believed.
    pub declared_type: Option<String>,
}
