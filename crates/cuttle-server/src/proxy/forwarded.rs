//! Who asked, and under which address: `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`.
//!
//! SECURITY: applications take the visitor's address, and whether a cookie may be set without TLS, from these. So what a
//! peer says of itself is replaced, unless the operator vouches for it. `Forwarded` and `X-Real-IP` say the same once more
//! and are taken from strangers, but not invented: an application that reads several would have to know which to believe.

use http::header::{FORWARDED, HOST};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::client::{FORWARDED_FOR, Peer, REAL_IP};

const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// Tells the application who asked.
pub(super) fn tell(headers: &mut HeaderMap, peer: Peer) {
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
