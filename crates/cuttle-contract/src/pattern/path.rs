//! The path of a pattern, matched segment by segment against a canonical path.
//!
//! No regular expression and no recursion. Both levels, segments with `**` and characters with `*`, use the same argument:
//! when the part after a wildcard fits in several places, the first one leaves the most room for the rest, so only the last
//! wildcard is ever tried again. That bounds the work by pattern × path on each level, whatever the client writes.

use super::error::PatternError;
use crate::percent;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathPattern(Box<[Segment]>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// `**`: any number of segments, none included.
    Any,
    /// `*`: one segment that is not empty.
    One,
    /// Literal text with `*` between the pieces, in normal form. One piece: no wildcard.
    Pieces(Box<[String]>),
}

impl PathPattern {
    /// A path of the application, where duplicate slashes are already gone.
    pub(super) fn local(written: &str) -> Result<Self, PatternError> {
        let pattern = Self::remote(written)?;
        let inner = pattern.0.split_last().map_or(&[][..], |(_, inner)| inner);
        if inner.iter().any(Segment::is_empty)
            || pattern.0.iter().any(Segment::could_never_match_locally)
        {
            return Err(PatternError::Path);
        }
        Ok(pattern)
    }

    /// A path of another server, where an empty segment may mean something.
    pub(super) fn remote(written: &str) -> Result<Self, PatternError> {
        if written.contains(|c: char| c == '\\' || c.is_ascii_control()) {
            return Err(PatternError::Path);
        }
        let relative = written.strip_prefix('/').ok_or(PatternError::Path)?;
        relative.split('/').map(Segment::parse).collect::<Result<_, _>>().map(Self)
    }

    /// `path` is canonical and starts with `/`.
    pub(super) fn matches(&self, path: &str) -> bool {
        let path: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        let (mut pattern_at, mut path_at) = (0, 0);
        let mut retry = None;
        loop {
            match self.0.get(pattern_at) {
                Some(Segment::Any) => {
                    pattern_at += 1;
                    retry = Some((pattern_at, path_at));
                    continue;
                }
                Some(segment) if path.get(path_at).is_some_and(|text| segment.matches(text)) => {
                    pattern_at += 1;
                    path_at += 1;
                    continue;
                }
                None if path_at == path.len() => return true,
                _ => {}
            }
            match &mut retry {
                Some((after_any, start)) if *start < path.len() => {
                    *start += 1;
                    (pattern_at, path_at) = (*after_any, *start);
                }
                _ => return false,
            }
        }
    }
}

impl Segment {
    fn parse(written: &str) -> Result<Self, PatternError> {
        match written {
            "**" => return Ok(Self::Any),
            "*" => return Ok(Self::One),
            _ if written.contains("**") => return Err(PatternError::PartialDoubleStar),
            _ => {}
        }
        let pieces = written
            .split('*')
            .map(|piece| percent::normalize_segment(piece).map_err(|_| PatternError::Path));
        let pieces: Box<[String]> = pieces.collect::<Result<_, _>>()?;
        if matches!(pieces.as_ref(), [only] if only == "." || only == "..") {
            return Err(PatternError::Path);
        }
        Ok(Self::Pieces(pieces))
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Pieces(pieces) if matches!(pieces.as_ref(), [only] if only.is_empty()))
    }

    fn could_never_match_locally(&self) -> bool {
        let refused =
            |piece: &String| percent::hides_separator(piece) || percent::hides_line_break(piece);
        matches!(self, Self::Pieces(pieces) if pieces.iter().any(refused))
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::One => !text.is_empty(),
            Self::Pieces(pieces) => matches_pieces(pieces, text),
        }
    }
}

/// First piece at the start, last piece at the end, the others at their earliest places in between.
fn matches_pieces(pieces: &[String], text: &str) -> bool {
    match pieces {
        [] => text.is_empty(),
        [only] => text == only,
        [first, middle @ .., last] => {
            let Some(mut rest) =
                text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()))
            else {
                return false;
            };
            middle.iter().all(|piece| match rest.find(piece.as_str()) {
                Some(at) => {
                    rest = &rest[at + piece.len()..];
                    true
                }
                None => false,
            })
        }
    }
}
