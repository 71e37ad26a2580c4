//! Which addresses a remote source may have: globally routable unicast, and nothing else.
//!
//! Pure, and a table, so that each refusal has a name and a registry entry to point at. It follows the IANA special-purpose
//! registries (RFC 6890 and its updates) and goes further where a range only tunnels to other addresses, or answers on cloud
//! machines only. What an operator needs all the same is excepted by [`Exceptions`](super::Exceptions), never here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// How firmly an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// Opened by "allow local addresses" as well as by an exception.
    Local,
    /// Opened only by an exception that names it: nobody who opens a private network means the machine's credentials.
    Named,
}

/// Why an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) hold: Hold,
}

/// The rule that refuses `address`, if one does.
pub(super) fn refused(address: IpAddr) -> Option<Rule> {
    match address {
        IpAddr::V4(address) => refused_v4(address),
        IpAddr::V6(address) => refused_v6(address),
    }
}

fn refused_v4(address: Ipv4Addr) -> Option<Rule> {
    find(V4, |net| net.contains(&address))
}

fn refused_v6(address: Ipv6Addr) -> Option<Rule> {
    if NAT64.contains(&address) {
        // RFC 6052 §2.2: in a /96 prefix the last 32 bits are the IPv4 address. DNS64 networks reach the whole IPv4 internet
        // in this way, and the translator's own private network too.
        let [.., a, b, c, d] = address.octets();
        return refused_v4(Ipv4Addr::new(a, b, c, d))
            .map(|_| Rule { name: "NAT64 of a refused IPv4 address", hold: Hold::Named });
    }
    // RFC 5214 §6.1: the interface identifier says it, under any prefix; the "u" bit may be set.
    if matches!(address.segments(), [_, _, _, _, 0 | 0x200, 0x5efe, _, _]) {
        return Some(Rule { name: "ISATAP", hold: Hold::Named });
    }
    find(V6, |net| net.contains(&address)).or_else(|| {
        // Refused unless handed out: IANA gives unicast space from 2000::/3 only.
        (!GLOBAL_UNICAST.contains(&address))
            .then_some(Rule { name: "not global unicast", hold: Hold::Local })
    })
}

fn find<Net: Copy>(
    table: &[(Net, Hold, &'static str)],
    contains: impl Fn(Net) -> bool,
) -> Option<Rule> {
    let &(_, hold, name) = table.iter().find(|&&(net, ..)| contains(net))?;
    Some(Rule { name, hold })
}

const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

/// The first match decides, so single addresses stand above the ranges that hold them.
const V4: &[(Ipv4Net, Hold, &str)] = &[
    // Answer with credentials to whoever asks from the machine; none of them is in a range that one expects.
    (v4([100, 100, 100, 200], 32), Hold::Named, "cloud metadata"),
    (v4([168, 63, 129, 16], 32), Hold::Named, "cloud metadata"),
    (v4([192, 0, 0, 192], 32), Hold::Named, "cloud metadata"),
    (v4([169, 254, 0, 0], 16), Hold::Named, "link-local"), // RFC 3927; 169.254.169.254
    (v4([0, 0, 0, 0], 8), Hold::Local, "this network"), // RFC 791 §3.2; 0.0.0.0 connects to loopback
    (v4([10, 0, 0, 0], 8), Hold::Local, "private"),     // RFC 1918
    (v4([100, 64, 0, 0], 10), Hold::Local, "shared"),   // RFC 6598
    (v4([127, 0, 0, 0], 8), Hold::Local, "loopback"),   // RFC 1122 §3.2.1.3
    (v4([172, 16, 0, 0], 12), Hold::Local, "private"),  // RFC 1918
    (v4([192, 0, 0, 0], 24), Hold::Local, "protocol assignments"), // RFC 6890
    (v4([192, 0, 2, 0], 24), Hold::Local, "documentation"), // RFC 5737
    (v4([192, 31, 196, 0], 24), Hold::Local, "AS112"),  // RFC 7535
    (v4([192, 52, 193, 0], 24), Hold::Local, "AMT"),    // RFC 7450
    (v4([192, 88, 99, 0], 24), Hold::Local, "6to4 relay"), // RFC 7526
    (v4([192, 168, 0, 0], 16), Hold::Local, "private"), // RFC 1918
    (v4([192, 175, 48, 0], 24), Hold::Local, "AS112"),  // RFC 7534
    (v4([198, 18, 0, 0], 15), Hold::Local, "benchmarking"), // RFC 2544
    (v4([198, 51, 100, 0], 24), Hold::Local, "documentation"), // RFC 5737
    (v4([203, 0, 113, 0], 24), Hold::Local, "documentation"), // RFC 5737
    (v4([224, 0, 0, 0], 4), Hold::Local, "multicast"),  // RFC 5771
    (v4([255, 255, 255, 255], 32), Hold::Local, "broadcast"), // RFC 919
    (v4([240, 0, 0, 0], 4), Hold::Local, "reserved"),   // RFC 1112 §4
];

/// Forms that carry an IPv4 address are [`Hold::Named`], all of them: what they lead to is not read off them here.
const V6: &[(Ipv6Net, Hold, &str)] = &[
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128), Hold::Named, "cloud metadata"),
    (v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128), Hold::Named, "cloud metadata"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), Hold::Named, "link-local"), // RFC 4291 §2.5.6
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), Hold::Local, "unspecified"),    // RFC 4291 §2.5.2
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Hold::Local, "loopback"),       // RFC 4291 §2.5.3
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), Hold::Named, "IPv4-compatible"), // RFC 4291 §2.5.5.1
    (v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), Hold::Named, "IPv4-mapped"), // RFC 4291 §2.5.5.2
    (v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), Hold::Named, "IPv4-translated"), // RFC 2765 §2.1
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), Hold::Named, "local-use NAT64"), // RFC 8215
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), Hold::Local, "discard"),     // RFC 6666
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), Hold::Named, "Teredo"),     // RFC 4380
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), Hold::Local, "protocol assignments"), // RFC 2928
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), Hold::Local, "documentation"), // RFC 3849
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), Hold::Named, "6to4"),       // RFC 3056
    (v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), Hold::Local, "AS112"), // RFC 7534
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), Hold::Local, "documentation"), // RFC 9637
    (v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), Hold::Local, "segment routing"), // RFC 9602
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Hold::Local, "unique local"), // RFC 4193
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Hold::Local, "site-local"), // RFC 3879
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), Hold::Local, "multicast"),   // RFC 4291 §2.7
];

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

#[cfg(test)]
#[path = "addresses_tests.rs"]
mod tests;
