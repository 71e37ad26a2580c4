//! What of a file is sent, by RFC 9110 section 13.2.2: all of it, a part, or only that nothing has changed.
//!
//! One range at most, as Next has it. Whoever asks for several gets the whole file, which every client understands.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use cuttle_contract::etag;
use http::header::{
    IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use http::{HeaderMap, HeaderName, Method};
use http_range_header::parse_range_header_with_max_ranges;

use crate::respond::list;

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    Whole,
    Part(Range<u64>),
    /// 304
    Unchanged,
    /// 412
    Changed,
    /// 416
    Beyond,
}

/// Of a file with this tag, which was last written then.
pub(super) fn sent(
    method: &Method,
    headers: &HeaderMap,
    tag: Option<&str>,
    modified: Option<SystemTime>,
    length: u64,
) -> Sent {
    let modified = modified.map(whole_seconds);
    // `*` is any file, and there is one.
    let named = |name: HeaderName| {
        let sent = list(headers, name)?;
        Some(sent.trim() == "*" || tag.is_some_and(|tag| etag::matches(&sent, tag)))
    };
    let not_after = |name: HeaderName| Some(modified? <= date(headers, &name)?);
    if named(IF_MATCH).or_else(|| not_after(IF_UNMODIFIED_SINCE)) == Some(false) {
        return Sent::Changed;
    }
    if named(IF_NONE_MATCH).or_else(|| not_after(IF_MODIFIED_SINCE)) == Some(true) {
        return Sent::Unchanged;
    }
    let range = headers.get(RANGE).filter(|_| *method == Method::GET);
    match range.and_then(|range| range.to_str().ok()) {
        Some(range) if is_of_this_state(headers, tag, modified) => part(range, length),
        _ => Sent::Whole,
    }
}

fn part(range: &str, length: u64) -> Sent {
    let Ok(parsed) = parse_range_header_with_max_ranges(range, NonZeroUsize::MIN) else {
        return Sent::Whole;
    };
    let valid = parsed.validate(length).ok().and_then(|mut ranges| ranges.pop());
    valid.map_or(Sent::Beyond, |range| Sent::Part(*range.start()..range.end() + 1))
}

/// `If-Range`: a part of another state would be glued to what the client has of this one.
fn is_of_this_state(headers: &HeaderMap, tag: Option<&str>, modified: Option<SystemTime>) -> bool {
    let Some(sent) = headers.get(IF_RANGE) else { return true };
    let by_tag = tag.is_some_and(|tag| sent == tag && !tag.starts_with("W/"));
    by_tag || modified.is_some() && date(headers, &IF_RANGE) == modified
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

/// What a date of HTTP can say of it.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"a\"";
    const DATE: &str = "Tue, 01 Dec 2026 02:00:00 GMT";
    const BEFORE: &str = "Tue, 01 Dec 2026 01:59:59 GMT";

    fn of(tag: &str, method: &Method, sent_headers: &[(HeaderName, &str)]) -> Sent {
        let headers = sent_headers
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().expect("a value")));
        let modified = httpdate::parse_http_date(DATE).expect("a date") + Duration::from_millis(7);
        sent(method, &headers.collect(), Some(tag), Some(modified), 100)
    }

    #[test]
    fn conditions_are_taken_in_the_order_of_the_standard() {
        use Sent::{Beyond, Changed, Part, Unchanged, Whole};
        for (headers, expected) in [
            (&[][..], Whole),
            (&[(IF_NONE_MATCH, "\"a\"")], Unchanged),
            (&[(IF_NONE_MATCH, "W/\"a\"")], Unchanged),
            (&[(IF_NONE_MATCH, "*")], Unchanged),
            (&[(IF_NONE_MATCH, "\"b\""), (IF_MODIFIED_SINCE, DATE)], Whole),
            (&[(IF_MODIFIED_SINCE, DATE)], Unchanged),
            (&[(IF_MODIFIED_SINCE, BEFORE)], Whole),
            (&[(IF_MODIFIED_SINCE, "yesterday")], Whole),
            (&[(IF_MATCH, "\"b\"")], Changed),
            (&[(IF_MATCH, "\"b\", \"a\"")], Whole),
            (&[(IF_MATCH, "*")], Whole),
            (&[(IF_UNMODIFIED_SINCE, BEFORE)], Changed),
            (&[(IF_UNMODIFIED_SINCE, DATE)], Whole),
            (&[(IF_MATCH, "\"b\""), (IF_NONE_MATCH, "\"a\"")], Changed),
            (&[(IF_NONE_MATCH, "\"a\""), (RANGE, "bytes=0-1")], Unchanged),
            (&[(RANGE, "bytes=0-1")], Part(0..2)),
            (&[(RANGE, "bytes=98-")], Part(98..100)),
            (&[(RANGE, "bytes=-3")], Part(97..100)),
            (&[(RANGE, "bytes=90-1000")], Part(90..100)),
            (&[(RANGE, "bytes=100-")], Beyond),
            (&[(RANGE, "bytes=0-1,4-5")], Whole),
            (&[(RANGE, "bytes=one")], Whole),
            (&[(RANGE, "lines=0-1")], Whole),
            (&[(RANGE, "bytes=0-1"), (IF_RANGE, TAG)], Part(0..2)),
            (&[(RANGE, "bytes=0-1"), (IF_RANGE, "\"b\"")], Whole),
            (&[(RANGE, "bytes=0-1"), (IF_RANGE, "W/\"a\"")], Whole),
            (&[(RANGE, "bytes=0-1"), (IF_RANGE, DATE)], Part(0..2)),
            (&[(RANGE, "bytes=0-1"), (IF_RANGE, BEFORE)], Whole),
        ] {
            assert_eq!(of(TAG, &Method::GET, headers), expected, "{headers:?}");
        }
        assert_eq!(of(TAG, &Method::HEAD, &[(RANGE, "bytes=0-1")]), Whole);
        let weak = "W/\"a\"";
        assert_eq!(of(weak, &Method::GET, &[(RANGE, "bytes=0-1"), (IF_RANGE, weak)]), Whole);
    }
}
