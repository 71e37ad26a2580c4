//! Connections to the index, and what is done when there is none, an old one or a broken one.

use std::fs;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::Trouble;
use crate::disk::folder::Folder;

/// Raised when the tables change.
const SCHEMA: u32 = 1;

/// Longer than a transaction of another process takes, on a slow disk.
const BUSY: Duration = Duration::from_secs(5);

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Pages are the system's to cache: 256 KiB hold the inner nodes of a look-up.
    Read,
    /// 2 MiB.
    Write,
    /// As `Write`, and what is committed is on the disk.
    Purge,
}

/// The first connection: makes the index if there is none, and replaces an older one.
pub(crate) fn found(folder: &Folder, state_layout: u16) -> Result<Connection, Trouble> {
    let ours = SCHEMA << 16 | u32::from(state_layout);
    let _lock = folder.lock()?;
    for _ in 0..2 {
        let mut connection = connect(folder, Use::Write)?;
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
                transaction.pragma_update(None, "user_version", ours)?;
                transaction.commit()?;
                return Ok(connection);
            }
            version if version == ours => return Ok(connection),
            version if version > ours => {
                return Err(Trouble::Newer { folder: folder.path().to_owned() });
            }
            // Its files are swept, as no row names them.
            _ => {
                drop(connection);
                remove(folder);
            }
        }
    }
    Err(Trouble::Unusable("an older index cannot be removed".into()))
}

/// One more connection to an index that is there.
pub(crate) fn connect(folder: &Folder, purpose: Use) -> Result<Connection, Trouble> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, purpose == Use::Write);
    let connection = Connection::open_with_flags(folder.index(), flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(32);
    let (cache_kib, synchronous) = match purpose {
        Use::Read => (256, "NORMAL"),
        Use::Write => (2048, "NORMAL"),
        Use::Purge => (256, "FULL"),
    };
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "journal_size_limit", 4 << 20)?;
    Ok(connection)
}

/// Moves a corrupt index aside, over the one before it: whoever wants to know may look.
pub(crate) fn set_aside(folder: &Folder) -> Result<(), Trouble> {
    let _lock = folder.lock()?;
    fs::rename(folder.index(), folder.path().join("index.corrupt"))?;
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
