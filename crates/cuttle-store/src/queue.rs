//! What the disk has not heard yet, bounded.
//!
//! One operation for each request, the last one, and whoever looks a request up sees it here first. When there is no room
//! for a picture it is dropped, but never silently for the disk: what the index says of that request would be older
//! than what is known, so it is forgotten instead. When there are too many to forget, everything is. What is to be forgotten goes
//! first, as someone waits for it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::{ContentKey, Epoch, Purge, Purged, RequestDigest, Variant};

/// An entry and the variant that it names.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) content: ContentKey,
    pub(crate) state: Box<[u8]>,
    pub(crate) application: Arc<str>,
    pub(crate) source: Arc<str>,
    pub(crate) variant: Variant,
    /// Before it was made.
    pub(crate) since: Epoch,
}

#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Record(Arc<Record>),
    Forget,
}

/// A purge whose entries are void and not yet deleted.
#[derive(Debug)]
pub(crate) struct Erasing {
    pub(crate) number: i64,
    pub(crate) purge: Purge,
    pub(crate) so_far: Purged,
    pub(crate) reply: Option<oneshot::Sender<Purged>>,
}

#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    max_bytes: u64,
}

#[derive(Debug, Default)]
struct Waiting {
    slots: HashMap<RequestDigest, Slot>,
    order: VecDeque<RequestDigest>,
    bytes: u64,
    next: u64,
    /// Requests that were answered, and whose entry is therefore not the next to go.
    used: HashSet<RequestDigest>,
    /// Contents whose file was not what it should be.
    suspect: HashSet<ContentKey>,
    erasing: Vec<Erasing>,
    /// Purges that could not be entered into the index. Nothing is read from it before they are.
    owed: Vec<Purge>,
    flushed: Vec<oneshot::Sender<()>>,
    stopping: bool,
    closed: bool,
    woken: bool,
}

#[derive(Debug)]
struct Slot {
    operation: Operation,
    /// Tells a later operation of the same request from the one that is being written.
    version: u64,
    /// Whether it is in `order`, and not being written.
    listed: bool,
    /// Whoever waits for it is told by its end, whatever that is.
    told: Vec<oneshot::Sender<()>>,
}

/// Operations to be written together.
#[derive(Debug, Default)]
pub(crate) struct Batch(Vec<(RequestDigest, u64, Operation)>);

/// What is known of a request that the disk has not heard of.
#[derive(Debug)]
pub(crate) enum Pending {
    Record(Arc<Record>),
    Forgotten,
}

/// What a request that waits costs beside what it brings: its slot, its place in the order, allocations.
const SLOT_BYTES: u64 = 256;
/// What a note costs: a digest in a table that is half full.
const NOTE_BYTES: u64 = 80;
/// Purges that a broken disk is owed, one by one; beyond, all of it goes.
const MAX_OWED: usize = 64;
/// One transaction: others wait for it, and the log of the index holds all of it. An operation changes some ten pages of it.
const BATCH: usize = 64;
const BATCH_BYTES: u64 = 8 << 20;

impl Operation {
    fn bytes(&self) -> u64 {
        let brings = match self {
            Self::Record(record) => {
                record.variant.bytes.len() + record.state.len() + record.source.len() + 256
            }
            Self::Forget => 0,
        };
        SLOT_BYTES + brings as u64
    }
}

impl Queue {
    /// Half of `max_bytes` is for pictures, three eighths for what is to be forgotten in their place, and an eighth for notes.
    pub(crate) fn new(max_bytes: u64) -> Self {
        Self { waiting: Mutex::default(), wake: Condvar::new(), max_bytes }
    }

    /// Uses or suspicions that are worth remembering; more of them are lost without harm.
    fn max_notes(&self) -> usize {
        usize::try_from(self.max_bytes / 16 / NOTE_BYTES).unwrap_or(usize::MAX)
    }

    /// Lists an operation; how many pictures were dropped.
    pub(crate) fn push(&self, request: RequestDigest, operation: Operation) -> u64 {
        let mut waiting = self.lock();
        let replaced = waiting.slots.get(&request).map_or(0, |slot| slot.operation.bytes());
        let fits = waiting.bytes - replaced + operation.bytes() <= self.max_bytes / 2;
        let operation = if fits { operation } else { Operation::Forget };
        waiting.put(request, operation);
        let dropped = u64::from(!fits) + waiting.bound(self.max_bytes / 8 * 7);
        self.wake.notify_one();
        dropped
    }

    /// Lists a request to be forgotten, before everything else; how many pictures were dropped, and when it is on the disk or
    /// cannot be.
    pub(crate) fn forget(&self, request: RequestDigest) -> (u64, oneshot::Receiver<()>) {
        let (sender, told) = oneshot::channel();
        let mut waiting = self.lock();
        if !waiting.closed {
            waiting.put(request, Operation::Forget);
            waiting.slots.entry(request).and_modify(|slot| slot.told.push(sender));
        }
        let dropped = waiting.bound(self.max_bytes / 8 * 7);
        self.wake.notify_one();
        (dropped, told)
    }

