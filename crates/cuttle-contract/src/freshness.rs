//! How long things are fresh: what a source says about itself, and what we say about a picture.

use std::{borrow::Cow, time::Duration};

use crate::Contract;

/// RFC 9111 section 1.2.2: the number a cache uses for anything larger.
const MAX_DELTA_SECONDS: u64 = 1 << 31;

const NEVER: &str = "private, no-store";

/// What kind of answer it is, as far as caches care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// A picture that may change: fresh for `max_age`, then (strict only) usable for `stale_while_revalidate` while the
    /// cache asks again. `max_age` never counts down, so a HIT and a STALE say the same as a MISS; while a refresh keeps
    /// failing it is the time to the next try.
    Picture {
        /// How long it is fresh.
        max_age: Duration,
        /// How much longer it may be used while it is refreshed.
        stale_while_revalidate: Duration,
    },
    /// The URL names these very bytes: a true `v`, or a file with a hash in its name.
    Immutable,
    /// The source is `private` or `no-store`.
    Private,
    /// What the application sent may be another picture for another client: the client may keep it and must ask each time.
    Personal,
    /// The original bytes, because rendering failed.
    Fallback,
    /// No picture at all.
    Refusal,
}

/// The value of `Cache-Control`.
#[must_use]
pub fn cache_control(contract: Contract, lifetime: Lifetime) -> Cow<'static, str> {
    match (lifetime, contract) {
        (Lifetime::Private | Lifetime::Fallback | Lifetime::Refusal, _) => NEVER.into(),
        (Lifetime::Personal, _) => "private, max-age=0, must-revalidate".into(),
        (Lifetime::Immutable, Contract::Next) => "public, max-age=315360000, immutable".into(),
        (Lifetime::Immutable, Contract::Strict) => "public, max-age=31536000, immutable".into(),
        (Lifetime::Picture { max_age, .. }, Contract::Next) => {
            format!("public, max-age={}, must-revalidate", delta_seconds(max_age)).into()
        }
        (Lifetime::Picture { max_age, stale_while_revalidate }, Contract::Strict) => {
            let (fresh, stale) = (delta_seconds(max_age), delta_seconds(stale_while_revalidate));
            format!("public, max-age={fresh}, stale-while-revalidate={stale}").into()
        }
    }
}

fn delta_seconds(duration: Duration) -> u64 {
    duration.as_secs().min(MAX_DELTA_SECONDS)
}

/// What a source's `Cache-Control` means to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SourceFreshness {
    /// `s-maxage`, else `max-age`, else zero.
    pub max_age: Duration,
    /// `private` or `no-store`: nothing of it is kept past its waiters.
    pub private: bool,
}

impl SourceFreshness {
    /// Reads the header (`None`: absent) as Next does: the last of two wins, a number counts as far as it has digits, and
    /// `no-cache` and `no-transform` are ignored. Where it has none, we go on as if the directive were absent.
    #[must_use]
    pub fn parse(header: Option<&str>) -> Self {
        let (mut max_age, mut shared_max_age, mut private) = (None, None, false);
        for (name, value) in directives(header.unwrap_or_default()) {
            let seconds = parse_delta_seconds(value);
            match name.to_ascii_lowercase().as_str() {
                "s-maxage" => shared_max_age = seconds.or(shared_max_age),
                "max-age" => max_age = seconds.or(max_age),
                "private" | "no-store" => private = true,
                _ => {}
            }
        }
        Self { max_age: Duration::from_secs(shared_max_age.or(max_age).unwrap_or(0)), private }
    }
}

/// Name and value of each directive of a `Cache-Control`. What is between quotes is a text, whatever it says (RFC 9111 §5.2): in
/// `ext="a, no-store"` there is no `no-store`. A quote that nothing closes is a character like others, so that no typing mistake
/// hides what follows it.
pub fn directives(header: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = Some(header);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = end_of_directive(text);
        rest = text.get(end + 1..);
        let directive = &text[..end];
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        Some((name.trim(), value))
    })
}

