//! Where the public listens: flag or key, the port of a hosting platform, or ours; never where the application is.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use cuttle_config::Config;
use tokio::net::TcpListener;
use url::Host;

use crate::application;
use crate::error::HostError;

/// The flag or key, else the port that a hosting platform sets, else ours.
pub(crate) fn listen_address(config: &Config) -> Result<SocketAddr, HostError> {
    if let Some(address) = config.server.listen {
        return Ok(address);
    }
    match std::env::var("PORT") {
        Ok(port) => port
            .parse()
            .map(|port: u16| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))
            .map_err(|_| {
                HostError::Argument(format!(
                    "the variable PORT is `{port}`, which is not a port number"
                ))
            }),
        Err(_) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, 4000))),
    }
}

/// An application at our own address would be asked through ourselves, without end.
pub(crate) fn refuse_to_ask_ourselves(config: &Config, own: SocketAddr) -> Result<(), HostError> {
    let upstream = config.apps.iter().filter_map(|app| Some(app.keys.upstream.as_ref()?.0.clone()));
    let originals = config.apps.iter().filter_map(|app| application::original_server(config, app));
    for url in upstream.chain(originals) {
        let here = |ip: IpAddr| ip == own.ip() || ip.is_loopback() && own.ip().is_unspecified();
        let ours = url.port_or_known_default() == Some(own.port())
            && match url.host() {
                Some(Host::Ipv4(ip)) => here(ip.into()),
                Some(Host::Ipv6(ip)) => here(ip.into()),
                Some(Host::Domain(name)) => name == "localhost" && here(Ipv4Addr::LOCALHOST.into()),
                None => false,
            };
        if ours {
            return Err(HostError::Argument(format!(
                "{url} is this server's own address; name the one where the app listens, as in --upstream http://127.0.0.1:3000"
            )));
        }
    }
    Ok(())
}

pub(crate) async fn bind(
    address: SocketAddr,
    flag: &'static str,
) -> Result<TcpListener, HostError> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => HostError::Busy { address, flag },
        _ => HostError::Listen { address, error },
    })
}

/// The address that people open; the port may have been chosen by the system.
pub(crate) fn shown(listener: &TcpListener) -> String {
    listener.local_addr().map(|address| address.to_string()).unwrap_or_default()
}
