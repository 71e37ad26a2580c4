//! A listening socket that systemd (or another supervisor) opened and keeps: it outlives this process, so whoever connects
//! during a restart waits for the successor instead of being refused.

use std::net::TcpListener;

use cuttle_config::Config;
use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;

use crate::error::HostError;

/// The socket, where there is one for this process. What says so is gone from the environment, and the socket from what
/// children would inherit.
///
/// # Errors
/// It is none that can be accepted from, or there are several.
pub fn listener() -> Result<Option<TcpListener>, HostError> {
    let mut given = ListenFd::from_env();
    match given.len() {
        0 => return Ok(None),
        1 => {}
        number => return Err(HostError::Given(format!("there are {number} sockets"))),
    }
    let listener =
        given.take_tcp_listener(0).map_err(|error| HostError::Given(error.to_string()))?;
    let listener = listener.filter(|it| socket_acceptconn(it).unwrap_or(false));
    let listener = listener
        .ok_or_else(|| HostError::Given("it gives a socket that does not listen".into()))?;
    listener.set_nonblocking(true).map_err(HostError::Runtime)?;
    Ok(Some(listener))
}

/// The same for the runtime. Says once that it takes the place of what was configured.
///
/// # Errors
/// The system gives it no events.
pub(crate) fn adopt(
    listener: TcpListener,
    config: &Config,
) -> Result<tokio::net::TcpListener, HostError> {
    let listener = tokio::net::TcpListener::from_std(listener).map_err(HostError::Runtime)?;
    let address = listener.local_addr().map_err(HostError::Runtime)?;
    let instead_of = config.server.listen.map(|listen| listen.to_string());
    tracing::info!(%address, instead_of, "listening on the socket that LISTEN_FDS gives");
    Ok(listener)
}