    pub(crate) fn pending(&self, request: &RequestDigest) -> Option<Pending> {
        let waiting = self.lock();
        match waiting.slots.get(request) {
            Some(Slot { operation: Operation::Record(record), .. }) => {
                Some(Pending::Record(Arc::clone(record)))
            }
            Some(_) => Some(Pending::Forgotten),
            None => (!waiting.owed.is_empty()).then_some(Pending::Forgotten),
        }
    }

    /// Whether a variant may be read by its content alone: not while a purge is owed.
    pub(crate) fn trusts_disk(&self) -> bool {
        self.lock().owed.is_empty()
    }

    /// The next operations, of somewhat more than `max_bytes` at most, which stay visible until they are [`done`](Self::done) or [`failed`](Self::failed).
    pub(crate) fn take(&self, max_bytes: u64) -> Batch {
        let mut waiting = self.lock();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH && bytes < max_bytes.min(BATCH_BYTES) {
            let Some(request) = waiting.order.pop_front() else { break };
            if let Some(slot) = waiting.slots.get_mut(&request).filter(|slot| slot.listed) {
                slot.listed = false;
                bytes += slot.operation.bytes();
                batch.push((request, slot.version, slot.operation.clone()));
            }
        }
        Batch(batch)
    }

    pub(crate) fn done(&self, batch: &Batch) {
        let mut waiting = self.lock();
        for (request, version, _) in &batch.0 {
            if waiting.slots.get(request).is_some_and(|slot| slot.version == *version) {
                waiting.remove(request);
            }
        }
    }

    /// Its pictures are dropped, and what the index says of them must be forgotten; how many.
    pub(crate) fn failed(&self, batch: &Batch) -> u64 {
        let mut waiting = self.lock();
        let mut dropped = 0;
        for (request, version, operation) in batch.0.iter().rev() {
            if waiting.slots.get(request).is_some_and(|slot| slot.version == *version) {
                dropped += u64::from(matches!(operation, Operation::Record(_)));
                waiting.put(*request, Operation::Forget);
            }
        }
        dropped
    }

    pub(crate) fn note_use(&self, request: RequestDigest) {
        let mut waiting = self.lock();
        if waiting.used.len() < self.max_notes() {
            waiting.used.insert(request);
        }
    }

    pub(crate) fn suspect(&self, content: ContentKey) {
        let mut waiting = self.lock();
        if waiting.suspect.len() < self.max_notes() {
            waiting.suspect.insert(content);
        }
        self.wake.notify_one();
    }

    /// Voids what waits and a purge matches.
    pub(crate) fn purge(&self, purge: &Purge) {
        self.lock().clear(|record| purge.matches(&record.application, &record.source));
    }

    pub(crate) fn erase(&self, erasing: Erasing) {
        let mut waiting = self.lock();
        if !waiting.closed {
            waiting.erasing.push(erasing);
        }
        self.wake.notify_one();
    }

    pub(crate) fn owe(&self, purge: Purge) {
        self.lock().owe(purge);
        self.wake.notify_one();
    }

    pub(crate) fn owed(&self) -> Vec<Purge> {
        self.lock().owed.clone()
    }

    /// The first `paid` of what was [`owed`](Self::owed) are in the index now.
    pub(crate) fn paid(&self, paid: &[Purge]) {
        let mut waiting = self.lock();
        // Replaced by "all" meanwhile: that one is still owed.
        if waiting.owed.starts_with(paid) {
            waiting.owed.drain(..paid.len());
        }
    }

    pub(crate) fn take_uses(&self) -> Vec<RequestDigest> {
        mem::take(&mut self.lock().used).into_iter().collect()
    }

    pub(crate) fn take_suspects(&self, limit: usize) -> Vec<ContentKey> {
        let mut waiting = self.lock();
        let some: Vec<_> = waiting.suspect.iter().take(limit).copied().collect();
        for content in &some {
            waiting.suspect.remove(content);
        }
        some
    }

    pub(crate) fn take_erasing(&self) -> Vec<Erasing> {
        mem::take(&mut self.lock().erasing)
    }

    pub(crate) fn bytes(&self) -> u64 {
        let waiting = self.lock();
        waiting.bytes + (waiting.used.len() + waiting.suspect.len()) as u64 * NOTE_BYTES
    }

    /// Asks to be told when nothing waits any more, or nothing can be done about it.
    pub(crate) fn flush(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.lock();
        if !waiting.closed {
            waiting.flushed.push(sender);
        }
        self.wake.notify_one();
        receiver
    }

