//! The subfolder of this version's tables, beside those of other versions: during an upgrade an old and a new process run on one
//! folder, and neither reads what the other wrote.
//!
//! What they tell each other are purges (`announced.rs`). The subfolder of an older version goes when no process has it open. That of a
//! newer one stays: after a step back and forth it is used again, and has heard of every purge meanwhile.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rusqlite::{Connection, OpenFlags};

use crate::disk::announced::{self, Announced};
use crate::disk::folder::{Folder, INDEX, is_ours, is_shelf};
use crate::disk::private::private_folder;
use crate::{Purge, Trouble};

/// Raised when the tables change, or the files of variants.
pub(crate) const SCHEMA: u32 = 5;

/// What the name of a subfolder begins with.
const LAYOUT: &str = "layout-";
/// What the name of something begins with that is being removed.
const GOING: &str = "gone-";

/// A version: of the tables, and of what callers write into them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Layout {
    schema: u32,
    state: u16,
}

impl Layout {
    pub(crate) fn ours(state: u16) -> Self {
        Self { schema: SCHEMA, state }
    }

    /// What the index is marked with.
    pub(crate) fn mark(self) -> u32 {
        self.schema << 16 | u32::from(self.state)
    }

    pub(crate) fn folder(self) -> String {
        format!("{LAYOUT}{}.{}", self.schema, self.state)
    }

    fn of_folder(name: &str) -> Option<Self> {
        let (schema, state) = name.strip_prefix(LAYOUT)?.split_once('.')?;
        Some(Self { schema: schema.parse().ok()?, state: state.parse().ok()? })
    }
}

/// The folder in which the layouts lie side by side.
#[derive(Debug)]
pub(crate) struct Layouts {
    base: PathBuf,
    own: Layout,
    /// A thread is removing what is left of older versions.
    removing: Arc<AtomicBool>,
}

impl Layouts {
    /// Makes the folder and our subfolder, or makes sure that they are ours.
    pub(crate) fn open(folder: &Path, own: Layout) -> Result<(Self, Folder), Trouble> {
        let base = private_folder(folder)?;
        let folder = Folder::open(&base.join(own.folder()))?;
        Ok((Self { base, own, removing: Arc::default() }, folder))
    }

    /// Those of other versions that have a subfolder here.
    fn others(&self) -> io::Result<Vec<Layout>> {
        let entries = fs::read_dir(&self.base)?.map(|entry| Ok(entry?.file_name()));
        let names = entries.collect::<io::Result<Vec<_>>>()?;
        let layouts = names.iter().filter_map(|name| Layout::of_folder(name.to_str()?));
        Ok(layouts.filter(|layout| *layout != self.own).collect())
    }

    /// Tells other versions of a purge, in whichever process they run or will run; whether all of them can hear of it.
    pub(crate) fn announce(&self, purge: &Purge) -> bool {
        let told = self.others().and_then(|others| match others[..] {
            [] => Ok(()),
            _ => announced::append(&self.base, &self.own.folder(), purge),
        });
        if let Err(error) = &told {
            tracing::warn!(%error, "another version of Cuttle on the same folder does not hear of this purge");
        }
        told.is_ok() && !self.has_unversioned()
    }

    /// The number of the last purge that any version announced.
    pub(crate) fn last_announced(&self) -> io::Result<i64> {
        Ok(announced::read(&self.base)?.last().map_or(0, |last| last.number))
    }

    /// Purges that other versions announced after `heard`.
    pub(crate) fn announced_since(&self, heard: i64) -> io::Result<Vec<Announced>> {
        let own = self.own.folder();
        let all = announced::read(&self.base)?.into_iter();
        Ok(all.filter(|it| it.number > heard && it.layout != own).collect())
    }

    /// Changes whenever something is announced; nothing where nothing was.
    pub(crate) fn announcements(&self) -> Option<announced::Stamp> {
        announced::stamp(&self.base)
    }

