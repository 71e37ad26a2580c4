//! The store as its callers see it: memory at once, the disk when there is one.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, oneshot};

use crate::disk::{Row, Shared, Timing, Writer};
use crate::memory::{Memory, Seen};
use crate::queue::{Erasing, Operation, Pending, Record};
use crate::usage::Counters;
use crate::{
    ContentKey, Entry, Epoch, Purge, Purged, RequestDigest, StoreSettings, Trouble, Usage, Variant,
};

/// Variants and the index that finds them. `S` is the state of a source, in the words of whoever loads it. Clones share
/// everything; when the last one goes, what waits for the disk is written first.
#[derive(Debug)]
pub struct Store<S: Clone + Send + Sync + 'static>(Arc<Tiers<S>>);

impl<S: Clone + Send + Sync + 'static> Clone for Store<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Tiers<S: Clone + Send + Sync + 'static> {
    memory: Arc<Memory<S>>,
    shared: Arc<Shared>,
    /// Look-ups on disk at a time: each has a connection and a file in memory.
    reads: Arc<Semaphore>,
    /// What a look-up waits for a disk.
    read_within: Duration,
    /// Nothing without a disk.
    writer: Option<JoinHandle<()>>,
}

/// More do not make a disk faster.
const READS: usize = 16;

impl<S: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Store<S> {
    /// Opens a store. A disk that cannot be used is no failure but a trouble: everything is kept in memory until it can.
    /// Blocks on the disk for some milliseconds, however much is on it.
    #[must_use]
    pub fn open(settings: StoreSettings) -> (Self, Option<Trouble>) {
        Self::open_with(settings, Timing::default())
    }

    pub(crate) fn open_with(settings: StoreSettings, timing: Timing) -> (Self, Option<Trouble>) {
        let StoreSettings { memory_bytes, index_bytes, index_entries, queue_bytes, disk } =
            settings;
        let index = (index_bytes, index_entries);
        let memory = Arc::new(Memory::new(memory_bytes, index, timing.note_use_every));
        let shared = Arc::new(Shared::new(queue_bytes));
        let writer = disk.and_then(|disk| {
            let purged = Arc::clone(&memory);
            let apply = Box::new(move |purge: &Purge| {
                purged.purge(purge);
            });
            let writer = Writer::new(Arc::clone(&shared), disk, timing, apply);
            let thread = std::thread::Builder::new().name("cuttle-store".to_owned());
            let ended = Ended(Arc::clone(&shared));
            thread
                .spawn(move || {
                    let _ended = ended;
                    writer.run();
                })
                .inspect_err(|error| {
                    shared.set_trouble(Some(Trouble::Unusable(error.to_string().into())));
                })
                .ok()
        });
        let trouble = shared.trouble();
        let (reads, read_within) = (Arc::new(Semaphore::new(READS)), timing.read_within);
        (Self(Arc::new(Tiers { memory, shared, reads, read_within, writer })), trouble)
    }

    /// What memory knows of a request. Never blocks.
    #[must_use]
    pub fn peek(&self, request: &RequestDigest) -> Option<(Entry<S>, Variant)> {
        let Seen::Here(entry, variant, note) = self.0.memory.see(request) else { return None };
        if note && self.0.writer.is_some() {
            self.0.shared.queue.note_use(*request);
        }
        Some((entry, variant))
    }

    /// The variant of some content, if memory has it. Never blocks.
    #[must_use]
    pub fn peek_variant(&self, content: &ContentKey) -> Option<Variant> {
        self.0.memory.get(content)
    }

    /// What is known of a request, in memory or on disk.
    pub async fn find(&self, request: &RequestDigest) -> Option<(Entry<S>, Variant)> {
        let Tiers { memory, shared, writer, .. } = &*self.0;
        let named = match memory.see(request) {
            Seen::Here(..) => return self.peek(request),
            Seen::Forgotten => return None,
            Seen::Named(entry) => Some(entry),
            Seen::Unknown => None,
        };
        writer.as_ref()?;
        match shared.queue.pending(request) {
            Some(Pending::Record(record)) => {
                let Record { content, application, source, state, variant, .. } = &*record;
                let (application, source) = (Arc::clone(application), Arc::clone(source));
                let state = postcard::from_bytes(state).ok()?;
                let entry = Entry { content: *content, state, application, source };
                return Some((entry, variant.clone()));
            }
            Some(Pending::Forgotten) => return None,
            None => {}
        }
        if let Some(entry) = named {
            let variant = self.get(&entry.content).await?;
            return Some((entry, variant));
        }
        let since = self.epoch();
        let request = *request;
        let (row, variant) = self.read(move |shared| shared.find(&request)).await?;
        let Row { content, application, source, state: written } = row;
        let state = postcard::from_bytes(&written).ok()?;
        let (application, source) = (application.into(), source.into());
        let entry = Entry { content, state, application, source };
        memory.put(content, variant.clone());
        memory.promote(request, entry.clone(), written.len());
        if shared.log.voids(since, &entry.application, &entry.source) {
            memory.drop_entry(&request);
            memory.remove(&content);
            return None;
        }
        shared.queue.note_use(request);
        Some((entry, variant))
    }

