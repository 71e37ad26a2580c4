//! The index that is open for writing, and what it and its folder take.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::disk::announced::Stamp;
use crate::disk::bounds::{self, log_bytes};
use crate::disk::database::Database;
use crate::disk::{connect, rows};
use crate::settings::share;
use crate::{TierUsage, Trouble};

pub(super) struct Open {
    pub(super) disk: Arc<Database>,
    pub(super) index: Connection,
    /// What other versions had announced when it was last read.
    pub(super) announcements: Option<Stamp>,
    /// When older versions were last looked for.
    pub(super) removed: Option<Instant>,
    /// The next folder to be swept.
    pub(super) sweep: Option<u8>,
    /// The index is new, and the files of the one before it are swept before anything is added to them.
    pub(super) anew: bool,
    /// When the folder and its file system were last looked at.
    pub(super) looked: Option<Instant>,
    /// When it was last tried to empty the log.
    emptied: Option<Instant>,
    pub(super) max_bytes: u64,
    /// Of what is neither a picture nor the index.
    pub(super) beside: u64,
}

/// Emptying the log may hold up everyone who writes: not more often, unless it is too long.
const EMPTY_EVERY: Duration = Duration::from_secs(1);

impl Open {
    pub(super) fn new(disk: Arc<Database>, index: Connection) -> Self {
        Self {
            disk,
            index,
            announcements: None,
            removed: None,
            sweep: Some(0),
            anew: false,
            looked: None,
            emptied: None,
            max_bytes: 0,
            beside: 0,
        }
    }

    /// What is taken, and how much of the file system is ours.
    pub(super) fn measure(&mut self, max_bytes: Option<u64>) -> Result<TierUsage, Trouble> {
        let (kept, folder) = (rows::totals(&self.index)?, &self.disk.folder);
        let (total, free) = folder.space()?;
        let index_bytes = bounds::index_bytes(&self.index)? + self.disk.log_bytes()?;
        self.max_bytes = share(max_bytes, total, free, kept.bytes + index_bytes);
        self.beside = folder.bytes_beside(self.max_bytes)?;
        self.looked = Some(Instant::now());
        Ok(TierUsage { index_bytes, ..kept })
    }

    /// While there is always someone who reads, `SQLite` never begins the log of an index anew by itself.
    pub(super) fn bound_log(&mut self) -> Result<(), Trouble> {
        let (mut log, most) = (self.disk.log_bytes()?, log_bytes(self.max_bytes));
        let due = self.emptied.is_none_or(|at| at.elapsed() >= EMPTY_EVERY);
        if log > most || log > most / 2 && due {
            self.emptied = Some(Instant::now());
            connect::empty_log(&self.index)?;
            log = self.disk.log_bytes()?;
        }
        if log > most {
            // A process that was stopped, a backup.
            return Err(Trouble::Busy("its log cannot be emptied while someone reads it".into()));
        }
        Ok(())
    }
}
