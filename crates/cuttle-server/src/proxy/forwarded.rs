//! Who asked, and under which address: `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`.
//!
//! SECURITY: applications take the visitor's address, and whether a cookie may be set without TLS, from these. So what a
//! peer says of itself is replaced, unless the operator vouches for it. `Forwarded` says the same once more and is taken
//! from strangers, but not invented: an application that reads both would have to know which to believe.

use std::net::IpAddr;

use http::header::{FORWARDED, HOST};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::client::Peer;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// Tells the application who asked.
pub(super) fn tell(headers: &mut HeaderMap, peer: Peer) {
    if !peer.is_trusted {
        for name in [FOR, PROTO, FORWARDED_HOST, PORT, FORWARDED] {
            headers.remove(name);
        }
    }
    // A listener on `[::]` sees IPv4 peers as mapped addresses.
    append(headers, peer.address.ip().to_canonical());
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

fn append(headers: &mut HeaderMap, peer: IpAddr) {
    let mut chain = Vec::new();
    for line in headers.get_all(FOR) {
        chain.extend_from_slice(line.as_bytes());
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(peer.to_string().as_bytes());
    if let Ok(chain) = HeaderValue::from_bytes(&chain) {
        headers.insert(FOR, chain);
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
