//! An original in memory: sealed, digested while it was copied, known by its own bytes.

use std::io::{self, Write};

use cuttle_image::Probe;
use cuttle_source::Validator;
use cuttle_worker::{SealedBytes, SealedWriter};

use crate::admission::Reserved;

/// A loaded source.
#[derive(Debug)]
pub(crate) struct Original {
    pub(crate) bytes: SealedBytes,
    pub(crate) digest: blake3::Hash,
    pub(crate) validator: Validator,
    /// Its bytes in the memory budget, for as long as they are held.
    _reserved: Reserved,
}

impl Original {
    pub(crate) fn seal(
        intake: Intake,
        validator: Validator,
        reserved: Reserved,
    ) -> io::Result<Self> {
        let Intake { writer, hasher } = intake;
        Ok(Self {
            bytes: writer.seal()?,
            digest: hasher.finalize(),
            validator,
            _reserved: reserved,
        })
    }

    /// Reads signature and dimensions, in safe Rust.
    pub(crate) fn probe(&self) -> Result<Probe, cuttle_image::ProbeError> {
        cuttle_image::probe(self.bytes.reader())
    }
}

/// Where a load writes: into memory that will be sealed, through the digest of its content key.
#[derive(Debug)]
pub(crate) struct Intake {
    writer: SealedWriter,
    hasher: blake3::Hasher,
}

impl Intake {
    pub(crate) fn new(limit: u64) -> io::Result<Self> {
        Ok(Self { writer: SealedWriter::new(limit)?, hasher: blake3::Hasher::new() })
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
