//! Originals that nobody can change any more, held outside every heap.
//!
//! A download is written straight into an anonymous file, sealed, probed by `pread` and passed to a
//! worker as a descriptor: no copy, and no worker can change what another reader sees. Nobody maps
//! it, so a fault in it can never become a signal in the server.
//!
//! The bytes are digested on the way in, and the server reads the header by `pread`: its heap never holds an image that is
//! being rendered.

use std::{
    error::Error,
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::FileExt,
    },
    sync::Arc,
};

use bytes::Bytes;

use crate::{Platform, platform::Draft};

/// A source grew past the ceiling given to [`SealedWriter::new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {limit} bytes")]
pub struct OverLimit {
    /// Bytes.
    pub limit: u64,
}

/// Takes the bytes of one original, up to a limit.
#[derive(Debug)]
pub struct SealedWriter {
    draft: Draft,
    platform: Platform,
    len: u64,
    limit: u64,
}

impl SealedWriter {
    /// Starts an original of at most `limit` bytes.
    ///
    /// # Errors
    /// The system's, when it has no descriptor or memory left.
    pub fn new(limit: u64) -> io::Result<Self> {
        Self::on(Platform::NATIVE, limit)
    }

    /// As [`Self::new`], on the platform named.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn on(platform: Platform, limit: u64) -> io::Result<Self> {
        Ok(Self { draft: platform.draft()?, platform, len: 0, limit })
    }

    /// Bytes so far.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a progress figure, not a collection")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether an error of [`Write::write`] means that the limit was passed, not that the system failed.
    #[must_use]
    pub fn is_over_limit(error: &io::Error) -> bool {
        error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<OverLimit>)
    }

    /// Ends the writing for good.
    ///
    /// # Errors
    /// The system's.
    pub fn seal(self) -> io::Result<SealedBytes> {
        let file = self.platform.seal(self.draft)?;
        Ok(SealedBytes { inner: Arc::new(Inner { file, len: self.len }) })
    }
}

impl Write for SealedWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let more = u64::try_from(buf.len()).unwrap_or(u64::MAX);
        if self.len.checked_add(more).is_none_or(|total| total > self.limit) {
            let error = OverLimit { limit: self.limit };
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, error));
        }
        let written = self.draft.file.write(buf)?;
        self.len += u64::try_from(written).unwrap_or(u64::MAX);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes of an original. Cloning shares them.
#[derive(Debug, Clone)]
pub struct SealedBytes {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    len: u64,
}

impl SealedBytes {
    /// Seals bytes that are already in memory.
    ///
    /// # Errors
    /// The system's.
    pub fn copy_from(bytes: &[u8]) -> io::Result<Self> {
        let mut writer = SealedWriter::new(u64::MAX)?;
        writer.write_all(bytes)?;
        writer.seal()
    }

    /// Bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.inner.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads at an offset, as `pread` does: possibly less than asked, nothing past the end.
    ///
    /// # Errors
    /// The system's.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.file.read_at(buf, offset)
    }

    /// A reader with an offset of its own, buffered.
    #[must_use]
    pub fn reader(&self) -> SealedReader {
        SealedReader(BufReader::new(Cursor { bytes: self.clone(), offset: 0 }))
    }

    /// Copies everything into memory, for a response or a cache.
    ///
    /// # Errors
    /// [`OverLimit`] when there are more than `limit` bytes, and the system's.
    pub fn to_bytes(&self, limit: u64) -> io::Result<Bytes> {
        let over = || io::Error::new(io::ErrorKind::FileTooLarge, OverLimit { limit });
        let len = usize::try_from(self.len()).map_err(|_| over())?;
        if self.len() > limit {
            return Err(over());
        }
        let mut bytes = vec![0; len];
        self.inner.file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes.into())
    }
}

impl AsFd for SealedBytes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.file.as_fd()
    }
}

/// Reads a [`SealedBytes`] from front to back, or wherever it is told.
#[derive(Debug)]
pub struct SealedReader(BufReader<Cursor>);

#[derive(Debug)]
struct Cursor {
    bytes: SealedBytes,
    offset: u64,
}

impl Read for Cursor {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read_at(buf, self.offset)?;
        self.offset += u64::try_from(read).unwrap_or_default();
        Ok(read)
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(delta) => self.bytes.len().checked_add_signed(delta),
            SeekFrom::Current(delta) => self.offset.checked_add_signed(delta),
        };
        self.offset = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.offset)
    }
}

impl Read for SealedReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl BufRead for SealedReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.0.consume(amount);
    }
}

impl Seek for SealedReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[cfg(test)]
#[path = "sealed_tests.rs"]
mod tests;
