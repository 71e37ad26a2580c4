//! What the machine is told once, at start: what holds for all applications together.

use std::time::Duration;

use cuttle_image::{Limits, Profile};

use crate::memory_plan::MemoryPlan;

/// Limits, shares and deadlines.
#[derive(Debug, Clone)]
pub struct Settings {
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
    /// Encoder effort while a client waits.
    pub profile: Profile,
}

impl Settings {
    /// The defaults of `docs/configuration.md`, "`[limits]`", "`[optimizer]`" and "`[cache]`".
    #[must_use]
    pub fn new(limits: Limits, memory: MemoryPlan) -> Self {
        Self {
            limits,
            memory,
            request: Duration::from_secs(30),
            queue_wait: Duration::from_secs(5),
            queue_length: 64,
            transform: Duration::from_secs(10),
            recheck: Duration::from_secs(1),
            remember_failure: Duration::from_secs(60),
            original_cache: OriginalCacheLimits::default(),
            profile: Profile::Fast,
        }
    }
}

/// How many originals are held, and how long.
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
