//! The one thread that writes to the disk, and all that it does, as one list.
//!
//! Every failure ends a turn, is said, and is tried again after a rest; what could not be written meanwhile is dropped or, where
//! that would leave something older in its place, forgotten.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use crate::disk::evict::{Bounds, evict};
use crate::disk::folder::{Folder, Unread};
use crate::disk::sweep::sweep;
use crate::disk::{Disk, Shared, Timing, connect, rows, write};
use crate::purge::now_ms;
use crate::queue::{Erasing, Operation};
use crate::settings::share;
use crate::usage::Counters;
use crate::{DiskSettings, Purge, Purged, Trouble};

/// Removes from memory what a purge of another process means.
pub(crate) type Apply = Box<dyn Fn(&Purge) + Send>;

pub(crate) struct Keeper {
    shared: Arc<Shared>,
    settings: DiskSettings,
    timing: Timing,
    apply: Apply,
    open: Option<Open>,
    /// Where writing failed last, reading may still work.
    failed: bool,
    erasing: Vec<Erasing>,
    /// The last purge of the index that was applied here.
    seen: Option<i64>,
    uses_written: Instant,
}

struct Open {
    disk: Arc<Disk>,
    index: Connection,
    /// The next folder to be swept.
    sweep: Option<u8>,
    /// When the folder and its file system were last looked at.
    looked: Option<Instant>,
    max_bytes: u64,
}

/// Entries that a purge deletes in one transaction: others wait for it.
const ERASE: u32 = 1024;

impl Keeper {
    /// Opens the disk if that is possible now.
    pub(crate) fn new(
        shared: Arc<Shared>,
        settings: DiskSettings,
        timing: Timing,
        apply: Apply,
    ) -> Self {
        let mut keeper = Self {
            shared,
            settings,
            timing,
            apply,
            open: None,
            failed: false,
            erasing: Vec::new(),
            seen: None,
            uses_written: Instant::now(),
        };
        if let Err(trouble) = keeper.mount().and_then(|()| keeper.hear()) {
            keeper.fail(trouble);
        }
        keeper
    }

    /// Until the store is dropped and what waits is written.
    pub(crate) fn run(mut self) {
        loop {
            if self.failed {
                self.shared.queue.flushed();
                self.shared.queue.rest(self.timing.rest);
            } else {
                self.shared.queue.wait(self.pause());
            }
            let stopping = self.shared.queue.is_stopping();
            match self.turn() {
                Ok(()) if self.is_idle(stopping) => {
                    self.shared.queue.flushed();
                    if stopping {
                        return;
                    }
                }
                Ok(()) => {}
                Err(trouble) => {
                    self.fail(trouble);
                    if stopping {
                        return;
                    }
                }
            }
        }
    }

    fn pause(&self) -> Duration {
        let sweeping = self.open.as_ref().is_some_and(|open| open.sweep.is_some());
        match (self.erasing.is_empty(), sweeping) {
            (false, _) => Duration::ZERO,
            (true, true) => self.timing.sweep_pause,
            (true, false) => self.timing.tick,
        }
    }

    /// What is left to be erased may be left to the next start.
    fn is_idle(&self, stopping: bool) -> bool {
        (stopping || self.erasing.is_empty()) && self.shared.queue.is_empty()
    }

    /// Everything once, a piece of each.
    fn turn(&mut self) -> Result<(), Trouble> {
        self.shared.reported().map_or(Ok(()), Err)?;
        self.mount()?;
        self.look()?;
        self.pay()?;
        self.hear()?;
        self.write()?;
        self.note_uses()?;
        self.judge()?;
        self.erase()?;
        self.evict()?;
        self.sweep()
    }

    /// Opens the disk if it is not, and after a failure makes sure that it can be written.
    fn mount(&mut self) -> Result<(), Trouble> {
        if self.open.is_none() {
            let (disk, index) = Disk::open(&self.settings)?;
            // What another process began to erase, it may not have finished.
            let open = rows::open_purges(&index, i64::MAX)?;
            self.erasing.retain(|erasing| erasing.reply.is_some());
            self.erasing
                .extend(open.into_iter().map(|(number, purge)| Erasing::unasked(number, purge)));
            let disk = Arc::new(disk);
            self.shared.set_disk(Some(Arc::clone(&disk)));
            tracing::info!(folder = %disk.path().display(), "pictures are kept on disk");
            self.open = Some(Open { disk, index, sweep: Some(0), looked: None, max_bytes: 0 });
            self.look()?;
        }
        if self.failed {
            // On a full disk our share is less than it was. Room is made before anything is written.
            self.look()?;
            let _ = self.evict();
            let open = opened(&mut self.open)?;
            open.disk.folder.probe()?;
            self.failed = false;
            self.shared.set_trouble(None);
        }
        Ok(())
    }

