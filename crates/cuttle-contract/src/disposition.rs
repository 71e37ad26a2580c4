//! `Content-Disposition`, by RFC 6266: the name under which a picture is saved.
//!
//! The name comes from the URL, so it is hostile text on its way into a header and a file dialogue.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::Source;

/// What a browser does with the picture when it is opened by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Disposition {
    /// Shows it.
    Inline,
    /// Saves it.
    Attachment,
}

/// Bytes. File systems allow 255 for a name with its extension.
const MAX_NAME_BYTES: usize = 240;

/// RFC 8187 section 3.2.1: everything but `attr-char` is encoded.
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The value of the header for a picture of `source` that is sent as `extension` (`webp`, `jpeg`, …; without a dot).
///
/// The name is what stands before the first dot of the last path segment, as in Next: `/a.b.c.jpg` is `a.webp`, `/.hidden.jpg`
/// is `.webp`; a path that ends in `/` has none, and then it is `image.bin`. `filename` is ASCII; `filename*` is added where
/// that loses something.
#[must_use]
pub fn value(disposition: Disposition, source: &Source, extension: &str) -> String {
    let name = match source.file_name() {
        Some(segment) => format!("{}.{extension}", stem(&segment)),
        None => "image.bin".to_owned(),
    };
    let mut value = match disposition {
        Disposition::Inline => "inline".to_owned(),
        Disposition::Attachment => "attachment".to_owned(),
    };
    value.push_str("; filename=\"");
    for c in name.chars() {
        match c {
            '"' | '\\' => value.extend(['\\', c]),
            c if c.is_ascii() => value.push(c),
            _ => value.push('_'),
        }
    }
    value.push('"');
    // RFC 6266 appendix D: some browsers decode `%41` in `filename`, so such a name is also given in the form that has only
    // one reading.
    if !name.is_ascii() || name.contains('%') {
        let written =
            write!(value, "; filename*=UTF-8''{}", utf8_percent_encode(&name, NOT_ATTR_CHAR));
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    }
    value
}

fn stem(segment: &str) -> String {
    // A remote segment may hold an encoded slash; a saved file must not.
    let base = segment.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = base.split('.').next().unwrap_or_default();
    let mut stem = String::new();
    for c in name.chars().filter(|&c| !c.is_control() && !is_bidi_control(c)) {
        if stem.len() + c.len_utf8() > MAX_NAME_BYTES {
            break;
        }
        stem.push(c);
    }
    stem
}

/// SECURITY: an override makes `photo\u{202e}gpj.exe` read as `photoexe.jpg` in a save dialogue.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;
    use crate::LocalPath;

    fn local(path: &str) -> Source {
        Source::Local(LocalPath::parse(path).expect("a local path"))
    }

    #[test]
    fn a_name_is_what_stands_before_the_first_dot() {
        for (path, expected) in [
            ("/photo.jpg", r#"inline; filename="photo.webp""#),
            ("/a.b.c.jpg", r#"inline; filename="a.webp""#),
            ("/dir.d/noext", r#"inline; filename="noext.webp""#),
            ("/.hidden.jpg", r#"inline; filename=".webp""#),
            ("/dir/", r#"inline; filename="image.bin""#),
            ("/a.jpg?name=b.jpg", r#"inline; filename="a.webp""#),
            ("/a%20b.jpg", r#"inline; filename="a b.webp""#),
            ("/a%22b;c=.jpg", r#"inline; filename="a\"b;c=.webp""#),
            (
                "/äöü š.jpg",
                r#"inline; filename="___ _.webp"; filename*=UTF-8''%C3%A4%C3%B6%C3%BC%20%C5%A1.webp"#,
            ),
            ("/100%25.jpg", r#"inline; filename="100%.webp"; filename*=UTF-8''100%25.webp"#),
            ("/a%1Fb%7Fc%C2%85d.jpg", r#"inline; filename="abcd.webp""#),
            ("/photo%E2%80%AEgpj.jpg", r#"inline; filename="photogpj.webp""#),
        ] {
            assert_eq!(value(Disposition::Inline, &local(path), "webp"), expected, "{path}");
        }
    }

    #[test]
    fn a_remote_name_has_no_slash_in_it() {
        let url = Url::parse("https://example.com/o/dir%2Fphoto.jpg?alt=media").expect("a URL");
        assert_eq!(
            value(Disposition::Attachment, &Source::Remote(url), "avif"),
            r#"attachment; filename="photo.avif""#
        );
    }

    #[test]
    fn a_name_is_short_enough_for_a_file_system() {
        let path = format!("/{}.jpg", "ä".repeat(500));
        let header = value(Disposition::Inline, &local(&path), "webp");
        let saved = header.split("UTF-8''").nth(1).expect("an extended name");
        assert_eq!(saved, format!("{}.webp", "%C3%A4".repeat(120)));
    }

    proptest! {
        #[test]
        fn the_value_is_one_header_line_of_visible_ascii(path in "/\\PC{0,30}|/(%[0-9A-F]{2}){0,12}") {
            if let Ok(path) = LocalPath::parse(&path) {
                let header = value(Disposition::Inline, &Source::Local(path), "webp");
                prop_assert!(header.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            }
        }
    }
}
