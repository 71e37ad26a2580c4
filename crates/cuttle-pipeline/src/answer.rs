//! What the pipeline gives back: a picture and how it came about. HTTP is made of it elsewhere.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cuttle_contract::{Failure, Fault};
use cuttle_image::Kind;
use cuttle_net::is_out_of_descriptors;

use crate::admission::Refused;
use crate::original::Original;

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
    /// Who may keep it.
    pub keep: Keep,
    /// Bytes of that original.
    pub original: u64,
    /// Of the job that was waited for; none for what the store had.
    pub phases: Phases,
}

/// How long a job took, by what it needed; nothing for what it did not come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Phases {
    /// Until it had its original, or the news that that is unchanged: from the source, from another job that was loading it, or
    /// from what is kept. Waiting for memory for it is a part.
    pub fetch: Option<Duration>,
    /// Until it had a worker; next to nothing where one was free.
    pub queue: Option<Duration>,
    /// Until the worker was done with it.
    pub encode: Option<Duration>,
}

impl Phases {
    /// More time of one of them: a job may come to it twice.
    pub(crate) fn add(phase: &mut Option<Duration>, took: Duration) {
        *phase = Some(phase.unwrap_or_default() + took);
    }
}

impl Answer {
    /// While its origin fails, caches are told when it is asked again instead of how long it would have been fresh.
    pub(crate) fn retried_in(mut self, retry_in: Option<Duration>) -> Self {
        if let (Some(retry_in), Keep::Everyone { .. }) = (retry_in, self.keep) {
            self.keep = Keep::Until { retry_in };
        }
        self
    }
}

/// Who may keep an answer, by what the original's server and the operator say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Any cache, for so long at least; zero where the origin said nothing.
    Everyone {
        /// From the origin.
        max_age: Duration,
    },
    /// Any cache, until the origin, which fails, is asked again.
    Until {
        /// From now.
        retry_in: Duration,
    },
    /// The client itself, if it asks each time: another client's answer may be another one.
    Personal,
    /// The origin says `private` or `no-store`.
    Nobody,
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
    /// In the store, and older than it should be: it is asked about meanwhile, or could not be.
    Stale,
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
pub struct PipelineError {
    /// Whose fault, and which.
    pub failure: Failure,
    /// For the log; never sent.
    pub detail: Option<String>,
    /// As in [`Answer::phases`]: what was come to, and ended like this.
    pub phases: Phases,
}

impl From<Failure> for PipelineError {
    fn from(failure: Failure) -> Self {
        Self { failure, detail: None, phases: Phases::default() }
    }
}

impl From<Refused> for PipelineError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => Failure::QueueFull.into(),
            Refused::TooLate => Failure::QueueTimeout.into(),
        }
    }
}

impl PipelineError {
    /// Whether someone's time was over.
    pub(crate) fn is_late(&self) -> bool {
        matches!(self.failure, Failure::SourceTimeout | Failure::RequestTimeout)
    }

    /// Whether it may be better in a moment, so that what was known until now is worth more than this.
    pub(crate) fn may_pass(&self) -> bool {
        match self.failure {
            Failure::SourceFailed { status } => status.is_none_or(|s| s == 429 || s >= 500),
            Failure::SourceTimeout => true,
            failure => failure.fault() == Fault::Us,
        }
    }

    /// Whether it is about what the original is, whoever asks for it in whatever way.
    pub(crate) fn is_of_the_bytes(&self) -> bool {
        matches!(
            self.failure,
            Failure::NotAnImage | Failure::SvgNotAllowed | Failure::ImageTooLarge(_)
        )
    }

    /// What the system says when nothing of a request is to blame.
    pub(crate) fn of_system(error: &io::Error) -> Self {
        let failure = match is_out_of_descriptors(error) {
            true => Failure::OutOfDescriptors,
            false => Failure::Internal,
        };
        Self::because(failure, error)
    }

    pub(crate) fn because(failure: Failure, detail: &impl ToString) -> Self {
        Self { detail: Some(detail.to_string()), ..failure.into() }
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