    /// Whether the folder is still there, and how much of its file system is ours.
    fn look(&mut self) -> Result<(), Trouble> {
        let open = opened(&mut self.open)?;
        // Every time: by an index that was replaced, the files of its successor are rubbish.
        if !open.disk.is_in_place() {
            return Err(Trouble::Unusable("the index was removed or replaced".into()));
        }
        if open.looked.is_some_and(|looked| looked.elapsed() < self.timing.rest) {
            return Ok(());
        }
        let kept = rows::totals(&open.index)?;
        let (total, free) = open.disk.folder.space()?;
        open.max_bytes = share(self.settings.max_bytes, total, free, kept.bytes);
        open.looked = Some(Instant::now());
        self.shared.counters.set(kept);
        self.shared.counters.set_max_bytes(open.max_bytes);
        Ok(())
    }

    /// Enters purges that came while the index could not be asked.
    fn pay(&mut self) -> Result<(), Trouble> {
        let open = opened(&mut self.open)?;
        let owed = self.shared.queue.owed();
        for purge in &owed {
            let last = self.shared.log.epoch();
            let entered = write(&mut open.index, |index| rows::enter_purge(index, purge, last))?;
            self.shared.log.enter_numbered(entered.0, purge.clone());
            self.erasing.push(Erasing::unasked(entered.0, purge.clone()));
        }
        self.shared.queue.paid(&owed);
        Ok(())
    }

    /// Applies purges of other processes.
    fn hear(&mut self) -> Result<(), Trouble> {
        let open = opened(&mut self.open)?;
        // At the start there is nothing here that they could mean.
        let since = self.seen.unwrap_or(0);
        for (number, purge) in rows::purges_since(&open.index, since)? {
            if self.shared.log.enter_numbered(number, purge.clone()) && self.seen.is_some() {
                self.shared.queue.purge(&purge);
                (self.apply)(&purge);
            }
            self.seen = Some(number);
        }
        self.seen.get_or_insert(0);
        Ok(())
    }

    fn write(&mut self) -> Result<(), Trouble> {
        let open = opened(&mut self.open)?;
        let batch = self.shared.queue.take();
        if batch.is_empty() {
            return Ok(());
        }
        let (folder, mut written) = (&open.disk.folder, Vec::new());
        // A picture that would take more than an eighth pushes out too many others.
        let largest = open.max_bytes / 8;
        let result = write(&mut open.index, |index| {
            for (request, operation) in batch.operations() {
                match operation {
                    Operation::Record(record) if record.variant.bytes.len() as u64 <= largest => {
                        written.extend(rows::record(index, folder, request, record)?);
                    }
                    _ => rows::forget(index, folder, request)?,
                }
            }
            Ok(())
        });
        match result {
            Ok(()) => self.shared.queue.done(&batch),
            Err(trouble) => {
                written.iter().for_each(|content| folder.remove(content));
                let dropped = self.shared.queue.failed(&batch);
                Counters::add(&self.shared.counters.dropped, dropped);
                return Err(trouble);
            }
        }
        self.shared.counters.set(rows::totals(&open.index)?);
        Ok(())
    }

    fn note_uses(&mut self) -> Result<(), Trouble> {
        let open = opened(&mut self.open)?;
        if self.uses_written.elapsed() < self.timing.write_uses_every {
            return Ok(());
        }
        self.uses_written = Instant::now();
        let uses = self.shared.queue.take_uses();
        if uses.is_empty() {
            return Ok(());
        }
        write(&mut open.index, |index| {
            let mut update =
                index.prepare_cached("UPDATE entries SET used = ?2 WHERE request = ?1")?;
            for (request, used) in &uses {
                update.execute(params![request.0, used])?;
            }
            Ok(())
        })
    }

