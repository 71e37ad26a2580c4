//! Small files in memory, with what is known of large ones: bounded in bytes, least recently used first to go.
//!
//! A file is looked at again at most once a second, as images are, by device, inode, size and times. So a file that is asked for often
//! costs no system call but that of the answer. Text is compressed twice: with gzip when it is read, as Next would for each request,
//! and with Brotli when nothing else needs the processor, which takes a second for a large script and saves an eighth of it.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use cuttle_source::{LoadError, OpenFile, StaticFile, StaticFiles, Validator};
use http::HeaderMap;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::contents::Contents;
use super::fixed_headers::fixed_headers;

/// How long what was seen of a file holds.
const SEEN_FOR: Duration = Duration::from_secs(1);
/// The largest file that is kept, where there is room.
const MOST_KEPT: u64 = 1 << 20;
/// What a row costs beside what is weighed: key and the cache's own bookkeeping, as measured for the store.
const ROW_BYTES: usize = 512;
/// Files that wait for Brotli; the others stay with gzip until they are read again.
const MOST_WAITING: usize = 1024;
/// Below everything else, so that the processor is never missed by anybody.
const LEAST_PRIORITY: i32 = 19;

/// All of a process.
#[derive(Debug)]
pub(crate) struct FileCache {
    contents: Cache<Validator, Arc<Contents>>,
    seen: Cache<(u64, Box<str>), Arc<Seen>>,
    most_kept: u64,
    packing: OnceLock<Option<SyncSender<Packing>>>,
}

type Packing = (Validator, Arc<Contents>);

/// What a path was seen to name.
#[derive(Debug)]
pub(super) struct Seen {
    validator: Validator,
    pub(super) modified: Option<SystemTime>,
    /// What is sent with it, but for what depends on the request.
    pub(super) headers: HeaderMap,
    pub(super) etags: bool,
    /// Sent compressed to whoever takes that.
    pub(super) packed: bool,
    at: Instant,
}

/// A file that is the answer.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) seen: Arc<Seen>,
    pub(super) contents: Arc<Contents>,
    /// Where its bytes are not kept.
    pub(super) file: Option<OpenFile>,
}

impl FileCache {
    /// Keeps at most so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let of_contents = bytes - bytes / 8;
        let lru = EvictionPolicy::lru;
        let weight = |bytes: usize| u32::try_from(bytes + ROW_BYTES).unwrap_or(u32::MAX);
        let contents = Cache::builder()
            .eviction_policy(lru())
            .max_capacity(of_contents)
            .weigher(move |_, contents: &Arc<Contents>| weight(contents.weight()))
            .build();
        let seen = Cache::builder()
            .eviction_policy(lru())
            .max_capacity(bytes / 8)
            .weigher(move |(_, path): &(u64, Box<str>), seen: &Arc<Seen>| {
                weight(path.len() + seen.weight())
            })
            .build();
        let most_kept = MOST_KEPT.min(of_contents / 8);
        Self { contents, seen, most_kept, packing: OnceLock::new() }
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> u64 {
        self.contents.run_pending_tasks();
        self.seen.run_pending_tasks();
        self.contents.weighted_size() + self.seen.weighted_size()
    }

    /// What was seen a moment ago and is here.
    pub(super) fn here(&self, number: u64, path: &str) -> Option<Found> {
        let seen = self.seen.get(&(number, path.into()))?;
        let contents = self.contents.get(&seen.validator)?;
        let is_fresh = seen.at.elapsed() < SEEN_FOR;
        (is_fresh && contents.is_here()).then_some(Found { seen, contents, file: None })
    }

    /// Looks at a file. Blocks.
    pub(super) fn look(
        &self,
        files: &StaticFiles,
        path: &str,
        number: u64,
        found: StaticFile,
    ) -> Result<Found, LoadError> {
        let StaticFile { mut file, headers, hashed } = found;
        let (validator, modified) = (file.validator(), file.modified());
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let (headers, packed) = fixed_headers(name, headers, hashed, modified, files.compress());
        let etags = files.etags();
        let seen = Seen { validator, modified, headers, etags, packed, at: Instant::now() };
        let contents = match self.contents.get(&validator) {
            Some(contents) => contents,
            None => {
                let read = Contents::read(&mut file, packed, self.most_kept)?;
                let contents = Arc::new(read);
                self.contents.insert(validator, Arc::clone(&contents));
                self.pack(validator, &contents);
                contents
            }
        };
        let seen = Arc::new(seen);
        self.seen.insert((number, path.into()), Arc::clone(&seen));
        let file = (!contents.is_here()).then_some(file);
        Ok(Found { seen, contents, file })
    }

    /// Has Brotli made of it when there is time.
    fn pack(&self, validator: Validator, contents: &Arc<Contents>) {
        if contents.waits_for_brotli().is_none() {
            return;
        }
        let packing = self.packing.get_or_init(|| packing(self.contents.clone()));
        // One that there is no place for stays with gzip.
        let _ = packing.as_ref().map(|it| it.try_send((validator, Arc::clone(contents))));
    }
}

impl Seen {
    fn weight(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        size_of::<Self>()
            + headers.sum::<usize>()
            + self.headers.capacity() * size_of::<HeaderMap>()
    }
}

/// A thread that ends when nobody sends it anything any more.
fn packing(kept: Cache<Validator, Arc<Contents>>) -> Option<SyncSender<Packing>> {
    let (sender, receiver) = sync_channel::<Packing>(MOST_WAITING);
    let thread = std::thread::Builder::new().name("brotli".to_owned()).spawn(move || {
        // A thread's own on Linux; elsewhere it would be that of the whole process.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::nice(LEAST_PRIORITY);
        for (validator, contents) in receiver {
            // Gone meanwhile, or compressed.
            if kept.get(&validator).is_none_or(|it| !Arc::ptr_eq(&it, &contents)) {
                continue;
            }
            let packed = contents.waits_for_brotli().and_then(|plain| brotli(plain).ok());
            if let Some(both) = packed.and_then(|packed| contents.with_brotli(packed)) {
                kept.insert(validator, Arc::new(both));
            }
        }
    });
    match thread {
        Ok(_) => Some(sender),
        Err(error) => {
            tracing::warn!(%error, "no thread for Brotli, so static files are sent with gzip");
            None
        }
    }
}

/// At its best: it is done once.
fn brotli(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: 11,
        size_hint: plain.len(),
        ..Default::default()
    };
    let mut packed = Vec::with_capacity(plain.len() / 4);
    brotli::BrotliCompress(&mut &*plain, &mut packed, &parameters)?;
    Ok(packed)
}
