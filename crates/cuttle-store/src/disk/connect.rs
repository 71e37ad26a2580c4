//! Connections to the index, and what is done when there is none or a broken one.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::Trouble;
use crate::disk::bounds::MAX_LOG_BYTES;
use crate::disk::folder::{Folder, identity};
use crate::disk::layouts::Layout;

/// Longer than a transaction of another process takes, on a slow disk.
const BUSY: Duration = Duration::from_secs(5);

/// Pages in the log before they are brought into the index. What is keyed by digests touches pages all over it: brought over more rarely,
/// more of them are written once instead of often; but the log counts among what we may take.
const CHECKPOINT_PAGES: u32 = 256;

/// How long whoever reads or writes is waited for to empty the log.
const EMPTYING: Duration = Duration::from_millis(500);

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Pages are the system's to cache: 256 KiB hold the inner nodes of a look-up.
    Read,
    /// 8 MiB, which is what a piece of a purge touches.
    Write,
    /// As `Write`, and what is committed is on the disk.
    Purge,
}

/// The first connection: makes the index if there is none; whether it is new.
pub(crate) fn found(folder: &Folder, layout: Layout) -> Result<(Connection, bool), Trouble> {
    let _lock = folder.lock()?;
    let mut connection = connect(folder, Use::Write)?;
    // Before anything is in it, or never: pages that are free are given back to the disk.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Trouble::Unusable("its file system cannot share memory".into()));
    }
    match connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))? {
        0 => {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute_batch(include_str!("schema.sql"))?;
            transaction.pragma_update(None, "user_version", layout.mark())?;
            transaction.commit()?;
            Ok((connection, true))
        }
        mark if mark == layout.mark() => Ok((connection, false)),
        // In a folder of this version's name.
        _ => Err(Trouble::Corrupt("it is marked as of another version".into())),
    }
}

/// One more connection to an index that is there.
pub(crate) fn connect(folder: &Folder, purpose: Use) -> Result<Connection, Trouble> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, purpose == Use::Write);
    if purpose == Use::Write {
        keep_private(folder);
    }
    let connection = Connection::open_with_flags(folder.index(), flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(32);
    let (cache_kib, synchronous) = match purpose {
        Use::Read => (256, "NORMAL"),
        Use::Write => (8192, "NORMAL"),
        Use::Purge => (256, "FULL"),
    };
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "journal_size_limit", MAX_LOG_BYTES)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    Ok(connection)
}

/// `SQLite` makes its files for everyone to read, but for those beside an index, which are as that is. Nothing that exists is opened for
/// it: closing a file drops every lock that this process has on it.
fn keep_private(folder: &Folder) {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.index());
    if made.is_ok() {
        return;
    }
    for end in ["", "-wal", "-shm"] {
        let mut path = folder.index().into_os_string();
        path.push(end);
        // Not there, or of a disk that can only be read: said when it is opened.
        let _ = fs::set_permissions(path, Permissions::from_mode(0o600));
    }
}

/// Brings everything from the log into the index, if whoever reads it ends in time.
pub(crate) fn empty_log(index: &Connection) -> Result<(), Trouble> {
    index.busy_timeout(EMPTYING)?;
    let emptied = index.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    index.busy_timeout(BUSY)?;
    Ok(emptied?)
}

/// Begins an index anew that alone is larger than all that may be kept, as after the bound was lowered: to shrink it takes minutes in
/// which the disk holds more than it may.
pub(crate) fn begin_anew_over(folder: &Folder, max_bytes: u64) -> Result<(), Trouble> {
    if folder.index_bytes() <= max_bytes {
        return Ok(());
    }
    let _lock = folder.lock()?;
    let bytes = folder.index_bytes();
    if bytes > max_bytes {
        tracing::warn!(
            bytes,
            max_bytes,
            "the index of the disk cache is larger than the whole disk cache may be, so it is deleted and begun anew: cached images are made again when they are asked for"
        );
        remove(folder);
    }
    Ok(())
}

/// Moves a corrupt index aside, over the one before it: whoever wants to know may look. Not if it is no longer the one that was
/// found to be corrupt: another process has been faster.
pub(crate) fn set_aside(folder: &Folder, corrupt: (u64, u64)) -> Result<(), Trouble> {
    let _lock = folder.lock()?;
    if identity(&folder.index()).ok() != Some(corrupt) {
        return Ok(());
    }
    fs::rename(folder.index(), folder.aside())?;
    remove(folder);
    Ok(())
}

fn remove(folder: &Folder) {
    for end in ["", "-wal", "-shm"] {
        let mut path = folder.index().into_os_string();
        path.push(end);
        // Not there: just as well.
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_index_gives_back_pages_that_are_free() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(&parent.path().join("cache")).expect("ours");
        let (index, new) = found(&folder, Layout::ours(1)).expect("a new index");
        let mode: u32 =
            index.pragma_query_value(None, "auto_vacuum", |row| row.get(0)).expect("it");
        assert!(new && mode == 2, "{mode}");
        assert!(!found(&folder, Layout::ours(1)).expect("the same").1);
    }

    #[test]
    fn an_index_that_was_replaced_meanwhile_is_not_moved_aside() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(&parent.path().join("cache")).expect("ours");
        drop(found(&folder, Layout::ours(1)).expect("a new index"));
        let (device, inode) = identity(&folder.index()).expect("it is there");
        set_aside(&folder, (device, inode + 1)).expect("nothing to do");
        assert!(folder.index().exists());
        set_aside(&folder, (device, inode)).expect("a move");
        assert!(!folder.index().exists() && folder.path().join("index.corrupt").exists());
    }
}
