//! The guard between what a client can name and what this machine can reach.
//!
//! One [`Guard`] judges names, literal addresses and whatever a name resolves to. It opens nothing and resolves nothing
//! itself: [`connector`] asks it at the only place where a socket is made, so that the address that was judged is the address
//! that is connected to.

mod addresses;
pub(crate) mod connection;
pub(crate) mod connector;

use std::error::Error;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use self::addresses::Hold;

/// What an operator lets remote sources reach although the guard would refuse it.
#[derive(Debug, Clone, Default)]
pub struct Exceptions {
    /// Exact host names (or addresses) that may have any address.
    pub hosts: Vec<String>,
    /// Addresses that may be reached under any name but a local one.
    pub networks: Vec<IpNet>,
    /// Next's `dangerouslyAllowLocalIP`: every address and name but link-local and cloud metadata, which still need an
    /// exception of their own.
    pub local_addresses: bool,
}

/// A host that is not connected to, with what an operator needs to see why. None of it is for clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedHost {
    /// As it is in the URL.
    pub host: String,
    /// Absent when the name alone was enough.
    pub address: Option<IpAddr>,
    /// Which rule.
    pub rule: &'static str,
}

impl Error for RefusedHost {}

impl fmt::Display for RefusedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, address, rule } = self;
        match address {
            Some(address) if literal(host) == Some(*address) => {
                write!(f, "{address} is a {rule} address")
            }
            Some(address) => write!(f, "{host} has the {rule} address {address}"),
            None => write!(f, "{host} is a {rule}"),
        }
    }
}

/// Names that stand for this machine or this network, whatever a resolver makes of them: RFC 6761 §6.3 (`localhost`), RFC 6762
/// (`local`), RFC 8375 (`home.arpa`), ICANN's private-use domain (`internal`, also that of cloud metadata), and custom.
const LOCAL_NAMES: &[&str] = &["localhost", "localdomain", "local", "internal", "home.arpa"];

/// The judge. Cheap to ask; shared by all connections of one client.
#[derive(Debug)]
pub struct Guard {
    exceptions: Exceptions,
}

impl Guard {
    /// Refuses everything that is not public, `exceptions` aside.
    #[must_use]
    pub fn new(mut exceptions: Exceptions) -> Self {
        for host in &mut exceptions.hosts {
            *host = comparable(host).to_owned();
        }
        Self { exceptions }
    }

    /// Judges a host before anything is looked up: a literal address completely, a name as far as its text goes.
    ///
    /// # Errors
    /// [`RefusedHost`].
    pub fn host(&self, host: &str) -> Result<(), RefusedHost> {
        match literal(host) {
            Some(address) => self.addresses(host, [address]),
            None if self.excepted(host) || self.exceptions.local_addresses => Ok(()),
            None if is_local_name(host) => {
                Err(RefusedHost { host: host.to_owned(), address: None, rule: "local name" })
            }
            None => Ok(()),
        }
    }

