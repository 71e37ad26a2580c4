//! Whom work is done for, as far as fairness goes: the one name under which every share is counted, from connections to
//! places at an origin. It grants nothing, and says nothing of who somebody is.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// One client, or someone of whom that cannot be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client(Option<IpAddr>);

impl Client {
    /// Someone at this address. Of IPv6 the network counts (64 bits): a household, or one attacker, has all of it.
    #[must_use]
    pub fn at(address: IpAddr) -> Self {
        Self(Some(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
            v4 @ IpAddr::V4(_) => v4,
        }))
    }

    /// Someone behind a proxy that does not say who: not to be taken for one client.
    #[must_use]
    pub const fn unknown() -> Self {
        Self(None)
    }

    /// Whether a share can be held against it.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.0.is_some()
    }
}

/// For operators: an address that a firewall takes.
impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(IpAddr::V4(v4)) => v4.fmt(f),
            Some(IpAddr::V6(v6)) => write!(f, "{v6}/64"),
            None => f.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_is_one_client_and_a_mapped_address_is_its_own() {
        let at = |text: &str| Client::at(text.parse().expect("an address"));
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
        assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
        let shown = [at("2001:db8::1"), at("192.0.2.1"), Client::unknown()];
        assert_eq!(shown.map(|it| it.to_string()), ["2001:db8::/64", "192.0.2.1", "unknown"]);
    }
}
