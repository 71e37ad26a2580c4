//! How much may be kept, and where.

use std::path::PathBuf;
use std::time::Duration;

/// Bounds of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// Bytes of variants in memory.
    pub memory_bytes: u64,
    /// Bytes of index entries in memory, each with the texts that it holds.
    pub index_bytes: u64,
    /// Index entries in memory, however small they are.
    pub index_entries: u64,
    /// Bytes that may wait to be written to the disk.
    pub queue_bytes: u64,
    /// Nothing: memory only.
    pub disk: Option<DiskSettings>,
}

/// Bounds of what is kept on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskSettings {
    /// Made with mode 0700 if it is not there. Nothing else may live in it. Each version of the tables has a subfolder of its own in it.
    pub folder: PathBuf,
    /// Bytes of variants, the folders that they lie in, the index and its log. Nothing: 5 % of the file system, between 1 and 4 GiB, and never more than half of what is free.
    pub max_bytes: Option<u64>,
    /// What has been neither used nor confirmed for so long goes.
    pub max_age: Duration,
    /// Index entries, however small they are.
    pub max_entries: u64,
    /// To be raised when `S` is serialised in another way: then the index is another one, and the older goes when nobody has it open.
    pub state_layout: u16,
}

impl DiskSettings {
    /// 30 days, a million entries and the share of the file system.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        let max_age = Duration::from_secs(30 * 24 * 60 * 60);
        Self { folder, max_bytes: None, max_age, max_entries: 1_000_000, state_layout: 1 }
    }
}

/// Bytes that we may take on a file system of `total` bytes, `free` of which are free while `ours` are taken by us already.
pub(crate) fn share(max_bytes: Option<u64>, total: u64, free: u64, ours: u64) -> u64 {
    // What we hold would be free without us; an operator who gives a number means it, unless the disk is too small.
    most(max_bytes, total).min(free.saturating_add(ours) / 2)
}

/// The same, however full the file system is.
pub(crate) fn most(max_bytes: Option<u64>, total: u64) -> u64 {
    const GIB: u64 = 1 << 30;
    max_bytes.unwrap_or_else(|| (total / 20).clamp(GIB, 4 * GIB))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_a_twentieth_between_one_and_four_gib_and_half_of_what_is_free() {
        const GIB: u64 = 1 << 30;
        let rows = [
            (None, 40 * GIB, 30 * GIB, 0, 2 * GIB),
            (None, 10 * GIB, 9 * GIB, 0, GIB),
            (None, 1000 * GIB, 900 * GIB, 0, 4 * GIB),
            (None, 1000 * GIB, 3 * GIB, 0, 3 * GIB / 2),
            (None, 1000 * GIB, 2 * GIB, GIB, 3 * GIB / 2),
            (Some(100 * GIB), 1000 * GIB, 900 * GIB, 0, 100 * GIB),
            (Some(100 * GIB), 1000 * GIB, 0, GIB, GIB / 2),
            (None, 0, 0, 0, 0),
        ];
        for (max, total, free, ours, expected) in rows {
            assert_eq!(share(max, total, free, ours), expected, "{max:?} {total} {free} {ours}");
        }
    }
}
