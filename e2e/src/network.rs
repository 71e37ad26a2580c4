//! Another machine: a network namespace beside which a server listens, so that its clients have addresses of their own.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsFd as _;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The namespace and the cable to it, both gone when this is dropped.
#[derive(Debug)]
pub struct Network {
    name: String,
    /// Ours, for the server to listen on.
    pub server: Ipv4Addr,
    /// Of the other machine.
    pub clients: [Ipv4Addr; 2],
}

impl Network {
    /// `None` where there can be none, and that is allowed.
    ///
    /// # Panics
    /// When there can be none.
    #[must_use]
    pub fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = std::process::id().wrapping_mul(8) + NUMBER.fetch_add(1, Ordering::Relaxed);
        // Eight addresses each out of 198.18.0.0/15, which is for tests of networks (RFC 2544).
        let base = u32::from(Ipv4Addr::new(198, 18, 0, 0)) + number % (1 << 14) * 8;
        let address = |last: u32| Ipv4Addr::from_bits(base + last);
        let network = Self {
            name: format!("ct{number}"),
            server: address(1),
            clients: [address(2), address(3)],
        };
        match network.build() {
            Ok(()) => Some(network),
            Err(error) => {
                cuttle_testing::skip(&format!(
                    "no network namespace (needs root and iproute2): {error}"
                ));
                None
            }
        }
    }

    fn build(&self) -> Result<(), String> {
        let Self { name, server, clients } = self;
        let (near, far) = (format!("{name}a"), format!("{name}b"));
        ip(&format!("netns add {name}"))?;
        ip(&format!("link add {near} type veth peer name {far} netns {name}"))?;
        ip(&format!("addr add {server}/29 dev {near}"))?;
        ip(&format!("link set {near} up"))?;
        for client in clients {
            ip(&format!("-n {name} addr add {client}/29 dev {far}"))?;
        }
        ip(&format!("-n {name} link set lo up"))?;
        ip(&format!("-n {name} link set {far} up"))
    }

    /// Runs `work` on the other machine. Sockets that it makes stay there.
    ///
    /// # Panics
    /// When `work` does.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let there = scope.spawn(|| {
                let namespace =
                    File::open(format!("/run/netns/{}", self.name)).expect("it was made");
                let kind = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(namespace.as_fd(), kind).expect("we are root");
                work()
            });
            there.join().expect("the work there ends")
        })
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = ip(&format!("netns del {}", self.name));
    }
}

/// A connection from this address of this machine, or namespace.
///
/// # Errors
/// Refused, or no address of ours.
pub fn connect_from(own: Ipv4Addr, to: SocketAddr) -> std::io::Result<std::net::TcpStream> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
    // A server that another test starts meanwhile would hold it open.
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    bind(&socket, &SocketAddr::new(IpAddr::V4(own), 0))?;
    connect(&socket, &to)?;
    Ok(socket.into())
}

fn ip(arguments: &str) -> Result<(), String> {
    let output = Command::new("ip").args(arguments.split(' ')).output();
    let output = output.map_err(|error| format!("ip: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(format!("ip {arguments}: {said}")) }
}