    /// Tells everyone who waits: there is nothing left to write, or no way to.
    pub(crate) fn flushed(&self) {
        let mut waiting = self.lock();
        waiting.flushed.clear();
        waiting.slots.values_mut().for_each(|slot| slot.told.clear());
    }

    /// Nothing will be written any more: whoever waits is told, and nobody begins to.
    pub(crate) fn close(&self) {
        *self.lock() = Waiting { closed: true, ..Waiting::default() };
    }

    /// Ends the writer's rest: there is something to see to.
    pub(crate) fn wake(&self) {
        self.lock().woken = true;
        self.wake.notify_one();
    }

    pub(crate) fn stop(&self) {
        self.lock().stopping = true;
        self.wake.notify_one();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    pub(crate) fn is_empty(&self) -> bool {
        let waiting = self.lock();
        waiting.slots.is_empty() && waiting.erasing.is_empty() && waiting.suspect.is_empty()
    }

    /// Waits for something to do, or for `pause`.
    pub(crate) fn wait(&self, pause: Duration) {
        let idle = |waiting: &mut Waiting| {
            let quiet = waiting.order.is_empty() && waiting.erasing.is_empty();
            let asked = !waiting.flushed.is_empty() || !waiting.suspect.is_empty();
            quiet && !asked && !waiting.stopping && !waiting.woken
        };
        let waited = self.wake.wait_timeout_while(self.lock(), pause, idle);
        waited.unwrap_or_else(PoisonError::into_inner).0.woken = false;
    }

    /// Waits whatever there is to do, unless the end has come.
    pub(crate) fn rest(&self, pause: Duration) {
        drop(self.wake.wait_timeout_while(self.lock(), pause, |waiting| !waiting.stopping));
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What they will take on the disk, rather too much: blocks of files, and pages of the index, which are a third empty.
    pub(crate) fn bytes_on_disk(&self) -> u64 {
        let of_record = |record: &Record| {
            let file = (record.variant.bytes.len() as u64 + 512).next_multiple_of(4096);
            file + 2 * (record.source.len() + record.state.len()) as u64 + 1024
        };
        self.operations()
            .map(|(_, operation)| match operation {
                Operation::Record(record) => of_record(record),
                Operation::Forget => 0,
            })
            .sum()
    }

    pub(crate) fn operations(&self) -> impl Iterator<Item = (&RequestDigest, &Operation)> {
        self.0.iter().map(|(request, _, operation)| (request, operation))
    }
}

impl Waiting {
    fn put(&mut self, request: RequestDigest, operation: Operation) {
        if self.closed {
            return;
        }
        let (listed, told) =
            self.remove(&request).map_or_else(Default::default, |slot| (slot.listed, slot.told));
        self.next += 1;
        self.bytes += operation.bytes();
        match (listed, &operation) {
            (true, _) => {}
            (false, Operation::Forget) => self.order.push_front(request),
            (false, Operation::Record(_)) => self.order.push_back(request),
        }
        self.slots.insert(request, Slot { operation, version: self.next, listed: true, told });
    }

    /// When there are too many, none is kept, and all of the index is to be forgotten; how many pictures were dropped.
    fn bound(&mut self, max_bytes: u64) -> u64 {
        if self.bytes <= max_bytes {
            return 0;
        }
        let dropped = self.clear(|_| true);
        self.owe(Purge::EVERYTHING);
        dropped
    }

    fn remove(&mut self, request: &RequestDigest) -> Option<Slot> {
        let slot = self.slots.remove(request)?;
        self.bytes -= slot.operation.bytes();
        Some(slot)
    }

    /// Drops records; how many.
    fn clear(&mut self, voids: impl Fn(&Record) -> bool) -> u64 {
        let before = self.slots.len();
        self.slots.retain(|_, slot| match &slot.operation {
            Operation::Record(record) => !voids(record),
            Operation::Forget => true,
        });
        let Self { order, slots, .. } = self;
        order.retain(|request| slots.get(request).is_some_and(|slot| slot.listed));
        self.weigh();
        (before - self.slots.len()) as u64
    }

    fn owe(&mut self, purge: Purge) {
        self.owed.push(purge);
        if self.owed.len() > MAX_OWED || self.owed.contains(&Purge::EVERYTHING) {
            // Whatever was to be forgotten one by one is forgotten by this.
            self.owed = vec![Purge::EVERYTHING];
            self.slots.retain(|_, slot| matches!(slot.operation, Operation::Record(_)));
            let Self { order, slots, .. } = self;
            order.retain(|request| slots.contains_key(request));
            self.weigh();
        }
    }

    fn weigh(&mut self) {
        self.bytes = self.slots.values().map(|slot| slot.operation.bytes()).sum();
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
