//! The name of a local source: a path, and perhaps a query, of the application's own origin.
//!
//! It is never resolved as a URL against a base: that is how `/\host` and `/<TAB>/host` become somebody else's server. A
//! [`LocalPath`] exists only in canonical form, and **the same string is matched, keyed and fetched**, so there is no second
//! reading of it for an attacker to find.

use std::{borrow::Cow, fmt};

use crate::percent::{self, Malformed};

/// A canonical path with an optional query.
///
/// Dot segments and duplicate slashes are resolved, unreserved characters decoded, everything else that a path cannot hold
/// encoded in upper case. A trailing slash is kept, an empty query is not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LocalPath {
    text: Box<str>,
    path_bytes: usize,
}

/// Why text is not the name of a local source. The client's fault, all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LocalPathError {
    /// It does not start with `/`.
    #[error("must start with /")]
    NotLocal,
    /// It starts with `//`, which browsers read as another host.
    #[error("must not start with //")]
    ProtocolRelative,
    /// It holds a backslash, which some software reads as `/`.
    #[error("must not contain a backslash")]
    Backslash,
    /// It holds a control character; URL parsers drop tab and newline silently.
    #[error("must not contain a control character")]
    Control,
    /// It has a fragment, which no server ever sees.
    #[error("must not contain a fragment (#)")]
    Fragment,
    /// It is not percent-encoded UTF-8.
    #[error("must be valid percent-encoded UTF-8")]
    Encoding,
    /// A segment holds an encoded `/`, `\`, NUL, CR or LF, or the query an encoded NUL, CR or LF.
    #[error("must not contain an encoded slash, backslash, NUL or line break")]
    ForbiddenEscape,
}

impl From<Malformed> for LocalPathError {
    fn from(_: Malformed) -> Self {
        Self::Encoding
    }
}

impl LocalPath {
    /// Brings `written` (already form-decoded, so with at most one layer of percent-encoding left) to its canonical form.
    ///
    /// # Errors
    /// What [`LocalPathError`] lists.
    pub fn parse(written: &str) -> Result<Self, LocalPathError> {
        Self::resolve(written)?.without_forbidden_escapes()
    }

    /// [`LocalPath::parse`] but for the last check: Next looks for recursion before it looks at what is allowed.
    pub(crate) fn resolve(written: &str) -> Result<Self, LocalPathError> {
        let relative = written.strip_prefix('/').ok_or(LocalPathError::NotLocal)?;
        if relative.starts_with('/') {
            return Err(LocalPathError::ProtocolRelative);
        }
        if written.contains('\\') {
            return Err(LocalPathError::Backslash);
        }
        if written.contains(|c: char| c.is_ascii_control()) {
            return Err(LocalPathError::Control);
        }
        if written.contains('#') {
            return Err(LocalPathError::Fragment);
        }
        let (path, query) = relative.split_once('?').unwrap_or((relative, ""));
        let mut text = resolve_segments(path)?;
        let path_bytes = text.len();
        if !query.is_empty() {
            text.push('?');
            text.push_str(&percent::normalize_query(query)?);
        }
        Ok(Self { text: text.into(), path_bytes })
    }

    /// SECURITY: an application, a file system or a second proxy may decode once more than we do; these escapes would then
    /// move the boundary between segments or between header lines.
    pub(crate) fn without_forbidden_escapes(self) -> Result<Self, LocalPathError> {
        if percent::hides_line_break(&self.text) || percent::hides_separator(self.path()) {
            return Err(LocalPathError::ForbiddenEscape);
        }
        Ok(self)
    }

    /// Path and query as they are matched, keyed and fetched, percent-encoded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path, percent-encoded, starting with `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.text[..self.path_bytes]
    }

    /// The query without its `?`, percent-encoded; never empty.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.text.get(self.path_bytes + 1..)
    }

    /// The path alone.
    #[must_use]
    pub fn without_query(&self) -> Self {
        Self { text: self.path().into(), path_bytes: self.path_bytes }
    }

    /// The decoded segments. None of them is `.` or `..` or holds `/`, `\` or NUL; only the last one may be empty, and then
    /// the path ends in `/`.
    pub fn segments(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.path()[1..].split('/').map(percent::decode)
    }

    /// The last segment, decoded; `None` when the path ends in `/`.
    #[must_use]
    pub fn file_name(&self) -> Option<Cow<'_, str>> {
        self.segments().last().filter(|name| !name.is_empty())
    }

    /// Whether the path is `folder` (written without a trailing slash) or lies beneath it.
    #[must_use]
    pub fn is_under(&self, folder: &str) -> bool {
        is_under(self.path(), folder)
    }

    /// Whether the path leads back to Next's image endpoint, below any base path.
    pub(crate) fn is_next_image(&self) -> bool {
        leads_to_next_image(self.path())
    }
}

