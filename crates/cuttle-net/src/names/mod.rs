//! The addresses of a name: `/etc/hosts`, then the servers of `/etc/resolv.conf`.
//!
//! Not by `getaddrinfo`. That loads modules of the machine into this process (`nsswitch.conf`), which a binary that is linked
//! statically cannot do safely, and it waits in a thread each. What only such modules know (mDNS, LDAP, containers by
//! `mymachines`) is therefore not found; `resolve` is, as systemd-resolved is a server in `resolv.conf`.
//!
//! Nothing is kept, neither answers nor files: connections are, so that names are seldom asked for, and a change holds at once.

mod exchange;
pub(crate) mod hosts;
pub(crate) mod message;
pub(crate) mod resolv_conf;

use std::io::{self, ErrorKind, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::guard::connector::{Resolve, Resolving};
use hosts::addresses_in_hosts;
use message::{Family, Said};
use resolv_conf::ResolvConf;

/// Of a file that says more, the beginning counts. The largest lists against advertising are 5 MB.
const LONGEST_FILE: u64 = 16 << 20;
const PORT: u16 = 53;

/// Names as this machine knows them.
#[derive(Debug, Clone)]
pub struct SystemResolver(Arc<Files>);

#[derive(Debug)]
struct Files {
    hosts: PathBuf,
    resolv_conf: PathBuf,
    /// Where the servers listen.
    port: u16,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self::reading("/etc/hosts", "/etc/resolv.conf", PORT)
    }
}

impl SystemResolver {
    /// Of other files than those in `/etc`, whose servers listen on `port`.
    pub fn reading(hosts: impl Into<PathBuf>, resolv_conf: impl Into<PathBuf>, port: u16) -> Self {
        let (hosts, resolv_conf) = (hosts.into(), resolv_conf.into());
        Self(Arc::new(Files { hosts, resolv_conf, port }))
    }

    /// A connection to `host`, a name or an address, which nobody but the operator chose.
    ///
    /// # Errors
    /// No such name, or no connection to any of its addresses.
    pub async fn connect(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.resolve(host).await?,
        };
        let dialled: Vec<_> =
            addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect();
        TcpStream::connect(dialled.as_slice()).await
    }
}

impl Resolve for SystemResolver {
    fn resolve(&self, name: &str) -> Resolving {
        let (files, name) = (Arc::clone(&self.0), name.to_owned());
        Box::pin(async move {
            let mut found = files.look_up(&name).await?;
            // RFC 6724 §6, rules 1 and 6: IPv6 first, unless nothing leads there.
            found.sort_by_cached_key(|address| match address {
                IpAddr::V4(_) => 1,
                IpAddr::V6(address) => {
                    if leads_to(*address) {
                        0
                    } else {
                        2
                    }
                }
            });
            Ok(found)
        })
    }
}

impl Files {
    async fn look_up(self: Arc<Self>, name: &str) -> io::Result<Vec<IpAddr>> {
        let (files, wanted) = (Arc::clone(&self), name.to_owned());
        // Files are read where waiting for a disk holds nobody up.
        let reading = tokio::task::spawn_blocking(move || files.known(&wanted));
        let conf = match reading.await.map_err(io::Error::other)? {
            Known::Addresses(addresses) => return Ok(addresses),
            Known::Ask(conf) => conf,
        };
        let mut unanswered = None;
        for candidate in conf.candidates(name) {
            // Both at once: one after the other would be the slowest part of a page.
            let (v6, v4) = tokio::join!(
                ask_all(&conf, &candidate, Family::V6),
                ask_all(&conf, &candidate, Family::V4),
            );
            let mut found = Vec::new();
            let mut silent = false;
            for said in [v6, v4] {
                match said {
                    Ok(addresses) => found.extend(addresses),
                    Err(error) => {
                        silent |= error.kind() == ErrorKind::TimedOut;
                        unanswered = Some(error);
                    }
                }
            }
            if !found.is_empty() {
                return Ok(found);
            }
            if silent {
                // The next name would wait for the same servers as long again.
                break;
            }
        }
        Err(unanswered.unwrap_or_else(|| {
            io::Error::new(ErrorKind::NotFound, format!("there is no address for the name {name}"))
        }))
    }

    /// What is known without asking, or whom to ask.
    fn known(&self, name: &str) -> Known {
        let addresses = addresses_in_hosts(&beginning(&self.hosts), name);
        if !addresses.is_empty() {
            return Known::Addresses(addresses);
        }
        if is_this_machine(name) {
            return Known::Addresses(vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]);
        }
        Known::Ask(ResolvConf::read(&beginning(&self.resolv_conf), self.port))
    }
}

enum Known {
    Addresses(Vec<IpAddr>),
    Ask(ResolvConf),
}

/// The addresses of one family, from the first server that says anything.
async fn ask_all(conf: &ResolvConf, name: &str, family: Family) -> io::Result<Vec<IpAddr>> {
    let mut kind = ErrorKind::Other;
    for _ in 0..conf.attempts {
        for &server in &conf.servers {
            let said = timeout(conf.timeout, exchange::ask(server, name, family));
            match said.await {
                Ok(Ok(Said::Addresses(addresses))) => return Ok(addresses),
                Ok(Ok(Said::Absent)) => return Ok(Vec::new()),
                Ok(Ok(Said::Truncated | Said::Failed) | Err(_)) => {}
                Err(_) => kind = ErrorKind::TimedOut,
            }
        }
    }
    let servers: Vec<String> = conf.servers.iter().map(|it| it.ip().to_string()).collect();
    let text = format!("no name server answers for {name}, asked were {}", servers.join(", "));
    Err(io::Error::new(kind, text))
}

/// RFC 6761 §6.3: such names are never asked about, as an answer could lead elsewhere.
fn is_this_machine(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
}

/// A file that is not there says nothing.
fn beginning(path: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    if let Ok(file) = std::fs::File::open(path) {
        let _ = file.take(LONGEST_FILE).read_to_end(&mut text);
    }
    text
}

/// Asks the kernel's routes. Nothing is sent.
fn leads_to(address: Ipv6Addr) -> bool {
    std::net::UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))
        .is_ok_and(|socket| socket.connect((address, PORT)).is_ok())
}
