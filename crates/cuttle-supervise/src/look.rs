//! Who listens on a port: the app, a stranger, or nobody.

use std::{
    collections::HashMap,
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
};

use rustix::process::Pid;

use crate::{
    processes::{self, Process},
    sockets::{self, Listener},
};

/// A port of loopback that nobody has at the moment: `last`, if it is one.
pub(crate) fn free_port(last: Option<u16>) -> io::Result<u16> {
    let bound = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = last.and_then(|port| bound(port).ok()).map_or_else(|| bound(0), Ok)?;
    Ok(listener.local_addr()?.port())
}

/// Who is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sought {
    pub(crate) guardian: Pid,
    pub(crate) port: u16,
    /// Whom the app runs as.
    pub(crate) uid: u32,
}

/// An app that can be given visitors.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) address: SocketAddr,
    pub(crate) pid: Pid,
    pub(crate) inode: u64,
    /// Where it also listens, and not only this machine can ask.
    pub(crate) beyond_loopback: Vec<SocketAddr>,
}

/// What the kernel says of the port.
#[derive(Debug)]
pub(crate) enum Look {
    Nobody { elsewhere: Vec<SocketAddr> },
    Stranger { by: String },
    Ours(Ready),
}

/// On a thread that may block: with thousands of connections the kernel writes a long list.
pub(crate) async fn look_aside(sought: Sought) -> io::Result<Look> {
    tokio::task::spawn_blocking(move || look(sought)).await.map_err(io::Error::other)?
}

fn look(sought: Sought) -> io::Result<Look> {
    let listeners = sockets::listeners()?;
    let all = processes::all()?;
    let family = Family::of(sought, &processes::family(sought.guardian, &all));
    let (ours, others): (Vec<_>, Vec<_>) =
        listeners.iter().partition(|listener| family.holds(listener));
    let open = |listener: &&&Listener| !listener.address.ip().is_loopback();
    let beyond_loopback: Vec<_> = ours.iter().filter(open).map(|it| it.address).collect();
    let here = |listener: &&&Listener| listener.address.port() == sought.port;
    if let Some(other) = others.iter().filter(here).find(|other| takes_visitors(other)) {
        return Ok(Look::Stranger { by: name_of(other, &all) });
    }
    Ok(match ours.iter().filter(here).min_by_key(|listener| listener.address.is_ipv6()) {
        Some(listener) => Look::Ours(Ready {
            address: reached_at(listener.address),
            pid: family.holder(listener).unwrap_or(sought.guardian),
            inode: listener.inode,
            beyond_loopback,
        }),
        None => Look::Nobody { elsewhere: ours.iter().map(|it| it.address).collect() },
    })
}

/// Whether it gets what is sent to this port of loopback.
fn takes_visitors(listener: &Listener) -> bool {
    let ip = listener.address.ip();
    ip.is_loopback() || ip.is_unspecified()
}

/// Where we ask what listens there.
fn reached_at(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        // IPv4 reaches it as well, unless it was told not to; this does unless the machine has no IPv6.
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
            Ok(_) => Ipv6Addr::LOCALHOST.into(),
            Err(_) => Ipv4Addr::LOCALHOST.into(),
        },
        other => other,
    };
    SocketAddr::new(ip, address.port())
}

/// The sockets of an app's processes.
struct Family {
    held: HashMap<u64, Pid>,
    /// Whom it runs as, where a process of it may not be looked into. Then a socket that is nobody else's as far as we see is its own if
    /// it was made by that user.
    hidden: Option<u32>,
}

impl Family {
    fn of(sought: Sought, members: &[Pid]) -> Self {
        let mut family = Self { held: HashMap::new(), hidden: None };
        for member in members {
            match sockets::held_by(*member) {
                Ok(held) => family.held.extend(held.into_iter().map(|inode| (inode, *member))),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    family.hidden = Some(sought.uid);
                }
                // It has ended.
                Err(_) => {}
            }
        }
        family
    }

    fn holds(&self, listener: &Listener) -> bool {
        self.holder(listener).is_some() || self.hidden == Some(listener.uid)
    }

    fn holder(&self, listener: &Listener) -> Option<Pid> {
        self.held.get(&listener.inode).copied()
    }
}

fn name_of(listener: &Listener, all: &[Process]) -> String {
    let holds = |process: &&Process| {
        sockets::held_by(process.pid).is_ok_and(|held| held.contains(&listener.inode))
    };
    let Some(holder) = all.iter().find(holds) else {
        return format!("a process of user {}", listener.uid);
    };
    let pid = holder.pid.as_raw_pid();
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    format!("{} (process {pid})", name.trim().escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_on_every_interface_is_reached_at_loopback() {
        let six = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
        for (listens, reached) in [
            ("127.0.0.1:3000", "127.0.0.1:3000"),
            ("0.0.0.0:3000", "127.0.0.1:3000"),
            ("[::]:3000", if six { "[::1]:3000" } else { "127.0.0.1:3000" }),
            ("[::1]:3000", "[::1]:3000"),
            ("192.0.2.1:3000", "192.0.2.1:3000"),
        ] {
            let address = listens.parse().expect("an address");
            assert_eq!(reached_at(address).to_string(), reached, "{listens}");
        }
    }
}
