//! Who listens where, as the kernel sees it. What an app prints of its port is never believed.

use std::{
    collections::HashSet,
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use rustix::process::Pid;

/// A socket that listens for TCP connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    /// Whom the process ran as that made it.
    pub(crate) uid: u32,
    /// Its number, by which descriptors name it.
    pub(crate) inode: u64,
}

/// Every one in our network namespace.
pub(crate) fn listeners() -> io::Result<Vec<Listener>> {
    let four = fs::read_to_string("/proc/net/tcp")?;
    // Not there where the kernel has no IPv6.
    let six = fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    Ok(four.lines().chain(six.lines()).filter_map(listener).collect())
}

/// A line of either file; none for a head line or a socket that does not listen.
fn listener(line: &str) -> Option<Listener> {
    const LISTENS: &str = "0A";
    let mut fields = line.split_ascii_whitespace().skip(1);
    let address = fields.next()?;
    let state = fields.nth(1)?;
    let uid = fields.nth(3)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    let address = address_of(address).filter(|_| state == LISTENS)?;
    Some(Listener { address, uid, inode })
}

/// Words of four bytes, each printed as the number that this machine makes of it.
fn address_of(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let word = |at: usize| {
        let word = u32::from_str_radix(address.get(8 * at..8 * at + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    let address = match address.len() {
        8 => IpAddr::from(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            IpAddr::from(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, u16::from_str_radix(port, 16).ok()?))
}

/// The numbers of the sockets that a process has open.
///
/// # Errors
/// We may not see it: it runs as another user, and we are root without `CAP_SYS_PTRACE`, as in a container of Docker's.
pub(crate) fn held_by(process: Pid) -> io::Result<HashSet<u64>> {
    let descriptors = fs::read_dir(format!("/proc/{}/fd", process.as_raw_pid()))?;
    let mut held = HashSet::new();
    for descriptor in descriptors {
        let link = fs::read_link(descriptor?.path());
        match link {
            Ok(link) => held.extend(link.to_str().and_then(inode)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(held)
}

fn inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn lines_of_the_kernel_are_read() {
        let rest = "00000000:00000000 00:00000000 00000000  1000        0 562 1 0000000014a92d81 100 0 0 10 0";
        for (line, address) in [
            ("0100007F:07E8 00000000:0000 0A", Some("127.0.0.1:2024")),
            ("00000000:0BB8 00000000:0000 0A", Some("0.0.0.0:3000")),
            (
                "00000000000000000000000001000000:0BB8 00000000000000000000000000000000:0000 0A",
                Some("[::1]:3000"),
            ),
            (
                "0000000000000000FFFF00000100007F:0BB8 00000000000000000000000000000000:0000 0A",
                Some("127.0.0.1:3000"),
            ),
            (
                "B80D0120000000000000000001000000:0BB8 00000000000000000000000000000000:0000 0A",
                Some("[2001:db8::1]:3000"),
            ),
            ("0100007F:07E8 0100007F:9999 01", None),
            ("0100007F 00000000:0000 0A", None),
            ("é100007F:07E8 00000000:0000 0A", None),
        ] {
            let read = listener(&format!("   0: {line} {rest}"));
            let expected = address.map(|address| Listener {
                address: address.parse().expect("an address"),
                uid: 1000,
                inode: 562,
            });
            assert_eq!(read, expected, "{line}");
        }
        assert_eq!(listener("  sl  local_address rem_address   st tx_queue rx_queue tr"), None);
    }

    #[test]
    fn our_own_listener_is_found_and_is_ours() {
        for host in ["127.0.0.1", "0.0.0.0", "::1"] {
            let Ok(open) = TcpListener::bind((host, 0)) else {
                assert_eq!(host, "::1", "only IPv6 may not be there");
                continue;
            };
            let address = open.local_addr().expect("bound");
            let found = listeners().expect("/proc").into_iter().find(|it| it.address == address);
            let found = found.expect("a listener");
            assert_eq!(found.uid, rustix::process::geteuid().as_raw());
            let held = held_by(rustix::process::getpid()).expect("our own");
            assert!(held.contains(&found.inode));
        }
    }
}