    /// Removes what older versions kept and no process has open.
    pub(crate) fn remove_unused(&self) -> io::Result<()> {
        for older in self.others()?.into_iter().filter(|other| *other < self.own) {
            let folder = self.base.join(older.folder());
            if !is_in_use(&folder.join(INDEX)) {
                say_removed(&folder);
                fs::rename(&folder, self.base.join(format!("{GOING}{}", older.folder())))?;
            }
        }
        if self.has_unversioned() && !is_in_use(&self.base.join(INDEX)) {
            say_removed(&self.base);
            fs::rename(self.base.join(INDEX), self.base.join(format!("{GOING}{INDEX}")))?;
        }
        self.remove_gone()
    }

    /// By a thread that is not joined: a process that ends meanwhile leaves the rest to the next one.
    fn remove_gone(&self) -> io::Result<()> {
        let gone: Vec<_> =
            names(&self.base)?.into_iter().filter(|it| it.starts_with(GOING)).collect();
        if gone.is_empty() || self.removing.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let (base, removing) = (self.base.clone(), Arc::clone(&self.removing));
        thread::Builder::new().name("cuttle-older".to_owned()).spawn(move || {
            for name in gone {
                let path = base.join(&name);
                let removed = match path.is_dir() {
                    true => fs::remove_dir_all(&path),
                    false => remove_unversioned(&base).and_then(|()| fs::remove_file(&path)),
                };
                if let Err(error) = removed {
                    tracing::warn!(%error, folder = %path.display(), "an older cache cannot be removed");
                }
            }
            removing.store(false, Ordering::Relaxed);
        })?;
        Ok(())
    }

    /// Versions before 5 had no subfolder, and hear of no announcement.
    fn has_unversioned(&self) -> bool {
        self.base.join(INDEX).exists()
    }
}

fn say_removed(folder: &Path) {
    tracing::info!(folder = %folder.display(), "the cache of an older version is removed; images are optimized anew");
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
    Ok(names.collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// What a version before 5 left, but for what others put between it.
fn remove_unversioned(base: &Path) -> io::Result<()> {
    for name in names(base)? {
        let path = base.join(&name);
        if is_shelf(&name) && path.symlink_metadata()?.is_dir() {
            for file in names(&path)?.into_iter().filter(|file| is_ours(file)) {
                fs::remove_file(path.join(file))?;
            }
            // Not empty: it has something of somebody else.
            let _ = fs::remove_dir(path);
        } else if name.starts_with(INDEX) || ["index.corrupt", "lock", "probe"].contains(&&*name) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Whether a process has an index open: to leave WAL mode one has to be alone with it. One that cannot be opened is of no use to
/// anyone.
fn is_in_use(index: &Path) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let left = Connection::open_with_flags(index, flags).and_then(|connection| {
        connection.busy_timeout(std::time::Duration::ZERO)?;
        connection
            .pragma_update_and_check(None, "journal_mode", "delete", |row| row.get::<_, String>(0))
    });
    match left {
        Ok(mode) => mode != "delete",
        Err(error) => matches!(Trouble::from(error), Trouble::Busy(_)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_its_folder_s_name() {
        let ours = Layout::ours(3);
        assert_eq!(Layout::of_folder(&ours.folder()), Some(ours));
        for other in ["layout-", "layout-5", "layout-5.x", "layout--1.1", "lock", "00"] {
            assert_eq!(Layout::of_folder(other), None, "{other}");
        }
        assert!(Layout { schema: 4, state: 9 } < Layout { schema: 5, state: 1 });
    }

    #[test]
    fn an_index_is_in_use_as_long_as_somebody_has_it_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = folder.path().join(INDEX);
        let open = Connection::open(&index).expect("it can be made");
        let wal = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
        open.pragma_update_and_check(None, "journal_mode", "wal", wal).expect("a mode");
        open.execute_batch("CREATE TABLE t (a)").expect("a table");
        assert!(is_in_use(&index));
        drop(open);
        assert!(!is_in_use(&index));
        fs::write(&index, "no database").expect("ours");
        assert!(!is_in_use(&index));
    }
}
