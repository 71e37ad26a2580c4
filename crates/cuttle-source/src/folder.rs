//! Regular, visible files beneath one folder.
//!
//! The folder is held as a descriptor and every look-up resolves beneath it (`openat2` with
//! `RESOLVE_BENEATH`, or `cap-std`'s own walk where the kernel lacks it), so neither `..` nor a
//! symlink leaves it, also when someone swaps a directory for a link between check and open.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, Metadata, OpenOptions, OpenOptionsExt as _};

use crate::{FolderError, LoadError, Validator};

/// One read of a copy. Large enough that system calls do not show, small enough to stay in cache.
const COPY_BYTES: usize = 256 << 10;

/// A folder whose files are served.
#[derive(Debug)]
pub struct Folder {
    root: Dir,
}

/// A file that passed every check, open.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    metadata: Metadata,
}

/// The visible content of one directory, sorted by name.
#[derive(Debug, Default)]
pub struct FolderListing {
    /// Names of sub-directories.
    pub folders: Vec<String>,
    /// Regular files.
    pub files: Vec<FileEntry>,
}

/// One regular file of a listing.
#[derive(Debug)]
pub struct FileEntry {
    /// File name, UTF-8.
    pub name: String,
    /// Size.
    pub bytes: u64,
}

impl Folder {
    pub(crate) fn open_root(path: &Path) -> Result<Self, FolderError> {
        let unreadable = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => FolderError::Missing(path.to_owned()),
            io::ErrorKind::NotADirectory => FolderError::NotAFolder(path.to_owned()),
            _ => FolderError::Unreadable(path.to_owned(), error),
        };
        let root = Dir::open_ambient_dir(path, ambient_authority()).map_err(unreadable)?;
        root.entries().map_err(unreadable)?;
        Ok(Self { root })
    }

    /// Opens the file that the decoded `segments` of a path name.
    ///
    /// # Errors
    /// [`LoadError::NotFound`] for anything but a regular, visible file beneath the root;
    /// [`LoadError::Failed`] when such a file cannot be read.
    pub fn open<S: AsRef<str>>(
        &self,
        segments: impl Iterator<Item = S>,
    ) -> Result<OpenFile, LoadError> {
        let path = self.resolved(visible(segments).ok_or(LoadError::NotFound)?)?;
        // SECURITY: opening a device can act on it, so what the name stands for is looked at first;
        // O_NONBLOCK keeps a FIFO that was swapped in between from hanging this thread, and the
        // second look decides.
        regular(&self.root.metadata(&path).map_err(refused)?)?;
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
        let file = self.root.open_with(&path, &options).map_err(refused)?;
        let metadata = file.metadata().map_err(LoadError::Failed)?;
        regular(&metadata)?;
        Ok(OpenFile { file, metadata })
    }

    /// What is in the directory that the decoded `segments` name.
    ///
    /// # Errors
    /// [`LoadError::NotFound`] unless they name a visible directory beneath the root.
    pub fn list<S: AsRef<str>>(
        &self,
        segments: impl Iterator<Item = S>,
    ) -> Result<FolderListing, LoadError> {
        let path = visible(segments).ok_or(LoadError::NotFound)?;
        let path = match path.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => self.resolved(path)?,
        };
        let mut listing = FolderListing::default();
        for entry in self.root.read_dir(&path).map_err(refused)? {
            let Ok(entry) = entry else { continue };
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') {
                continue;
            }
            // Through the root, not the entry: a link to a file beneath the root counts as that file.
            let Ok(real) = self.resolved(path.join(&name)) else { continue };
            match self.root.metadata(real) {
                Ok(metadata) if metadata.is_dir() => listing.folders.push(name),
                Ok(metadata) if metadata.is_file() => {
                    listing.files.push(FileEntry { name, bytes: metadata.len() });
                }
                _ => {}
            }
        }
        listing.folders.sort_unstable();
        listing.files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(listing)
    }
}

impl Folder {
    /// Where a path really leads, which must be visible too: a link is no second name for a hidden file.
    fn resolved(&self, path: PathBuf) -> Result<PathBuf, LoadError> {
        let real = self.root.canonicalize(path).map_err(refused)?;
        let hidden =
            real.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."));
        if hidden { Err(LoadError::NotFound) } else { Ok(real) }
    }
}

impl OpenFile {
    /// Size in bytes when it was opened.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an empty file is an ordinary file here")]
    pub fn len(&self) -> u64 {
        self.metadata.len()
    }

    /// Identity of this state of the file.
    #[must_use]
    pub fn validator(&self) -> Validator {
        Validator::of(&self.metadata)
    }

    /// When the content was last written, if the file system knows.
    #[must_use]
    pub fn modified(&self) -> Option<SystemTime> {
        self.metadata.modified().ok().map(cap_std::time::SystemTime::into_std)
    }

    /// The file itself, for reading.
    #[must_use]
    pub fn into_file(self) -> std::fs::File {
        self.file.into_std()
    }

    /// Copies the content into `sink`.
    ///
    /// # Errors
    /// [`LoadError::TooLarge`] beyond `limit` bytes, also when the file grows while it is read.
    pub fn copy_to(&mut self, sink: &mut impl Write, limit: u64) -> Result<u64, LoadError> {
        if self.len() > limit {
            return Err(LoadError::TooLarge { limit });
        }
        let size = usize::try_from(self.len()).unwrap_or(COPY_BYTES).clamp(1, COPY_BYTES);
        let mut buffer = vec![0; size];
        let mut copied: u64 = 0;
        loop {
            let n = match self.file.read(&mut buffer) {
                Ok(0) => return Ok(copied),
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(LoadError::Failed(error)),
            };
            copied += n as u64;
            if copied > limit {
                return Err(LoadError::TooLarge { limit });
            }
            sink.write_all(&buffer[..n]).map_err(LoadError::Sink)?;
        }
    }
}

/// A relative path of visible names, or nothing: a dot name hides itself and everything below it, and
/// `photo.jpg/` is no second name of `photo.jpg`.
fn visible<S: AsRef<str>>(segments: impl Iterator<Item = S>) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for segment in segments {
        let segment = segment.as_ref();
        if segment.is_empty() || segment.starts_with('.') || segment.contains(['/', '\\', '\0']) {
            return None;
        }
        path.push(segment);
    }
    Some(path)
}

fn regular(metadata: &Metadata) -> Result<(), LoadError> {
    if metadata.is_file() { Ok(()) } else { Err(LoadError::NotFound) }
}

/// Absent and "leads outside" look the same from outside; a permission or disk error is ours.
fn refused(error: io::Error) -> LoadError {
    use io::ErrorKind as Kind;
    // ELOOP, ENAMETOOLONG and cap-std's escape error all mean that no such file is served.
    match error.kind() {
        Kind::NotFound | Kind::NotADirectory | Kind::InvalidFilename | Kind::InvalidInput => {
            LoadError::NotFound
        }
        Kind::PermissionDenied if error.raw_os_error().is_none() => LoadError::NotFound,
        _ if matches!(
            error.raw_os_error().map(rustix::io::Errno::from_raw_os_error),
            Some(rustix::io::Errno::LOOP | rustix::io::Errno::XDEV | rustix::io::Errno::NXIO)
        ) =>
        {
            LoadError::NotFound
        }
        _ => LoadError::Failed(error),
    }
}