    /// Reads again what a reader found damaged: it may have been written anew.
    fn judge(&mut self) -> Result<(), Trouble> {
        let open = opened(&mut self.open)?;
        for content in self.shared.queue.take_suspects() {
            let folder = &open.disk.folder;
            let removed = write(&mut open.index, |index| match folder.read(&content) {
                Ok(_) => Ok(false),
                Err(Unread::Useless) => {
                    rows::remove_variant(index, folder, &content).map(|()| true)
                }
                Err(Unread::Failed(error)) => Err(error.into()),
            })?;
            Counters::add(&self.shared.counters.corrupt, u64::from(removed));
        }
        Ok(())
    }

    /// Deletes some of what purges mean, oldest purge first.
    fn erase(&mut self) -> Result<(), Trouble> {
        let open = opened(&mut self.open)?;
        self.erasing.extend(self.shared.queue.take_erasing());
        let Some(erasing) = self.erasing.first_mut() else { return Ok(()) };
        let (folder, number) = (&open.disk.folder, erasing.number);
        let removed = write(&mut open.index, |index| {
            let meant = rows::meant(index, &erasing.purge, number, ERASE)?;
            if meant.is_empty() {
                index.execute("UPDATE purges SET done = 1 WHERE id = ?1", [number])?;
            }
            rows::remove(index, folder, &meant)
        })?;
        erasing.so_far.requests += removed.entries;
        erasing.so_far.variants += removed.variants;
        erasing.so_far.bytes += removed.bytes;
        if removed.entries == 0 {
            self.erasing.remove(0).finish();
        }
        self.shared.counters.set(rows::totals(&open.index)?);
        Ok(())
    }

    fn evict(&mut self) -> Result<(), Trouble> {
        let open = opened(&mut self.open)?;
        let max_age = i64::try_from(self.settings.max_age.as_millis()).unwrap_or(i64::MAX);
        let bounds = Bounds {
            max_bytes: open.max_bytes,
            max_entries: self.settings.max_entries,
            oldest: now_ms().saturating_sub(max_age),
        };
        loop {
            let evicted = evict(&mut open.index, &open.disk.folder, bounds)?;
            if evicted == 0 {
                return Ok(());
            }
            Counters::add(&self.shared.counters.evicted, evicted);
            self.shared.counters.set(rows::totals(&open.index)?);
        }
    }

    fn sweep(&mut self) -> Result<(), Trouble> {
        let open = opened(&mut self.open)?;
        if let Some(first) = open.sweep {
            sweep(&mut open.index, &open.disk.folder, first)?;
            open.sweep = first.checked_add(1);
        }
        Ok(())
    }

    fn fail(&mut self, trouble: Trouble) {
        match &trouble {
            // What is there can still be read.
            Trouble::Full(_) | Trouble::ReadOnly(_) => {}
            Trouble::Corrupt(_) => {
                Counters::add(&self.shared.counters.corrupt, 1);
                // Another process may have replaced it already.
                let replaced = self.open.as_ref().is_some_and(|open| !open.disk.is_in_place());
                drop(self.close());
                let folder = Folder::open(&self.settings.folder);
                if !replaced
                    && let Err(trouble) = folder.and_then(|folder| connect::set_aside(&folder))
                {
                    tracing::warn!(%trouble, "a corrupt index cannot be moved aside");
                }
            }
            _ => drop(self.close()),
        }
        // Whoever waits for a purge learns that it holds, and not when it will be over.
        for erasing in &mut self.erasing {
            erasing.so_far.pending = true;
            erasing.reply();
        }
        self.failed = true;
        self.shared.set_trouble(Some(trouble));
    }

    fn close(&mut self) -> Option<Open> {
        self.shared.set_disk(None);
        self.open.take()
    }
}

fn opened(open: &mut Option<Open>) -> Result<&mut Open, Trouble> {
    open.as_mut().ok_or_else(|| Trouble::Unusable("it is not open".into()))
}

impl Erasing {
    fn unasked(number: i64, purge: Purge) -> Self {
        Self { number, purge, so_far: Purged::default(), reply: None }
    }

    fn reply(&mut self) {
        if let Some(reply) = self.reply.take() {
            let _ = reply.send(self.so_far);
        }
    }

    fn finish(mut self) {
        self.reply();
    }
}
