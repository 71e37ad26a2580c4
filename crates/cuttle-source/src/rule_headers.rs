//! The headers of one rule of an application's `headers()`, as a build writes them down: what holds whoever asks, and for whichever
//! path the rule matches.
//!
//! It fills nothing in. A value with a part of the path in it, and a header that says how an answer is put together, are Next's to
//! give.

use http::header::{
    ACCEPT_RANGES, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG,
    LAST_MODIFIED, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

/// One of them, as it is written.
#[derive(Debug, Deserialize)]
pub(crate) struct RuleHeader {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// What only the server that sends the body can say, and cookies, of which there may be several.
const NOT_OURS: [HeaderName; 13] = [
    ACCEPT_RANGES,
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    DATE,
    ETAG,
    LAST_MODIFIED,
    SET_COOKIE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

impl RuleHeader {
    /// As it is sent, unless Next puts parts of the path of `source` into it.
    pub(crate) fn plain(&self, source: &str) -> Option<(HeaderName, HeaderValue)> {
        let name = HeaderName::from_bytes(self.key.as_bytes()).ok()?;
        let value = HeaderValue::from_str(&self.value).ok()?;
        (!fills_in(source, &self.value)).then_some((name, value))
    }
}

/// All headers of a rule about `source`, if a file can be sent with them by somebody else than Next.
pub(crate) fn of_file(source: &str, headers: &[RuleHeader]) -> Option<HeaderMap> {
    let pairs = headers.iter().map(|header| header.plain(source));
    // Of two, the last one wins, as in Next.
    let headers = pairs.collect::<Option<HeaderMap>>()?;
    NOT_OURS.iter().all(|name| !headers.contains_key(name)).then_some(headers)
}

/// Whether Next puts parts of the path into the value: `:slug` where the source has one.
fn fills_in(source: &str, value: &str) -> bool {
    let names = source.split(':').skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    });
    names.filter(|name| !name.is_empty()).any(|name| value.contains(&format!(":{name}")))
}
