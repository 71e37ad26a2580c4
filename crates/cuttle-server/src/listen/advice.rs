//! A proxy in front of us that nobody listed: what it says of its visitors is not believed, so all of them are one to us, and the
//! application builds its links with `http`. One line says what to set.
//!
//! SECURITY: only about an address that no stranger has. Of a public one it would be the stranger who has himself recommended.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, HeaderName};

use cuttle_net::{FORWARDED_FOR, Peer};

const SAID: [HeaderName; 3] = [
    FORWARDED_FOR,
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-host"),
];

/// Whether it was given.
#[derive(Debug, Default)]
pub(crate) struct Advice(AtomicBool);

impl Advice {
    /// For a request with these headers, once for all.
    pub(super) fn give(&self, peer: &Peer, headers: &HeaderMap) {
        let address = peer.address.ip().to_canonical();
        let is_needed = !peer.is_trusted
            && is_private(address)
            && SAID.iter().any(|it| headers.contains_key(it));
        if is_needed && !self.0.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                peer = %address,
                remedy = format!(
                    "if it is your proxy: [server] trusted_proxies = [\"127.0.0.0/8\", \"::1\", \"{address}\"]"
                ),
                "X-Forwarded-* headers are ignored, as their sender is not listed in [server] trusted_proxies: all visitors behind it count as one client, and the app is told that they use http"
            );
        }
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_loopback(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_a_stranger_may_have_is_never_recommended() {
        for (address, expected) in [
            ("10.0.0.1", true),
            ("172.18.0.9", true),
            ("192.168.1.1", true),
            ("127.0.0.1", true),
            ("fd00::1", true),
            ("::1", true),
            ("172.32.0.1", false),
            ("100.64.0.1", false),
            ("169.254.1.1", false),
            ("198.51.100.7", false),
            ("fe80::1", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_private(address.parse().expect(address)), expected, "{address}");
        }
    }
}
