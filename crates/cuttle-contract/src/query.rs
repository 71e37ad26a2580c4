//! The query string, read twice: as a browser's `URLSearchParams` reads it for Next, and without forgiveness for ourselves.

use std::borrow::Cow;

use url::form_urlencoded;

use crate::percent::{self, Malformed};

/// A parameter of a Next request, as JavaScript sees it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Param<'a> {
    /// Absent, or present once and empty: both are falsy.
    Missing,
    /// Present once.
    Once(Cow<'a, str>),
    /// Present more than once, with any values.
    Repeated,
}

/// The value of `name` by the URL standard's rules: `+` is a space, invalid UTF-8 becomes U+FFFD, names are case-sensitive.
pub(crate) fn search_param<'a>(raw_query: &'a str, name: &str) -> Param<'a> {
    let mut values = form_urlencoded::parse(raw_query.as_bytes())
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(_), Some(_)) => Param::Repeated,
        (Some(value), None) if !value.is_empty() => Param::Once(value),
        _ => Param::Missing,
    }
}

/// Every name and value, decoded once.
pub(crate) fn strict_pairs(raw_query: &str) -> Result<Vec<(String, String)>, Malformed> {
    let pairs = raw_query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((percent::decode_form(name)?, percent::decode_form(value)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_reads_like_url_search_params() {
        for (query, name, expected) in [
            ("", "w", Param::Missing),
            ("w", "w", Param::Missing),
            ("w=", "w", Param::Missing),
            ("W=1", "w", Param::Missing),
            ("w[]=1", "w", Param::Missing),
            ("w=&w=1", "w", Param::Repeated),
            ("w=&w=", "w", Param::Repeated),
            ("&&w=1&&", "w", Param::Once("1".into())),
            ("%77=1", "w", Param::Once("1".into())),
            ("w=a+b%2Bc=d", "w", Param::Once("a b+c=d".into())),
            ("w=%FF%zz%", "w", Param::Once("\u{fffd}%zz%".into())),
        ] {
            assert_eq!(search_param(query, name), expected, "{query}");
        }
    }

    #[test]
    fn ours_replaces_nothing() {
        assert_eq!(
            strict_pairs("a=1&&b+c&=x"),
            Ok(vec![
                ("a".into(), "1".into()),
                ("b c".into(), String::new()),
                (String::new(), "x".into())
            ])
        );
        assert_eq!(strict_pairs("a=1&b=%FF"), Err(Malformed));
        assert_eq!(strict_pairs("%f=1"), Err(Malformed));
    }
}
