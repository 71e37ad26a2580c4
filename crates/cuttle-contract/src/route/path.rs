//! Paths that an application answers: everything below a prefix, or what patterns such as `/api/:version/*` match.
//!
//! They are compared as they were sent, segment by segment: an application that is asked in another spelling is not asked at all.

use std::fmt;

use super::error::RouteError;

/// The beginning of the paths of an application, in whole segments, without a slash at its end; empty for every path.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoutePrefix(String);

/// `/api/:version/*`: a segment is a text, `:name` for any one, or as the last one `*` for whatever follows the slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutePattern {
    written: String,
    segments: Vec<Segment>,
    end: End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Any,
}

/// What may follow the segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nothing, or a slash, and paths below it.
    Below,
    /// A slash and whatever follows it.
    Rest,
    /// Nothing, or one slash.
    Exact,
}

impl RoutePrefix {
    /// Reads `/docs`; `/` is every path.
    ///
    /// # Errors
    /// [`RouteError`], in words that follow what was written.
    pub fn parse(written: &str) -> Result<Self, RouteError> {
        let path = written.strip_suffix('/').unwrap_or(written);
        if path.is_empty() && written == "/" {
            return Ok(Self::default());
        }
        match path.strip_prefix('/') {
            Some(rest) if rest.split('/').all(is_segment) => Ok(Self(path.to_owned())),
            _ => Err(RouteError::Prefix),
        }
    }

    /// As it stands in front of a path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a path, without its query, begins with it.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        path.strip_prefix(&self.0)
            .is_some_and(|rest| self.0.is_empty() || rest.is_empty() || rest.starts_with('/'))
    }
}

impl RoutePattern {
    /// Reads `/api/*`.
    ///
    /// # Errors
    /// [`RouteError::Pattern`].
    pub fn parse(written: &str) -> Result<Self, RouteError> {
        let path = written.strip_prefix('/').ok_or(RouteError::Pattern)?;
        let (path, end) = match path.strip_suffix('*') {
            Some("") => ("", End::Rest),
            Some(path) => (path.strip_suffix('/').ok_or(RouteError::Pattern)?, End::Rest),
            None if path == "/" => return Err(RouteError::Pattern),
            None => (path.strip_suffix('/').unwrap_or(path), End::Exact),
        };
        let texts = path.split('/').filter(|_| !path.is_empty());
        let segment = |text: &str| match text.strip_prefix(':') {
            Some(name) if is_segment(name) => Ok(Segment::Any),
            None if is_segment(text) => Ok(Segment::Literal(text.to_owned())),
            _ => Err(RouteError::Pattern),
        };
        let segments = texts.map(segment).collect::<Result<_, _>>()?;
        Ok(Self { written: written.to_owned(), segments, end })
    }

    /// Everything below a prefix, and that itself.
    pub(super) fn below(prefix: &RoutePrefix) -> Self {
        let segments = prefix.0.split('/').skip(1).map(|it| Segment::Literal(it.to_owned()));
        let (written, segments) = (prefix.0.clone(), segments.collect());
        Self { written, segments, end: End::Below }
    }

    /// Whether it names one path, without a variable part.
    #[must_use]
    pub fn is_one_path(&self) -> bool {
        self.end == End::Exact && self.segments.iter().all(|it| *it != Segment::Any)
    }

    /// Whether everything that it matches is below a prefix.
    #[must_use]
    pub fn is_below(&self, prefix: &RoutePrefix) -> bool {
        let own = Self::below(prefix).segments;
        self.segments.starts_with(&own)
    }

    /// Whether a path, without its query, is one of it.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let Some(mut rest) = path.strip_prefix('/') else {
            // `*` of OPTIONS, and CONNECT: of whoever takes everything.
            return self.segments.is_empty() && self.end == End::Below;
        };
        let mut ended = false;
        for segment in &self.segments {
            let (text, after) = match rest.split_once('/') {
                Some((text, after)) => (text, Some(after)),
                None => (rest, None),
            };
            let fits = match segment {
                Segment::Literal(own) => own == text,
                Segment::Any => !text.is_empty(),
            };
            if ended || !fits {
                return false;
            }
            (rest, ended) = (after.unwrap_or_default(), after.is_none());
        }
        match self.end {
            End::Below => true,
            End::Rest => !ended,
            End::Exact => rest.is_empty(),
        }
    }

    /// Of two that match one path, the greater wins: a text over `:name` over `*`, from left to right, and a longer one.
    pub(super) fn rank(&self) -> Vec<u8> {
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Literal(_) => 4,
            Segment::Any => 3,
        });
        let end = match self.end {
            End::Below => 0,
            End::Rest => 1,
            End::Exact => 5,
        };
        segments.chain([end]).collect()
    }

    /// Whether they match the same paths.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.segments, self.end) == (&other.segments, other.end)
    }
}

impl fmt::Display for RoutePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

fn is_segment(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()+,;=:@".contains(&byte);
    !matches!(text, "" | "." | "..") && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_prefix_and_no_pattern_is_refused() {
        for written in ["", "docs", "//", "/a//b", "/a/../b", "/a*", "/a?b", "/%61", "/a b", "/é"]
        {
            assert_eq!(RoutePrefix::parse(written), Err(RouteError::Prefix), "{written}");
            assert_eq!(RoutePattern::parse(written), Err(RouteError::Pattern), "{written}");
        }
        for written in ["/a/*/b", "/a*", "*", "/:", "/a/:/b", "/**"] {
            assert_eq!(RoutePattern::parse(written), Err(RouteError::Pattern), "{written}");
        }
    }

    #[test]
    fn segments_are_compared_as_they_were_sent() {
        for (pattern, path, expected) in [
            ("/", "/", true),
            ("/", "/a", false),
            ("/*", "/", true),
            ("/*", "/a/b", true),
            ("/a", "/a", true),
            ("/a", "/a/", true),
            ("/a", "/a//", false),
            ("/a", "/ab", false),
            ("/a", "/%61", false),
            ("/a/*", "/a", false),
            ("/a/*", "/a/", true),
            ("/a/*", "/a/b/c", true),
            ("/:x", "/a", true),
            ("/:x", "/", false),
            ("/:x/b", "/a/b", true),
            ("/:x/b", "//b", false),
            ("/:x/b", "/a", false),
            ("/a/:x", "/a/b/c", false),
            ("/a", "*", false),
        ] {
            let pattern = RoutePattern::parse(pattern).expect(pattern);
            assert_eq!(pattern.matches(path), expected, "{pattern} {path}");
        }
        let docs = RoutePattern::below(&RoutePrefix::parse("/docs").expect("one"));
        for (path, expected) in
            [("/docs", true), ("/docs/a/b", true), ("/docs2", false), ("/", false)]
        {
            assert_eq!(docs.matches(path), expected, "{path}");
        }
        let all = RoutePattern::below(&RoutePrefix::default());
        assert!(all.matches("/") && all.matches("/a/b") && all.matches("*"));
    }
}
