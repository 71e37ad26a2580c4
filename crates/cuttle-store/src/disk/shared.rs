//! What a store's callers and its writer share: reads by the caller, and the news of a disk that fails.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use crate::disk::database::Database;
use crate::disk::folder::Unread;
use crate::disk::rows::{self, Row};
use crate::purge::Log;
use crate::queue::Queue;
use crate::usage::Counters;
use crate::{ContentKey, Epoch, Purge, RequestDigest, Trouble, Variant};

/// How often things are done. Fixed in a running server; tests are in more of a hurry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// Purges of other processes are seen within it.
    pub(crate) tick: Duration,
    /// Between attempts to use a disk that failed.
    pub(crate) rest: Duration,
    /// A disk that has not answered for so long is not asked again until it does.
    pub(crate) read_within: Duration,
    /// A picture in use says so this often.
    pub(crate) note_use_every: Duration,
    /// Uses are written together.
    pub(crate) write_uses_every: Duration,
    /// Between two of the 256 folders that are swept at the start: a whole sweep takes some seconds of an idle disk.
    pub(crate) sweep_pause: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            tick: Duration::from_millis(250),
            rest: Duration::from_secs(1),
            read_within: Duration::from_secs(5),
            note_use_every: Duration::from_secs(10 * 60),
            write_uses_every: Duration::from_secs(10),
            sweep_pause: Duration::from_millis(20),
        }
    }
}

/// What the writer's thread and the callers of a store share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Queue,
    pub(crate) log: Log,
    pub(crate) counters: Counters,
    disk: RwLock<Option<Arc<Database>>>,
    /// What keeps the disk from being used.
    trouble: Mutex<Option<Trouble>>,
    /// What a reader ran into, for the writer to see to.
    reported: Mutex<Option<Trouble>>,
}

impl Shared {
    pub(crate) fn new(queue_bytes: u64) -> Self {
        Self {
            queue: Queue::new(queue_bytes),
            log: Log::default(),
            counters: Counters::default(),
            disk: RwLock::default(),
            trouble: Mutex::default(),
            reported: Mutex::default(),
        }
    }

    /// The variant that answers a request. Blocks.
    pub(crate) fn find(&self, request: &RequestDigest) -> Option<(Row, Variant)> {
        self.read(|disk| {
            let Some(row) = disk.with_reader(|index| rows::find(index, request))? else {
                return Ok(None);
            };
            Ok(self.variant(disk, &row.content)?.map(|variant| (row, variant)))
        })
    }

    /// The variant of some content. Blocks. The index is not asked: a file that no row names yet, or any more, has the same
    /// bytes.
    pub(crate) fn get(&self, content: &ContentKey) -> Option<Variant> {
        self.read(|disk| self.variant(disk, content))
    }

    /// The variant of some content, if no disk has to be waited for.
    pub(crate) fn get_at_once(&self, content: &ContentKey) -> Option<Variant> {
        self.read(|disk| Ok(disk.folder.read_cached(content)))
    }

    fn variant(&self, disk: &Database, content: &ContentKey) -> Result<Option<Variant>, Trouble> {
        match disk.folder.read(content) {
            Ok(variant) => Ok(Some(variant)),
            Err(Unread::Useless) => {
                self.queue.suspect(*content);
                Ok(None)
            }
            Err(Unread::Failed(error)) => Err(error.into()),
        }
    }

    fn read<T>(&self, question: impl FnOnce(&Database) -> Result<Option<T>, Trouble>) -> Option<T> {
        if !self.queue.trusts_disk() {
            return None;
        }
        let disk = self.disk()?;
        question(&disk).unwrap_or_else(|trouble| {
            // Not of an index that has been replaced since.
            if self.disk().is_some_and(|now| Arc::ptr_eq(&now, &disk)) {
                self.report(trouble);
            }
            None
        })
    }

    /// A look-up has waited for too long: others do not, until the writer has opened the disk again.
    pub(crate) fn stalled(&self) {
        self.set_disk(None);
        self.report(Trouble::Unusable("it does not answer".into()));
    }

    pub(crate) fn has_disk(&self) -> bool {
        self.disk().is_some()
    }

    fn report(&self, trouble: Trouble) {
        *self.reported.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
        self.queue.wake();
    }

    /// Enters a purge into the index; whether other versions on the same folder hear of it too. Blocks until it is on the disk; no number
    /// where it cannot be.
    pub(crate) fn enter(&self, purge: &Purge) -> Option<(Epoch, bool)> {
        let entered = self.disk()?.enter(purge, self.log.epoch());
        entered.inspect_err(|trouble| tracing::warn!(%trouble, "the purge holds in this process, and is written to the disk cache when that can be used again")).ok()
    }

    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn disk(&self) -> Option<Arc<Database>> {
        self.disk.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_disk(&self, disk: Option<Arc<Database>>) {
        *self.disk.write().unwrap_or_else(PoisonError::into_inner) = disk;
    }

    /// Nothing is written any more, and what is there would go out of date.
    pub(crate) fn end(&self) {
        if std::thread::panicking() {
            self.set_trouble(Some(Trouble::Unusable("its writer has failed".into())));
        }
        self.set_disk(None);
        self.queue.close();
    }

    pub(super) fn reported(&self) -> Option<Trouble> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Says a trouble once, and once when it has passed.
    pub(crate) fn set_trouble(&self, trouble: Option<Trouble>) {
        let mut current = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*current, &trouble) {
            (None, Some(trouble)) => {
                tracing::warn!(%trouble, "the disk cache cannot be used: images are cached in memory only");
            }
            (Some(_), None) => tracing::info!("the disk cache is used again"),
            (Some(_), Some(trouble)) => {
                tracing::debug!(%trouble, "the disk cache still cannot be used");
            }
            (None, None) => {}
        }
        *current = trouble;
    }
}
