//! What a pipeline is told once, at start.

use std::time::Duration;

use cuttle_image::{Limits, Profile};

use crate::plan::MemoryPlan;

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
    /// How long a failed render is answered with the original before it is tried again.
    pub remember_failure: Duration,
    /// Whether SVG originals are passed through.
    pub svg: bool,
    /// Encoder effort while a client waits.
    pub profile: Profile,
}

impl Settings {
    /// The defaults of the strict contract, "Limits".
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
            svg: false,
            profile: Profile::Fast,
        }
    }
}
