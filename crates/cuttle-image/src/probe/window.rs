//! A block of a seekable file, moved to where a header is.
//!
//! Every read of a probe goes through it, so that its cap is the cap of the whole probe.

use std::io::{ErrorKind, Read, Seek, SeekFrom};

/// Bytes fetched at a time: headers cluster, and a page is what one `pread` costs anyway.
const BLOCK: usize = 4096;

/// SECURITY: bytes that one probe may fetch. The longest honest walk is a GIF of 20 MB, whose frames
/// can only be counted by walking all of it; a 4 MiB colour profile of a JPEG costs one block per 64 KiB.
pub(super) const READ_CAP: u64 = 24 << 20;

/// Why a probe stopped.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The reader failed.
    Io(std::io::Error),
    /// The file is cut off or contradicts itself.
    Broken(&'static str),
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

pub(crate) struct Window<R> {
    reader: R,
    len: u64,
    start: u64,
    block: Vec<u8>,
    left: u64,
}

impl<R: Read + Seek> Window<R> {
    pub(crate) fn new(mut reader: R) -> std::io::Result<Self> {
        let len = reader.seek(SeekFrom::End(0))?;
        Ok(Self { reader, len, start: 0, block: Vec::with_capacity(BLOCK), left: READ_CAP })
    }

    /// Bytes of the file.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// `count` bytes (at most a block) from offset `at`.
    pub(super) fn bytes(&mut self, at: u64, count: usize) -> Result<&[u8], Fault> {
        debug_assert!(count <= BLOCK);
        if self.held(at, count).is_none() {
            self.fetch(at)?;
        }
        let range = self.held(at, count).ok_or(Fault::Broken("it ends too early"))?;
        Ok(&self.block[range])
    }

    /// `N` bytes from offset `at`.
    pub(super) fn array<const N: usize>(&mut self, at: u64) -> Result<[u8; N], Fault> {
        let bytes = self.bytes(at, N)?;
        bytes.try_into().map_err(|_| Fault::Broken("it ends too early"))
    }

    pub(super) fn u8(&mut self, at: u64) -> Result<u8, Fault> {
        self.array::<1>(at).map(|[byte]| byte)
    }

    pub(super) fn u16_be(&mut self, at: u64) -> Result<u16, Fault> {
        self.array(at).map(u16::from_be_bytes)
    }

    pub(super) fn u32_be(&mut self, at: u64) -> Result<u32, Fault> {
        self.array(at).map(u32::from_be_bytes)
    }

    pub(super) fn u32_le(&mut self, at: u64) -> Result<u32, Fault> {
        self.array(at).map(u32::from_le_bytes)
    }

    fn held(&self, at: u64, count: usize) -> Option<std::ops::Range<usize>> {
        let from = usize::try_from(at.checked_sub(self.start)?).ok()?;
        let to = from.checked_add(count)?;
        (to <= self.block.len()).then_some(from..to)
    }

    fn fetch(&mut self, at: u64) -> Result<(), Fault> {
        if at >= self.len {
            return Err(Fault::Broken("it ends too early"));
        }
        let block = u64::try_from(BLOCK).unwrap_or(u64::MAX);
        self.left =
            self.left.checked_sub(block).ok_or(Fault::Broken("its headers are too long"))?;
        self.reader.seek(SeekFrom::Start(at))?;
        self.block.resize(BLOCK, 0);
        self.start = at;
        let mut filled = 0;
        while filled < BLOCK {
            match self.reader.read(&mut self.block[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.block.clear();
                    return Err(error.into());
                }
            }
        }
        self.block.truncate(filled);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file without an end, and how often it was read.
    struct Endless(u64);

    impl Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            self.0 += 1;
            into.fill(0);
            Ok(into.len())
        }
    }

    impl Seek for Endless {
        fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
            Ok(if let SeekFrom::Start(at) = to { at } else { u64::MAX })
        }
    }

    #[test]
    fn no_walk_reads_more_than_the_cap() {
        let mut file = Window::new(Endless(0)).expect("a length");
        let walk = (0..u64::MAX).step_by(7 * BLOCK);
        let ended = walk.map(|at| file.u8(at)).find_map(Result::err);
        assert!(matches!(ended, Some(Fault::Broken(_))));
        assert_eq!(file.reader.0, READ_CAP / BLOCK as u64);
    }
}
