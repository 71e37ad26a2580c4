//! Who asked, and under which address: `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`.
//!
//! SECURITY: applications take the visitor's address, and whether a cookie may be set without TLS, from these. So what a
//! peer says of itself is replaced, unless the operator vouches for it. `Forwarded` and `X-Real-IP` say the same once more
//! and are taken from strangers, but not invented: an application that reads several would have to know which to believe.

use cuttle_net::{FORWARDED_FOR, Peer, REAL_IP};
use http::header::{FORWARDED, HOST};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue};

const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// Tells the application who asked.
pub(crate) fn tell(headers: &mut HeaderMap, peer: Peer) {
    let chain = peer.chain(headers);
    if !peer.is_trusted {
        for name in [PROTO, FORWARDED_HOST, PORT, FORWARDED, REAL_IP] {
            headers.remove(name);
        }
    }
    headers.insert(FORWARDED_FOR, chain);
    // We speak no TLS: who does, in front of us, is trusted or unknown to us.
    headers.entry(PROTO).or_insert(HeaderValue::from_static("http"));
    if !headers.contains_key(FORWARDED_HOST)
        && let Some(host) = headers.get(HOST).cloned()
    {
        headers.insert(FORWARDED_HOST, host);
    }
    if !headers.contains_key(PORT) {
        let port = port(headers);
        headers.insert(PORT, port);
    }
}

/// The port that the visitor typed, or the one that is meant when none is.
fn port(headers: &HeaderMap) -> HeaderValue {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let typed = text(FORWARDED_HOST)
        .and_then(|host| host.parse::<Authority>().ok())
        .and_then(|host| host.port_u16());
    let meant = if text(PROTO) == Some("https") { 443 } else { 80 };
    HeaderValue::from(typed.unwrap_or(meant))
}

#[cfg(test)]
mod tests {
    use cuttle_net::TrustedProxies;

    use super::*;

    #[test]
    fn who_is_believed_is_a_matter_of_networks() {
        let loopback = TrustedProxies::default();
        let office = TrustedProxies::new(vec!["10.1.0.0/16".parse().expect("a network")]);
        for (peer, trusted, expected) in [
            ("127.0.0.1", &loopback, "9.9.9.9, 127.0.0.1"),
            ("127.8.8.8", &loopback, "9.9.9.9, 127.8.8.8"),
            ("::1", &loopback, "9.9.9.9, ::1"),
            ("::ffff:127.0.0.1", &loopback, "9.9.9.9, 127.0.0.1"),
            ("192.168.0.1", &loopback, "192.168.0.1"),
            ("::ffff:192.168.0.1", &loopback, "192.168.0.1"),
            ("2001:db8::1", &loopback, "2001:db8::1"),
            ("10.1.2.3", &office, "9.9.9.9, 10.1.2.3"),
            ("10.2.2.3", &office, "10.2.2.3"),
            ("127.0.0.1", &office, "127.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", HeaderValue::from_static("9.9.9.9"));
            let address = (peer.parse::<std::net::IpAddr>().expect(peer), 1).into();
            let seen = trusted.peer(address, &headers);
            tell(&mut headers, seen);
            assert_eq!(headers["x-forwarded-for"], expected, "{peer}");
        }
    }
}
