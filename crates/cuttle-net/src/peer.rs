//! Whom a request is from, and whose word for it is believed.
//!
//! A proxy in front of us speaks for many: what it says in `X-Forwarded-For` is believed if it is trusted, from the end, up to
//! the first address that is no proxy of ours. One that says nothing makes its clients unknown instead of making them one.
//!
//! SECURITY: this is the only list of whom we believe. Two of them would differ one day, and a stranger choose the address
//! that an application is told or a limit is counted under.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use cuttle_contract::Client;
use http::header::FORWARDED;
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

/// For whom a proxy speaks, in the order in which they passed it on.
pub const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The visitor, in the word of one proxy.
pub const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Who sent a request, among its extensions.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// Of the other end of the connection.
    pub address: SocketAddr,
    /// What it says of others is believed.
    pub is_trusted: bool,
    /// Itself, or for whom it speaks.
    pub client: Client,
}

impl Peer {
    /// `X-Forwarded-For` of what is asked on its behalf: those for whom it speaks, if it is believed, then itself.
    #[must_use]
    pub fn chain(&self, headers: &HeaderMap) -> HeaderValue {
        let mut chain = Vec::new();
        for line in headers.get_all(FORWARDED_FOR).iter().filter(|_| self.is_trusted) {
            chain.extend_from_slice(line.as_bytes());
            chain.extend_from_slice(b", ");
        }
        // A listener on `[::]` sees IPv4 peers as mapped addresses.
        chain.extend_from_slice(self.address.ip().to_canonical().to_string().as_bytes());
        HeaderValue::from_bytes(&chain).expect("values of a header, a comma and an address are one")
    }

    /// Everything that says who asks, as far as it is believed.
    #[must_use]
    pub fn asker(&self, headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
        let said = |name: HeaderName| {
            let lines = headers.get_all(&name).into_iter().filter(|_| self.is_trusted);
            lines.map(|line| (name.clone(), line.clone())).collect::<Vec<_>>()
        };
        let chain = vec![(FORWARDED_FOR, self.chain(headers))];
        [chain, said(REAL_IP), said(FORWARDED)].concat()
    }
}

/// Peers whose word about who asks is believed.
#[derive(Debug, Clone)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Those in these networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether this is the address of one of them.
    #[must_use]
    pub fn include(&self, peer: IpAddr) -> bool {
        // A listener on `[::]` sees IPv4 peers as mapped addresses.
        let peer = peer.to_canonical();
        self.0.iter().any(|network| network.contains(&peer))
    }

    /// Of a connection on which nothing has been asked.
    #[must_use]
    pub fn connection(&self, peer: IpAddr) -> Client {
        if self.include(peer) { Client::unknown() } else { Client::at(peer) }
    }

    /// Of a request with these headers.
    #[must_use]
    pub fn peer(&self, address: SocketAddr, headers: &HeaderMap) -> Peer {
        let is_trusted = self.include(address.ip());
        let client = if is_trusted { self.named(headers) } else { Client::at(address.ip()) };
        Peer { address, is_trusted, client }
    }

    fn named(&self, headers: &HeaderMap) -> Client {
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let mut named = lines.flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','));
        let first = named.find_map(|entry| {
            let text = std::str::from_utf8(entry).ok();
            match text.and_then(|text| text.trim().parse::<IpAddr>().ok()) {
                Some(ip) if self.include(ip) => None,
                ip => Some(ip),
            }
        });
        first.flatten().map_or_else(Client::unknown, Client::at)
    }
}

impl Default for TrustedProxies {
    /// On the same machine, which is how most applications are put on the web.
    fn default() -> Self {
        let v4 = IpNet::new_assert([127, 0, 0, 0].into(), 8);
        Self(vec![v4, IpNet::new_assert(Ipv6Addr::LOCALHOST.into(), 128)])
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_last_address_that_is_no_proxy_of_ours_counts() {
        let trusted = TrustedProxies::default();
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
            let named = trusted.peer((peer, 1).into(), &headers).client;
            assert_eq!(named, expected, "{peer:?} {lines:?}");
        }
    }

    #[test]
    fn only_those_that_are_listed_are_believed() {
        let (ours, named) = (IpAddr::from([172, 18, 0, 9]), Client::at([198, 51, 100, 7].into()));
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, HeaderValue::from_static("198.51.100.7"));
        let network = "172.16.0.0/12".parse().expect("a network");
        for (trusted, peer, expected) in [
            (TrustedProxies::default(), ours, Client::at(ours)),
            (TrustedProxies::new(vec![network]), ours, named),
            (TrustedProxies::new(vec![network]), "::ffff:172.18.0.9".parse().expect("v6"), named),
            (TrustedProxies::new(vec![]), [127, 0, 0, 1].into(), Client::at([127, 0, 0, 1].into())),
        ] {
            let seen = trusted.peer((peer, 1).into(), &headers);
            assert_eq!((seen.client, seen.is_trusted), (expected, expected == named), "{peer}");
        }
    }
}
