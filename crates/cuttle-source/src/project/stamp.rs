//! Whether the files of a build are those that were read, without reading them again: six looks at the disk.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

pub(super) const SERVER_FILES: &str = "required-server-files.json";
pub(super) const ROUTES: &str = "routes-manifest.json";
pub(super) const MIDDLEWARE: &str = "server/middleware-manifest.json";
pub(super) const FUNCTIONS: &str = "server/functions-config-manifest.json";
pub(super) const BUILD_ID: &str = "BUILD_ID";
/// Written last, of all that a build writes (seen in 14.2, 15.5 and 16.4: after `BUILD_ID` come the static pages). A standalone
/// folder has none.
const MARKER: &str = "export-marker.json";

const FILES: [&str; 6] = [SERVER_FILES, ROUTES, MIDDLEWARE, FUNCTIONS, BUILD_ID, MARKER];

/// The state of every file of a build that is read. Another state of one is another build: two builds may well say the same
/// of their paths, and do other things there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp([Option<FileStamp>; FILES.len()]);

/// A file that was replaced has another inode; one that was written over, another change time, which nobody sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileStamp {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: SystemTime,
}

impl Stamp {
    /// Of the build in `folder`. Blocks.
    pub(super) fn of(folder: &Path) -> Self {
        Self(FILES.map(|name| FileStamp::of(&folder.join(name))))
    }

    /// What keeps it from being a whole build in place of `before`, if something does.
    pub(super) fn lacks(&self, before: &Self) -> Option<&'static str> {
        let had_marker = before.has(MARKER);
        [SERVER_FILES, BUILD_ID, MARKER]
            .into_iter()
            .find(|&name| !self.has(name) && (name != MARKER || had_marker))
    }

    /// When the last of its files was written.
    #[must_use]
    pub fn changed(&self) -> SystemTime {
        let changed = self.0.iter().flatten().map(|file| file.changed).max();
        changed.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn has(&self, name: &str) -> bool {
        FILES.iter().zip(&self.0).any(|(file, stamp)| *file == name && stamp.is_some())
    }
}

impl FileStamp {
    fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        let seconds = u64::try_from(found.ctime()).unwrap_or_default();
        let nanoseconds = u32::try_from(found.ctime_nsec()).unwrap_or_default();
        let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        Some(Self { device: found.dev(), inode: found.ino(), bytes: found.len(), changed })
    }
}

#[cfg(test)]
impl Stamp {
    /// Files that are there, all changed `at`; a number tells one build from the next.
    pub(super) fn made_of(names: &[&str], number: u64, at: SystemTime) -> Self {
        let file = |name: &str| {
            let is_there = names.contains(&name);
            is_there.then_some(FileStamp { device: 1, inode: number, bytes: 1, changed: at })
        };
        Self(FILES.map(file))
    }

    pub(super) const WHOLE: [&str; 6] = FILES;
}
