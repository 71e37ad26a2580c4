//! The host of a remote pattern: one exact host, or every name below a domain that someone owns.

use url::Host;

use super::error::PatternError;
use crate::glob::Glob;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HostPattern {
    /// A name in lower-case punycode, or an address.
    Exactly(Host),
    /// `*.domain`: one or more labels in front of it. With the leading dot, so that `evilexample.com` is not below
    /// `example.com`.
    Below(String),
    /// A glob of a Next build, matched against the name as a normalised URL has it.
    Glob(Glob),
    /// A name of a Next build's `domains`, compared with the name as a normalised URL has it.
    Written(String),
}

impl HostPattern {
    pub(super) fn parse(written: &str) -> Result<Self, PatternError> {
        let (wildcard, name) = ["*.", "**."]
            .iter()
            .find_map(|any| written.strip_prefix(any))
            .map_or((false, written), |name| (true, name));
        if name.contains('*') {
            return Err(PatternError::HostWildcard);
        }
        // A name with a trailing dot is another host to a URL and the same one to DNS.
        if name.ends_with('.') {
            return Err(PatternError::Host);
        }
        match Host::parse(name).map_err(|_| PatternError::Host)? {
            Host::Domain(domain) if wildcard => {
                // SECURITY: asked about a name below the domain, because the list has wildcards of its own: nobody owns
                // `compute.amazonaws.com`, though it is no public suffix. Unknown top-level domains (`internal`, `localhost`)
                // are public suffixes by the list's default rule, so no wildcard opens them either.
                let anyone = format!("x.{domain}");
                if psl::suffix_str(&anyone).is_none_or(|suffix| suffix.len() >= domain.len()) {
                    return Err(PatternError::PublicSuffix);
                }
                Ok(Self::Below(format!(".{domain}")))
            }
            Host::Ipv4(_) | Host::Ipv6(_) if wildcard => Err(PatternError::HostWildcard),
            host => Ok(Self::Exactly(host)),
        }
    }

    pub(super) fn matches(&self, host: &Host<&str>) -> bool {
        match (self, host) {
            (Self::Exactly(expected), host) => host == expected,
            (Self::Below(suffix), Host::Domain(name)) => {
                name.strip_suffix(suffix.as_str()).is_some_and(|labels| !labels.is_empty())
            }
            (Self::Below(_), Host::Ipv4(_) | Host::Ipv6(_)) => false,
            (Self::Glob(glob), host) => glob.matches(&host.to_string()),
            (Self::Written(name), host) => *name == host.to_string(),
        }
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`.
pub(super) fn split_port(authority: &str) -> Result<(&str, Option<u16>), PatternError> {
    let name_end = if authority.starts_with('[') {
        authority.find(']').ok_or(PatternError::Host)?
    } else {
        0
    };
    let Some(colon) = authority[name_end..].find(':') else { return Ok((authority, None)) };
    let (host, port) = (&authority[..name_end + colon], &authority[name_end + colon + 1..]);
    let digits_only = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(number) if digits_only && number > 0 => Ok((host, Some(number))),
        _ => Err(PatternError::Port),
    }
}