    /// The variant of some content, in memory or on disk.
    pub async fn get(&self, content: &ContentKey) -> Option<Variant> {
        if let Some(variant) = self.peek_variant(content) {
            return Some(variant);
        }
        self.0.writer.as_ref()?;
        let (content, since) = (*content, self.epoch());
        let variant = match self.0.shared.get_at_once(&content) {
            None => self.read(move |shared| shared.get(&content)).await?,
            Some(variant) => variant,
        };
        self.put(since, content, variant.clone());
        Some(variant)
    }

    async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Shared) -> Option<T> + Send + 'static,
    ) -> Option<T> {
        let Tiers { shared, reads, read_within, .. } = &*self.0;
        if !shared.has_disk() {
            return None;
        }
        let reading = async {
            // Until the disk has answered, and not only until nobody waits: a dead disk holds few threads.
            let permit = Arc::clone(reads).acquire_owned().await.ok()?;
            let shared = Arc::clone(shared);
            let read = move || {
                let _permit = permit;
                ask(&shared)
            };
            tokio::task::spawn_blocking(read).await.ok()?
        };
        tokio::time::timeout(*read_within, reading).await.unwrap_or_else(|_| {
            shared.stalled();
            None
        })
    }

    /// The last purge so far. Whoever begins to make something notes it first, for [`put`](Self::put) and
    /// [`record`](Self::record), which keep nothing that a later purge matches.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.0.shared.log.epoch()
    }

    /// Whether a purge since then matches what an application had made from a source.
    #[must_use]
    pub fn voids(&self, since: Epoch, application: &str, source: &str) -> bool {
        self.0.shared.log.voids(since, application, source)
    }

    /// Keeps a variant in memory, for whoever needs the same content next; not when anything was purged since it was begun.
    /// The disk gets it with the entry that names it.
    pub fn put(&self, since: Epoch, content: ContentKey, variant: Variant) {
        let Tiers { memory, shared, .. } = &*self.0;
        if !shared.log.since(since) {
            memory.put(content, variant);
            // A purge that came meanwhile may have passed it by.
            if shared.log.since(since) {
                memory.remove(&content);
            }
        }
    }

    /// Remembers what answered a request, over anything older; not when its source was purged since it was begun.
    pub fn record(&self, since: Epoch, request: RequestDigest, entry: Entry<S>, variant: &Variant) {
        let Tiers { memory, shared, writer, .. } = &*self.0;
        if shared.log.voids(since, &entry.application, &entry.source) {
            return;
        }
        let content = entry.content;
        let (application, source) = (Arc::clone(&entry.application), Arc::clone(&entry.source));
        let state = postcard::to_stdvec(&entry.state);
        if memory.get(&content).is_none() {
            memory.put(content, variant.clone());
        }
        let news = memory.record(request, entry, state.as_ref().map_or(0, Vec::len));
        if news && writer.is_some() {
            let operation = state.map_or(Operation::Forget, |state| {
                let (application, source) = (Arc::clone(&application), Arc::clone(&source));
                let (state, variant) = (state.into(), variant.clone());
                let record = Record { content, state, application, source, variant, since };
                Operation::Record(Arc::new(record))
            });
            self.write(request, operation);
        }
        // A purge that came meanwhile may have passed by either.
        if shared.log.voids(since, &application, &source) {
            memory.drop_entry(&request);
            memory.remove(&content);
            self.write(request, Operation::Forget);
        }
    }

    /// Forgets what answered a request, and its variant unless another request is answered by it. Nothing of it is found from the
    /// first poll on, and at the end it is gone from the disk too, so that what someone was told to be gone does not come
    /// back after a crash. Ends also when the disk is broken: then it is owed. (A power cut may undo the last moments; what comes
    /// back by that is as stale as it was.)
    pub async fn forget(&self, request: &RequestDigest) {
        let Tiers { memory, shared, writer, .. } = &*self.0;
        memory.forget(*request);
        if writer.is_some() {
            let (dropped, told) = shared.queue.forget(*request);
            Counters::add(&shared.counters.dropped, dropped);
            let _ = told.await;
        }
    }

    fn write(&self, request: RequestDigest, operation: Operation) {
        if self.0.writer.is_some() {
            let dropped = self.0.shared.queue.push(request, operation);
            Counters::add(&self.0.shared.counters.dropped, dropped);
        }
    }

    /// Forgets what a purge matches, everywhere: in memory, on disk, in what is being written and in what is being made.
    /// From then on none of it is found; other processes on the same folder hear of it within a second. The answer comes
    /// when it is deleted too, or after three seconds. Goes on when nobody waits for it.
    pub async fn purge(&self, purge: impl Into<Purge>) -> Purged {
        let (tiers, purge) = (Arc::clone(&self.0), purge.into());
        // The last store may go meanwhile, and its thread must not be joined by a thread of the reactor for that.
        let purged = tokio::task::spawn_blocking(move || tiers.purge(purge)).await;
        let Ok((memory, reply)) = purged else {
            return Purged { pending: true, ..Purged::default() };
        };
        let Some(reply) = reply else { return memory };
        let told = tokio::time::timeout(DELETED_WITHIN, reply).await.ok();
        let pending = Purged { pending: true, ..Purged::default() };
        let disk = told.and_then(Result::ok).unwrap_or(pending);
        if disk.pending {
            return Purged { pending: true, ..memory };
        }
        // What memory no longer names, the disk may. What waited to be written is in memory only.
        let Purged { mut applications, requests, .. } = disk;
        for (id, of_memory) in memory.applications {
            let of_disk = applications.entry(id).or_default();
            *of_disk = of_memory.max(*of_disk);
        }
        let (requests, unreached) = (memory.requests.max(requests), memory.unreached);
        Purged { requests, applications, unreached, ..disk }
    }

    /// Waits until everything is on disk, or cannot be.
    pub async fn flush(&self) {
        if self.0.writer.is_some() {
            let _ = self.0.shared.queue.flush().await;
        }
    }

    /// How full it is. Does not block on the disk.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let Tiers { memory, shared, writer, .. } = &*self.0;
        let counters = &shared.counters;
        Usage {
            memory: memory.kept(),
            disk: writer.as_ref().map(|_| counters.kept()),
            disk_max_bytes: Counters::get(&counters.max_bytes),
            queued_bytes: shared.queue.bytes(),
            dropped_writes: Counters::get(&counters.dropped),
            corrupt: Counters::get(&counters.corrupt),
            evicted: Counters::get(&counters.evicted),
        }
    }

    /// Says that nothing is kept on disk although it should be, for a reason that does not pass while this process runs.
    pub fn lacks_disk(&self, trouble: Trouble) {
        self.0.shared.set_trouble(Some(trouble));
    }

    /// What keeps the disk from being used at present.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        self.0.shared.trouble()
    }
}

