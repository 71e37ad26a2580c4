//! Which application a request is for: by the name under which it is made, and by where its path begins.
//!
//! The most particular wins, whatever the order of declaration: an exact host over a wildcard over none, and of those the longest
//! path. Paths are compared as they were sent: an application that is asked in another spelling is not asked at all.

use std::fmt;

use thiserror::Error;
use url::Host;

/// A name under which an application is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteHost {
    /// This name or address, as a URL has it: in lower case, IDNs as punycode, IPv6 in brackets.
    Exactly(String),
    /// Every name below this one, without the dot between.
    Below(String),
}

/// The beginning of the paths of an application, in whole segments, without a slash at its end; empty for every path.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoutePrefix(String);

/// Hosts and paths of one application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// None: every name that no other application has.
    pub hosts: Vec<RouteHost>,
    /// Where its paths begin.
    pub prefix: RoutePrefix,
}

/// How particular a match is; the greatest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Particularity {
    /// 2 exact, 1 wildcard, 0 any.
    host: u8,
    /// Bytes of the wildcard's domain.
    domain: usize,
    /// Bytes.
    prefix: usize,
}

/// Why a text is no host or no prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RouteError {
    /// It has a scheme, a port, a path or bytes that no name has.
    #[error("is no host name: write `shop.example`, without scheme, port and path")]
    Host,
    /// A star elsewhere than in front.
    #[error("has a `*` that is not the first label: write `*.shop.example`")]
    Wildcard,
    /// It is not the beginning of a path.
    #[error(
        "is no beginning of a path: write `/docs`, without `*`, `?`, `#`, `%` and empty or dot segments"
    )]
    Prefix,
}

impl RouteHost {
    /// Reads `shop.example` or `*.shop.example`.
    ///
    /// # Errors
    /// [`RouteError`], in words that follow what was written.
    pub fn parse(written: &str) -> Result<Self, RouteError> {
        let (below, name) =
            written.strip_prefix("*.").map_or((false, written), |name| (true, name));
        if name.contains('*') {
            return Err(RouteError::Wildcard);
        }
        match Host::parse(name).map_err(|_| RouteError::Host)? {
            // DNS knows no difference to the name without the dot; a URL does.
            Host::Domain(name) if name.ends_with('.') => Err(RouteError::Host),
            Host::Domain(name) if below => Ok(Self::Below(name)),
            _ if below => Err(RouteError::Wildcard),
            host => Ok(Self::Exactly(host.to_string())),
        }
    }

    /// The name, where it is one.
    #[must_use]
    pub fn exact(&self) -> Option<&str> {
        match self {
            Self::Exactly(name) => Some(name),
            Self::Below(_) => None,
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exactly(own) => own == name,
            Self::Below(domain) => {
                let labels = name.strip_suffix(domain.as_str());
                labels.and_then(|labels| labels.strip_suffix('.')).is_some_and(|it| !it.is_empty())
            }
        }
    }

    fn particularity(&self) -> (u8, usize) {
        match self {
            Self::Exactly(_) => (2, 0),
            Self::Below(domain) => (1, domain.len()),
        }
    }
}