/// Where the comma is that ends the first directive, or where the text ends.
fn end_of_directive(text: &str) -> usize {
    let mut at = 0;
    while let Some(found) = text[at..].find([',', '"']) {
        at += found;
        if text[at..].starts_with(',') {
            return at;
        }
        at += 1 + closing_quote(&text[at + 1..]).map_or(0, |end| end + 1);
    }
    text.len()
}

/// RFC 9110 §5.6.4: a backslash takes the meaning from what follows it.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

fn parse_delta_seconds(value: &str) -> Option<u64> {
    let text = value.trim().trim_matches('"').trim_start();
    let digits = &text[..text.bytes().take_while(u8::is_ascii_digit).count()];
    if digits.is_empty() {
        return None;
    }
    // Only too many digits can fail here.
    Some(digits.parse().map_or(MAX_DELTA_SECONDS, |seconds: u64| seconds.min(MAX_DELTA_SECONDS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn each_kind_of_answer_has_its_sentence_for_caches() {
        let picture = Lifetime::Picture { max_age: 4 * HOUR, stale_while_revalidate: 168 * HOUR };
        for (contract, lifetime, expected) in [
            (Contract::Strict, picture, "public, max-age=14400, stale-while-revalidate=604800"),
            (Contract::Next, picture, "public, max-age=14400, must-revalidate"),
            (Contract::Strict, Lifetime::Immutable, "public, max-age=31536000, immutable"),
            (Contract::Next, Lifetime::Immutable, "public, max-age=315360000, immutable"),
            (Contract::Strict, Lifetime::Private, "private, no-store"),
            (Contract::Next, Lifetime::Private, "private, no-store"),
            (Contract::Strict, Lifetime::Fallback, "private, no-store"),
            (Contract::Next, Lifetime::Fallback, "private, no-store"),
            (Contract::Next, Lifetime::Personal, "private, max-age=0, must-revalidate"),
            (Contract::Strict, Lifetime::Personal, "private, max-age=0, must-revalidate"),
            (Contract::Strict, Lifetime::Refusal, "private, no-store"),
            (Contract::Next, Lifetime::Refusal, "private, no-store"),
        ] {
            assert_eq!(cache_control(contract, lifetime), expected);
        }
    }

    #[test]
    fn an_endless_time_is_the_longest_that_caches_know() {
        let forever =
            Lifetime::Picture { max_age: Duration::MAX, stale_while_revalidate: Duration::ZERO };
        assert_eq!(
            cache_control(Contract::Next, forever),
            "public, max-age=2147483648, must-revalidate"
        );
    }

    #[test]
    fn a_source_says_how_long_it_is_fresh() {
        for (header, seconds, private) in [
            (None, 0, false),
            (Some(""), 0, false),
            (Some("public, max-age=30"), 30, false),
            (Some("S-MaxAge=0, max-age=30"), 0, false),
            (Some("max-age=30, s-maxage=\"60\""), 60, false),
            (Some("max-age=abc, no-cache, no-transform"), 0, false),
            (Some("max-age=-1"), 0, false),
            (Some("max-age=90000.5"), 90000, false),
            (Some("max-age=60s"), 60, false),
            (Some("max-age=30, max-age=90"), 90, false),
            (Some("max-age=30, max-age=abc"), 30, false),
            (Some("max-age=99999999999999999999999"), 1 << 31, false),
            (Some("Private, max-age=30"), 30, true),
            (Some("no-store"), 0, true),
            (Some("private=\"set-cookie\""), 0, true),
            (Some("ext=\"a, no-store\", max-age=30"), 30, false),
            (Some("private=\"x, max-age=5\", max-age=30"), 30, true),
            (Some("ext=\"a\\\", private, b\", max-age=30"), 30, false),
            (Some("ext=\"a, no-store"), 0, true),
            (Some("max-age=30, ext=\"\"\", no-store"), 30, true),
        ] {
            let expected = SourceFreshness { max_age: Duration::from_secs(seconds), private };
            assert_eq!(SourceFreshness::parse(header), expected, "{header:?}");
        }
    }
}
