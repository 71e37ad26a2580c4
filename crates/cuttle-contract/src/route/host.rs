//! Names under which an application is asked for.

use std::fmt;

use url::Host;

use super::error::RouteError;

/// A name under which an application is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteHost {
    /// This name or address, as a URL has it: in lower case, IDNs as punycode, IPv6 in brackets.
    Exactly(String),
    /// Every name below this one, without the dot between.
    Below(String),
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

    pub(super) fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exactly(own) => own == name,
            Self::Below(domain) => {
                let labels = name.strip_suffix(domain.as_str());
                labels.and_then(|labels| labels.strip_suffix('.')).is_some_and(|it| !it.is_empty())
            }
        }
    }

    /// 2 exact, 1 wildcard, and the bytes of its domain.
    pub(super) fn particularity(&self) -> (u8, usize) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_host_is_refused() {
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
    }
}
