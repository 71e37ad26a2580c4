//! Who may ask on the admin address.
//!
//! SECURITY: two strangers reach an address that only this machine can connect to, both by way of an operator's browser. A
//! page whose own name was made to point at us (DNS rebinding) is known by its `Host`; a page that posts to us is known by
//! the `Origin` that browsers put on every such request. Neither is asked for by any tool, so both are refused outright.

use std::net::{IpAddr, SocketAddr};

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response, StatusCode};

use crate::hosts::without_port;
use crate::respond::{self, Body};

/// Where operators ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminAt {
    /// At an address.
    Address(SocketAddr),
    /// At a socket in the file system, whose permissions say who may.
    Socket,
    /// Nowhere.
    Off,
}

/// The rules of one admin address.
#[derive(Debug)]
pub struct Guard {
    at: AdminAt,
    /// Names that the operator vouches for, in lower case.
    hosts: Vec<String>,
    /// Of the token. Digests are compared in constant time, and say nothing of the token's length either.
    token: Option<blake3::Hash>,
}

/// Asked by balancers and supervisors, which have no token.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

impl Guard {
    /// For the address `at`, under its own name and `hosts`, for whoever has `token`.
    #[must_use]
    pub fn new(at: AdminAt, hosts: &[String], token: Option<&str>) -> Self {
        let hosts = hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { at, hosts, token: token.map(|token| blake3::hash(token.as_bytes())) }
    }

    /// Why a request is not let in, if it is not.
    pub(crate) fn refusal<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        if !self.is_meant(request) {
            let text = "The admin address does not answer to this host name. If it should, add the name to `server.admin_hosts`.\n";
            return Some(respond::sentence(StatusCode::MISDIRECTED_REQUEST, "wrong_host", text));
        }
        if OPEN.contains(&request.uri().path()) || self.has_token(request) {
            return None;
        }
        let text = "This needs the admin token, as `Authorization: Bearer`.\n";
        let mut response = respond::sentence(StatusCode::UNAUTHORIZED, "unauthorized", text);
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        Some(response)
    }

    /// Why a request that was let in may change nothing, if it may not: it must be a tool's, in JSON, and away from this
    /// machine it needs a token.
    pub(crate) fn refusal_of_change<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let refuse = |status, code, text: &'static str| Some(respond::sentence(status, code, text));
        if request.headers().contains_key(ORIGIN) {
            let text = "A web page may not change anything here.\n";
            return refuse(StatusCode::FORBIDDEN, "cross_site", text);
        }
        if self.is_without_change() {
            let text = "Other machines can reach this address, so a purge needs a token: set `server.admin_token`, or listen on this machine only with --admin 127.0.0.1:4001.\n";
            return refuse(StatusCode::FORBIDDEN, "token_needed", text);
        }
        // A form of a page, sent by a browser that names no origin, cannot be JSON.
        let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = media_type.and_then(|value| value.split(';').next()).unwrap_or_default();
        if !essence.trim().eq_ignore_ascii_case("application/json") {
            let text = "The body must be of type application/json.\n";
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "json_needed", text);
        }
        None
    }

    /// Whether nothing is changed for anyone here: other machines reach it, and there is no token that they could lack.
    #[must_use]
    pub fn is_without_change(&self) -> bool {
        let elsewhere = matches!(self.at, AdminAt::Address(address) if !address.ip().is_loopback());
        elsewhere && self.token.is_none()
    }

    /// One without a host (HTTP/1.0) comes from no browser, and none reaches a socket in the file system.
    fn is_meant<B>(&self, request: &Request<B>) -> bool {
        let AdminAt::Address(own) = self.at else { return true };
        let mut lines = request.headers().get_all(HOST).iter();
        let of_target = request.uri().authority().map(|authority| authority.as_str().as_bytes());
        let named = of_target.or_else(|| lines.next().map(HeaderValue::as_bytes));
        let Some(named) = named else { return true };
        let Ok(named) = std::str::from_utf8(named) else { return false };
        let name = without_port(named).to_ascii_lowercase();
        let local = name == "localhost" || name.ends_with(".localhost");
        let address = || name.parse().is_ok_and(|named: IpAddr| is_own(named, own.ip()));
        lines.next().is_none() && (local || self.hosts.contains(&name) || address())
    }

    fn has_token<B>(&self, request: &Request<B>) -> bool {
        let Some(token) = self.token else { return true };
        let given = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let bearer = given.and_then(|given| given.split_at_checked(b"Bearer ".len()));
        bearer.is_some_and(|(scheme, given)| {
            scheme.eq_ignore_ascii_case(b"Bearer ") && blake3::hash(given.trim_ascii()) == token
        })
    }
}

