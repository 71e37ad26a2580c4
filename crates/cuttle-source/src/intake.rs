//! Where the bytes of a load go: memory that the caller owns and pays for.
//!
//! This crate holds no picture. It asks for room before it writes, counts what it writes against the limit, and digests it
//! on the way; how much memory there is, and what happens to those who wait for it, is the caller's.

use std::future::Future;
use std::io::{self, Write};

use cuttle_contract::Failure;

use crate::LoadError;

/// Room asked for at first when the origin does not say how much it sends. Most pictures on the web are smaller.
const FIRST_BYTES: u64 = 256 << 10;

/// Takes the bytes of one original.
pub trait Intake: Write + Send + 'static {
    /// Sets memory aside for `total` bytes altogether, before they are written. May wait for it. Called with growing totals:
    /// once when the size is known, else at most doubling each time.
    ///
    /// # Errors
    /// What clients are to be told when the memory is not to be had.
    fn reserve(&mut self, total: u64) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Forgets what was written, for another attempt. What was set aside may stay so.
    ///
    /// # Errors
    /// The system's.
    fn restart(&mut self) -> io::Result<()>;
}

/// An intake with the limit, the count and the digest of what goes into it.
pub(crate) struct Pour<I> {
    intake: I,
    hasher: blake3::Hasher,
    written: u64,
    reserved: u64,
    limit: u64,
}

impl<I: Intake> Pour<I> {
    pub(crate) fn new(intake: I, limit: u64) -> Self {
        Self { intake, hasher: blake3::Hasher::new(), written: 0, reserved: 0, limit }
    }

    /// Refuses `total` bytes if they are too many.
    pub(crate) fn within_limit(&self, total: u64) -> Result<(), LoadError> {
        let limit = self.limit;
        if total > limit { Err(LoadError::TooLarge { limit }) } else { Ok(()) }
    }

    /// Makes room for `total` bytes at once, or refuses them.
    pub(crate) async fn expect(&mut self, total: u64) -> Result<(), LoadError> {
        self.within_limit(total)?;
        if total > self.reserved {
            self.intake.reserve(total).await.map_err(LoadError::NoRoom)?;
            self.reserved = total;
        }
        Ok(())
    }

    /// Writes a chunk, growing as needed.
    pub(crate) async fn take(&mut self, chunk: &[u8]) -> Result<(), LoadError> {
        let needed = self.written + chunk.len() as u64;
        if needed > self.reserved {
            self.within_limit(needed)?;
            let room = needed.max(self.reserved.saturating_mul(2)).max(FIRST_BYTES);
            self.expect(room.min(self.limit)).await?;
        }
        self.write_all(chunk).map_err(LoadError::Sink)
    }

    /// As before the first byte.
    pub(crate) fn restart(&mut self) -> Result<(), LoadError> {
        if self.written > 0 {
            self.intake.restart().map_err(LoadError::Sink)?;
            self.hasher.reset();
            self.written = 0;
        }
        Ok(())
    }

    /// Bytes so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// The intake and the BLAKE3 of what is in it.
    pub(crate) fn finish(self) -> Result<(I, [u8; 32]), LoadError> {
        match self.written {
            0 => Err(LoadError::Empty),
            _ => Ok((self.intake, *self.hasher.finalize().as_bytes())),
        }
    }
}

impl<I: Write> Write for Pour<I> {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        let taken = self.intake.write(chunk)?;
        self.hasher.update(&chunk[..taken]);
        self.written += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.intake.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Recorded {
        bytes: Vec<u8>,
        reserved: Vec<u64>,
    }

    impl Write for Recorded {
        fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
            self.bytes.write(chunk)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Intake for Recorded {
        async fn reserve(&mut self, total: u64) -> Result<(), Failure> {
            self.reserved.push(total);
            Ok(())
        }
        fn restart(&mut self) -> io::Result<()> {
            self.bytes.clear();
            Ok(())
        }
    }

    #[tokio::test]
    async fn room_is_asked_for_before_it_is_used_and_never_above_the_limit() {
        let mut pour = Pour::new(Recorded::default(), 1_000_000);
        for _ in 0..10 {
            pour.take(&[7; 100_000]).await.expect("room");
        }
        assert_eq!(pour.intake.reserved, [262_144, 524_288, 1_000_000]);
        let error = pour.take(&[7]).await.expect_err("over the limit");
        assert!(matches!(error, LoadError::TooLarge { limit: 1_000_000 }));
        let (intake, digest) = pour.finish().expect("bytes");
        assert_eq!(digest, *blake3::hash(&intake.bytes).as_bytes());
        assert_eq!(intake.bytes.len(), 1_000_000);
    }

    #[tokio::test]
    async fn a_known_size_is_set_aside_once_and_survives_a_restart() {
        let mut pour = Pour::new(Recorded::default(), 1_000_000);
        pour.expect(300_000).await.expect("room");
        pour.take(&[1; 200_000]).await.expect("room");
        pour.restart().expect("a restart");
        pour.expect(300_000).await.expect("room");
        pour.take(&[2; 300_000]).await.expect("room");
        let (intake, digest) = pour.finish().expect("bytes");
        assert_eq!(intake.reserved, [300_000]);
        assert_eq!(digest, *blake3::hash(&[2; 300_000]).as_bytes());
    }
}
