//! What a pipeline is told once, at start.

use std::sync::Arc;
use std::time::Duration;

use cuttle_contract::Rules;
use cuttle_image::{Limits, Profile};

use crate::memory_plan::MemoryPlan;

/// Limits, shares and deadlines.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Tells this application's pictures from those of others in the same store: the same path means other bytes there.
    pub application: Arc<str>,
    /// Checked against every header before a worker sees the picture.
    pub limits: Limits,
    /// Shares of the memory ceiling.
    pub memory: MemoryPlan,
    /// The whole budget of one request; every other wait only shortens its part of it.
    pub request: Duration,
    /// Longest wait for a worker.
    pub queue_wait: Duration,
    /// Most requests that wait for a worker.
    pub queue_length: usize,
    /// Longest render; the worker is killed then.
    pub transform: Duration,
    /// How long the state of a local file is believed before it is looked at again.
    pub recheck: Duration,
    /// How long a failure that asking again would not mend is answered without asking.
    pub remember_failure: Duration,
    /// The source cache.
    pub original_cache: OriginalCacheLimits,
    /// For how long past its freshness a picture is served while it is asked about again.
    pub stale_while_revalidate: Duration,
    /// For how long past its freshness a picture is served while its origin cannot be asked.
    pub stale_if_error: Duration,
    /// Encoder effort while a client waits.
    pub profile: Profile,
}

impl Settings {
    /// The defaults of `docs/configuration.md`, "`[limits]`", "`[optimizer]`" and "`[cache]`", under these rules.
    #[must_use]
    pub fn new(limits: Limits, memory: MemoryPlan, rules: &Rules) -> Self {
        Self {
            application: "".into(),
            limits,
            memory,
            request: Duration::from_secs(30),
            queue_wait: Duration::from_secs(5),
            queue_length: 64,
            transform: Duration::from_secs(10),
            recheck: Duration::from_secs(1),
            remember_failure: Duration::from_secs(60),
            original_cache: OriginalCacheLimits::default(),
            stale_while_revalidate: rules.stale_while_revalidate(),
            stale_if_error: rules.stale_if_error(),
            profile: Profile::Fast,
        }
    }
}

/// How much is held, and how long.
#[derive(Debug, Clone, Copy)]
pub struct OriginalCacheLimits {
    /// From the load on.
    pub time: Duration,
    /// Of all originals held.
    pub bytes: u64,
    /// Originals held.
    pub entries: usize,
}

impl Default for OriginalCacheLimits {
    /// As in `docs/configuration.md`, "`[cache]`".
    fn default() -> Self {
        Self { time: Duration::from_secs(10), bytes: 64 << 20, entries: 256 }
    }
}