impl fmt::Display for RouteHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(name) => f.write_str(name),
            Self::Below(domain) => write!(f, "*.{domain}"),
        }
    }
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
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()+,;=:@".contains(&byte);
        let segment = |it: &str| !matches!(it, "" | "." | "..") && it.bytes().all(plain);
        match path.strip_prefix('/') {
            Some(rest) if rest.split('/').all(segment) => Ok(Self(path.to_owned())),
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

impl Route {
    /// How particularly this application is meant by a host, as a URL has it and without its port, and a path without its query;
    /// `None`: not at all. A request without a host is for applications without hosts.
    #[must_use]
    pub fn matches(&self, host: Option<&str>, path: &str) -> Option<Particularity> {
        let (rank, domain) = self.answers_for(host)?;
        let prefix = self.prefix.as_str().len();
        self.prefix.covers(path).then_some(Particularity { host: rank, domain, prefix })
    }

    /// Whether any path of this host is this application's.
    #[must_use]
    pub fn has_host(&self, host: Option<&str>) -> bool {
        self.answers_for(host).is_some()
    }

    fn answers_for(&self, host: Option<&str>) -> Option<(u8, usize)> {
        if self.hosts.is_empty() {
            return Some((0, 0));
        }
        let own = self.hosts.iter().filter(|own| host.is_some_and(|host| own.matches(host)));
        own.map(RouteHost::particularity).max()
    }

    /// What of two applications would be the same: neither could win. A host, or none where both have none.
    #[must_use]
    pub fn conflict(&self, other: &Self) -> Option<Option<RouteHost>> {
        if self.prefix != other.prefix {
            return None;
        }
        match (&self.hosts[..], &other.hosts[..]) {
            ([], []) => Some(None),
            (own, theirs) => own.iter().find(|host| theirs.contains(host)).cloned().map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(hosts: &[&str], prefix: &str) -> Route {
        let hosts = hosts.iter().map(|host| RouteHost::parse(host).expect(host)).collect();
        Route { hosts, prefix: RoutePrefix::parse(prefix).expect(prefix) }
    }

    fn chosen(host: Option<&str>, path: &str) -> Option<usize> {
        let routes = [
            route(&[], "/"),
            route(&["shop.example"], "/"),
            route(&["*.example"], "/"),
            route(&["*.shop.example", "other.example"], "/"),
            route(&["shop.example"], "/docs"),
            route(&[], "/docs"),
        ];
        let matching = routes.iter().enumerate();
        let matching = matching.filter_map(|(n, route)| Some((route.matches(host, path)?, n)));
        matching.max().map(|(_, n)| n)
    }

    #[test]
    fn the_most_particular_wins() {
        for (host, path, expected) in [
            (Some("shop.example"), "/", 1),
            (Some("shop.example"), "/docs", 4),
            (Some("shop.example"), "/docs/a", 4),
            (Some("shop.example"), "/docs2", 1),
            (Some("shop.example"), "/%64ocs", 1),
            (Some("a.shop.example"), "/docs", 3),
            (Some("a.b.shop.example"), "/", 3),
            (Some("other.example"), "/", 3),
            (Some("b.example"), "/docs", 2),
            (Some("example"), "/", 0),
            (Some("evilexample"), "/docs/", 5),
            (Some("127.0.0.1"), "/", 0),
            (None, "/docs", 5),
        ] {
            assert_eq!(chosen(host, path), Some(expected), "{host:?} {path}");
        }
        assert!(route(&["a.example"], "/").matches(None, "/").is_none());
        assert!(route(&["a.example"], "/b").matches(Some("a.example"), "/").is_none());
    }

    #[test]
    fn two_that_nothing_tells_apart_are_a_conflict() {
        let a = route(&["a.example", "*.b.example"], "/docs");
        let same = RouteHost::Below("b.example".to_owned());
        assert_eq!(a.conflict(&route(&["*.b.example"], "/docs/")), Some(Some(same)));
        assert_eq!(a.conflict(&route(&["*.b.example"], "/")), None);
        assert_eq!(a.conflict(&route(&["x.b.example"], "/docs")), None);
        assert_eq!(a.conflict(&route(&[], "/docs")), None);
        assert_eq!(route(&[], "/").conflict(&route(&[], "/")), Some(None));
    }

    #[test]
    fn what_is_no_host_and_no_prefix_is_refused() {
        for (written, expected) in [
            ("https://a.example", RouteError::Host),
            ("a.example:80", RouteError::Host),
            ("a.example/", RouteError::Host),
            ("a.example.", RouteError::Host),
            ("", RouteError::Host),
            ("*", RouteError::Wildcard),
            ("a.*.example", RouteError::Wildcard),
            ("*.127.0.0.1", RouteError::Wildcard),
        ] {
            assert_eq!(RouteHost::parse(written), Err(expected), "{written}");
        }
        let bücher = RouteHost::parse("*.Bücher.example").expect("an IDN");
        assert_eq!(bücher.to_string(), "*.xn--bcher-kva.example");
        for written in ["", "docs", "//", "/a//b", "/a/../b", "/a*", "/a?b", "/%61", "/a b", "/é"]
        {
            assert_eq!(RoutePrefix::parse(written), Err(RouteError::Prefix), "{written}");
        }
    }
}