/// Who listens everywhere has every address that leads to it. No name is one, so none of them is an attacker's.
fn is_own(named: IpAddr, own: IpAddr) -> bool {
    named == own || named.is_loopback() || own.is_unspecified()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn asked(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<()> {
        let request = Request::builder().method(method).uri(path);
        let headers = headers.iter();
        let request = headers.fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(()).expect("a request")
    }

    fn at(address: impl Into<IpAddr>) -> AdminAt {
        AdminAt::Address((address, 4001).into())
    }

    fn code(refused: Option<Response<Body>>) -> String {
        let code = |response: Response<Body>| response.headers()["x-cuttle-error"].clone();
        refused.map_or("in".to_owned(), |it| code(it).to_str().expect("ASCII").to_owned())
    }

    #[test]
    fn only_names_that_no_stranger_can_own_are_answered() {
        let hosts = ["Metrics.Example".to_owned()];
        let inner = Ipv4Addr::new(10, 0, 0, 5);
        for (own, host, expected) in [
            (at(Ipv4Addr::LOCALHOST), None, "in"),
            (at(Ipv4Addr::LOCALHOST), Some("127.0.0.1:4001"), "in"),
            (at(Ipv4Addr::LOCALHOST), Some("[::1]:4001"), "in"),
            (at(Ipv4Addr::LOCALHOST), Some("LocalHost:9"), "in"),
            (at(Ipv4Addr::LOCALHOST), Some("metrics.example:4001"), "in"),
            (at(Ipv4Addr::LOCALHOST), Some("attacker.example:4001"), "wrong_host"),
            (at(Ipv4Addr::LOCALHOST), Some("127.0.0.1.attacker.example"), "wrong_host"),
            (at(Ipv4Addr::LOCALHOST), Some("localhost.attacker.example"), "wrong_host"),
            (at(Ipv4Addr::LOCALHOST), Some("10.0.0.5:4001"), "wrong_host"),
            (at(Ipv4Addr::LOCALHOST), Some(""), "wrong_host"),
            (at(inner), Some("10.0.0.5:4001"), "in"),
            (at(inner), Some("10.0.0.6:4001"), "wrong_host"),
            (at(inner), Some("attacker.example"), "wrong_host"),
            (at(Ipv6Addr::UNSPECIFIED), Some("10.0.0.6:4001"), "in"),
            (at(Ipv4Addr::UNSPECIFIED), Some("attacker.example"), "wrong_host"),
            (AdminAt::Socket, Some("attacker.example"), "in"),
        ] {
            let guard = Guard::new(own, &hosts, None);
            for path in ["/healthz", "/readyz", "/metrics", "/purge"] {
                let host: Vec<_> = host.iter().map(|host| ("host", *host)).collect();
                assert_eq!(
                    code(guard.refusal(&asked("GET", path, &host))),
                    expected,
                    "{own:?} {host:?}"
                );
            }
        }
        let guard = Guard::new(at(Ipv4Addr::LOCALHOST), &hosts, None);
        let twice = [("host", "localhost"), ("host", "attacker.example")];
        assert_eq!(code(guard.refusal(&asked("GET", "/metrics", &twice))), "wrong_host");
        let absolute = asked("GET", "http://attacker.example/metrics", &[("host", "localhost")]);
        assert_eq!(code(guard.refusal(&absolute)), "wrong_host");
    }

    #[test]
    fn everything_but_health_needs_the_token() {
        let guard = Guard::new(at(Ipv4Addr::LOCALHOST), &[], Some("open sesame"));
        for (given, expected) in [
            (None, "unauthorized"),
            (Some("Bearer open sesame"), "in"),
            (Some("bearer  open sesame "), "in"),
            (Some("Bearer open sesam"), "unauthorized"),
            (Some("Bearer open sesame!"), "unauthorized"),
            (Some("Bearer "), "unauthorized"),
            (Some("Bearer"), "unauthorized"),
            (Some("Basic open sesame"), "unauthorized"),
            (Some("open sesame"), "unauthorized"),
        ] {
            let headers: Vec<_> = given.iter().map(|given| ("authorization", *given)).collect();
            for path in ["/metrics", "/purge", "/", "/healthz/", "//healthz"] {
                let request = asked("POST", path, &headers);
                assert_eq!(code(guard.refusal(&request)), expected, "{path} {given:?}");
            }
            for path in OPEN {
                assert_eq!(code(guard.refusal(&asked("GET", path, &headers))), "in");
            }
        }
    }

    #[test]
    fn only_a_tool_on_this_machine_or_with_the_token_changes_anything() {
        let json = ("content-type", "application/json; charset=utf-8");
        let page = ("origin", "https://attacker.example");
        let (near, far) = (at(Ipv4Addr::LOCALHOST), at(Ipv4Addr::UNSPECIFIED));
        let token = Some("open sesame");
        for (own, token, headers, expected) in [
            (near, None, vec![json], "in"),
            (far, token, vec![json], "in"),
            (AdminAt::Socket, None, vec![json], "in"),
            (near, None, vec![json, page], "cross_site"),
            (near, token, vec![json, ("origin", "null")], "cross_site"),
            (near, None, vec![json, ("origin", "http://127.0.0.1:4001")], "cross_site"),
            (far, None, vec![json], "token_needed"),
            (near, None, vec![], "json_needed"),
            (near, None, vec![("content-type", "text/plain")], "json_needed"),
            (near, None, vec![("content-type", "application/jsonx")], "json_needed"),
        ] {
            let guard = Guard::new(own, &[], token);
            let refused = guard.refusal_of_change(&asked("POST", "/purge", &headers));
            assert_eq!(code(refused), expected, "{own:?} {headers:?}");
        }
    }
}
