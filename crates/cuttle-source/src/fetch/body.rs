//! A response body on its way into an intake, counted after decoding.
//!
//! What is coded is decoded by a thread beside the reactor (`decoding.rs`), one buffer at a time, and every buffer is paid for
//! before it is written; so a bomb costs some buffers of heap and ends at the limit, at the deadline, or when it brings nothing.

use std::iter;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::decoders::Decoder;
use super::decoding::{Coding, decode};
use crate::LoadError;
use crate::intake::{Intake, Pour};

/// What we can decode, the most useful first.
pub(crate) const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("br, gzip, deflate");

/// More over each other than this are refused before the first byte. Next takes five; nobody sends three but to hurt.
const MAX_CODINGS: usize = 2;
/// Chunks that wait on either side of the decoder.
const CHUNKS_AHEAD: usize = 1;

/// Pours a whole body into `pour`; what is coded, once there is a `decoder`. Dropped, it ends the decoder too.
pub(crate) async fn receive<B>(
    headers: &HeaderMap,
    body: B,
    decoder: impl Future<Output = Result<Decoder, LoadError>>,
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
    let mut chunks =
        Box::pin(body.into_data_stream().map_err(|error| LoadError::Network(error.into())));
    let first = loop {
        match chunks.try_next().await? {
            Some(chunk) if chunk.is_empty() => {}
            Some(chunk) => break chunk,
            None => return Err(LoadError::Empty),
        }
    };
    if codings.is_empty() {
        pour.take(&first).await?;
        while let Some(chunk) = chunks.try_next().await? {
            pour.take(&chunk).await?;
        }
        return Ok(());
    }
    let decoder = decoder.await?;
    let (input, mut coded) = mpsc::channel(CHUNKS_AHEAD);
    let (output, mut decoded) = mpsc::channel(CHUNKS_AHEAD);
    let decoding = spawn_blocking(move || {
        let coded = iter::from_fn(move || coded.blocking_recv());
        decode(&codings, coded, |chunk| output.blocking_send(chunk).is_ok())
    });
    let feed = async move {
        let mut next = Some(first);
        while let Some(chunk) = next {
            if input.send(chunk).await.is_err() {
                break;
            }
            // A decoder that ended has what it needs, or says below what was wrong; an origin that says no more must not
            // keep that from being told.
            next = tokio::select! {
                () = input.closed() => None,
                chunk = chunks.try_next() => chunk?,
            };
        }
        Ok::<_, LoadError>(())
    };
    let take = async {
        while let Some(chunk) = decoded.recv().await {
            pour.take(&chunk).await?;
        }
        Ok::<_, LoadError>(())
    };
    let flow = async { tokio::try_join!(feed, take) };
    decoder.held_for(flow).await?;
    decoding
        .await
        .map_err(|panicked| LoadError::Encoding(panicked.into()))?
        .map_err(LoadError::Encoding)
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

/// For the fuzzer: what comes of `coded`, which arrives in pieces of `size` bytes, up to some `most` bytes.
///
/// # Errors
/// As of a body.
#[cfg(feature = "fuzz")]
pub fn undo(
    headers: &HeaderMap,
    coded: &[u8],
    size: usize,
    most: usize,
) -> Result<Vec<u8>, LoadError> {
    let pieces: Vec<_> = coded.chunks(size.max(1)).map(Bytes::copy_from_slice).collect();
    let mut all = Vec::new();
    let take = |chunk: Bytes| {
        all.extend_from_slice(&chunk);
        all.len() < most
    };
    decode(&codings(headers)?, pieces.into_iter(), take).map_err(LoadError::Encoding)?;
    Ok(all)
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
            (&["X-GZIP", "br"], Some(vec![Gzip, Brotli])),
            (&["deflate, br"], Some(vec![Deflate, Brotli])),
            (&["X-GZIP, br", "deflate"], None),
            (&["identity"], Some(vec![])),
            (&[""], Some(vec![])),
            (&["zstd"], Some(vec![])),
            (&["gzip, zstd"], Some(vec![])),
            (&["gzip,gzip"], Some(vec![Gzip; 2])),
            (&["gzip,gzip,gzip"], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(CONTENT_ENCODING, HeaderValue::from_str(line).expect(line));
            }
            assert_eq!(codings(&headers).ok(), expected, "{lines:?}");
        }
    }
}
