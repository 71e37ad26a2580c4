//! Percent-encoding with one spelling for every string.
//!
//! Two spellings of one path are two cache entries, and, worse, two answers to "is this allowed?". So text is brought to the
//! normal form of RFC 3986 section 6.2.2 before anything else looks at it. Nothing here ever replaces a bad character: text
//! that is not percent-encoded UTF-8 is refused.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The text is not percent-encoded UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Rewrites a path segment: unreserved characters decoded, everything that a segment cannot hold as it is encoded, escapes in
/// upper case. Idempotent.
pub(crate) fn normalize_segment(text: &str) -> Result<String, Malformed> {
    normalize(text, is_segment_byte)
}

/// [`normalize_segment`] for a whole path: `/` stays a separator.
pub(crate) fn normalize_path(text: &str) -> Result<String, Malformed> {
    normalize(text, |byte| is_segment_byte(byte) || byte == b'/')
}

/// [`normalize_segment`] for the query of a URL, which also holds `/` and `?`.
pub(crate) fn normalize_query(text: &str) -> Result<String, Malformed> {
    normalize(text, |byte| is_segment_byte(byte) || matches!(byte, b'/' | b'?'))
}

/// Whether normal text decodes to something with a NUL, CR or LF in it.
pub(crate) fn hides_line_break(normal: &str) -> bool {
    ["%00", "%0A", "%0D"].iter().any(|escape| normal.contains(escape))
}

/// Whether normal text decodes to something with another `/` or a `\` in it.
pub(crate) fn hides_separator(normal: &str) -> bool {
    ["%2F", "%5C"].iter().any(|escape| normal.contains(escape))
}

/// Decodes text that went through one of the functions above.
pub(crate) fn decode(normal: &str) -> Cow<'_, str> {
    percent_decode_str(normal).decode_utf8_lossy()
}

/// Decodes a name or a value of `application/x-www-form-urlencoded`, once.
pub(crate) fn decode_form(text: &str) -> Result<String, Malformed> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex_pair(rest.next(), rest.next())?,
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| Malformed)
}

fn normalize(text: &str, stays: impl Fn(u8) -> bool) -> Result<String, Malformed> {
    let mut normal = String::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let (byte, may_stay) = match byte {
            // An encoded reserved character means something else than the bare one, so only unreserved ones are decoded.
            b'%' => {
                let decoded = hex_pair(rest.next(), rest.next())?;
                (decoded, is_unreserved(decoded))
            }
            bare => (bare, is_unreserved(bare) || stays(bare)),
        };
        if may_stay {
            normal.push(char::from(byte));
        } else {
            normal.push_str(percent_encoding::percent_encode_byte(byte));
        }
    }
    // Overlong forms and lone surrogates are how `/` and `.` were once smuggled past checks like those in `local_path`.
    percent_decode_str(&normal).decode_utf8().map_err(|_| Malformed)?;
    Ok(normal)
}

fn hex_pair(high: Option<u8>, low: Option<u8>) -> Result<u8, Malformed> {
    let digit = |byte: Option<u8>| {
        byte.and_then(|byte| char::from(byte).to_digit(16))
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let (high, low) = (digit(high).ok_or(Malformed)?, digit(low).ok_or(Malformed)?);
    Ok(high << 4 | low)
}

/// RFC 3986 section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 section 3.3, `pchar` without the escapes.
fn is_segment_byte(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'!' | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_per_segment() {
        for (written, normal) in [
            ("a%7eb", "a~b"),
            ("%61%2E%5f", "a._"),
            ("a%2fb", "a%2Fb"),
            ("a b", "a%20b"),
            ("ä", "%C3%A4"),
            ("%c3%a4", "%C3%A4"),
            ("[x]|^`{}\"<>", "%5Bx%5D%7C%5E%60%7B%7D%22%3C%3E"),
            ("a!$&'()*+,;=:@", "a!$&'()*+,;=:@"),
            ("%21", "%21"),
        ] {
            assert_eq!(normalize_segment(written).as_deref(), Ok(normal), "{written}");
        }
    }

    #[test]
    fn what_is_not_percent_encoded_utf8_is_refused() {
        for text in ["%", "%4", "%zz", "%+1", "%FF", "%C0%AF", "%ED%A0%80", "%E0%A4%A"] {
            assert_eq!(normalize_segment(text), Err(Malformed), "{text}");
            assert_eq!(decode_form(text), Err(Malformed), "{text}");
        }
    }

    #[test]
    fn a_form_value_is_decoded_once() {
        assert_eq!(decode_form("a+b%2Bc%2520").as_deref(), Ok("a b+c%20"));
    }
}
