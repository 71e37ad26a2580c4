//! Which sources may be loaded, as the operator writes it.
//!
//! `*` is one path segment, or a part of one; `**` any number of segments; a host may start with `*.`. Both pattern languages,
//! this one and the globs of a Next build ([`next`]), end in the one type [`Pattern`], so that the checks that follow a
//! redirect need not know which one it was. A pattern is compiled at load; matching takes at most pattern length × source
//! length steps (see [`path`]), that of a glob a fixed number of them.

mod error;
mod host;
mod next;
mod path;

use url::Url;

pub use self::error::PatternError;
pub use crate::glob::GlobError;

use self::{host::HostPattern, path::PathPattern};
use crate::{Source, glob::Glob, percent, remote::hides_dot_segment};

/// One compiled entry of `local_patterns` or `remote_patterns`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// `None`: the application itself.
    origin: Option<OriginPattern>,
    path: PathRule,
    query: QueryPattern,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PathRule {
    Everything,
    Segments(PathPattern),
    Glob(Glob),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct OriginPattern {
    /// `None`: http and https.
    scheme: Option<&'static str>,
    host: HostPattern,
    port: PortPattern,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PortPattern {
    Any,
    /// The default port of the source's scheme.
    Default,
    Exactly(u16),
    /// As it is written in a normalised URL: empty for the default port, which is never written there.
    Written(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum QueryPattern {
    Any,
    None,
    Exactly(String),
}

/// A pattern that works, but allows more than its author may have meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// It ends in `?*`.
    #[error("{0:?} allows any query, so a client decides how many sources there are")]
    AnyQuery(String),
    /// It has a host but no path.
    #[error("{0:?} names no path, so it allows everything on that host")]
    WholeHost(String),
    /// A pattern of a Next build that no URL can match.
    #[error("the build's pattern {0} can never match")]
    NeverMatches(String),
    /// A pattern of a Next build that is not understood here, and so allows nothing.
    #[error("the build's pattern {written} allows nothing here: {reason}")]
    NotUnderstood {
        /// The pattern.
        written: String,
        /// Why.
        reason: GlobError,
    },
}

impl Pattern {
    /// Compiles an entry of `local_patterns`: a path, and the query that it must have (none unless written).
    ///
    /// # Errors
    /// What [`PatternError`] lists.
    pub fn local(written: &str) -> Result<(Self, Option<Warning>), PatternError> {
        if !written.starts_with('/') || written.starts_with("//") {
            return Err(PatternError::NotLocal);
        }
        let (path, query) = split_query(written)?;
        let pattern = Self {
            origin: None,
            path: PathRule::Segments(PathPattern::local(path)?),
            query: query.unwrap_or(QueryPattern::None),
        };
        let warning =
            (pattern.query == QueryPattern::Any).then(|| Warning::AnyQuery(written.to_owned()));
        Ok((pattern, warning))
    }

    /// Compiles an entry of `remote_patterns`: `[scheme://]host[:port][path][?query]`, any query unless one is written.
    ///
    /// # Errors
    /// What [`PatternError`] lists.
    pub fn remote(written: &str) -> Result<(Self, Option<Warning>), PatternError> {
        let (address, query) = split_query(written)?;
        let (scheme, rest) = match address.split_once("://") {
            None => (None, address),
            Some((scheme, rest)) => (Some(parse_scheme(scheme)?), rest),
        };
        let (authority, path) =
            rest.find('/').map_or((rest, None), |at| (&rest[..at], Some(&rest[at..])));
        if authority.contains('@') {
            return Err(PatternError::NotPlain);
        }
        let (host, port) = host::split_port(authority)?;
        let port = port.map_or(PortPattern::Default, PortPattern::Exactly);
        let origin = OriginPattern { scheme, host: HostPattern::parse(host)?, port };
        let warning = match (&query, path) {
            (_, None) => Some(Warning::WholeHost(written.to_owned())),
            (Some(QueryPattern::Any), _) => Some(Warning::AnyQuery(written.to_owned())),
            _ => None,
        };
        let path = match path {
            None => PathRule::Everything,
            Some(path) => PathRule::Segments(PathPattern::remote(path)?),
        };
        Ok((
            Self { origin: Some(origin), path, query: query.unwrap_or(QueryPattern::Any) },
            warning,
        ))
    }

    /// Whether this pattern allows `source`.
    #[must_use]
    pub fn matches(&self, source: &Source) -> bool {
        match (&self.origin, source) {
            (None, Source::Local(path)) => {
                self.query.matches(path.query()) && self.path.matches_local(path.path())
            }
            (Some(origin), Source::Remote(url)) => {
                // Also asked about the targets of redirects, which nobody has parsed strictly.
                !hides_dot_segment(url.path())
                    && origin.matches(url)
                    && self.query.matches(url.query())
                    && self.path.matches_remote(url.path())
            }
            (None, Source::Remote(_)) | (Some(_), Source::Local(_)) => false,
        }
    }
}

impl PathRule {
    /// `path` is canonical.
    fn matches_local(&self, path: &str) -> bool {
        match self {
            Self::Glob(glob) => glob.matches(&next::browser_spelling(path)),
            Self::Everything | Self::Segments(_) => self.matches_remote(path),
        }
    }

    fn matches_remote(&self, path: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Segments(segments) => segments.matches(path),
            Self::Glob(glob) => glob.matches(path),
        }
    }
}

impl OriginPattern {
    fn matches(&self, url: &Url) -> bool {
        let port_matches = match &self.port {
            PortPattern::Any => true,
            // `Url` drops a port that is its scheme's default.
            PortPattern::Default => url.port().is_none(),
            PortPattern::Exactly(port) => url.port_or_known_default() == Some(*port),
            PortPattern::Written(text) => {
                *text == url.port().map(|port| port.to_string()).unwrap_or_default()
            }
        };
        let scheme_matches = self.scheme.map_or_else(
            || matches!(url.scheme(), "http" | "https"),
            |scheme| scheme == url.scheme(),
        );
        port_matches && scheme_matches && url.host().is_some_and(|host| self.host.matches(&host))
    }
}

impl QueryPattern {
    fn matches(&self, query: Option<&str>) -> bool {
        let query = query.filter(|query| !query.is_empty());
        match self {
            Self::Any => true,
            Self::None => query.is_none(),
            Self::Exactly(expected) => query == Some(expected),
        }
    }
}

fn parse_scheme(written: &str) -> Result<&'static str, PatternError> {
    ["http", "https"]
        .into_iter()
        .find(|scheme| scheme.eq_ignore_ascii_case(written))
        .ok_or(PatternError::Scheme)
}

fn split_query(written: &str) -> Result<(&str, Option<QueryPattern>), PatternError> {
    if written.contains('#') {
        return Err(PatternError::NotPlain);
    }
    let Some((rest, query)) = written.split_once('?') else { return Ok((written, None)) };
    let query = match query {
        "" => QueryPattern::None,
        "*" => QueryPattern::Any,
        exact if exact.contains('*') => return Err(PatternError::Query),
        exact => {
            QueryPattern::Exactly(percent::normalize_query(exact).map_err(|_| PatternError::Query)?)
        }
    };
    Ok((rest, Some(query)))
}

#[cfg(test)]
mod tests;
