//! First and last address of every range, the neighbours outside, and each form that hides an IPv4 address.

use proptest::prelude::*;

use super::*;

fn rule(address: &str) -> Option<&'static str> {
    refused(address.parse().expect(address)).map(|rule| rule.name)
}

#[test]
fn special_addresses_are_refused_by_name() {
    for (address, name) in [
        ("0.0.0.0", "this network"),
        ("0.255.255.255", "this network"),
        ("10.0.0.0", "private"),
        ("10.255.255.255", "private"),
        ("100.64.0.0", "shared"),
        ("100.127.255.255", "shared"),
        ("100.100.100.200", "cloud metadata"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.255", "loopback"),
        ("168.63.129.16", "cloud metadata"),
        ("169.254.0.0", "link-local"),
        ("169.254.169.254", "link-local"),
        ("172.16.0.0", "private"),
        ("172.31.255.255", "private"),
        ("192.0.0.1", "protocol assignments"),
        ("192.0.0.192", "cloud metadata"),
        ("192.0.2.255", "documentation"),
        ("192.31.196.1", "AS112"),
        ("192.52.193.1", "AMT"),
        ("192.88.99.1", "6to4 relay"),
        ("192.168.0.0", "private"),
        ("192.168.255.255", "private"),
        ("192.175.48.1", "AS112"),
        ("198.18.0.0", "benchmarking"),
        ("198.19.255.255", "benchmarking"),
        ("198.51.100.7", "documentation"),
        ("203.0.113.7", "documentation"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.0", "reserved"),
        ("255.255.255.254", "reserved"),
        ("255.255.255.255", "broadcast"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::7f00:1", "IPv4-compatible"),
        ("::8.8.8.8", "IPv4-compatible"),
        ("::ffff:127.0.0.1", "IPv4-mapped"),
        ("::ffff:8.8.8.8", "IPv4-mapped"),
        ("::ffff:0:7f00:1", "IPv4-translated"),
        ("64:ff9b::127.0.0.1", "NAT64 of a refused IPv4 address"),
        ("64:ff9b::10.1.2.3", "NAT64 of a refused IPv4 address"),
        ("64:ff9b::a9fe:a9fe", "NAT64 of a refused IPv4 address"),
        ("64:ff9b:1::", "local-use NAT64"),
        ("64:ff9b:1::8.8.8.8", "local-use NAT64"),
        ("64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "local-use NAT64"),
        ("64:ff9b:0:0:0:1:808:808", "not global unicast"),
        ("100::1", "discard"),
        ("100:0:0:1::1", "not global unicast"),
        ("2001::1", "Teredo"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "Teredo"),
        ("2001:1::1", "protocol assignments"),
        ("2001:2::1", "protocol assignments"),
        ("2001:4:112::1", "protocol assignments"),
        ("2001:10::1", "protocol assignments"),
        ("2001:2f:ffff::1", "protocol assignments"),
        ("2001:30::1", "protocol assignments"),
        ("2001:1ff:ffff::1", "protocol assignments"),
        ("2001:db8::1", "documentation"),
        ("2002:7f00:1::", "6to4"),
        ("2002:808:808::1", "6to4"),
        ("2620:4f:8000::1", "AS112"),
        ("3fff::1", "documentation"),
        ("3fff:fff:ffff::1", "documentation"),
        ("4000::1", "not global unicast"),
        ("5f00::1", "segment routing"),
        ("fc00::1", "unique local"),
        ("fd00:ec2::254", "cloud metadata"),
        ("fd20:ce::254", "cloud metadata"),
        ("fdff:ffff::1", "unique local"),
        ("fe80::1", "link-local"),
        ("febf::1", "link-local"),
        ("fec0::1", "site-local"),
        ("ff02::1", "multicast"),
        ("2606:4700::5efe:127.0.0.1", "ISATAP"),
        ("2606:4700::200:5efe:8.8.8.8", "ISATAP"),
    ] {
        assert_eq!(rule(address), Some(name), "{address}");
    }
}

#[test]
fn public_addresses_pass() {
    for address in [
        "1.0.0.0",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "64:ff9b::8.8.8.8",
        "2000::1",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2003::1",
        "2606:4700::6810:84e5",
        "2620:4f:8001::1",
        "3ffe:ffff::1",
        "3fff:1000::1",
    ] {
        assert_eq!(rule(address), None, "{address}");
    }
}

/// An oracle of another make: the flags of the standard library, as far as they are stable.
fn special_to_std(address: Ipv4Addr) -> bool {
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || address.is_unspecified()
}

proptest! {
    #[test]
    fn whatever_is_special_to_the_standard_library_is_refused(bits: u32) {
        let address = Ipv4Addr::from_bits(bits);
        prop_assert!(!special_to_std(address) || refused_v4(address).is_some());
    }

    #[test]
    fn an_ipv4_address_is_refused_in_ipv6_whenever_it_is_refused_itself(bits: u32) {
        let inside = Ipv4Addr::from_bits(bits);
        let [a, b, c, d] = inside.octets().map(u16::from);
        let (high, low) = (a << 8 | b, c << 8 | d);
        let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low);
        prop_assert_eq!(refused_v6(nat64).is_some(), refused_v4(inside).is_some());
        for hidden in [
            inside.to_ipv6_mapped(),
            inside.to_ipv6_compatible(),
            Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, !high, !low),
            Ipv6Addr::new(0x2a00, 1, 2, 3, 0, 0x5efe, high, low),
            Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
        ] {
            prop_assert!(refused_v6(hidden).is_some(), "{}", hidden);
        }
    }

    #[test]
    fn nothing_outside_global_unicast_passes_but_nat64(bits: u128) {
        let address = Ipv6Addr::from_bits(bits);
        if refused_v6(address).is_none() {
            prop_assert!(address.segments()[0] >> 13 == 1 || NAT64.contains(&address));
        }
    }
}
