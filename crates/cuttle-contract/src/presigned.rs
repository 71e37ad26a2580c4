//! When a URL says of itself that it runs out: the presigned URLs of S3, Google Cloud Storage, `CloudFront` and Azure, and tokens
//! with an `exp`.
//!
//! Whoever wrote the URL wrote the time, and that may be a client who added it. So this is a reason to keep what was fetched
//! before that time, never one to fetch or to show anything; and of a URL that says it in two ways nothing is believed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use url::Url;

/// A date and the seconds from then on.
const SPANS: [(&str, &str); 2] =
    [("X-Amz-Date", "X-Amz-Expires"), ("X-Goog-Date", "X-Goog-Expires")];
/// Seconds since 1970.
const SECONDS: [&str; 2] = ["Expires", "exp"];
/// A date.
const DATE: &str = "se";

/// The time from which on the URL is not meant to work, if it names exactly one.
#[must_use]
pub fn runs_out(url: &Url) -> Option<SystemTime> {
    let parameters: Vec<_> = url.query_pairs().collect();
    let value = |name: &str| {
        let mut values = parameters.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        match (values.next(), values.next()) {
            (None, _) => Value::Absent,
            (Some((_, value)), None) => Value::Once(value),
            (Some(_), Some(_)) => Value::Repeated,
        }
    };
    let spans = SPANS.map(|(from, length)| match (value(from), value(length)) {
        (Value::Absent, Value::Absent) => Some(None),
        (Value::Once(from), Value::Once(length)) => {
            Some(Some(date(from)?.checked_add(seconds(length)?)?))
        }
        _ => None,
    });
    let times = SECONDS.map(|name| match value(name) {
        Value::Absent => Some(None),
        Value::Once(time) => Some(Some(UNIX_EPOCH.checked_add(seconds(time)?)?)),
        Value::Repeated => None,
    });
    let dated = match value(DATE) {
        Value::Absent => Some(None),
        Value::Once(time) => date(time).map(Some),
        Value::Repeated => None,
    };
    let mut said = None;
    for time in spans.into_iter().chain(times).chain([dated]) {
        // One that cannot be read is one too.
        match (time?, said) {
            (None, _) => {}
            (Some(time), None) => said = Some(time),
            (Some(_), Some(_)) => return None,
        }
    }
    said
}

enum Value<'a> {
    Absent,
    Once(&'a str),
    Repeated,
}

fn seconds(text: &str) -> Option<Duration> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().map(Duration::from_secs)
}

/// ISO 8601 in UTC, with or without separators, to the second, the minute or the day.
fn date(text: &str) -> Option<SystemTime> {
    let (day, time) = text.split_once('T').unwrap_or((text, "00Z"));
    let day = day.replace('-', "");
    let time = time.strip_suffix('Z')?.split('.').next()?.replace(':', "");
    let number = |text: &str, at: std::ops::Range<usize>| -> Option<u64> {
        let digits = text.get(at)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    };
    if day.len() != 8 || !matches!(time.len(), 2 | 4 | 6) {
        return None;
    }
    let (year, month, of_month) = (number(&day, 0..4)?, number(&day, 4..6)?, number(&day, 6..8)?);
    let hour = number(&time, 0..2)?;
    let minute = if time.len() > 2 { number(&time, 2..4)? } else { 0 };
    let second = if time.len() > 4 { number(&time, 4..6)? } else { 0 };
    let fits = year >= 1970
        && (1..=12).contains(&month)
        && (1..=31).contains(&of_month)
        && hour < 24
        && minute < 60
        && second <= 60;
    let days = fits.then(|| days(year, month, of_month))?;
    UNIX_EPOCH.checked_add(Duration::from_secs(days * 86_400 + hour * 3600 + minute * 60 + second))
}

/// Since 1970, in the proleptic Gregorian calendar: years begin in March, so that the day that comes and goes is the last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(query: &str) -> Option<u64> {
        let url = Url::parse(&format!("https://a.example/p.jpg?{query}")).expect(query);
        let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).expect("after 1970");
        runs_out(&url).map(|time| since(time).as_secs())
    }

    #[test]
    fn one_time_is_believed_and_nothing_that_is_unclear() {
        for (query, expected) in [
            ("", None),
            ("v=2", None),
            ("X-Amz-Date=20261121T120000Z&X-Amz-Expires=60&X-Amz-Signature=a", Some(1_795_262_460)),
            ("x-amz-date=20261121T120000Z&x-amz-expires=60", Some(1_795_262_460)),
            ("X-Goog-Date=20240229T235959Z&X-Goog-Expires=1", Some(1_709_251_200)),
            ("Expires=1795262400&Signature=a&Key-Pair-Id=b", Some(1_795_262_400)),
            ("exp=1795262400", Some(1_795_262_400)),
            ("Expires=1", Some(1)),
            ("sp=r&se=2026-11-21T12%3A00%3A00Z&sig=a", Some(1_795_262_400)),
            ("se=2026-11-21T12:00Z", Some(1_795_262_400)),
            ("se=2026-11-21T12:00:00.0000000Z", Some(1_795_262_400)),
            ("se=2026-11-21", Some(1_795_219_200)),
            ("se=1970-01-01", Some(0)),
            ("se=2000-03-01", Some(951_868_800)),
            // Two of them, or one twice.
            ("X-Amz-Date=20261121T120000Z&X-Amz-Expires=60&Expires=1", None),
            ("Expires=1795262400&Expires=1", None),
            ("Expires=1795262400&expires=1795262400", None),
            ("exp=1795262400&se=2026-11-21", None),
            // Half of one, or none that can be read.
            ("X-Amz-Expires=60", None),
            ("X-Amz-Date=20261121T120000Z", None),
            ("X-Amz-Date=yesterday&X-Amz-Expires=60", None),
            ("X-Amz-Date=20261121T120000Z&X-Amz-Expires=18446744073709551615", None),
            ("Expires=", None),
            ("Expires=-1", None),
            ("Expires=1e9", None),
            ("Expires=99999999999999999999", None),
            ("Expires=Sat, 21 Nov 2026 12:00:00 GMT", None),
            ("Expires=1795262400&exp=soon", None),
            ("se=2026-13-01", None),
            ("se=2026-11-21T12:00:00", None),
            ("se=2026-11-21T12:00:00%2B01:00", None),
            ("se=%C3%A4%C3%A4%C3%A4%C3%A4", None),
        ] {
            assert_eq!(said(query), expected, "{query}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_query_is_too_strange(query in "((X-Amz-Date|X-Amz-Expires|Expires|se|exp)=[0-9TZ:.ä-]{0,22}&){0,3}\\PC{0,20}") {
            let mut url = Url::parse("https://a.example/").expect("a URL");
            url.set_query(Some(&query));
            let _ = runs_out(&url);
        }
    }
}
