//! Whether this process has been too busy for long enough that others should get its traffic.
//!
//! A full queue for a moment is what a queue is for. One that is full for five seconds does not get empty by itself, and where
//! pictures are all that is served here, somebody else's process may have room.
//!
//! Saturated is full at every look for five seconds, or full for whoever asked between two looks. One moment with room begins
//! the five seconds anew. Only where nothing but images is served does that take a server out of its balancer.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// From then on it is no moment any more.
const LASTS: Duration = Duration::from_secs(5);

/// Since when the queue has been full.
#[derive(Debug, Default)]
pub(crate) struct Saturation {
    since: Mutex<Option<Instant>>,
}

impl Saturation {
    pub(crate) fn look(&self, full: bool, now: Instant) {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        *since = if full { since.or(Some(now)) } else { None };
    }

    /// Whether it has been full for five seconds.
    pub(crate) fn lasts(&self, now: Instant) -> bool {
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| now.duration_since(since) >= LASTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_from_five_seconds_without_a_break_on() {
        let saturation = Saturation::default();
        let began = Instant::now();
        let mut lasts = Vec::new();
        for (second, full) in
            [(0, true), (2, true), (4, false), (5, true), (9, true), (10, true), (11, false)]
        {
            let now = began + Duration::from_secs(second);
            saturation.look(full, now);
            lasts.push(saturation.lasts(now));
        }
        assert_eq!(lasts, [false, false, false, false, false, true, false]);
    }
}
