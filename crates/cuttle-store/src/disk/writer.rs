//! The one thread that writes to the disk, and all that it does, as one list.
//!
//! Every failure ends a turn, is said, and is tried again after a rest; what could not be written meanwhile is dropped or, where
//! that would leave something older in its place, forgotten.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::disk::announced::Announced;
use crate::disk::bounds::{Bounds, shrink};
use crate::disk::database::{Database, write};
use crate::disk::evict::evict;
use crate::disk::folder::{Unread, identity};
use crate::disk::layouts::{Layout, Layouts};
use crate::disk::open::Open;
use crate::disk::shared::{Shared, Timing};
use crate::disk::sweep::sweep;
use crate::disk::{connect, rows};
use crate::file::MAX_PICTURE_BYTES;
use crate::purge::now_ms;
use crate::queue::{Erasing, Operation};
use crate::usage::Counters;
use crate::{DiskSettings, Purge, Purged, Trouble};

/// Removes from memory what a purge of another process matches.
pub(crate) type Apply = Box<dyn Fn(&Purge) + Send>;

pub(crate) struct Writer {
    shared: Arc<Shared>,
    settings: DiskSettings,
    timing: Timing,
    apply: Apply,
    open: Option<Open>,
    /// Where writing failed last, reading may still work.
    failed: bool,
    erasing: Vec<Erasing>,
    /// There is more to evict, or to give back to the disk, than one turn did.
    evicting: bool,
    /// The last purge of the index that was applied here.
    seen: i64,
    uses_written: Instant,
}

/// Uses that are noted in one transaction, all of which the log of the index holds.
const NOTE: usize = 64;
/// Whether an older version is still running is asked by a lock that it notices.
const REMOVE_OLDER_EVERY: Duration = Duration::from_secs(2);
/// Files that a reader found damaged and one turn reads again.
const JUDGE: usize = 64;
/// How long one turn evicts: purges of other processes are to be heard within a second.
const EVICT: Duration = Duration::from_millis(100);

impl Writer {
    /// Opens the disk if that is possible now.
    pub(crate) fn new(
        shared: Arc<Shared>,
        settings: DiskSettings,
        timing: Timing,
        apply: Apply,
    ) -> Self {
        let mut writer = Self {
            shared,
            settings,
            timing,
            apply,
            open: None,
            failed: false,
            erasing: Vec::new(),
            evicting: false,
            seen: 0,
            uses_written: Instant::now(),
        };
        if let Err(trouble) = writer.mount().and_then(|()| writer.hear()) {
            writer.fail(trouble);
        }
        writer
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
        let anew = self.open.as_ref().is_some_and(|open| open.anew);
        match (self.evicting || anew || !self.erasing.is_empty(), sweeping) {
            (true, _) => Duration::ZERO,
            (false, true) => self.timing.sweep_pause,
            (false, false) => self.timing.tick,
        }
    }

    /// What is left to be erased or evicted may be left to the next start.
    fn is_idle(&self, stopping: bool) -> bool {
        (stopping || self.erasing.is_empty() && !self.evicting) && self.shared.queue.is_empty()
    }

    /// Everything once, a piece of each.
    fn turn(&mut self) -> Result<(), Trouble> {
        self.shared.reported().map_or(Ok(()), Err)?;
        self.mount()?;
        self.look()?;
        self.pay()?;
        self.hear()?;
        // First, so that a picture that was made anew for a damaged file is written.
        self.judge()?;
        self.evict()?;
        if !self.evicting && self.open.as_ref().is_some_and(|open| !open.anew) {
            self.write()?;
        }
        self.note_uses()?;
        self.erase()?;
        self.evict()?;
        self.sweep()
    }

