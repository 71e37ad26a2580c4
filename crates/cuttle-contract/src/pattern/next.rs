//! The patterns of a Next build, compiled to the same type as our own.
//!
//! Next compares text: host, port and query of a normalised URL with what is written. So does this, but for local paths, which
//! are canonical here: their globs are matched against the canonical path as a browser would spell it.

use std::borrow::Cow;

use super::{HostPattern, OriginPattern, PathRule, Pattern, PortPattern, QueryPattern};
use crate::{
    NextLocalPattern, NextRemotePattern,
    glob::{Dots, Glob, GlobError},
    percent,
};

const ANY_PATH: &str = "**";

impl Pattern {
    /// Compiles an entry of `images.localPatterns`. `None`: it can never match, in Next either.
    pub(crate) fn next_local(entry: &NextLocalPattern) -> Result<Option<Self>, GlobError> {
        let glob = upper_case_escapes(entry.pathname.as_deref().unwrap_or(ANY_PATH));
        let path = PathRule::Glob(Glob::compile(&glob, Dots::Matched)?);
        let query = match entry.search.as_deref() {
            None => QueryPattern::Any,
            Some("") => QueryPattern::None,
            Some(search) => match exact_query(search).map(percent::normalize_query) {
                Some(Ok(query)) => QueryPattern::Exactly(query),
                _ => return Ok(None),
            },
        };
        Ok(Some(Self { origin: None, path, query }))
    }

    /// Compiles an entry of `images.remotePatterns`. `None`: it can never match, in Next either.
    pub(crate) fn next_remote(entry: &NextRemotePattern) -> Result<Option<Self>, GlobError> {
        let scheme = match entry.protocol.as_deref().map(|scheme| scheme.trim_end_matches(':')) {
            None => None,
            Some("http") => Some("http"),
            Some("https") => Some("https"),
            Some(_) => return Ok(None),
        };
        let query = match entry.search.as_deref() {
            None => QueryPattern::Any,
            Some("") => QueryPattern::None,
            Some(search) => match exact_query(search) {
                Some(query) => QueryPattern::Exactly(query.to_owned()),
                None => return Ok(None),
            },
        };
        let origin = OriginPattern {
            scheme,
            host: HostPattern::Glob(Glob::compile(&entry.hostname, Dots::Hidden)?),
            port: entry.port.clone().map_or(PortPattern::Any, PortPattern::Written),
        };
        let path = entry.pathname.as_deref().unwrap_or(ANY_PATH);
        let path = PathRule::Glob(Glob::compile(path, Dots::Matched)?);
        Ok(Some(Self { origin: Some(origin), path, query }))
    }

    /// An entry of `images.domains`: everything on a host of exactly this name.
    pub(crate) fn next_domain(name: &str) -> Self {
        let host = HostPattern::Written(name.to_owned());
        let origin = OriginPattern { scheme: None, host, port: PortPattern::Any };
        Self { origin: Some(origin), path: PathRule::Everything, query: QueryPattern::Any }
    }

    /// Every local path with any query, which is what an app without `localPatterns` allows.
    pub(crate) fn every_local() -> Self {
        Self { origin: None, path: PathRule::Everything, query: QueryPattern::Any }
    }
}

/// A query that a URL can have: behind its `?`, and not empty.
fn exact_query(search: &str) -> Option<&str> {
    search.strip_prefix('?').filter(|query| !query.is_empty())
}

/// `%e4` and `%E4` are one path here, so they must be one in a glob.
fn upper_case_escapes(glob: &str) -> String {
    let mut pieces = glob.split('%');
    let mut upper = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let is_escape =
            piece.as_bytes().get(..2).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        upper.push('%');
        if is_escape {
            upper.push_str(&piece[..2].to_ascii_uppercase());
            upper.push_str(&piece[2..]);
        } else {
            upper.push_str(piece);
        }
    }
    upper
}

/// A canonical path as `new URL` spells it: it leaves three characters bare that RFC 3986 does not have in a path.
pub(super) fn browser_spelling(canonical: &str) -> Cow<'_, str> {
    if !canonical.contains("%5B") && !canonical.contains("%5D") && !canonical.contains("%7C") {
        return canonical.into();
    }
    canonical.replace("%5B", "[").replace("%5D", "]").replace("%7C", "|").into()
}
