//! An original in memory: sealed, and known by its own bytes.
//!
//! An original that is sent is read from sealed memory as the client takes it, and stays in the budget until then. A client
//! that takes nothing for 30 s is cut off. Before that, forty clients that asked for 19 MB and never read cost 700 MB; now they
//! cost nothing.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use cuttle_image::{Probe, ProbeError};
use cuttle_source::State;
use cuttle_worker::SealedBytes;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::admission::Reserved;

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
    /// What `reserved` was set aside for.
    pub(crate) fn new(bytes: SealedBytes, state: State, reserved: Vec<Reserved>) -> Self {
        Self {
            bytes,
            digest: blake3::Hash::from_bytes(state.digest),
            state: Arc::new(state),
            loaded_at: Instant::now(),
            _reserved: reserved,
        }
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
