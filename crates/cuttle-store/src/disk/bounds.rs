//! What we may take on the disk, and what is taken: pictures, the folders that they lie in, the index and its log, counted together.
//!
//! Rows are charged by the pages that the index has, not by a guess of what one costs: a source may be ten times as long as the next.

use rusqlite::Connection;

use crate::disk::rows;
use crate::{TierUsage, Trouble};

/// The log of the index at most.
pub(crate) const MAX_LOG_BYTES: u64 = 4 << 20;
const PAGE_BYTES: u64 = 4096;
/// Pages that one transaction gives back, each of which may move another.
const SHRINK_PAGES: u64 = 64;

/// What is set aside for the log of the index, whatever it holds. Nothing is written while it is longer.
pub(crate) fn log_bytes(max_bytes: u64) -> u64 {
    (max_bytes / 8).clamp(MAX_LOG_BYTES / 16, MAX_LOG_BYTES)
}

/// Pages of the index that are free and not given back, as what comes next uses them again. Set aside too.
fn spare_pages(max_bytes: u64) -> u64 {
    (max_bytes / 64 / PAGE_BYTES).clamp(16, 128)
}

/// What the disk may hold at present.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) max_bytes: u64,
    pub(crate) max_entries: u64,
    /// Milliseconds since 1970; what was used last before it goes.
    pub(crate) oldest: i64,
    /// Bytes of what is in the folder beside pictures and the index.
    pub(crate) beside: u64,
}

impl Bounds {
    /// Whether something has to go before so many more bytes may come.
    pub(crate) fn excess(&self, index: &Connection, more: u64) -> Result<bool, Trouble> {
        let kept = rows::totals(index)?;
        Ok(self.taken(kept, Pages::of(index)?) + more > self.max_bytes
            || kept.entries > self.max_entries)
    }

    fn taken(&self, kept: TierUsage, pages: Pages) -> u64 {
        let pages = pages.all - pages.free + spare_pages(self.max_bytes);
        let index = pages * PAGE_BYTES + log_bytes(self.max_bytes);
        kept.bytes + index + self.beside
    }
}

/// Pages of the index.
#[derive(Debug, Clone, Copy)]
struct Pages {
    all: u64,
    free: u64,
}

impl Pages {
    fn of(index: &Connection) -> Result<Self, Trouble> {
        let mut statement = index.prepare_cached(
            "SELECT page_count, freelist_count FROM pragma_page_count, pragma_freelist_count",
        )?;
        Ok(statement.query_row([], |row| Ok(Self { all: row.get(0)?, free: row.get(1)? }))?)
    }
}

/// Bytes of the index without its log.
pub(crate) fn index_bytes(index: &Connection) -> Result<u64, Trouble> {
    Ok(Pages::of(index)?.all * PAGE_BYTES)
}

/// Gives some pages back that are free; whether there are more than may be spared.
pub(crate) fn shrink(index: &Connection, max_bytes: u64) -> Result<bool, Trouble> {
    let over = Pages::of(index)?.free.saturating_sub(spare_pages(max_bytes));
    if over > 0 {
        let some = over.min(SHRINK_PAGES);
        index.execute_batch(&format!("PRAGMA incremental_vacuum({some})"))?;
    }
    Ok(over > SHRINK_PAGES)
}
