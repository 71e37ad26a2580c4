//! An original in memory: sealed, and known by its own bytes.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use cuttle_contract::Failure;
use cuttle_image::{Probe, ProbeError};
use cuttle_source::State;
use cuttle_worker::{SealedBytes, SealedWriter};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::admission::{Budget, Queue, Refused, Reserved};
use crate::kept::Kept;

/// Originals up to this size are probed where they are: the longest walk through so many bytes takes some milliseconds, the
/// longest through an animation of 20 MB takes as much as a picture.
const PROBED_AT_ONCE_BYTES: u64 = 64 << 10;

/// A loaded source. Its bytes are set aside in the memory budget for as long as anyone holds it.
#[derive(Debug)]
pub struct Original {
    pub(crate) bytes: SealedBytes,
    pub(crate) digest: blake3::Hash,
    /// As its origin described it when it was loaded.
    pub(crate) state: Arc<State>,
    pub(crate) loaded_at: Instant,
    _reserved: Vec<Reserved>,
}

impl Original {
    pub(crate) fn seal(intake: Intake, state: State) -> io::Result<Self> {
        Ok(Self {
            bytes: intake.writer.seal()?,
            digest: blake3::Hash::from_bytes(state.digest),
            state: Arc::new(state),
            loaded_at: Instant::now(),
            _reserved: intake.reserved,
        })
    }

    /// Reads signature and dimensions, in safe Rust. What may take a while is done beside the reactor.
    pub(crate) async fn probe(self: &Arc<Self>) -> Result<Probe, ProbeError> {
        if self.len() <= PROBED_AT_ONCE_BYTES {
            return cuttle_image::probe(self.bytes.reader());
        }
        let this = Arc::clone(self);
        let probing = spawn_blocking(move || cuttle_image::probe(this.bytes.reader()));
        probing.await.unwrap_or_else(|stopped| Err(io::Error::other(stopped).into()))
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

/// Where a load writes: into memory that will be sealed. It owns what was set aside for it, so that a load that outlives
/// its deadline still counts.
#[derive(Debug)]
pub(crate) struct Intake {
    writer: SealedWriter,
    limit: u64,
    room: Room,
    deadline: Instant,
    reserved: Vec<Reserved>,
    total: u64,
}

/// Where the memory of originals comes from.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    pub(crate) budget: Budget,
    pub(crate) queue: Queue,
    pub(crate) kept: Kept,
}

impl Intake {
    /// For at most `limit` bytes, waiting for memory at most until `deadline`.
    pub(crate) fn new(limit: u64, room: Room, deadline: Instant) -> io::Result<Self> {
        let writer = SealedWriter::new(limit)?;
        Ok(Self { writer, limit, room, deadline, reserved: Vec::new(), total: 0 })
    }
}

impl cuttle_source::Intake for Intake {
    async fn reserve(&mut self, total: u64) -> Result<(), Failure> {
        let Room { budget, queue, kept } = &self.room;
        let more = total.saturating_sub(self.total);
        let reserved = match budget.try_reserve(more) {
            Some(reserved) => reserved,
            None => {
                // What is kept for later gives way to what is needed now.
                kept.let_all_go();
                let waited = budget.reserve_within(queue, more, self.deadline).await;
                waited.map_err(|refused| match refused {
                    Refused::Full => Failure::QueueFull,
                    Refused::TooLate => Failure::QueueTimeout,
                })?
            }
        };
        self.reserved.push(reserved);
        self.total = total;
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.writer = SealedWriter::new(self.limit)?;
        Ok(())
    }
}

impl Write for Intake {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        self.writer.write(chunk)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
