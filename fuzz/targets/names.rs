//! Any hosts file, any resolv.conf, any answer of a name server: no panic, and the limits hold.
#![no_main]

use cuttle_net::{Asked, Family, ResolvConf, Said, addresses_in_hosts};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for name in ["shop.test", "localhost", ""] {
        for address in addresses_in_hosts(bytes, name) {
            assert!(addresses_in_hosts(format!("{address} {name}x").as_bytes(), name).is_empty());
        }
    }
    let conf = ResolvConf::read(bytes, 53);
    for name in ["shop", "www.shop.test", "shop.test."] {
        let candidates = conf.candidates(name);
        assert!((1..=33).contains(&candidates.len()), "{candidates:?}");
        for candidate in &candidates {
            let _ = Asked::new(candidate, Family::V4, 7).bytes();
        }
    }
    for family in [Family::V4, Family::V6] {
        if let Some(Said::Addresses(addresses)) = Asked::new("shop.test", family, 7).read(bytes) {
            assert!(addresses.iter().all(|it| it.is_ipv6() == (family == Family::V6)));
        }
    }
});
