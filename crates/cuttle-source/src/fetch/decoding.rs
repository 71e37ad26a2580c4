//! Content codings undone on a thread that may be kept busy, in steps that end.
//!
//! An origin chooses what is decoded here. Empty blocks cost a decoder time and bring nothing, so 35 KB of them, coded twice, once
//! held every thread of the reactor for a minute. No coding that anyone uses makes data longer than it was by more than a
//! few bytes a block, so a layer may consume 64 KiB, and two bytes for each that it brought; with the limit of the output
//! that bounds the work of all layers. zstd is not decoded: there is no decoder of a hostile stream in safe Rust with a
//! bound on its window, we do not ask for it, and Next does not read it either.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use brotli_decompressor::Decompressor;
use bytes::{Buf as _, Bytes};
use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};

/// Decoded bytes held at a time for each coding, and what a layer may consume before it brings anything.
const BUFFER_BYTES: usize = 64 << 10;
/// What brotli reads at a time.
const BROTLI_BUFFER_BYTES: usize = 4 << 10;

/// A coding that is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

type Reader = Box<dyn BufRead + Send>;

/// Undoes `codings`, listed in the order in which they were applied (RFC 9110 §8.4), until `take` wants no more. Between a
/// chunk that it asks for and one that it gives are some buffers of work, so whoever holds both ends it soon.
///
/// # Errors
/// What arrived is not what was said, or is a bomb.
pub(super) fn decode(
    codings: &[Coding],
    coded: impl Iterator<Item = Bytes> + Send + 'static,
    mut take: impl FnMut(Bytes) -> bool,
) -> io::Result<()> {
    let mut reader: Reader = Box::new(Arriving { coded, chunk: Bytes::new() });
    for &coding in codings.iter().rev() {
        reader = layer(coding, reader)?;
    }
    loop {
        let chunk = reader.fill_buf()?;
        let taken = chunk.len();
        if taken == 0 || !take(Bytes::copy_from_slice(chunk)) {
            return Ok(());
        }
        reader.consume(taken);
    }
}

fn layer(coding: Coding, inner: Reader) -> io::Result<Reader> {
    let meter = Arc::<Meter>::default();
    let mut inner = Metered { inner, meter: Arc::clone(&meter) };
    let decoder: Box<dyn Read + Send> = match coding {
        Coding::Gzip => Box::new(Members::Inside(GzDecoder::new(inner))),
        Coding::Brotli => Box::new(Decompressor::new(inner, BROTLI_BUFFER_BYTES)),
        // RFC 9110 §8.4.1.2 means zlib, and its note says why half the world sends raw DEFLATE. RFC 1950 §2.2: the low four bits
        // of the first byte are 8 for zlib, which raw data never begins with but in a stored block of odd padding.
        Coding::Deflate => match inner.fill_buf()?.first().is_some_and(|byte| byte & 0x0f == 8) {
            true => Box::new(ZlibDecoder::new(inner)),
            false => Box::new(DeflateDecoder::new(inner)),
        },
    };
    let brought = Brought { decoder, meter };
    Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, brought)))
}

/// The members of a gzip file, one after the other (RFC 1952 §2.2), and zeros that fill up the last block of a tape.
enum Members<R: BufRead> {
    Inside(GzDecoder<R>),
    Over,
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let Self::Inside(member) = self else { return Ok(0) };
            let read = member.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            let Self::Inside(member) = std::mem::replace(self, Self::Over) else { return Ok(0) };
            let mut rest = member.into_inner();
            match rest.fill_buf()?.first() {
                None => {}
                Some(0) => only_zeros(&mut rest)?,
                Some(_) => *self = Self::Inside(GzDecoder::new(rest)),
            }
        }
    }
}

fn only_zeros(rest: &mut impl BufRead) -> io::Result<()> {
    loop {
        let chunk = rest.fill_buf()?;
        if chunk.iter().any(|&byte| byte != 0) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "what follows the gzip data is neither a member nor zeros",
            ));
        }
        match chunk.len() {
            0 => return Ok(()),
            taken => rest.consume(taken),
        }
    }
}

/// What one layer consumed and brought so far.
#[derive(Debug, Default)]
struct Meter {
    consumed: AtomicU64,
    brought: AtomicU64,
}

