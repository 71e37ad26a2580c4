//! What is sent with a file, as `next start` has it: its own lines, and over them those of the application's `headers()`.

use std::time::SystemTime;

use http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_TYPE, LAST_MODIFIED, VARY};
use http::{HeaderMap, HeaderValue};

use super::media_type;

/// A name that changes with what is in it.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("public, max-age=0");

/// What is sent with it, whoever asks; and whether it is compressed for whoever takes that.
pub(super) fn fixed_headers(
    name: &str,
    of_app: HeaderMap,
    hashed: bool,
    modified: Option<SystemTime>,
    compress: bool,
) -> (HeaderMap, bool) {
    let mut headers = of_app;
    headers.entry(CACHE_CONTROL).or_insert(if hashed { IMMUTABLE } else { ASK_AGAIN });
    let media_type = headers.entry(CONTENT_TYPE).or_insert_with(|| media_type::of(name));
    let packed = compress && media_type::is_compressible(media_type);
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let date = modified.map(httpdate::fmt_http_date);
    headers.extend(date.and_then(|date| Some((LAST_MODIFIED, date.try_into().ok()?))));
    if packed {
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    (headers, packed)
}
