//! What response headers say about keeping the response (RFC 9111), as far as an image cache may know.
//!
//! Pure. `Cache-Control` is read by the contract, which follows Next in ignoring `no-cache`; this adds what is left of a
//! lifetime after other caches held the response, and `Expires` where nothing newer is said.

use std::time::{Duration, SystemTime};

use cuttle_contract::freshness::{SourceFreshness, directives};
use http::HeaderMap;
use http::header::{
    AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderName, LAST_MODIFIED, RETRY_AFTER,
};

use crate::state::{Freshness, Version};

/// Longest validator that is remembered: there is one for every index entry, and its length is the origin's choice.
const MAX_VALIDATOR_BYTES: usize = 1024;

/// Freshness of a response that arrived `now`. `None`: the headers are silent, which in a 304 means "as before".
pub(crate) fn freshness(headers: &HeaderMap, now: SystemTime) -> Option<Freshness> {
    let cache_control = joined(headers, CACHE_CONTROL);
    let said = SourceFreshness::parse(cache_control.as_deref());
    let names_a_lifetime = cache_control.as_deref().is_some_and(|value| {
        directives(value).any(|(name, _)| {
            name.eq_ignore_ascii_case("max-age") || name.eq_ignore_ascii_case("s-maxage")
        })
    });
    let lifetime = match expires(headers, now) {
        // RFC 9111 §5.3: a lifetime in `Cache-Control` wins.
        Some(expires) if !names_a_lifetime => expires,
        None if cache_control.is_none() => return None,
        _ => said.max_age,
    };
    let age = text(headers, AGE).and_then(seconds).unwrap_or_default();
    Some(Freshness { max_age: lifetime.saturating_sub(age), private: said.private })
}

/// The validators of a response.
pub(crate) fn version(headers: &HeaderMap) -> Version {
    let kept = |name| {
        text(headers, name)
            .filter(|value| !value.is_empty() && value.len() <= MAX_VALIDATOR_BYTES)
            .map(Into::into)
    };
    Version::Http { etag: kept(ETAG), last_modified: kept(LAST_MODIFIED) }
}

/// `Retry-After` in either form; a date in the past is now.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER)?;
    seconds(value).or_else(|| Some(until(value, now)?.unwrap_or_default()))
}

/// Against the origin's own clock where it tells it (RFC 9111 §4.2.1). A date that is none, `0` above all, is in the past.
fn expires(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = text(headers, EXPIRES)?;
    let sent = text(headers, DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    Some(until(value, sent.unwrap_or(now)).flatten().unwrap_or_default())
}

/// Time to a date; nothing when it has passed.
fn until(date: &str, now: SystemTime) -> Option<Option<Duration>> {
    Some(httpdate::parse_http_date(date).ok()?.duration_since(now).ok())
}

/// RFC 9111 §1.2.2, with its advice about numbers that do not fit.
fn seconds(value: &str) -> Option<Duration> {
    let value = value.trim();
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(value.parse().map_or(1 << 31, |n: u64| n.min(1 << 31))))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// A list header may be sent in several lines (RFC 9110 §5.3). A letter outside ASCII does not hide the `no-store` beside it.
fn joined(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let lines: Vec<_> = headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-21 12:00:00 UTC.
    const NOW: Duration = Duration::from_secs(1_795_262_400);

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let parsed = lines.iter().map(|&(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).expect(value))
        });
        let mut map = HeaderMap::new();
        parsed.for_each(|(name, value)| {
            map.append(name, value);
        });
        map
    }

    #[test]
    fn what_an_origin_says_becomes_a_lifetime() {
        let now = SystemTime::UNIX_EPOCH + NOW;
        let at = |offset: i64| {
            let seconds = NOW.as_secs().checked_add_signed(offset).expect("a date");
            httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
        };
        let dates = [-60, 60, 600, -3540].map(at);
        let [past, soon, later, slow_clock] = dates.each_ref().map(String::as_str);
        for (lines, expected) in [
            (vec![], None),
            (vec![("etag", "\"a\"")], None),
            (vec![("cache-control", "max-age=60")], Some((60, false))),
            (vec![("cache-control", "public"), ("cache-control", "s-maxage=5")], Some((5, false))),
            (vec![("cache-control", "max-age=60"), ("age", "20")], Some((40, false))),
            (vec![("cache-control", "max-age=60"), ("age", "100")], Some((0, false))),
            (vec![("cache-control", "max-age=60"), ("age", "-1")], Some((60, false))),
            (vec![("cache-control", "max-age=60"), ("expires", later)], Some((60, false))),
            (vec![("cache-control", "public"), ("expires", soon)], Some((60, false))),
            (vec![("cache-control", "private"), ("expires", soon)], Some((60, true))),
            (vec![("cache-control", "no-store")], Some((0, true))),
            (vec![("cache-control", "ext=\"a, max-age=5\""), ("expires", soon)], Some((60, false))),
            (vec![("expires", later)], Some((600, false))),
            (vec![("expires", past)], Some((0, false))),
            (vec![("expires", soon), ("date", slow_clock)], Some((3600, false))),
            (vec![("expires", "0")], Some((0, false))),
            (vec![("expires", "never")], Some((0, false))),
        ] {
            let expected = expected.map(|(seconds, private)| Freshness {
                max_age: Duration::from_secs(seconds),
                private,
            });
            assert_eq!(freshness(&headers(&lines), now), expected, "{lines:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + NOW;
        for (value, expected) in [
            ("3", Some(3)),
            ("0", Some(0)),
            ("99999999999999999999999", Some(1 << 31)),
            ("Sat, 21 Nov 2026 12:00:07 GMT", Some(7)),
            ("Sat, 21 Nov 2026 11:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            let found = retry_after(&headers(&[("retry-after", value)]), now);
            assert_eq!(found, expected.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn validators_are_kept_as_sent_unless_they_are_absurd() {
        let long = "x".repeat(MAX_VALIDATOR_BYTES + 1);
        let date = "Sat, 21 Nov 2026 11:00:00 GMT";
        for (lines, etag, last_modified) in [
            (vec![("etag", "W/\"a\""), ("last-modified", date)], Some("W/\"a\""), Some(date)),
            (vec![("etag", long.as_str())], None, None),
            (vec![], None, None),
        ] {
            let expected = Version::Http {
                etag: etag.map(Into::into),
                last_modified: last_modified.map(Into::into),
            };
            assert_eq!(version(&headers(&lines)), expected);
        }
    }

    proptest! {
        #[test]
        fn no_header_is_too_strange(name in 0..7usize, value in "\\PC{0,40}|[-0-9a-z=, \":]{0,40}", at: u32) {
            let name = [CACHE_CONTROL, AGE, EXPIRES, DATE, ETAG, LAST_MODIFIED, RETRY_AFTER][name].clone();
            let mut headers = headers(&[("expires", "Sat, 21 Nov 2026 12:00:07 GMT"), ("age", "1")]);
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                headers.insert(name, value);
            }
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(at.into());
            let _ = (freshness(&headers, now), version(&headers), retry_after(&headers, now));
        }
    }
}
