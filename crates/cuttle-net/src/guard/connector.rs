//! Where sockets are made, and the only place where names become addresses.
//!
//! A resolver hook alone never sees a literal address, a check before the request alone never sees what a second look-up
//! says. So both ends are held here: the connector judges the host as it stands, the resolver judges every answer, and
//! the very addresses that it lets through are the ones that are dialled. No proxy variable is read anywhere.
//!
//! The operator's own origin is exempt. It therefore has a client, and a pool of connections, of its own: a connection that was
//! made without the guard is never used for a URL that a client wrote.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use super::Guard;
use super::connection::{KeptConnections, OriginConnection};

/// The addresses of a name, when they come.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Turns names into addresses. Never asked about literal addresses.
pub trait Resolve: fmt::Debug + Send + Sync + 'static {
    /// Every address of `name`, the preferred one first.
    fn resolve(&self, name: &str) -> Resolving;
}

type BoxError = Box<dyn Error + Send + Sync>;
type Boxed<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// Opens TCP connections, guarded unless they go to the operator's own origin.
#[derive(Clone, Debug)]
pub struct Connector {
    tcp: HttpConnector<GuardedResolver>,
    guard: Option<Arc<Guard>>,
    kept: KeptConnections,
}

impl Connector {
    /// Without a `guard` every address is dialled.
    pub fn new(guard: Option<Arc<Guard>>, resolver: Arc<dyn Resolve>, connect: Duration) -> Self {
        let mut tcp =
            HttpConnector::new_with_resolver(GuardedResolver { resolver, guard: guard.clone() });
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(connect));
        tcp.set_nodelay(true);
        Self { tcp, guard, kept: KeptConnections::new() }
    }

    /// Its places for connections that are kept.
    #[must_use]
    pub fn kept(&self) -> &KeptConnections {
        &self.kept
    }
}

impl Service<Uri> for Connector {
    type Response = OriginConnection;
    type Error = BoxError;
    type Future = Boxed<Self::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        // SECURITY: a literal address never reaches the resolver below.
        if let Some(guard) = &self.guard
            && let Err(refused) = guard.host(uri.host().unwrap_or_default())
        {
            return Box::pin(async move { Err(refused.into()) });
        }
        let (connecting, kept) = (self.tcp.call(uri), self.kept.clone());
        Box::pin(async move { Ok(kept.open(connecting.await?)) })
    }
}

/// Resolves, and passes on all addresses or none.
#[derive(Clone, Debug)]
pub struct GuardedResolver {
    resolver: Arc<dyn Resolve>,
    guard: Option<Arc<Guard>>,
}

impl GuardedResolver {
    /// For the operator's own application: every address passes.
    pub fn without_guard(resolver: Arc<dyn Resolve>) -> Self {
        Self { resolver, guard: None }
    }
}

impl Service<Name> for GuardedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Boxed<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolving = self.resolver.resolve(name.as_str());
        let guard = self.guard.clone();
        Box::pin(async move {
            let addresses = resolving.await?;
            if let Some(guard) = guard {
                guard.addresses(name.as_str(), addresses.iter().copied())?;
            }
            if addresses.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "no address").into());
            }
            // Port 0: the connector puts in the URL's.
            let dialled: Vec<_> =
                addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
            Ok(dialled.into_iter())
        })
    }
}
