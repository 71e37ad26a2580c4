//! A response body on its way into an intake: decoded while it streams, counted after decoding.
//!
//! Decoders are pulled, one buffer at a time, and every buffer is paid for before it is written; so a bomb costs 64 KiB of
//! heap and ends at the limit. zstd is not decoded: there is no decoder of a hostile stream in safe Rust with a bound on its
//! window, we do not ask for it, and Next does not read it either.

use std::error::Error;
use std::io;
use std::pin::Pin;

use async_compression::tokio::bufread::{BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio_util::io::StreamReader;

use crate::LoadError;
use crate::intake::{Intake, Pour};

/// What we can decode, the most useful first.
pub(crate) const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("br, gzip, deflate");

/// Decoded bytes held at a time for each coding.
const BUFFER_BYTES: usize = 64 << 10;
/// As in Next: more than this many are refused before the first byte.
const MAX_CODINGS: usize = 5;

type Reader = Pin<Box<dyn AsyncBufRead + Send>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

/// Pours a whole body into `pour`.
pub(crate) async fn receive<B>(
    headers: &HeaderMap,
    body: B,
    pour: &mut Pour<impl Intake>,
) -> Result<(), LoadError>
where
    B: Body<Data = Bytes, Error = hyper::Error> + Send + 'static,
{
    let codings = codings(headers)?;
    if let Some(length) = content_length(headers) {
        // Of a coded body it is only a hint, and a lower bound in practice: a body that is too long coded is refused as well.
        match codings.is_empty() {
            true => pour.expect(length).await?,
            false => pour.within_limit(length)?,
        }
    }
    let stream = body.into_data_stream().map_err(io::Error::other);
    let mut reader: Reader = Box::pin(StreamReader::new(stream));
    if reader.fill_buf().await.map_err(broken)?.is_empty() {
        return Err(LoadError::Empty);
    }
    // RFC 9110 §8.4: listed in the order in which they were applied.
    for coding in codings.into_iter().rev() {
        reader = decoded(coding, reader).await?;
    }
    loop {
        let chunk = reader.fill_buf().await.map_err(broken)?;
        if chunk.is_empty() {
            return Ok(());
        }
        let taken = chunk.len();
        pour.take(chunk).await?;
        reader.as_mut().consume(taken);
    }
}

async fn decoded(coding: Coding, mut inner: Reader) -> Result<Reader, LoadError> {
    Ok(match coding {
        Coding::Gzip => buffered(GzipDecoder::new(inner)),
        Coding::Brotli => buffered(BrotliDecoder::new(inner)),
        Coding::Deflate => {
            // RFC 9110 §8.4.1.2 means zlib, and its note says why half the world sends raw DEFLATE. RFC 1950 §2.2: the low four bits
            // of the first byte are 8 for zlib, which raw data never begins with but in a stored block of odd padding.
            let first = inner.fill_buf().await.map_err(broken)?.first();
            match first.is_some_and(|byte| byte & 0x0f == 8) {
                true => buffered(ZlibDecoder::new(inner)),
                false => buffered(DeflateDecoder::new(inner)),
            }
        }
    })
}

fn buffered(decoder: impl AsyncRead + Send + 'static) -> Reader {
    Box::pin(BufReader::with_capacity(BUFFER_BYTES, decoder))
}

/// The codings to undo. An unknown one among them: none, as in Next; what arrives is sniffed and then is no picture.
fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, LoadError> {
    let lines = headers.get_all(CONTENT_ENCODING);
    let names: Vec<_> = lines
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .map(|name| name.trim_ascii().to_ascii_lowercase())
        .filter(|name| !name.is_empty() && name != b"identity")
        .collect();
    if names.len() > MAX_CODINGS {
        return Err(LoadError::TooManyCodings { count: names.len() });
    }
    let known = names.iter().map(|name| match name.as_slice() {
        b"gzip" | b"x-gzip" => Some(Coding::Gzip),
        b"deflate" => Some(Coding::Deflate),
        b"br" => Some(Coding::Brotli),
        _ => None,
    });
    Ok(known.collect::<Option<_>>().unwrap_or_default())
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The connection's errors come wrapped through the decoders; every other error is the decoder's own.
fn broken(error: io::Error) -> LoadError {
    match error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<hyper::Error>) {
        true => LoadError::Network(error.into()),
        false => LoadError::Encoding(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codings_are_read_from_every_line() {
        use Coding::*;
        for (lines, expected) in [
            (&[][..], Some(vec![])),
            (&["gzip"], Some(vec![Gzip])),
            (&["X-GZIP, br", "deflate"], Some(vec![Gzip, Brotli, Deflate])),
            (&["identity"], Some(vec![])),
            (&[""], Some(vec![])),
            (&["zstd"], Some(vec![])),
            (&["gzip, zstd"], Some(vec![])),
            (&["gzip,gzip,gzip,gzip,gzip"], Some(vec![Gzip; 5])),
            (&["gzip,gzip,gzip,gzip,gzip,gzip"], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(CONTENT_ENCODING, HeaderValue::from_str(line).expect(line));
            }
            assert_eq!(codings(&headers).ok(), expected, "{lines:?}");
        }
    }
}
