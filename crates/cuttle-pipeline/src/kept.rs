//! The source cache: originals held for a few seconds, because a page asks for many widths of one picture.
//!
//! Whoever still uses an original shares it as well, held or not. Nothing is promised: what is held gives way at once to a
//! load that needs the memory, and says nothing about whether the original is still what its origin would send.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::keys::LoadKey;
use crate::original::Original;

/// How much is held, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Keeping {
    /// From the load on.
    pub time: Duration,
    /// Of all originals held.
    pub bytes: u64,
    /// Originals held.
    pub entries: usize,
}

impl Default for Keeping {
    /// As in `docs/configuration.md`, "`[cache]`".
    fn default() -> Self {
        Self { time: Duration::from_secs(10), bytes: 64 << 20, entries: 256 }
    }
}

/// So many entries of originals that are gone are tolerated before they are swept out, of some 300 bytes each. Those that are there
/// are bounded by the budget of originals, which sets at least 64 KiB aside for each.
const SWEEP_ABOVE: usize = 1024;

/// The originals. Clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    shelf: Arc<Mutex<Shelf>>,
    terms: Keeping,
}

#[derive(Debug, Default)]
struct Shelf {
    /// The oldest first.
    held: VecDeque<Arc<Original>>,
    bytes: u64,
    /// Everyone's, also while only an answer under way still has it.
    known: HashMap<LoadKey, Weak<Original>>,
}

impl Kept {
    pub(crate) fn new(terms: Keeping) -> Self {
        Self { shelf: Arc::default(), terms }
    }

    /// The original if it was loaded so lately that nobody needs to be asked again.
    pub(crate) fn fresh(&self, key: &LoadKey) -> Option<Arc<Original>> {
        self.find(key).filter(|original| original.loaded_at.elapsed() < self.terms.time)
    }

    /// The original if anyone has it still, however old.
    pub(crate) fn find(&self, key: &LoadKey) -> Option<Arc<Original>> {
        self.shelf().known.get(key)?.upgrade()
    }

    /// Shares an original with whoever asks next, and holds it if it is not too large for that.
    pub(crate) fn keep(&self, key: LoadKey, original: &Arc<Original>) {
        let mut shelf = self.shelf();
        if shelf.known.len() > SWEEP_ABOVE {
            shelf.known.retain(|_, original| original.strong_count() > 0);
        }
        shelf.known.insert(key, Arc::downgrade(original));
        let Keeping { time, bytes, entries } = self.terms;
        if original.len() > bytes || entries == 0 || time.is_zero() {
            return;
        }
        shelf.bytes += original.len();
        shelf.held.push_back(Arc::clone(original));
        while shelf.bytes > bytes || shelf.held.len() > entries {
            shelf.drop_oldest();
        }
        drop(shelf);
        let (this, due) = (self.clone(), original.loaded_at + time);
        // Nobody may come by again to notice that the time is over.
        cuttle_watchdog::spawn("kept originals", async move {
            sleep_until(due).await;
            this.let_go_before(due - this.terms.time);
        });
    }

    /// Shares it with nobody any more: its origin has another one, or none.
    pub(crate) fn withdraw(&self, key: &LoadKey) {
        self.shelf().known.remove(key);
    }

    /// Gives all the memory back that nobody else uses.
    pub(crate) fn let_all_go(&self) {
        self.let_go_before(Instant::now());
    }

    /// Of originals that were loaded until `then`.
    fn let_go_before(&self, then: Instant) {
        let mut shelf = self.shelf();
        while shelf.held.front().is_some_and(|original| original.loaded_at <= then) {
            shelf.drop_oldest();
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn drop_oldest(&mut self) {
        if let Some(original) = self.held.pop_front() {
            self.bytes -= original.len();
        }
    }
}