/// The end of the thread that writes, however it comes: nobody waits for it any more.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Deleting a million entries takes longer than anyone looks at a terminal.
const DELETED_WITHIN: Duration = Duration::from_secs(3);

impl<S: Clone + Send + Sync + 'static> Tiers<S> {
    /// Blocks until the purge holds; then its deletion can be waited for.
    fn purge(&self, purge: Purge) -> (Purged, Option<oneshot::Receiver<Purged>>) {
        let Self { memory, shared, writer, .. } = self;
        let entered = writer.as_ref().and_then(|_| shared.enter(&purge));
        match entered {
            Some((epoch, _)) => {
                shared.log.enter_numbered(epoch.0, purge.clone());
            }
            None => {
                shared.log.enter(purge.clone());
            }
        }
        shared.queue.purge(&purge);
        let pending = entered.is_none() && writer.is_some();
        if pending {
            shared.queue.owe(purge.clone());
        }
        let unreached = entered.is_some_and(|(_, reached)| !reached);
        let so_far = Purged { pending, unreached, ..memory.purge(&purge) };
        let reply = entered.map(|(epoch, _)| {
            let (sender, reply) = oneshot::channel();
            let so_far = Purged::default();
            shared.queue.erase(Erasing { number: epoch.0, purge, so_far, reply: Some(sender) });
            reply
        });
        (so_far, reply)
    }
}

impl<S: Clone + Send + Sync + 'static> Drop for Tiers<S> {
    fn drop(&mut self) {
        self.shared.queue.stop();
        if let Some(writer) = self.writer.take() {
            // It panicked: said by the panic itself.
            let _ = writer.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DiskSettings;

    #[tokio::test]
    async fn a_disk_that_does_not_answer_is_a_miss_and_then_not_asked() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = StoreSettings {
            memory_bytes: 1 << 20,
            index_bytes: 1 << 20,
            index_entries: 100,
            queue_bytes: 1 << 20,
            disk: Some(DiskSettings::new(folder.path().join("cache"))),
        };
        let timing = Timing {
            read_within: Duration::from_millis(20),
            tick: Duration::from_secs(3600),
            ..Timing::default()
        };
        let (store, trouble) = Store::<u8>::open_with(settings, timing);
        assert_eq!(trouble, None);
        let unknown = RequestDigest([1; 32]);
        // As if every thread that may read were held by the system.
        let readers = u32::try_from(READS).expect("few");
        let stuck = Arc::clone(&store.0.reads).acquire_many_owned(readers).await.expect("open");
        assert_eq!(store.find(&unknown).await, None);
        assert!(!store.0.shared.has_disk());
        assert_eq!(store.find(&unknown).await, None);
        drop(stuck);
        while !store.0.shared.has_disk() {
            tokio::task::yield_now().await;
        }
    }
}
