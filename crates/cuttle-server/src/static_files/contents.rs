//! What is known of one state of a file: a digest of all of it, and where it is small, its bytes in each coding that they are sent in.
//!
//! SECURITY: each coding has an entity tag of its own (RFC 9110 section 8.8.3.3), or a cache would glue parts of one to another.

use std::io::{self, Write as _};

use blake3::Hasher;
use bytes::Bytes;
use cuttle_source::{LoadError, OpenFile};
use flate2::Compression;
use flate2::write::GzEncoder;

/// As an entity tag, not to keep a secret.
const DIGEST_BYTES: usize = 16;
/// A larger file has Next's own weak tag: reading it would keep whoever asks first waiting for a second.
const MOST_DIGESTED: u64 = 64 << 20;
/// Below it Next compresses nothing.
pub(super) const LEAST_COMPRESSED: u64 = 1024;

/// How the bytes of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Plain,
    Gzip,
    Brotli,
}

/// One state of a file.
#[derive(Debug, Clone)]
pub(super) struct Contents {
    pub(super) length: u64,
    /// Nothing where the file is too large to be read for it.
    digest: Option<Box<str>>,
    weak: Box<str>,
    /// Nothing where the file is too large to be kept.
    plain: Option<Bytes>,
    gzip: Option<Bytes>,
    brotli: Option<Bytes>,
}

impl Contents {
    /// Reads a file, of which up to `most` bytes are kept, compressed too where that is asked for. Blocks.
    pub(super) fn read(file: &mut OpenFile, compress: bool, most: u64) -> Result<Self, LoadError> {
        let length = file.len();
        let weak = file.validator().entity_tag().into();
        let bare = Self { length, digest: None, weak, plain: None, gzip: None, brotli: None };
        if length > MOST_DIGESTED {
            return Ok(bare);
        }
        if length > most {
            let mut hasher = Hasher::new();
            file.copy_to(&mut hasher, length)?;
            return Ok(Self { digest: Some(in_words(&hasher)), ..bare });
        }
        let mut plain = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        let copied = file.copy_to(&mut plain, length)?;
        if copied != length {
            return Err(LoadError::Failed(io::ErrorKind::UnexpectedEof.into()));
        }
        let digest = Some(in_words(Hasher::new().update(&plain)));
        let gzip = (compress && length >= LEAST_COMPRESSED).then(|| gzip(&plain));
        let gzip = gzip.and_then(Result::ok).filter(|packed| packed.len() < plain.len());
        let gzip = gzip.map(Bytes::from);
        Ok(Self { digest, gzip, plain: Some(plain.into()), ..bare })
    }

    /// The same, with these bytes in Brotli, if they are worth it.
    pub(super) fn with_brotli(&self, packed: Vec<u8>) -> Option<Self> {
        let gzip = self.gzip.as_ref()?;
        (packed.len() < gzip.len()).then(|| Self { brotli: Some(packed.into()), ..self.clone() })
    }

    /// Whether its bytes are.
    pub(super) fn is_here(&self) -> bool {
        self.plain.is_some()
    }

    /// What may still be written in Brotli.
    pub(super) fn waits_for_brotli(&self) -> Option<&Bytes> {
        self.plain.as_ref().filter(|_| self.gzip.is_some() && self.brotli.is_none())
    }

    /// Nothing where it is not kept.
    pub(super) fn bytes(&self, coding: Coding) -> Option<&Bytes> {
        match coding {
            Coding::Plain => self.plain.as_ref(),
            Coding::Gzip => self.gzip.as_ref(),
            Coding::Brotli => self.brotli.as_ref(),
        }
    }

    /// Of the file in this coding.
    pub(super) fn tag(&self, coding: Coding) -> String {
        let Some(digest) = &self.digest else { return self.weak.to_string() };
        match coding {
            Coding::Plain => format!("\"{digest}\""),
            Coding::Gzip => format!("\"{digest}-gz\""),
            Coding::Brotli => format!("\"{digest}-br\""),
        }
    }

    /// What it takes in memory.
    pub(super) fn weight(&self) -> usize {
        let kept = [&self.plain, &self.gzip, &self.brotli].into_iter().flatten();
        kept.map(Bytes::len).sum::<usize>() + size_of::<Self>() + self.weak.len()
    }
}

fn in_words(hasher: &Hasher) -> Box<str> {
    let mut digest = hasher.finalize().to_hex();
    digest.truncate(2 * DIGEST_BYTES);
    digest.as_str().into()
}

fn gzip(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 3), Compression::new(6));
    encoder.write_all(plain)?;
    encoder.finish()
}
