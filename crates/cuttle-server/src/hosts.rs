//! For whom we answer, by the `Host` of a request.
//!
//! SECURITY: a page anywhere on the web may resolve its own name to 127.0.0.1 and then read what a
//! server on loopback shows, as if it were its own origin (DNS rebinding). A folder served to its
//! owner is exactly that, so on loopback only names that no stranger can own are answered.
//!
//! In front of an app every name is answered: the app answers any name itself, and proxies pass on the public one.

use std::net::IpAddr;

use http::header::HOST;
use http::{HeaderMap, Request};

/// The names that are answered.
#[derive(Debug, Clone)]
pub enum Hosts {
    /// Any: the server can be reached from elsewhere anyway.
    Any,
    /// Addresses, `localhost`, and these names in lower case.
    Local(Vec<String>),
}

impl Hosts {
    /// For a server that listens on `address`; `named` are the names that the operator vouches for.
    #[must_use]
    pub fn of(address: IpAddr, named: &[String]) -> Self {
        if address.is_loopback() {
            Self::Local(named.iter().map(|name| name.to_ascii_lowercase()).collect())
        } else {
            Self::Any
        }
    }

    /// Whether this request is for us. One without a host (HTTP/1.0) comes from no browser.
    pub(crate) fn answer<B>(&self, request: &Request<B>) -> bool {
        let Self::Local(named) = self else { return true };
        let Some(host) = named_by(request) else { return true };
        let name = without_port(host).to_ascii_lowercase();
        name.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".localhost")
            || named.contains(&name)
    }
}

/// The name under which a request is made.
pub(crate) fn named_by<B>(request: &Request<B>) -> Option<&str> {
    let from_header = || request.headers().get(HOST)?.to_str().ok();
    request.uri().authority().map(http::uri::Authority::as_str).or_else(from_header)
}

/// Whether there is no more than one `Host`, in ASCII. SECURITY: of two, or of bytes that are no name, we could judge one thing and
/// whoever is behind us another.
pub(crate) fn is_one_name(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    hosts.next().is_none_or(|host| host.to_str().is_ok()) && hosts.next().is_none()
}

/// `name:port`, `[v6]:port`, or either without its port.
pub(crate) fn without_port(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
        Some((v6, _)) => v6,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn answered(hosts: &Hosts, host: Option<&str>) -> bool {
        let request = Request::builder();
        let request = host.into_iter().fold(request, |request, host| request.header("host", host));
        hosts.answer(&request.body(()).expect("a request"))
    }

    #[test]
    fn on_loopback_a_stranger_s_name_is_not_answered() {
        let hosts = Hosts::of(Ipv4Addr::LOCALHOST.into(), &["Pictures.Example".to_owned()]);
        for (host, expected) in [
            (None, true),
            (Some("127.0.0.1:4000"), true),
            (Some("[::1]:4000"), true),
            (Some("192.168.1.2"), true),
            (Some("localhost:4000"), true),
            (Some("LOCALHOST"), true),
            (Some("shop.localhost:4000"), true),
            (Some("pictures.example"), true),
            (Some("pictures.example:4000"), true),
            (Some("attacker.example:4000"), false),
            (Some("127.0.0.1.attacker.example"), false),
            (Some("notlocalhost"), false),
            (Some(""), false),
        ] {
            assert_eq!(answered(&hosts, host), expected, "{host:?}");
        }
    }

    #[test]
    fn elsewhere_every_name_is_answered() {
        for address in [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()] {
            assert!(answered(&Hosts::of(address, &[]), Some("attacker.example")));
        }
    }
}
