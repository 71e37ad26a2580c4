//! What the pipeline gives back: a picture and how it came about. HTTP is made of it elsewhere.

use std::sync::Arc;

use bytes::Bytes;
use cuttle_contract::Failure;
use cuttle_image::Kind;

use crate::admission::Refused;
use crate::original::Original;
use crate::rendition::Made;

/// A picture to send.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The bytes.
    pub body: Body,
    /// Sniffed from the bytes, never declared.
    pub kind: Kind,
    /// Strong entity tag, quoted.
    pub etag: Arc<str>,
    /// How it was found.
    pub found: Found,
    /// What it is of the original.
    pub delivery: Delivery,
    /// Which original.
    pub source: SourceDigest,
}

impl Answer {
    pub(crate) fn of(made: Made, found: Found, source: SourceDigest) -> Self {
        let Made { body, kind, etag, delivery, content: _ } = made;
        Self { body, kind, etag, found, delivery, source }
    }
}

/// Where the bytes of an answer are.
#[derive(Debug, Clone)]
pub enum Body {
    /// A variant, shared with the store.
    Bytes(Bytes),
    /// An original in sealed memory, to be sent chunk by chunk: a slow client costs no heap, and what
    /// it holds stays in the budget.
    Original(Arc<Original>),
}

impl Body {
    /// Size in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no answer is empty")]
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Original(original) => original.len(),
        }
    }
}

/// BLAKE3 of the bytes of an original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceDigest(pub(crate) blake3::Hash);

/// A shorter version could be found by trying (48 bits are 2^47 pictures on average).
const SHORTEST_VERSION_DIGITS: usize = 12;

impl SourceDigest {
    /// Whether `version` is the first 12 or more hexadecimal digits of the digest.
    #[must_use]
    pub fn is_named_by(&self, version: &str) -> bool {
        version.len() >= SHORTEST_VERSION_DIGITS
            && self
                .0
                .to_hex()
                .get(..version.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(version))
    }
}

/// Whether work was done for this request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// In the store, by request.
    Hit,
    /// This request started the work.
    Miss,
    /// Another request's work was waited for.
    Collapsed,
}

/// What the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Made as asked.
    Rendition,
    /// The original on purpose: not a kind that is rendered, or already smaller.
    PassedThrough,
    /// The original because rendering failed; must not be cached by anyone.
    Fallback(Reason),
}

/// Why there was a fallback. Counted and logged under these names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The codec refused the picture.
    Undecodable,
    /// Over the limits, where the contract answers that with the original.
    TooLarge,
    /// The worker died.
    WorkerCrashed,
    /// The worker was killed at its deadline.
    TimedOut,
    /// No worker could be started.
    NoWorker,
}

impl Reason {
    /// Name for logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::TooLarge => "too_large",
            Self::WorkerCrashed => "worker_crashed",
            Self::TimedOut => "timed_out",
            Self::NoWorker => "no_worker",
        }
    }
}

/// Why there is no picture: the failure that the contract turns into a refusal, and what only the
/// operator may read.
#[derive(Debug, Clone)]
pub struct Unanswered {
    /// Whose fault, and which.
    pub failure: Failure,
    /// For the log; never sent.
    pub detail: Option<String>,
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self { failure, detail: None }
    }
}

impl From<Refused> for Unanswered {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => Failure::QueueFull.into(),
            Refused::TooLate => Failure::QueueTimeout.into(),
        }
    }
}

impl Unanswered {
    pub(crate) fn because(failure: Failure, detail: &impl ToString) -> Self {
        Self { failure, detail: Some(detail.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_true_only_when_it_starts_the_digest_and_is_long_enough() {
        let digest = SourceDigest(blake3::hash(b"picture"));
        let hex = digest.0.to_hex();
        for length in [12, 13, 40, 64] {
            assert!(digest.is_named_by(&hex[..length]), "{length}");
            assert!(digest.is_named_by(&hex[..length].to_uppercase()), "{length}");
        }
        let other = format!("{}x", &hex[..12]);
        let longer = format!("{hex}0");
        for version in ["", "v2", &hex[..11], &hex[1..20], &other, &longer] {
            assert!(!digest.is_named_by(version), "{version}");
        }
    }
}
