//! How full the store is, and what became of what could not be kept.

use std::sync::atomic::{AtomicU64, Ordering};

/// What one tier holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TierUsage {
    /// Variants.
    pub variants: u64,
    /// Bytes of those variants, with what it takes to keep them.
    pub bytes: u64,
    /// Requests in the index.
    pub entries: u64,
    /// Bytes of the index: of its entries in memory, of its files on disk.
    pub index_bytes: u64,
}

/// How full a store is; may lag behind the last writes by a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// In memory.
    pub memory: TierUsage,
    /// On disk, by all processes that share it; nothing without a disk.
    pub disk: Option<TierUsage>,
    /// Bytes of variants, index and log that the disk may hold at present.
    pub disk_max_bytes: u64,
    /// Bytes that wait to be written.
    pub queued_bytes: u64,
    /// Since the start: what the disk was too slow, too full, too small or too broken for.
    pub dropped_writes: u64,
    /// Since the start: files that were not what was written, or not there.
    pub corrupt: u64,
    /// Since the start: entries that left the disk for age, bytes or number.
    pub evicted: u64,
}

/// Counts that every thread adds to.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) variants: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) entries: AtomicU64,
    pub(crate) index_bytes: AtomicU64,
    pub(crate) max_bytes: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) corrupt: AtomicU64,
    pub(crate) evicted: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    /// All but the bytes of the index, which change with every page.
    pub(crate) fn set(&self, kept: TierUsage) {
        self.variants.store(kept.variants, Ordering::Relaxed);
        self.bytes.store(kept.bytes, Ordering::Relaxed);
        self.entries.store(kept.entries, Ordering::Relaxed);
    }

    pub(crate) fn set_bytes(&self, index_bytes: u64, max_bytes: u64) {
        self.index_bytes.store(index_bytes, Ordering::Relaxed);
        self.max_bytes.store(max_bytes, Ordering::Relaxed);
    }

    pub(crate) fn kept(&self) -> TierUsage {
        TierUsage {
            variants: Self::get(&self.variants),
            bytes: Self::get(&self.bytes),
            entries: Self::get(&self.entries),
            index_bytes: Self::get(&self.index_bytes),
        }
    }
}
