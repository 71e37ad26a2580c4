//! The index and its folder while they are open: readers by the caller, and the one transaction that also guards the files.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::disk::connect::{self, Use};
use crate::disk::folder::{self, Folder};
use crate::disk::layouts::{Layout, Layouts};
use crate::disk::rows;
use crate::settings::most;
use crate::{DiskSettings, Epoch, Purge, Trouble};

/// An index that is open, and its folder.
#[derive(Debug)]
pub(crate) struct Database {
    pub(super) folder: Folder,
    pub(super) layouts: Layouts,
    /// Device and inode of the index.
    pub(super) identity: (u64, u64),
    readers: Mutex<Vec<Connection>>,
}

impl Database {
    /// Opens the folder and its index; whether that is new. A corrupt index is begun anew, and so is one that is too large.
    pub(super) fn open(settings: &DiskSettings) -> Result<(Self, Connection, bool), Trouble> {
        let layout = Layout::ours(settings.state_layout);
        let (layouts, folder) = Layouts::open(&settings.folder, layout)?;
        let (total, _) = folder.space()?;
        connect::begin_anew_over(&folder, most(settings.max_bytes, total))?;
        let before = folder::identity(&folder.index());
        let (writer, new) = connect::found(&folder, layout).or_else(|trouble| match trouble {
            Trouble::Corrupt(_) => {
                tracing::warn!(%trouble, "the index of the disk cache is corrupt, so it is renamed to index.corrupt and begun anew");
                connect::set_aside(&folder, before?)?;
                connect::found(&folder, layout)
            }
            other => Err(other),
        })?;
        if new {
            // What was purged before holds nothing in it.
            rows::set_heard(&writer, layouts.last_announced()?)?;
        }
        let identity = folder::identity(&folder.index())?;
        Ok((Self { folder, layouts, identity, readers: Mutex::default() }, writer, new))
    }

    /// Whether the index is still the file at its place, and not one that was deleted.
    pub(super) fn is_in_place(&self) -> bool {
        folder::identity(&self.folder.index()).is_ok_and(|identity| identity == self.identity)
    }

    /// How long the log is, which is there as long as the index is open.
    pub(super) fn log_bytes(&self) -> Result<u64, Trouble> {
        self.folder.log_bytes().map_err(|error| match error.kind() {
            // What was in it is lost, purges too, and whoever opens the index next begins another.
            io::ErrorKind::NotFound => Trouble::Corrupt("its log was removed".into()),
            _ => error.into(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Lends a connection; there are as many as callers at a time.
    pub(super) fn with_reader<T>(
        &self,
        ask: impl FnOnce(&Connection) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let free = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match free {
            Some(reader) => reader,
            None => connect::connect(&self.folder, Use::Read)?,
        };
        let answer = ask(&reader)?;
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        Ok(answer)
    }

    /// Enters a purge, and tells other versions of it; whether all of them can hear of it.
    pub(super) fn enter(&self, purge: &Purge, last: Epoch) -> Result<(Epoch, bool), Trouble> {
        let mut index = connect::connect(&self.folder, Use::Purge)?;
        let number = write(&mut index, |index| rows::enter_purge(index, purge, last))?;
        Ok((number, self.layouts.announce(purge)))
    }
}

/// One transaction, begun with the lock that also guards the files.
pub(super) fn write<T>(
    index: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let transaction = index.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}
