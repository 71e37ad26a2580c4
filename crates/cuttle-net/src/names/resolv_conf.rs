//! What `/etc/resolv.conf` says: whom to ask, for how long, and what to try behind a short name.
//!
//! As resolv.conf(5) has it, with glibc's limits, so that a container's file means here what it means to every other program in
//! it. What is not known is passed over. `sortlist`, `LOCALDOMAIN`, `RES_OPTIONS` and the domain of the host name are left out:
//! who needs a search list writes one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

/// glibc's `MAXNS`: further servers are never asked.
const MOST_SERVERS: usize = 3;
const MOST_DOTS: usize = 15;
const LONGEST_SECONDS: u64 = 30;
const MOST_ATTEMPTS: usize = 5;
/// glibc has no limit since 2.26. Each entry may cost a question, so there is one.
const MOST_SUFFIXES: usize = 32;

/// How names are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvConf {
    /// Never empty.
    pub(super) servers: Vec<SocketAddr>,
    search: Vec<String>,
    /// A name with fewer dots is tried with `search` first.
    dots: usize,
    pub(super) timeout: Duration,
    pub(super) attempts: usize,
}

impl ResolvConf {
    /// Of a file's text; its servers listen on `port`.
    #[must_use]
    pub fn read(text: &[u8], port: u16) -> Self {
        let mut read = Self {
            servers: Vec::new(),
            search: Vec::new(),
            dots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
        };
        for line in String::from_utf8_lossy(text).lines() {
            let line = line.split(['#', ';']).next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") if read.servers.len() < MOST_SERVERS => {
                    read.servers.extend(words.next().and_then(|word| server(word, port)));
                }
                // The last line of the two holds.
                Some("search") => {
                    read.search = words.take(MOST_SUFFIXES).map(str::to_owned).collect();
                }
                Some("domain") => read.search = words.take(1).map(str::to_owned).collect(),
                Some("options") => words.for_each(|word| read.option(word)),
                _ => {}
            }
        }
        if read.servers.is_empty() {
            read.servers.push((Ipv4Addr::LOCALHOST, port).into());
        }
        read
    }

    fn option(&mut self, word: &str) {
        let Some((name, Ok(number))) =
            word.split_once(':').map(|(name, number)| (name, number.parse::<usize>()))
        else {
            return;
        };
        match name {
            "ndots" => self.dots = number.min(MOST_DOTS),
            "timeout" => {
                let seconds = u64::try_from(number).unwrap_or(LONGEST_SECONDS);
                self.timeout = Duration::from_secs(seconds.clamp(1, LONGEST_SECONDS));
            }
            "attempts" => self.attempts = number.clamp(1, MOST_ATTEMPTS),
            _ => {}
        }
    }

    /// Every name to ask for in place of `name`, in order, without a dot at the end.
    #[must_use]
    pub fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(absolute) = name.strip_suffix('.') {
            return vec![absolute.to_owned()];
        }
        let mut candidates: Vec<String> = (self.search.iter())
            .map(|suffix| suffix.trim_matches('.'))
            .filter(|suffix| !suffix.is_empty())
            .map(|suffix| format!("{name}.{suffix}"))
            .collect();
        let itself = name.to_owned();
        if name.matches('.').count() >= self.dots {
            candidates.insert(0, itself);
        } else {
            candidates.push(itself);
        }
        candidates
    }
}

/// `fe80::1%2` and `fe80::1%eth0` have their interface with them.
fn server(word: &str, port: u16) -> Option<SocketAddr> {
    let Some((address, interface)) = word.split_once('%') else {
        return Some(SocketAddr::new(word.parse::<IpAddr>().ok()?, port));
    };
    let scope = interface.parse().ok().or_else(|| index_of(interface))?;
    Some(SocketAddrV6::new(address.parse().ok()?, port, 0, scope).into())
}

fn index_of(interface: &str) -> Option<u32> {
    if interface.contains(['/', '\0']) || interface.starts_with('.') {
        return None;
    }
    let text = std::fs::read_to_string(format!("/sys/class/net/{interface}/ifindex")).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ResolvConf {
        ResolvConf::read(text.as_bytes(), 53)
    }

    #[test]
    fn servers_are_those_of_the_file_and_else_this_machine() {
        for (text, servers) in [
            ("", &["127.0.0.1:53"][..]),
            ("# nameserver 10.0.0.1\n; nameserver 10.0.0.2", &["127.0.0.1:53"]),
            ("nameserver nonsense\nnameserver", &["127.0.0.1:53"]),
            (
                "nameserver 10.0.0.1 # first\n\tnameserver\t10.0.0.2",
                &["10.0.0.1:53", "10.0.0.2:53"],
            ),
            ("nameserver 2001:db8::1\r\n", &["[2001:db8::1]:53"]),
            ("nameserver fe80::1%3", &["[fe80::1%3]:53"]),
            ("nameserver fe80::1%lo", &["[fe80::1%1]:53"]),
            ("nameserver fe80::1%../lo", &["127.0.0.1:53"]),
            (
                "nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4",
                &["10.0.0.1:53", "10.0.0.2:53", "10.0.0.3:53"],
            ),
        ] {
            let found: Vec<String> = read(text).servers.iter().map(SocketAddr::to_string).collect();
            assert_eq!(found, servers, "{text:?}");
        }
    }

    #[test]
    fn options_have_the_limits_of_glibc() {
        for (text, dots, seconds, attempts) in [
            ("", 1, 5, 2),
            ("options ndots:5 timeout:1 attempts:3 rotate", 5, 1, 3),
            ("options ndots:99 timeout:99 attempts:99", 15, 30, 5),
            ("options timeout:0 attempts:0\noptions ndots:0", 0, 1, 1),
            ("options timeout:-1 attempts: ndots:x", 1, 5, 2),
        ] {
            let conf = read(text);
            let found = (conf.dots, conf.timeout.as_secs(), conf.attempts);
            assert_eq!(found, (dots, seconds, attempts), "{text:?}");
        }
    }

    #[test]
    fn short_names_are_looked_for_in_the_search_list_first() {
        for (text, name, candidates) in [
            ("", "shop", &["shop"][..]),
            ("search a.test b.test.", "shop", &["shop.a.test", "shop.b.test", "shop"]),
            ("search a.test", "www.shop", &["www.shop", "www.shop.a.test"]),
            ("search a.test\noptions ndots:2", "www.shop", &["www.shop.a.test", "www.shop"]),
            ("search a.test", "shop.", &["shop"]),
            ("search a.test\ndomain b.test", "shop", &["shop.b.test", "shop"]),
            ("search .", "shop", &["shop"]),
        ] {
            assert_eq!(read(text).candidates(name), candidates, "{text:?} {name}");
        }
    }
}