    /// Judges the addresses of a host. One bad address refuses the host: whoever mixes them in an answer wants the other one
    /// connected to at the next try.
    ///
    /// # Errors
    /// [`RefusedHost`] for the first one that is refused.
    pub fn addresses(
        &self,
        host: &str,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Result<(), RefusedHost> {
        if self.excepted(host) {
            return Ok(());
        }
        for address in addresses {
            let Some(rule) = addresses::refused(address) else { continue };
            let opened = rule.hold == Hold::Local && self.exceptions.local_addresses;
            if !opened && !self.exceptions.networks.iter().any(|net| net.contains(&address)) {
                let host = host.to_owned();
                return Err(RefusedHost { host, address: Some(address), rule: rule.name });
            }
        }
        Ok(())
    }

    fn excepted(&self, host: &str) -> bool {
        let host = comparable(host);
        self.exceptions.hosts.iter().any(|excepted| excepted.eq_ignore_ascii_case(host))
    }
}

/// The address that a host of a URL is, if it is one.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Without the brackets of a literal and the dot of a name that starts at the root: `localhost.` is `localhost`.
fn comparable(host: &str) -> &str {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.strip_suffix('.').unwrap_or(host)
}

fn is_local_name(host: &str) -> bool {
    let host = comparable(host).to_ascii_lowercase();
    LOCAL_NAMES.iter().any(|local| {
        host.strip_suffix(local).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(hosts: &[&str], networks: &[&str], local_addresses: bool) -> Guard {
        Guard::new(Exceptions {
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
            networks: networks.iter().map(|net| net.parse().expect("a network")).collect(),
            local_addresses,
        })
    }

    #[test]
    fn names_of_this_machine_and_network_are_refused_as_they_stand() {
        let guard = guard(&[], &[], false);
        for (host, passes) in [
            ("localhost", false),
            ("localhost.", false),
            ("LOCALHOST", false),
            ("a.b.localhost", false),
            ("printer.local", false),
            ("metadata.google.internal", false),
            ("nas.home.arpa", false),
            ("localhost.localdomain", false),
            ("notlocalhost", true),
            ("localhost.example.com", true),
            ("international", true),
            ("example.com", true),
        ] {
            assert_eq!(guard.host(host).is_ok(), passes, "{host}");
        }
    }

    #[test]
    fn numbers_are_hosts_as_the_url_parser_reads_them() {
        let guard = guard(&[], &[], false);
        for written in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://127.0.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0x7f.0.0.1/",
            "http://0177.0.0.1/",
            "http://017700000001/",
            "http://127.0.0.1./",
            "http://①②⑦.0.0.1/",
            "http://127。0。0。1/",
            "http://%31%32%37.0.0.1/",
            "http://[::1]/",
            "http://[0:0:0:0:0:0:0:1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[::127.0.0.1]/",
            "http://0/",
            "http://0xa9fea9fe/",
            "http://2852039166/",
        ] {
            let url = url::Url::parse(written).expect(written);
            let refused = guard.host(url.host_str().expect("a host")).expect_err(written);
            assert!(refused.address.is_some(), "{written}: {refused}");
        }
    }

    #[test]
    fn one_bad_address_refuses_the_name() {
        let guard = guard(&[], &[], false);
        let addresses = |texts: [&str; 2]| texts.map(|text| text.parse::<IpAddr>().expect(text));
        assert!(guard.addresses("example.com", addresses(["8.8.8.8", "2606:4700::1"])).is_ok());
        let refused = guard
            .addresses("example.com", addresses(["8.8.8.8", "10.0.0.1"]))
            .expect_err("a private address");
        assert_eq!(refused.to_string(), "example.com has the private address 10.0.0.1");
    }

    #[test]
    fn only_what_is_excepted_is_opened() {
        let by_host = guard(&["Minio.Internal.", "10.0.0.9"], &[], false);
        let by_network = guard(&[], &["10.1.0.0/16", "fd00::/8"], false);
        let local = guard(&[], &[], true);
        let local_and_named = guard(&[], &["169.254.169.254/32"], true);
        for (guard, host, address, opened) in [
            (&by_host, "minio.internal", "10.0.0.1", true),
            (&by_host, "10.0.0.9", "10.0.0.9", true),
            (&by_host, "x.minio.internal", "10.0.0.1", false),
            (&by_host, "example.com", "10.0.0.1", false),
            (&by_network, "example.com", "10.1.2.3", true),
            (&by_network, "10.1.2.3", "10.1.2.3", true),
            (&by_network, "example.com", "fd00::1", true),
            (&by_network, "example.com", "10.2.0.1", false),
            (&by_network, "example.com", "::ffff:10.1.2.3", false),
            (&by_network, "example.com", "64:ff9b::10.1.2.3", false),
            (&by_network, "localhost", "10.1.2.3", false),
            (&local, "localhost", "127.0.0.1", true),
            (&local, "example.com", "fd12::1", true),
            (&local, "example.com", "169.254.169.254", false),
            (&local, "example.com", "fe80::1", false),
            (&local, "example.com", "168.63.129.16", false),
            (&local, "example.com", "fd00:ec2::254", false),
            (&local, "example.com", "::ffff:169.254.169.254", false),
            (&local, "example.com", "64:ff9b::169.254.169.254", false),
            (&local_and_named, "example.com", "169.254.169.254", true),
            (&local_and_named, "example.com", "169.254.169.253", false),
        ] {
            let address: IpAddr = address.parse().expect(address);
            let passes = guard.host(host).and_then(|()| guard.addresses(host, [address])).is_ok();
            assert_eq!(passes, opened, "{host} {address}");
        }
    }
}
