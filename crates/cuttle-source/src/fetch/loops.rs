//! `CDN-Loop` (RFC 8586): how we recognise a request that came from ourselves.

use http::{HeaderName, HeaderValue};

/// Sent with every request for an original; an image endpoint refuses what carries our mark.
pub const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

/// Our mark.
pub(crate) const MARK: HeaderValue = HeaderValue::from_static("cuttle");

/// Whether one of the `values` of [`CDN_LOOP`] names us. Parameters of an entry do not matter, its case does not either: a
/// proxy between may have rewritten both, and a loop that is missed costs more than a request that is refused.
pub fn came_from_us<'a>(values: impl IntoIterator<Item = &'a HeaderValue>) -> bool {
    values.into_iter().any(|value| {
        value.as_bytes().split(|&byte| byte == b',').any(|entry| {
            let id = entry.split(|&byte| byte == b';').next().unwrap_or_default();
            id.trim_ascii().eq_ignore_ascii_case(MARK.as_bytes())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_mark_is_found_among_others() {
        for (values, expected) in [
            (&[][..], false),
            (&["cuttle"], true),
            (&["Cuttle; v=1"], true),
            (&["foo, cuttle"], true),
            (&["foo;a=b", "bar , cuttle;x"], true),
            (&["cuttlefish"], false),
            (&["foo; cuttle"], false),
            (&[""], false),
        ] {
            let values: Vec<_> =
                values.iter().map(|value| HeaderValue::from_str(value).expect(value)).collect();
            assert_eq!(came_from_us(&values), expected, "{values:?}");
        }
    }
}
