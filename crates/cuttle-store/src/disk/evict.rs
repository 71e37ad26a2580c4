//! What goes when there is too much: the entries that were used least recently, and what only they name.

use rusqlite::{Connection, OptionalExtension as _};

use crate::disk::folder::Folder;
use crate::disk::rows::{self, Victim};
use crate::disk::write;
use crate::{Kept, Trouble};

/// What the disk may hold at present.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) max_bytes: u64,
    pub(crate) max_entries: u64,
    /// Milliseconds since 1970; what was used last before it goes.
    pub(crate) oldest: i64,
}

/// Entries that go in one transaction: others wait for it.
const AT_A_TIME: u32 = 256;

/// What an entry takes in the index, of a long URL.
const ENTRY_BYTES: u64 = 512;

impl Bounds {
    fn excess(&self, kept: Kept) -> bool {
        kept.bytes + kept.entries * ENTRY_BYTES > self.max_bytes || kept.entries > self.max_entries
    }
}

/// Removes some of what is too much; how many entries.
pub(crate) fn evict(
    index: &mut Connection,
    folder: &Folder,
    bounds: Bounds,
) -> Result<u64, Trouble> {
    let too_old = index
        .prepare_cached("SELECT 1 FROM entries WHERE used < ?1 LIMIT 1")?
        .query_row([bounds.oldest], |_| Ok(()))
        .optional()?;
    if too_old.is_none() && !bounds.excess(rows::totals(index)?) {
        return Ok(0);
    }
    write(index, |index| {
        let oldest: Vec<(Victim, i64)> = index
            .prepare_cached("SELECT id, variant, used FROM entries ORDER BY used LIMIT ?1")?
            .query_map([AT_A_TIME], |row| Ok((rows::victim(row)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let mut evicted = 0;
        for (victim, used) in oldest {
            if used >= bounds.oldest && !bounds.excess(rows::totals(index)?) {
                break;
            }
            evicted += rows::remove(index, folder, &[victim])?.entries;
        }
        Ok(evicted)
    })
}
