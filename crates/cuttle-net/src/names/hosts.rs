//! What `/etc/hosts` says of a name.
//!
//! Read as glibc reads it: an address, names behind it, `#` begins a comment, every line that has the name counts. A line that
//! is none is passed over, as it is everywhere else. Nothing is kept: the file is read when a connection is opened, so that a
//! change holds from the next one on.

use std::net::IpAddr;

/// Every address that `text` gives `name`, in its order.
#[must_use]
pub fn addresses_in_hosts(text: &[u8], name: &str) -> Vec<IpAddr> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut found = Vec::new();
    for line in text.split(|&byte| byte == b'\n') {
        let line = line.split(|&byte| byte == b'#').next().unwrap_or_default();
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let address = words.next().and_then(|word| std::str::from_utf8(word).ok()?.parse().ok());
        if let Some(address) = address
            && !found.contains(&address)
            && words.any(|word| {
                word.strip_suffix(b".").unwrap_or(word).eq_ignore_ascii_case(name.as_bytes())
            })
        {
            found.push(address);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"127.0.0.1 localhost\n\
        10.0.0.1\tShop.internal  shop # 10.0.0.2 other\n\
        # 10.0.0.3 shop\n\
        10.0.0.4 shop.\r\n\
        nonsense shop\n\
        \xff\xfe shop\n\
        fe80::1%lo0 localhost\n\
        ::1 localhost ip6-localhost\n\
        10.0.0.1 shop";

    #[test]
    fn every_line_that_has_the_name_counts() {
        for (name, addresses) in [
            ("localhost", &["127.0.0.1", "::1"][..]),
            ("LOCALHOST.", &["127.0.0.1", "::1"]),
            ("shop", &["10.0.0.1", "10.0.0.4"]),
            ("shop.internal", &["10.0.0.1"]),
            ("other", &[]),
            ("sho", &[]),
            ("10.0.0.1", &[]),
            ("", &[]),
        ] {
            let expected: Vec<IpAddr> =
                addresses.iter().map(|it| it.parse().expect("an address")).collect();
            assert_eq!(addresses_in_hosts(TEXT, name), expected, "{name:?}");
        }
    }

    #[test]
    fn the_file_of_this_machine_names_it() {
        let text = std::fs::read("/etc/hosts").expect("every Linux has one");
        let found = addresses_in_hosts(&text, "localhost");
        assert!(!found.is_empty() && found.iter().all(IpAddr::is_loopback), "{found:?}");
    }
}