    /// Opens the disk if it is not, and after a failure makes sure that it can be written.
    fn mount(&mut self) -> Result<(), Trouble> {
        if self.open.is_none() {
            let (disk, index, new) = Database::open(&self.settings)?;
            // What another process began to erase, it may not have finished.
            let open = rows::open_purges(&index, i64::MAX)?;
            self.erasing.retain(|erasing| erasing.reply.is_some());
            self.erasing
                .extend(open.into_iter().map(|(number, purge)| Erasing::unasked(number, purge)));
            let disk = Arc::new(disk);
            self.shared.set_disk(Some(Arc::clone(&disk)));
            tracing::info!(folder = %disk.path().display(), "images are cached on disk");
            self.open = Some(Open::new(disk, index));
            self.look()?;
            let open = opened(&mut self.open)?;
            open.anew = new && open.beside > 0;
        }
        if self.failed {
            // On a full disk our share is less than it was. Room is made before anything is written.
            self.look()?;
            let _ = self.evict();
            // Reading works on a full disk, and a purge of another process may still have fitted.
            self.hear()?;
            let open = opened(&mut self.open)?;
            open.disk.folder.probe()?;
            write(&mut open.index, |_| Ok(()))?;
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
        open.bound_log()?;
        if open.looked.is_some_and(|looked| looked.elapsed() < self.timing.rest) {
            return Ok(());
        }
        if open.removed.is_none_or(|at| at.elapsed() >= REMOVE_OLDER_EVERY) {
            open.removed = Some(Instant::now());
            open.disk.layouts.remove_unused()?;
        }
        let kept = open.measure(self.settings.max_bytes)?;
        self.shared.counters.set(kept);
        self.shared.counters.set_bytes(kept.index_bytes, open.max_bytes);
        Ok(())
    }

    /// Enters purges that came while the index could not be asked.
    fn pay(&mut self) -> Result<(), Trouble> {
        let open = opened(&mut self.open)?;
        let owed = self.shared.queue.owed();
        for purge in &owed {
            let last = self.shared.log.epoch();
            let entered = write(&mut open.index, |index| rows::enter_purge(index, purge, last))?;
            open.disk.layouts.announce(purge);
            self.shared.log.enter_numbered(entered.0, purge.clone());
            self.erasing.push(Erasing::unasked(entered.0, purge.clone()));
        }
        self.shared.queue.paid(&owed);
        Ok(())
    }

    /// Enters purges that other versions on the same folder announced.
    fn hear_others(&mut self) -> Result<(), Trouble> {
        let open = opened(&mut self.open)?;
        let now = open.disk.layouts.announcements();
        if now == open.announcements {
            return Ok(());
        }
        let heard = rows::heard(&open.index)?;
        for Announced { number, purge, .. } in open.disk.layouts.announced_since(heard)? {
            let last = self.shared.log.epoch();
            let entered = write(&mut open.index, |index| {
                // Another process of this version may have been faster.
                if rows::heard(index)? >= number {
                    return Ok(None);
                }
                rows::set_heard(index, number)?;
                rows::enter_purge(index, &purge, last).map(Some)
            })?;
            self.erasing.extend(entered.map(|epoch| Erasing::unasked(epoch.0, purge)));
        }
        // What was added meanwhile changes it again.
        open.announcements = now;
        Ok(())
    }

    /// Applies purges of other processes.
    fn hear(&mut self) -> Result<(), Trouble> {
        self.hear_others()?;
        let open = opened(&mut self.open)?;
        // Also at the first time: without a disk there has been memory.
        for (number, purge) in rows::purges_since(&open.index, self.seen)? {
            if self.shared.log.enter_numbered(number, purge.clone()) {
                self.shared.queue.purge(&purge);
                (self.apply)(&purge);
            }
            self.seen = number;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), Trouble> {
        let bounds = self.bounds();
        let open = opened(&mut self.open)?;
        let batch = self.shared.queue.take(bounds.max_bytes / 16);
        if batch.is_empty() {
            return Ok(());
        }
        // Room first: at no moment is there more than there may be.
        let (mut evicted, more) = (0, batch.bytes_on_disk());
        let room = loop {
            match open
                .bound_log()
                .and_then(|()| evict(&mut open.index, &open.disk.folder, bounds, more))
            {
                Ok(0) => break Ok(()),
                Ok(some) => evicted += some,
                Err(trouble) => break Err(trouble),
            }
        };
        Counters::add(&self.shared.counters.evicted, evicted);
        let (folder, mut written, mut too_large) = (&open.disk.folder, Vec::new(), 0);
        // A picture that would take more than an eighth pushes out too many others.
        let largest = (open.max_bytes / 8).min(MAX_PICTURE_BYTES);
        let result = room.and_then(|()| write(&mut open.index, |index| {
            for (request, operation) in batch.operations() {
                match operation {
                    Operation::Record(record) if record.variant.bytes.len() as u64 <= largest => {
                        written.extend(rows::record(index, folder, request, record)?);
                    }
                    Operation::Record(record) => {
                        let bytes = record.variant.bytes.len();
                        tracing::debug!(source = %record.source, bytes, largest, "the image is too large for the disk cache, so it is cached in memory only");
                        too_large += 1;
                        rows::forget(index, folder, request)?;
                    }
                    Operation::Forget => rows::forget(index, folder, request)?,
                }
            }
            rows::totals(index)
        }));
        match result {
            Ok(kept) => {
                // Before anyone is told.
                Counters::add(&self.shared.counters.dropped, too_large);
                self.shared.counters.set(kept);
                self.shared.queue.done(&batch);
                Ok(())
            }
            Err(trouble) => {
                written.iter().for_each(|content| folder.remove(content));
                let dropped = self.shared.queue.failed(&batch);
                Counters::add(&self.shared.counters.dropped, dropped);
                Err(trouble)
            }
        }
    }

    fn note_uses(&mut self) -> Result<(), Trouble> {
        let open = opened(&mut self.open)?;
        let due = self.uses_written.elapsed() >= self.timing.write_uses_every;
        if !due && !self.shared.queue.is_stopping() {
            return Ok(());
        }
        self.uses_written = Instant::now();
        for uses in self.shared.queue.take_uses().chunks(NOTE) {
            open.bound_log()?;
            write(&mut open.index, |index| rows::note_uses(index, uses.iter().copied()))?;
        }
        Ok(())
    }

    /// Reads again what a reader found damaged: it may have been written anew.
    fn judge(&mut self) -> Result<(), Trouble> {
        let open = opened(&mut self.open)?;
        for content in self.shared.queue.take_suspects(JUDGE) {
            open.bound_log()?;
            let folder = &open.disk.folder;
            let removed = write(&mut open.index, |index| match folder.read(&content) {
                Ok(_) => Ok(None),
                Err(Unread::Useless) => rows::remove_variant(index, folder, &content).map(Some),
                Err(Unread::Failed(error)) => Err(error.into()),
            })?;
            match removed {
                None => {}
                Some(true) => Counters::add(&self.shared.counters.corrupt, 1),
                // More entries name it than one transaction removes.
                Some(false) => self.shared.queue.suspect(content),
            }
        }
        Ok(())
    }

    /// Deletes some of what purges match, oldest purge first.
    fn erase(&mut self) -> Result<(), Trouble> {
        let open = opened(&mut self.open)?;
        self.erasing.extend(self.shared.queue.take_erasing());
        let Some(erasing) = self.erasing.first_mut() else { return Ok(()) };
        let (folder, number) = (&open.disk.folder, erasing.number);
        let removed = write(&mut open.index, |index| {
            let removed = rows::erase(index, folder, (number, &erasing.purge))?;
            if removed.requests == 0 {
                index.execute("UPDATE purges SET done = 1 WHERE id = ?1", [number])?;
            }
            Ok(removed)
        })?;
        let over = removed.requests == 0;
        erasing.so_far += removed;
        if over {
            self.erasing.remove(0).finish();
        }
        self.shared.counters.set(rows::totals(&open.index)?);
        Ok(())
    }

    fn bounds(&self) -> Bounds {
        let max_age = i64::try_from(self.settings.max_age.as_millis()).unwrap_or(i64::MAX);
        let of_open = |open: &Open| (open.max_bytes, open.beside + open.disk.folder.bytes_made());
        let (max_bytes, beside) = self.open.as_ref().map_or_else(Default::default, of_open);
        let max_entries = self.settings.max_entries;
        Bounds { max_bytes, max_entries, oldest: now_ms().saturating_sub(max_age), beside }
    }

    fn evict(&mut self) -> Result<(), Trouble> {
        let bounds = self.bounds();
        let open = opened(&mut self.open)?;
        let begun = Instant::now();
        self.evicting = true;
        while self.evicting && begun.elapsed() < EVICT {
            open.bound_log()?;
            let evicted = evict(&mut open.index, &open.disk.folder, bounds, 0)?;
            let shrinking = shrink(&open.index, open.max_bytes)?;
            self.evicting = evicted > 0 || shrinking;
            if evicted > 0 {
                Counters::add(&self.shared.counters.evicted, evicted);
                self.shared.counters.set(rows::totals(&open.index)?);
            }
        }
        Ok(())
    }

    fn sweep(&mut self) -> Result<(), Trouble> {
        let open = opened(&mut self.open)?;
        if let Some(first) = open.sweep {
            sweep(&mut open.index, &open.disk.folder, first)?;
            open.sweep = first.checked_add(1);
            open.anew &= open.sweep.is_some();
        }
        Ok(())
    }

    fn fail(&mut self, trouble: Trouble) {
        match &trouble {
            // What is there can still be read.
            Trouble::Full(_) | Trouble::ReadOnly(_) | Trouble::Busy(_) => {}
            Trouble::Corrupt(_) => {
                Counters::add(&self.shared.counters.corrupt, 1);
                if let Err(trouble) = self.set_aside() {
                    tracing::warn!(%trouble, "the index of the disk cache is corrupt and cannot be renamed to index.corrupt: delete it");
                }
            }
            _ => drop(self.close()),
        }
        // Whoever waits for a purge learns that it holds, and not when it will be over.
        self.erasing.extend(self.shared.queue.take_erasing());
        for erasing in &mut self.erasing {
            erasing.so_far.pending = true;
            erasing.reply();
        }
        self.failed = true;
        self.shared.set_trouble(Some(trouble));
    }

    fn set_aside(&mut self) -> Result<(), Trouble> {
        let open = self.close();
        let layout = Layout::ours(self.settings.state_layout);
        let (_, folder) = Layouts::open(&self.settings.folder, layout)?;
        let corrupt = match open {
            Some(open) => open.disk.identity,
            None => identity(&folder.index())?,
        };
        connect::set_aside(&folder, corrupt)
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
            let _ = reply.send(self.so_far.clone());
        }
    }

    fn finish(mut self) {
        self.reply();
    }
}
