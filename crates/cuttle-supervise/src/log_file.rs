//! A file of lines that does not grow for ever: at its bound it becomes the old one, and the old one goes.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

/// Of each of the two files. Some days of what a small app prints.
const LARGEST: u64 = 8 << 20;

/// An app's lines on disk, in `path` and before that in `path.1`.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    length: u64,
    largest: u64,
}

impl LogFile {
    /// Opens it, to add to what is there.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        Self::bounded(path.into(), LARGEST)
    }

    fn bounded(path: PathBuf, largest: u64) -> io::Result<Self> {
        let file = append(&path)?;
        let length = file.metadata()?.len();
        Ok(Self { path, file, length, largest })
    }

    /// Adds a line. It is one write, so that a reader sees whole lines.
    ///
    /// # Errors
    /// It cannot be written, which concerns this line only.
    pub fn append(&mut self, line: &str) -> io::Result<()> {
        let line = [line, "\n"].concat();
        let length = line.len() as u64;
        if self.length > 0 && self.length + length > self.largest {
            fs::rename(&self.path, self.old())?;
            self.file = append(&self.path)?;
            self.length = 0;
        }
        self.file.write_all(line.as_bytes())?;
        self.length += length;
        Ok(())
    }

    fn old(&self) -> OsString {
        let mut old = self.path.clone().into_os_string();
        old.push(".1");
        old
    }
}

/// Apps print tokens and addresses of people: nobody else's to read.
fn append(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn two_files_hold_the_last_lines_and_are_nobody_elses() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shop.log");
        let mut log = LogFile::bounded(path.clone(), 16).expect("a file");
        for line in ["one", "two", "three", "four", "five", "six"] {
            log.append(line).expect("written");
        }
        let read = |path: &str| fs::read_to_string(folder.path().join(path)).expect("a file");
        assert_eq!(read("shop.log.1"), "one\ntwo\nthree\n");
        assert_eq!(read("shop.log"), "four\nfive\nsix\n");
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(log);
        let mut log = LogFile::bounded(path, 16).expect("the file");
        log.append("seven").expect("written");
        log.append("a line that is longer than a file").expect("written");
        assert_eq!(read("shop.log.1"), "seven\n");
        assert_eq!(read("shop.log"), "a line that is longer than a file\n");
    }
}
