//! The CPU time of a poll, for the price of two looks at a clock that needs no system call.
//!
//! CPU time is a system call each time, which at three for a hit is one part in fifty of it. So it is asked for once in
//! [`SAMPLE_EVERY`] and thread, and after a poll that took long by the clock on the wall, as no poll used more than that.

use std::cell::Cell;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// How old a sample may be when a poll begins, and so by how much too little is found at most.
const SAMPLE_EVERY: Duration = Duration::from_millis(10);

thread_local! {
    static LAST: Cell<Option<Sample>> = const { Cell::new(None) };
}

#[derive(Clone, Copy)]
struct Sample {
    at: Instant,
    cpu: Duration,
}

/// One poll.
pub(crate) struct Turn {
    began: Instant,
    before: Sample,
}

impl Turn {
    pub(crate) fn begin() -> Self {
        let began = Instant::now();
        let recent = |sample: &Sample| began.saturating_duration_since(sample.at) < SAMPLE_EVERY;
        let before = LAST.get().filter(recent).unwrap_or_else(|| {
            let sample = Sample { at: began, cpu: cpu() };
            LAST.set(Some(sample));
            sample
        });
        Self { began, before }
    }

    /// The CPU time used since, if it was more than `most`. Never too much: all the time between the sample and the
    /// beginning is taken for CPU time that someone else used.
    pub(crate) fn cpu_if_over(&self, most: Duration) -> Option<Duration> {
        if self.began.elapsed() <= most {
            return None;
        }
        let others = self.began.saturating_duration_since(self.before.at);
        let used = cpu().saturating_sub(self.before.cpu).saturating_sub(others);
        (used > most).then_some(used)
    }
}

/// Of this thread, so far.
fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(now).unwrap_or_default()
}

/// Keeps the processor for so long.
#[cfg(test)]
pub(crate) fn burn(time: Duration) {
    let end = cpu() + time;
    while cpu() < end {}
}
