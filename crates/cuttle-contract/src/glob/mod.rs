//! The globs of a Next build, with the meaning that `picomatch` gives them in Next itself.
//!
//! A glob becomes a regular expression with look-aheads, as it does there ([`translate`]). Such an expression backtracks, and
//! the text that it runs on comes from anyone, so an engine is used that counts its steps and gives up. What cannot be
//! translated faithfully is an error: an allow-list must not guess.

mod shortcut;
mod translate;

use fancy_regex::{Regex, RegexBuilder};

/// SECURITY: `/**a**b**c` on a kilobyte of `ab` takes 18 s in an engine without a limit, and 2 to 75 ms in this one with it.
/// An ordinary glob needs a few steps for each character of the longest URL (3072).
const MAX_STEPS: usize = 100_000;
/// Bytes. Next bounds the number of patterns, not their length; none in use comes near this.
const MAX_GLOB_BYTES: usize = 1024;

/// One compiled glob.
#[derive(Debug, Clone)]
pub(crate) struct Glob {
    written: Box<str>,
    regex: Regex,
}

/// Why a glob cannot be compiled. The operator's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// Nothing is written.
    #[error("it is empty")]
    Empty,
    /// Longer than any glob in use.
    #[error("it is longer than {MAX_GLOB_BYTES} bytes")]
    TooLong,
    /// Part of the language that cannot be translated faithfully.
    #[error("it uses {0}, which is not supported here")]
    Unsupported(&'static str),
    /// The regular expression that it stands for is none.
    #[error("it does not make a valid expression")]
    Invalid,
}

/// Whether wildcards match names that start with a dot: Next says yes for paths, no for hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dots {
    Matched,
    Hidden,
}

impl Glob {
    pub(crate) fn compile(written: &str, dots: Dots) -> Result<Self, GlobError> {
        if written.is_empty() {
            return Err(GlobError::Empty);
        }
        if written.len() > MAX_GLOB_BYTES {
            return Err(GlobError::TooLong);
        }
        let source = expression(written, dots)?;
        let regex = RegexBuilder::new(&source).backtrack_limit(MAX_STEPS).build();
        let regex = regex.map_err(|_| GlobError::Invalid)?;
        Ok(Self { written: written.into(), regex })
    }

    /// Whether the whole of `text` matches. SECURITY: text that takes too many steps does not.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text).unwrap_or(false)
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        // The expression also says whether dots are hidden.
        self.written == other.written && self.regex.as_str() == other.regex.as_str()
    }
}

impl Eq for Glob {}

fn expression(written: &str, dots: Dots) -> Result<String, GlobError> {
    if let Some(shortcut) = shortcut::of(written, dots) {
        return Ok(format!("^(?:{shortcut})$"));
    }
    let (negated, inner) = translate::whole(written, dots)?;
    let matched = format!("^(?:{inner})$");
    Ok(if negated { format!("^(?!{matched}).*$") } else { matched })
}

/// The pieces of expression that both ways of translating use.
impl Dots {
    /// Before a star at the start of a segment.
    fn before_star(self) -> &'static str {
        match self {
            Self::Matched => r"(?!\.{1,2}(?:\/|$))",
            Self::Hidden => r"(?!\.)",
        }
    }

    /// Any number of segments.
    fn globstar(self) -> &'static str {
        match self {
            Self::Matched => r"(?:(?:(?!(?:^|\/)\.{1,2}(?:\/|$)).)*?)",
            Self::Hidden => r"(?:(?:(?!(?:^|\/)\.).)*?)",
        }
    }

    fn question_mark_at_start(self) -> &'static str {
        match self {
            Self::Matched => QUESTION_MARK,
            Self::Hidden => r"[^.\/]",
        }
    }
}

const STAR: &str = r"[^\/]*?";
const QUESTION_MARK: &str = r"[^\/]";
const NOT_EMPTY: &str = r"(?=.)";

#[cfg(test)]
mod tests;
