//! An original in memory: sealed, digested while it was copied, known by its own bytes.

use std::io::{self, Write};

use bytes::Bytes;
use cuttle_image::{Probe, ProbeError};
use cuttle_source::Validator;
use cuttle_worker::{SealedBytes, SealedWriter};

use crate::admission::Reserved;

/// A loaded source. Its bytes are set aside in the memory budget for as long as anyone holds it.
#[derive(Debug)]
pub struct Original {
    pub(crate) bytes: SealedBytes,
    pub(crate) digest: blake3::Hash,
    pub(crate) validator: Validator,
    _reserved: Reserved,
}

impl Original {
    pub(crate) fn seal(intake: Intake, validator: Validator) -> io::Result<Self> {
        let Intake { writer, hasher, reserved } = intake;
        Ok(Self {
            bytes: writer.seal()?,
            digest: hasher.finalize(),
            validator,
            _reserved: reserved,
        })
    }

    /// Reads signature and dimensions, in safe Rust.
    pub(crate) fn probe(&self) -> Result<Probe, ProbeError> {
        cuttle_image::probe(self.bytes.reader())
    }

    /// Size in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.bytes.len()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// At most `most` bytes from `offset` on; none at the end. Memory only, never a disk.
    ///
    /// # Errors
    /// As `pread` on our own sealed memory: none that is expected.
    pub fn chunk(&self, offset: u64, most: usize) -> io::Result<Bytes> {
        let left = self.len().saturating_sub(offset);
        let mut chunk = vec![0; usize::try_from(left).unwrap_or(most).min(most)];
        let read = self.bytes.read_at(&mut chunk, offset)?;
        chunk.truncate(read);
        Ok(chunk.into())
    }
}

/// Where a load writes: into memory that will be sealed, through the digest of its content key. It
/// owns the reservation, so that a load that outlives its deadline still counts.
#[derive(Debug)]
pub(crate) struct Intake {
    writer: SealedWriter,
    hasher: blake3::Hasher,
    reserved: Reserved,
}

impl Intake {
    pub(crate) fn new(limit: u64, reserved: Reserved) -> io::Result<Self> {
        Ok(Self { writer: SealedWriter::new(limit)?, hasher: blake3::Hasher::new(), reserved })
    }
}

impl Write for Intake {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(chunk)?;
        self.hasher.update(&chunk[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
