//! The folder: whose it is, and the files of variants in it.
//!
//! Files are written and removed only inside write transactions of the index, whose lock is theirs too.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, IoSliceMut, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use rustix::fs::{Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

use crate::disk::lock::lock;
use crate::disk::private::{is_private, private_folder, refused};
use crate::file::{MAX_FILE_BYTES, parse, preamble};
use crate::{ContentKey, Damage, Trouble, Variant};

/// A folder that is ours alone to write.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// SECURITY: pictures are read through it. Where it lies in a folder of others, these may put one of their own in its place.
    opened: File,
    /// Folders of pictures that were made since all of them were counted.
    made: AtomicU64,
}

/// What reading a variant's file came to, when it did not bring the variant.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The file is of no use: not there, damaged, or not to be read, which is no reason to give up all others.
    Useless,
    /// Nothing could be read now.
    Failed(io::Error),
}

/// Copied and checked in well under a tenth of a millisecond; larger ones would hold up whoever is next.
const READ_AT_ONCE_BYTES: usize = 256 << 10;

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => Self::Failed(error),
            _ => Self::Useless,
        }
    }
}

/// The name of the index.
pub(crate) const INDEX: &str = "index.sqlite";

/// What a file takes beside its bytes, in blocks of most file systems.
const BLOCK_BYTES: u64 = 4096;

/// SECURITY: a link leads out of the folder, and to open a pipe is to wait for whoever writes to it.
const PLAIN: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK);

impl Folder {
    /// Makes the folder, or makes sure that it is ours; in one of others, one of our own.
    pub(crate) fn open(folder: &Path) -> Result<Self, Trouble> {
        let path = private_folder(folder)?;
        // SECURITY: what was opened is looked at, and not what its name means a moment later.
        let opened = File::open(&path)?;
        let found = opened.metadata()?;
        if !is_private(&found) {
            return Err(refused(&path, &found));
        }
        Ok(Self { path, opened, made: AtomicU64::new(0) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.path.join(INDEX)
    }

    /// One process at a time makes or replaces the index. Held until it is dropped.
    pub(crate) fn lock(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.custom_flags(PLAIN.bits().cast_signed()).open(self.path.join("lock"))?;
        lock(&file)?;
        Ok(file)
    }

    /// Where a corrupt index is moved to.
    pub(crate) fn aside(&self) -> PathBuf {
        self.path.join("index.corrupt")
    }

    /// How long the log of the index is.
    pub(crate) fn log_bytes(&self) -> io::Result<u64> {
        fs::metadata(self.path.join(format!("{INDEX}-wal"))).map(|log| log.len())
    }

    /// The index and its log; nothing where there is none.
    pub(crate) fn index_bytes(&self) -> u64 {
        fs::metadata(self.index()).map_or(0, |index| index.len()) + self.log_bytes().unwrap_or(0)
    }

    /// What is here beside pictures and the index: the folders of pictures, which stay when they are empty, and a corrupt index that was
    /// moved aside, unless it takes more than an eighth of what we may take: then it goes.
    pub(crate) fn bytes_beside(&self, max_bytes: u64) -> io::Result<u64> {
        self.made.store(0, Ordering::Relaxed);
        let found = fs::read_dir(&self.path)?.filter_map(|entry| entry.ok()?.metadata().ok());
        let folders: u64 = found.filter(fs::Metadata::is_dir).map(|it| it.blocks() * 512).sum();
        let aside = fs::metadata(self.aside()).map_or(0, |aside| aside.len());
        if aside > max_bytes / 8 {
            let _ = fs::remove_file(self.aside());
        }
        Ok(folders + aside)
    }

    /// What folders of pictures take that were made since then.
    pub(crate) fn bytes_made(&self) -> u64 {
        self.made.load(Ordering::Relaxed) * BLOCK_BYTES
    }

    pub(crate) fn shelf(&self, first: u8) -> PathBuf {
        self.path.join(format!("{first:02x}"))
    }

    fn file(&self, content: &ContentKey) -> PathBuf {
        self.path.join(place(content))
    }

    pub(crate) fn read(&self, content: &ContentKey) -> Result<Variant, Unread> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | PLAIN;
        let file = openat(&self.opened, place(content), flags, Mode::empty());
        let file = File::from(file.map_err(io::Error::from)?);
        let metadata = file.metadata()?;
        let length = metadata.len();
        if !metadata.is_file() || length > MAX_FILE_BYTES {
            return Err(Unread::Useless);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        file.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
        parse(&Bytes::from(bytes), content).map_err(|_: Damage| Unread::Useless)
    }

    /// The variant, if its file is small and all of it is in the system's memory. Waits for no disk, so it may be asked by a
    /// thread of the reactor: a hop to another thread and back takes longer than the reading.
    pub(crate) fn read_cached(&self, content: &ContentKey) -> Option<Variant> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | PLAIN;
        let (folder, place) = (&self.opened, place(content));
        let file = openat2(folder, place, flags, Mode::empty(), ResolveFlags::CACHED).ok()?;
        let length = usize::try_from(fstat(&file).ok()?.st_size).ok()?;
        if length > READ_AT_ONCE_BYTES {
            return None;
        }
        let mut bytes = vec![0; length];
        let read = preadv2(&file, &mut [IoSliceMut::new(&mut bytes)], 0, ReadWriteFlags::NOWAIT);
        match read {
            Ok(read) if read == length => parse(&Bytes::from(bytes), content).ok(),
            // Some of it is on the disk, or this file system cannot say so.
            _ => None,
        }
    }

    /// Writes a file beside its place and moves it there; the bytes that it takes. Not synced: its digest says whether it is
    /// whole. `None` for what is not kept on disks.
    pub(crate) fn write(&self, content: &ContentKey, variant: &Variant) -> io::Result<Option<u64>> {
        let Some(preamble) = preamble(content, variant) else { return Ok(None) };
        let length = (preamble.len() + variant.bytes.len()) as u64;
        if length > MAX_FILE_BYTES {
            return Ok(None);
        }
        let shelf = self.shelf(content.0[0]);
        let temporary = shelf.join(format!("{:016x}.new", fastrand::u64(..)));
        let mut file = match create(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Not recursive: a folder that vanished is made anew as a whole, with its index.
                DirBuilder::new().mode(0o700).create(&shelf)?;
                self.made.fetch_add(1, Ordering::Relaxed);
                create(&temporary)?
            }
            opened => opened?,
        };
        let written = file
            .write_all(&preamble)
            .and_then(|()| file.write_all(&variant.bytes))
            .and_then(|()| fs::rename(&temporary, self.file(content)));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written.map(|()| Some(length.next_multiple_of(BLOCK_BYTES)))
    }

