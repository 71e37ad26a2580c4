//! How much of the work under way is whose, so that no client and no application has all of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Jobs under way, by whose they are. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Shares<K: Copy + Eq + Hash>(Arc<Mutex<HashMap<K, usize>>>);

/// One job, counted for as long as it lives.
#[derive(Debug)]
pub(crate) struct Share<K: Copy + Eq + Hash> {
    shares: Shares<K>,
    of: K,
}

impl<K: Copy + Eq + Hash> Default for Shares<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Copy + Eq + Hash> Shares<K> {
    /// One more job of this one, unless it has `most` already.
    pub(crate) fn one_more(&self, of: K, most: usize) -> Option<Share<K>> {
        let mut jobs = self.jobs();
        let count = jobs.entry(of).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        drop(jobs);
        Some(Share { shares: self.clone(), of })
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut jobs = self.shares.jobs();
        if let Entry::Occupied(mut count) = jobs.entry(self.of) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_share_and_what_ended_is_not_counted() {
        let shares = Shares::default();
        let first = shares.one_more('a', 2);
        let second = shares.one_more('a', 2);
        assert!(first.is_some() && second.is_some() && shares.one_more('a', 2).is_none());
        assert!(shares.one_more('b', 2).is_some());
        drop(first);
        assert!(shares.one_more('a', 2).is_some());
        drop(second);
        assert!(shares.jobs().is_empty());
    }
}