impl Meter {
    fn check(&self) -> io::Result<()> {
        let brought = self.brought.load(Ordering::Relaxed);
        let allowed = brought.saturating_mul(2).saturating_add(BUFFER_BYTES as u64);
        if self.consumed.load(Ordering::Relaxed) > allowed {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a content coding that grows longer and brings nothing",
            ));
        }
        Ok(())
    }
}

/// The input of a layer. Looked at before each buffer, as decoders ask for the next without coming back to us.
struct Metered {
    inner: Reader,
    meter: Arc<Meter>,
}

impl BufRead for Metered {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.meter.check()?;
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.meter.consumed.fetch_add(amount as u64, Ordering::Relaxed);
        self.inner.consume(amount);
    }
}

impl Read for Metered {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

/// The output of a layer.
struct Brought {
    decoder: Box<dyn Read + Send>,
    meter: Arc<Meter>,
}

impl Read for Brought {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(into)?;
        self.meter.brought.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// What the network brings.
struct Arriving<I> {
    coded: I,
    chunk: Bytes,
}

impl<I: Iterator<Item = Bytes>> BufRead for Arriving<I> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.chunk.is_empty() {
            match self.coded.next() {
                Some(chunk) => self.chunk = chunk,
                None => break,
            }
        }
        Ok(&self.chunk)
    }

    fn consume(&mut self, amount: usize) {
        self.chunk.advance(amount);
    }
}

impl<I: Iterator<Item = Bytes>> Read for Arriving<I> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("to memory");
        encoder.finish().expect("to memory")
    }

    /// All that comes of it.
    fn decoded(
        codings: &[Coding],
        coded: impl Iterator<Item = Vec<u8>> + Send + 'static,
    ) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        decode(codings, coded.map(Bytes::from), |chunk| {
            all.extend_from_slice(&chunk);
            true
        })?;
        Ok(all)
    }

    /// In pieces of this size, as the network may cut it.
    fn cut(coded: &[u8], size: usize) -> impl Iterator<Item = Vec<u8>> + Send + 'static {
        let pieces: Vec<_> = coded.chunks(size).map(<[u8]>::to_vec).collect();
        pieces.into_iter()
    }

    #[test]
    fn every_member_is_read_and_then_zeros() {
        let members = [gzip(b"one, "), gzip(b""), gzip(b"two")].concat();
        let padded = [members.clone(), vec![0; 5000]].concat();
        for coded in [members.clone(), padded] {
            for size in [1, 7, 100, 10_000] {
                let read = decoded(&[Coding::Gzip], cut(&coded, size)).expect("read");
                assert_eq!(read, b"one, two");
            }
        }
        for rest in [&b"<html>"[..], b"\0\0\0x", &gzip(b"three")[..12]] {
            let coded = [&members, rest].concat();
            assert!(decoded(&[Coding::Gzip], std::iter::once(coded)).is_err(), "{rest:?}");
        }
    }

    #[test]
    fn a_run_of_empty_blocks_ends_although_it_never_does() {
        let blocks = [0, 0, 0, 0xff, 0xff].repeat(10_000);
        assert!(decoded(&[Coding::Deflate], std::iter::repeat(blocks.clone())).is_err());
        // Within two layers, which make a thousandth of it each: 35 KB that were gigabytes.
        let mut inner = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..2000 {
            inner.write_all(&blocks).expect("to memory");
        }
        let twice = gzip(&inner.finish().expect("to memory"));
        let codings = [Coding::Deflate, Coding::Gzip, Coding::Gzip];
        assert!(decoded(&codings, std::iter::once(twice)).is_err());
        // Empty members of gzip, and empty metadata blocks of brotli (RFC 7932 §9.2).
        assert!(decoded(&[Coding::Gzip], std::iter::repeat(gzip(b"").repeat(1000))).is_err());
        let empty = [vec![0x0c], [0x06; 50_000].to_vec()].concat();
        let metadata = std::iter::once(empty).chain(std::iter::repeat([0x06; 50_000].to_vec()));
        assert!(decoded(&[Coding::Brotli], metadata).is_err());
    }

    #[test]
    fn what_is_large_and_honest_is_read_whole() {
        let noise: Vec<u8> =
            (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for plain in [noise, vec![7; 5_000_000]] {
            let once = gzip(&plain);
            let twice = gzip(&once);
            for (codings, coded) in
                [(&[Coding::Gzip][..], once), (&[Coding::Gzip, Coding::Gzip], twice)]
            {
                assert!(decoded(codings, cut(&coded, 16 << 10)).expect("read") == plain);
            }
        }
    }
}