    pub(crate) fn remove(&self, content: &ContentKey) {
        let path = self.file(content);
        // Not there: just as well. Not removable: swept later.
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(path));
    }

    /// Bytes of the file system, and how many of them we could still use.
    pub(crate) fn space(&self) -> io::Result<(u64, u64)> {
        let stat = rustix::fs::statvfs(&self.path)?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        Ok((bytes(stat.f_blocks), bytes(stat.f_bavail)))
    }

    /// Whether something of some size can be written.
    pub(crate) fn probe(&self) -> io::Result<()> {
        let path = self.path.join("probe");
        // Left by a crash: just as well.
        let _ = fs::remove_file(&path);
        let probed = create(&path).and_then(|mut file| file.write_all(&[0; 64 << 10]));
        let _ = fs::remove_file(path);
        probed
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Where the file of a variant lies in the folder.
fn place(content: &ContentKey) -> String {
    format!("{:02x}/{}", content.0[0], name(content))
}

/// Whether a folder is called as those are in which variants lie.
pub(crate) fn is_shelf(name: &str) -> bool {
    name.len() == 2 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What the file of a variant is called.
pub(crate) fn name(content: &ContentKey) -> String {
    blake3::Hash::from_bytes(content.0).to_hex().to_string()
}

/// Whether a file is called as ours are, finished or not. What someone else put here is never removed.
pub(crate) fn is_ours(name: &str) -> bool {
    let hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.strip_suffix(".new").map_or(name.len() == 64 && hexadecimal(name), hexadecimal)
}

/// Device and inode of a file: whether it is still the one that was opened.
pub(crate) fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}
