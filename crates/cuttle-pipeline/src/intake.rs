//! Where a load writes, and the memory that is set aside for it while it does.

use std::io::{self, Write};

use cuttle_contract::Failure;
use cuttle_source::State;
use cuttle_worker::SealedWriter;
use tokio::time::Instant;

use crate::admission::{Budget, Queue, Refused, Reserved};
use crate::original::Original;
use crate::original_cache::OriginalCache;

/// Where a load writes: into memory that will be sealed. It owns what was set aside for it, so that a load that outlives
/// its deadline still counts.
#[derive(Debug)]
pub(crate) struct Intake {
    writer: SealedWriter,
    limit: u64,
    memory: Memory,
    deadline: Instant,
    reserved: Vec<Reserved>,
    total: u64,
}

/// Where the memory of originals comes from.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    pub(crate) budget: Budget,
    pub(crate) queue: Queue,
    pub(crate) cache: OriginalCache,
}

impl Intake {
    /// For at most `limit` bytes, waiting for memory at most until `deadline`.
    pub(crate) fn new(limit: u64, memory: Memory, deadline: Instant) -> io::Result<Self> {
        let writer = SealedWriter::new(limit)?;
        Ok(Self { writer, limit, memory, deadline, reserved: Vec::new(), total: 0 })
    }
}

impl Intake {
    /// All that was written, as the original that `state` describes.
    pub(crate) fn seal(self, state: State) -> io::Result<Original> {
        Ok(Original::new(self.writer.seal()?, state, self.reserved))
    }
}

impl cuttle_source::Intake for Intake {
    async fn reserve(&mut self, total: u64) -> Result<(), Failure> {
        let Memory { budget, queue, cache } = &self.memory;
        let more = total.saturating_sub(self.total);
        let reserved = match budget.try_reserve(more) {
            Some(reserved) => reserved,
            None => {
                // What is held for later gives way to what is needed now.
                cache.evict_all();
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
