//! Whom a request is from, as far as fairness between clients goes.
//!
//! A proxy in front of us speaks for many: what it says in `X-Forwarded-For` is believed if it is trusted, from the end, up to
//! the first address that is no proxy of ours. One that says nothing makes its clients unknown instead of making them one.

use std::net::IpAddr;

use cuttle_contract::Client;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client of a request that `peer` sent.
pub(crate) fn of(headers: &HeaderMap, peer: IpAddr, trusted: &[IpNet]) -> Client {
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|network| network.contains(ip));
    let peer = peer.to_canonical();
    if !is_trusted(&peer) {
        return Client::at(peer);
    }
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    let mut named = lines.flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','));
    let first = named.find_map(|entry| {
        let ip =
            std::str::from_utf8(entry).ok().and_then(|text| text.trim().parse::<IpAddr>().ok());
        match ip.map(|ip| ip.to_canonical()) {
            Some(ip) if is_trusted(&ip) => None,
            ip => Some(ip),
        }
    });
    first.flatten().map_or_else(Client::unknown, Client::at)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_last_address_that_is_no_proxy_of_ours_counts() {
        let trusted = [IpNet::new_assert([127, 0, 0, 0].into(), 8)];
        let (known, unknown) = (|ip: [u8; 4]| Client::at(ip.into()), Client::unknown());
        for (peer, lines, expected) in [
            ([192, 0, 2, 1], &[][..], known([192, 0, 2, 1])),
            ([192, 0, 2, 1], &["198.51.100.7"], known([192, 0, 2, 1])),
            ([127, 0, 0, 1], &[], unknown),
            ([127, 0, 0, 1], &["198.51.100.7"], known([198, 51, 100, 7])),
            ([127, 0, 0, 1], &["203.0.113.9, 198.51.100.7"], known([198, 51, 100, 7])),
            ([127, 0, 0, 1], &["198.51.100.7, 127.0.0.1"], known([198, 51, 100, 7])),
            ([127, 0, 0, 1], &["203.0.113.9", "198.51.100.7"], known([198, 51, 100, 7])),
            ([127, 0, 0, 1], &["198.51.100.7, nobody"], unknown),
            ([127, 0, 0, 1], &["127.0.0.1"], unknown),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, HeaderValue::from_static(line));
            }
            assert_eq!(of(&headers, peer.into(), &trusted), expected, "{peer:?} {lines:?}");
        }
    }
}