impl fmt::Display for LocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(crate) fn is_under(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Next's own test, `/\/_next\/image($|\/)/` on the decoded path.
pub(crate) fn leads_to_next_image(path: &str) -> bool {
    let decoded = percent::decode(path);
    decoded.match_indices("/_next/image").any(|(at, _)| is_under(&decoded[at..], "/_next/image"))
}

fn resolve_segments(path: &str) -> Result<String, Malformed> {
    let mut segments: Vec<String> = Vec::new();
    let mut ends_in_slash = false;
    for segment in path.split('/') {
        let segment = percent::normalize_segment(segment)?;
        ends_in_slash = matches!(segment.as_str(), "" | "." | "..");
        match segment.as_str() {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    let mut text = String::with_capacity(path.len() + 1);
    for segment in &segments {
        text.push('/');
        text.push_str(segment);
    }
    if ends_in_slash || segments.is_empty() {
        text.push('/');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_canonical_string_per_source() {
        for (written, canonical) in [
            ("/photo.jpg", "/photo.jpg"),
            ("/photo.jpg?", "/photo.jpg"),
            ("/a//b///c.jpg", "/a/b/c.jpg"),
            ("/./a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/%2e%2E/b", "/b"),
            ("/../../etc", "/etc"),
            ("/.//x", "/x"),
            ("/a/", "/a/"),
            ("/a/.", "/a/"),
            ("/a/b/..", "/a/"),
            ("/", "/"),
            ("/..", "/"),
            ("/%41%7eb%2d", "/A~b-"),
            ("/%e4%bd%a0 ä", "/%E4%BD%A0%20%C3%A4"),
            ("/a%3fb", "/a%3Fb"),
            ("/a?x=%61%2f&y=/?", "/a?x=a%2F&y=/?"),
            ("/...", "/..."),
        ] {
            let path = LocalPath::parse(written).expect(written);
            assert_eq!(path.as_str(), canonical, "{written}");
        }
    }

    #[test]
    fn what_could_be_read_twice_is_refused() {
        use LocalPathError::*;
        for (written, error) in [
            ("", NotLocal),
            ("photo.jpg", NotLocal),
            (" /photo.jpg", NotLocal),
            ("//host/a", ProtocolRelative),
            ("/\\host", Backslash),
            ("/a?b\\", Backslash),
            ("/\t/host", Control),
            ("/a\nb", Control),
            ("/a\rb", Control),
            ("/a\0b", Control),
            ("/a\u{7f}", Control),
            ("/a#b", Fragment),
            ("/%", Encoding),
            ("/%4", Encoding),
            ("/%FF", Encoding),
            ("/a?%zz", Encoding),
            ("/a%2fb", ForbiddenEscape),
            ("/a%5Cb", ForbiddenEscape),
            ("/a%00", ForbiddenEscape),
            ("/a%0a", ForbiddenEscape),
            ("/a?x=%0d", ForbiddenEscape),
        ] {
            assert_eq!(LocalPath::parse(written), Err(error), "{written:?}");
        }
    }

    #[test]
    fn parts_are_found_again() {
        let path = LocalPath::parse("/a/b%20c.jpg?x=1").expect("a local path");
        assert_eq!((path.path(), path.query()), ("/a/b%20c.jpg", Some("x=1")));
        assert_eq!(path.segments().collect::<Vec<_>>(), ["a", "b c.jpg"]);
        assert_eq!(path.file_name().as_deref(), Some("b c.jpg"));
        assert_eq!(LocalPath::parse("/a/").expect("a local path").file_name(), None);
    }

    #[test]
    fn the_endpoints_are_recognised_in_any_spelling() {
        for (written, expected) in [
            ("/_next/image", true),
            ("/_next/image/", true),
            ("/%5Fnext/image", true),
            ("/docs/_next/image", true),
            ("/_next//image", true),
            ("/_next/x/../image", true),
            ("/_next/images", false),
            ("/_next/images/_next/image", true),
            ("/a?b=/_next/image", false),
        ] {
            let path = LocalPath::parse(written).expect(written);
            assert_eq!(path.is_next_image(), expected, "{written}");
        }
    }

    proptest! {
        #[test]
        fn a_canonical_path_is_its_own_canonical_path(written in "/[a-zA-Z0-9./%?#&=~ä\\[\\] -]{0,40}|/\\PC{0,40}") {
            if let Ok(path) = LocalPath::parse(&written) {
                let again = LocalPath::parse(path.as_str());
                prop_assert_eq!(again.as_ref(), Ok(&path));
            }
        }

        #[test]
        fn no_segment_can_climb_or_split(written in "/[a-c./%2eEfF5]{0,40}") {
            if let Ok(path) = LocalPath::parse(&written) {
                let segments: Vec<_> = path.segments().collect();
                for (index, segment) in segments.iter().enumerate() {
                    prop_assert!(!matches!(segment.as_ref(), "." | ".."));
                    prop_assert!(!segment.contains(['/', '\\', '\0']));
                    prop_assert!(!segment.is_empty() || index + 1 == segments.len());
                }
            }
        }
    }
}
