//! What goes when there is too much: the entries that were used least recently, and what only they name.

use rusqlite::{Connection, OptionalExtension as _};

use crate::Trouble;
use crate::disk::bounds::Bounds;
use crate::disk::database::write;
use crate::disk::folder::Folder;
use crate::disk::rows::{self, Victim};

/// Entries that go in one transaction: others wait for it, and the log of the index holds all of it.
const AT_A_TIME: u32 = 64;

/// Removes some of what is too much when so many more bytes come; how many entries.
pub(crate) fn evict(
    index: &mut Connection,
    folder: &Folder,
    bounds: Bounds,
    more: u64,
) -> Result<u64, Trouble> {
    let too_old = index
        .prepare_cached("SELECT 1 FROM entries WHERE used < ?1 LIMIT 1")?
        .query_row([bounds.oldest], |_| Ok(()))
        .optional()?;
    if too_old.is_none() && !bounds.excess(index, more)? {
        return Ok(0);
    }
    write(index, |index| {
        let oldest: Vec<(Victim, i64)> = index
            .prepare_cached("SELECT id, variant, used FROM entries ORDER BY used LIMIT ?1")?
            .query_map([AT_A_TIME], |row| Ok((rows::victim(row)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let mut evicted = 0;
        for (victim, used) in oldest {
            if used >= bounds.oldest && !bounds.excess(index, more)? {
                break;
            }
            evicted += rows::remove(index, folder, &[victim])?.entries;
        }
        Ok(evicted)
    })
}
