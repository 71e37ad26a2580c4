//! A small file system of a test's own, that can be filled and locked.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::skip;

/// A tmpfs, unmounted when it is dropped.
#[derive(Debug)]
pub struct Disk(TempDir);

impl Disk {
    /// With room for so many MiB; `None` where nothing can be mounted, and that is allowed.
    ///
    /// # Panics
    /// Where nothing can be mounted.
    #[must_use]
    pub fn new(mebibytes: u32) -> Option<Self> {
        Self::with(&format!("size={mebibytes}m"))
    }

    /// With these options of tmpfs.
    ///
    /// # Panics
    /// As [`Disk::new`].
    #[must_use]
    pub fn with(options: &str) -> Option<Self> {
        let disk = Self(tempfile::tempdir().expect("a temporary folder"));
        match disk.mount(&["-t", "tmpfs", "-o", &format!("{options},mode=700"), "tmpfs"]) {
            Ok(()) => Some(disk),
            Err(said) => {
                skip(&format!(
                    "no tmpfs can be mounted, so no disk can be filled or locked: {said}"
                ));
                None
            }
        }
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// From now on nothing, or again something, can be written to it.
    ///
    /// # Panics
    /// When something holds a file of it open for writing.
    pub fn writable(&self, writable: bool) {
        let options = if writable { "remount,rw" } else { "remount,ro" };
        self.mount(&["-o", options]).expect("what was mounted can be remounted");
    }

    /// Bytes that are free.
    ///
    /// # Panics
    /// Never: it is mounted.
    #[must_use]
    pub fn room(&self) -> usize {
        let found = rustix::fs::statvfs(self.path()).expect("it is mounted");
        usize::try_from(found.f_bavail * found.f_frsize).expect("some megabytes")
    }

    /// Takes all the room that there is, and may be called again for what was freed since, until the file is removed.
    ///
    /// # Panics
    /// Never: it is mounted.
    #[must_use]
    pub fn fill(&self) -> PathBuf {
        let ballast = self.path().join("ballast");
        let file = OpenOptions::new().create(true).append(true).open(&ballast);
        let mut file = file.expect("an entry of a folder");
        while self.room() > 0 {
            // As much of it as there is: others write meanwhile.
            let _ = file.write(&vec![0; self.room()]);
        }
        ballast
    }

    fn mount(&self, args: &[&str]) -> Result<(), String> {
        let output = Command::new("mount").args(args).arg(self.path()).output();
        let output = output.map_err(|error| format!("mount: {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.success() { Ok(()) } else { Err(said) }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}
