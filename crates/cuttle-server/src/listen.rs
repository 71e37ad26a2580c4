//! Connections: accept, answer, and on a drain let what is under way finish.

mod advice;
pub(crate) mod connections;
mod conversation;
mod drain;
mod head;
mod places;
mod socket;
mod unix;
mod unreadable;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::respond::Body;
use crate::{Door, Server, admin, route, shortage};
use conversation::{Visit, converse, refuse};
use cuttle_net::TrustedProxies;

pub use connections::ConnectionLimits;
pub(crate) use connections::Connections;
pub use drain::{Drain, Phase};
pub(crate) use places::Occupancy;
pub use unix::{serve_admin_socket, serve_control_socket};

/// A client that takes longer to send its headers is dropped (slowloris holds connections this way), and one that opens a connection
/// and sends nothing. What has been asked something may be idle for longer.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// After a failed accept (no descriptor left), the time others get to close theirs.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Refusals that are being told. Whoever comes while so many are is not told.
pub const MOST_REFUSALS: usize = 256;
/// A person, a scraper, a probe, and some to spare.
const ADMIN: ConnectionLimits =
    ConnectionLimits { connections: 64, streams: 16, idle: Duration::from_secs(75) };

/// Serving that is to be polled. Boxed, as all that it does would else be compiled once more in each crate that polls it: the binary
/// alone took 99 s to compile with that.
pub type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Answers on `listener` until `drain` begins, then until the last answer is sent and the last tunnel closed.
#[must_use]
pub fn serve(server: Arc<Server>, door: Door, listener: TcpListener, drain: Drain) -> Serving {
    let connections = match door {
        Door::Public => Arc::clone(&server.connections),
        Door::Admin => {
            cuttle_watchdog::spawn("saturation", admin::observe(Arc::downgrade(&server)));
            Connections::new(ADMIN)
        }
    };
    let trusted = server.parts.trusted.clone();
    let answer = move |request| {
        let server = Arc::clone(&server);
        async move { route::route(&server, door, request).await }
    };
    Box::pin(accept(listener, connections, trusted, drain, answer))
}

/// [`serve`], whoever answers.
pub(crate) async fn accept<A, F>(
    listener: TcpListener,
    connections: Arc<Connections>,
    trusted: TrustedProxies,
    mut drain: Drain,
    answer: A,
) where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let trusted = Arc::new(trusted);
    let refusals = Arc::new(Semaphore::new(MOST_REFUSALS));
    // Dropped with this future, however that ends; whatever still goes on then is cut.
    let (_open, closed) = watch::channel(());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = drain.begun() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if !shortage::is_it(&error, "accepting connections") {
                    tracing::warn!(%error, "cannot accept connections");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(place) = connections.requests.take(trusted.connection(peer.ip())) else {
            if let Ok(slot) = Arc::clone(&refusals).try_acquire_owned() {
                cuttle_watchdog::spawn("refusal", async move {
                    refuse(stream).await;
                    drop(slot);
                });
            }
            continue;
        };
        let visit = Visit {
            peer,
            trusted: Arc::clone(&trusted),
            drain: drain.clone(),
            closed: closed.clone(),
            connections: Arc::clone(&connections),
            place: Arc::new(place),
        };
        let conversation = visit.clone().until_closed(converse(visit, stream, answer.clone()));
        cuttle_watchdog::spawn("connection", conversation);
    }
    drop(listener);
    drain.finish(&connections).await;
}
