//! Which refusals are told aloud: the first of each reason and host, and after that one a minute.
//!
//! A site whose pictures are all refused must not have an empty log, and a client that asks for ten thousand wrong things must
//! not fill it. So what is remembered is bounded, in number and in size: a host is kept as a hash of its name, because a
//! client chooses how long that is, and when too many are remembered those that come next share a line.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(60);
/// Lines a minute, the shared ones aside: more hosts with trouble are no news to anyone.
const MOST_LINES: usize = 128;

/// What was told, and when.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    hosts: RandomState,
    told: Mutex<HashMap<(&'static str, Option<u64>), Told>>,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    untold: u64,
}

impl Notices {
    /// Whether to tell of this one, and if so how many like it were not told of since the last.
    pub(crate) fn tell(&self, reason: &'static str, host: &str, now: Instant) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |told: &Told| now.saturating_duration_since(told.at) >= EVERY;
        let mut key = (reason, Some(self.hosts.hash_one(host)));
        if told.len() >= MOST_LINES && !told.contains_key(&key) {
            told.retain(|_, told| !is_over(told));
            if told.len() >= MOST_LINES {
                key.1 = None;
            }
        }
        match told.get_mut(&key) {
            Some(told) if !is_over(told) => {
                told.untold += 1;
                None
            }
            known => {
                let untold = known.map_or(0, |told| told.untold);
                told.insert(key, Told { at: now, untold: 0 });
                Some(untold)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_reason_and_host_is_told_then_one_a_minute_with_the_number_of_the_others() {
        let (notices, began) = (Notices::default(), Instant::now());
        let tell = |reason, host, seconds| {
            notices.tell(reason, host, began + Duration::from_secs(seconds))
        };
        assert_eq!(tell("source_not_found", "a.example", 0), Some(0));
        assert_eq!(tell("source_not_found", "a.example", 1), None);
        assert_eq!(tell("source_not_found", "b.example", 1), Some(0), "another host");
        assert_eq!(tell("source_failed", "a.example", 1), Some(0), "another reason");
        assert_eq!(tell("source_not_found", "a.example", 59), None);
        assert_eq!(tell("source_not_found", "a.example", 60), Some(2));
        assert_eq!(tell("source_not_found", "a.example", 61), None);
    }

    #[test]
    fn ten_thousand_hosts_are_as_many_lines_as_there_are_places_and_one() {
        let (notices, now) = (Notices::default(), Instant::now());
        let host = |n: u32| n.to_string();
        let told =
            (0..10_000).filter(|&n| notices.tell("source_not_allowed", &host(n), now).is_some());
        assert_eq!(told.count(), MOST_LINES + 1);
        let later = now + EVERY;
        assert_eq!(notices.tell("source_not_allowed", "new.example", later), Some(0));
        let told = notices.told.lock().expect("not poisoned");
        assert_eq!(told.len(), 1, "what is over is forgotten");
    }
}
