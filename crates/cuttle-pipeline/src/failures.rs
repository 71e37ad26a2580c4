//! Failures that are answered without trying again, for as long as that could not help.
//!
//! Whoever asks for what is not there decides how much of it is remembered, so a failure is known by a digest of what was asked,
//! never by its text, and weighs what it holds. The oldest go first; a failure that is forgotten costs one more attempt.

use std::hash::Hash;
use std::time::Duration;

use cuttle_store::ContentKey;
use moka::Expiry;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::time::Instant;

use crate::answer::{PipelineError, Reason};
use crate::keys::LoadKey;

/// After failures that may be over in a moment, when all attempts were spent on them: the first rest, and the longest. It
/// doubles with each one that follows another.
const REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);
/// An origin that was left alone for so long has a clean slate.
const FORGIVEN_AFTER: Duration = Duration::from_secs(120);

/// What an entry costs beside texts: key, value, and the cache's own bookkeeping.
const LOAD_BYTES: u32 = 640;
const NUMBER_BYTES: u32 = 448;
/// A hostile origin may say much; the log has had all of it.
const LONGEST_DETAIL: usize = 1024;

/// Clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Failures {
    loads: Cache<LoadKey, Failed>,
    /// How often in a row.
    in_a_row: Cache<LoadKey, u32>,
    renders: Cache<ContentKey, Reason>,
}

/// A load that is not tried again for a while.
#[derive(Debug, Clone)]
pub(crate) struct Failed {
    pub(crate) why: PipelineError,
    pub(crate) until: Instant,
}

impl Failures {
    /// Three quarters of `bytes` for loads, an eighth for how often they failed, an eighth for renders, which are remembered for
    /// `renders`.
    pub(crate) fn new(bytes: u64, renders: Duration) -> Self {
        Self {
            loads: Cache::builder()
                .eviction_policy(EvictionPolicy::lru())
                .max_capacity(bytes / 4 * 3)
                .weigher(|_, failed: &Failed| failed.weight())
                .expire_after(ByFailure)
                .build(),
            in_a_row: words(bytes / 8, FORGIVEN_AFTER),
            renders: words(bytes / 8, renders),
        }
    }

    pub(crate) fn of_load(&self, key: &LoadKey) -> Option<Failed> {
        self.loads.get(key)
    }

    pub(crate) fn load_failed(&self, key: LoadKey, why: &PipelineError, time: Duration) {
        let mut why = why.clone();
        if let Some(detail) = &mut why.detail {
            detail.truncate(detail.floor_char_boundary(LONGEST_DETAIL));
            detail.shrink_to_fit();
        }
        self.loads.insert(key, Failed { why, until: Instant::now() + time });
    }

    /// The rest that an origin gets after one more failure.
    pub(crate) fn back_off(&self, key: LoadKey) -> Duration {
        let before = self.in_a_row.get(&key).unwrap_or_default();
        self.in_a_row.insert(key, before + 1);
        REST.saturating_mul(1 << before.min(8)).min(LONGEST_REST)
    }

    pub(crate) fn load_succeeded(&self, key: &LoadKey) {
        self.in_a_row.invalidate(key);
    }

    pub(crate) fn of_render(&self, content: &ContentKey) -> Option<Reason> {
        self.renders.get(content)
    }

    pub(crate) fn render_failed(&self, content: ContentKey, reason: Reason) {
        self.renders.insert(content, reason);
    }

    /// What all of them hold.
    pub(crate) fn bytes(&self) -> u64 {
        self.loads.run_pending_tasks();
        self.in_a_row.run_pending_tasks();
        self.renders.run_pending_tasks();
        self.loads.weighted_size() + self.in_a_row.weighted_size() + self.renders.weighted_size()
    }
}

/// A cache whose values hold no text.
fn words<K, V>(bytes: u64, time: Duration) -> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .eviction_policy(EvictionPolicy::lru())
        .max_capacity(bytes)
        .weigher(|_, _| NUMBER_BYTES)
        .time_to_live(time)
        .build()
}

impl Failed {
    fn weight(&self) -> u32 {
        let text = self.why.detail.as_ref().map_or(0, String::capacity);
        LOAD_BYTES.saturating_add(u32::try_from(text).unwrap_or(u32::MAX))
    }
}

/// Each failure has its own time.
#[derive(Debug, Clone, Copy)]
struct ByFailure;

impl Expiry<LoadKey, Failed> for ByFailure {
    fn expire_after_create(
        &self,
        _: &LoadKey,
        failed: &Failed,
        _: std::time::Instant,
    ) -> Option<Duration> {
        Some(failed.until.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use cuttle_contract::Failure;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn failures_weigh_what_they_hold_and_stay_within_their_share() {
        let failures = Failures::new(1 << 20, MINUTE);
        let why = PipelineError::because(Failure::SourceNotFound, &"x".repeat(100_000));
        for n in 0..10_000_u32 {
            failures.load_failed(LoadKey::numbered(n), &why, MINUTE);
        }
        let bytes = failures.bytes();
        assert!(bytes <= 3 << 18, "{bytes}");
        assert!(bytes > (3 << 18) - 4 * u64::from(LOAD_BYTES) - 4096, "{bytes}");
        let kept = failures.loads.entry_count();
        assert!(kept >= bytes / 2048 && kept < 1000, "{kept} of {bytes}");
        let [_, detail] =
            [(); 2].map(|()| failures.loads.iter().next().expect("some").1.why.detail);
        assert_eq!(detail.expect("the same").len(), LONGEST_DETAIL);
    }

    #[test]
    fn a_rest_doubles_until_it_is_long_and_a_success_ends_it() {
        let failures = Failures::new(1 << 20, MINUTE);
        let key = LoadKey::numbered(1);
        let rests: Vec<_> = (0..8).map(|_| failures.back_off(key).as_secs()).collect();
        assert_eq!(rests, [1, 2, 4, 8, 16, 30, 30, 30]);
        failures.load_succeeded(&key);
        assert_eq!(failures.back_off(key), REST);
    }
}
