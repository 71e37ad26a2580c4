//! The source cache: originals held for a few seconds, because a page asks for many widths of one picture.
//!
//! Whoever still uses an original shares it as well, held or not. Nothing is promised: what is held gives way at once to a
//! load that needs the memory, and says nothing about whether the original is still what its origin would send.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::time::{Instant, sleep_until};

use crate::keys::LoadKey;
use crate::original::Original;
use crate::settings::OriginalCacheLimits;

/// So many entries of originals that are gone are tolerated before they are swept out, of some 300 bytes each. Those that are there
/// are bounded by the budget of originals, which sets at least 64 KiB aside for each.
const SWEEP_ABOVE: usize = 1024;

/// The originals. Clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct OriginalCache {
    originals: Arc<Mutex<Originals>>,
    limits: OriginalCacheLimits,
}

#[derive(Debug, Default)]
struct Originals {
    /// The oldest first.
    held: VecDeque<Arc<Original>>,
    bytes: u64,
    /// Everyone's, also while only an answer under way still has it.
    by_key: HashMap<LoadKey, Weak<Original>>,
}

impl OriginalCache {
    pub(crate) fn new(limits: OriginalCacheLimits) -> Self {
        Self { originals: Arc::default(), limits }
    }

    /// The original if it was loaded so lately that nobody needs to be asked again.
    pub(crate) fn fresh(&self, key: &LoadKey) -> Option<Arc<Original>> {
        self.find(key).filter(|original| original.loaded_at.elapsed() < self.limits.time)
    }

    /// The original if anyone has it still, however old.
    pub(crate) fn find(&self, key: &LoadKey) -> Option<Arc<Original>> {
        self.originals().by_key.get(key)?.upgrade()
    }

    /// Shares an original with whoever asks next, and holds it if it is not too large for that.
    pub(crate) fn insert(&self, key: LoadKey, original: &Arc<Original>) {
        let mut originals = self.originals();
        if originals.by_key.len() > SWEEP_ABOVE {
            originals.by_key.retain(|_, original| original.strong_count() > 0);
        }
        originals.by_key.insert(key, Arc::downgrade(original));
        let OriginalCacheLimits { time, bytes, entries } = self.limits;
        if original.len() > bytes || entries == 0 || time.is_zero() {
            return;
        }
        originals.bytes += original.len();
        originals.held.push_back(Arc::clone(original));
        while originals.bytes > bytes || originals.held.len() > entries {
            originals.drop_oldest();
        }
        drop(originals);
        let (this, due) = (self.clone(), original.loaded_at + time);
        // Nobody may come by again to notice that the time is over.
        cuttle_watchdog::spawn("original cache", async move {
            sleep_until(due).await;
            this.evict_loaded_until(due - this.limits.time);
        });
    }

    /// Shares it with nobody any more: its origin has another one, or none.
    pub(crate) fn remove(&self, key: &LoadKey) {
        self.originals().by_key.remove(key);
    }

    /// Gives all the memory back that nobody else uses.
    pub(crate) fn evict_all(&self) {
        self.evict_loaded_until(Instant::now());
    }

    /// Of originals that were loaded until `then`.
    fn evict_loaded_until(&self, then: Instant) {
        let mut originals = self.originals();
        while originals.held.front().is_some_and(|original| original.loaded_at <= then) {
            originals.drop_oldest();
        }
    }

    fn originals(&self) -> MutexGuard<'_, Originals> {
        self.originals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Originals {
    fn drop_oldest(&mut self) {
        if let Some(original) = self.held.pop_front() {
            self.bytes -= original.len();
        }
    }
}
