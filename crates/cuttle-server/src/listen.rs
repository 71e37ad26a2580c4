//! Connections: accept, answer, and on a drain let what is under way finish.

mod socket;
mod unix;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::proxy::tunnel;
use crate::respond::Body;
use crate::{App, Door, admin, route};
use socket::Socket;

pub use unix::serve_admin_socket;

/// A client that takes longer to send its headers is dropped (slowloris holds connections this way).
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// Longest head of a request. Both endpoints stop at 3,072 units of `url`, nine times that when
/// every byte is escaped; cookies of the app's own origin come on top.
const LARGEST_HEAD_BYTES: usize = 64 << 10;
/// Connections at a time on one listener, those that became tunnels included. Each costs a descriptor and, with a client
/// that does not read, about 100 KB; as much again towards the application while a request of it is proxied.
const MOST_CONNECTIONS: u32 = 1024;
/// After a failed accept (no descriptor left), the time others get to close theirs.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Tells listeners to stop, and how long answers under way may still take.
#[derive(Debug, Clone)]
pub struct Drain {
    /// Turns true once.
    pub begun: watch::Receiver<bool>,
    /// Connections that last longer are cut.
    pub grace: Duration,
}

/// Where a request came from, among its extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Answers on `listener` until `drain` begins, then until the last answer is sent and the last tunnel closed.
pub async fn serve(app: Arc<App>, door: Door, listener: TcpListener, drain: Drain) {
    if door == Door::Admin {
        tokio::spawn(admin::observe(Arc::downgrade(&app)));
    }
    let answer = move |request| {
        let app = Arc::clone(&app);
        async move { route::route(&app, door, request).await }
    };
    accept(listener, drain, answer).await;
}

/// [`serve`], whoever answers.
pub(crate) async fn accept<A, F>(listener: TcpListener, mut drain: Drain, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS as usize));
    // Dropped with this future, however that ends; whatever still goes on then is cut.
    let (_open, closed) = watch::channel(());
    loop {
        // A place first: what cannot be served waits in the system's backlog, not in our memory.
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            next = next => next,
            _ = drain.begun.wait_for(|begun| *begun) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let visit = Visit {
            peer,
            drain: drain.begun.clone(),
            closed: closed.clone(),
            _place: Arc::new(place),
        };
        tokio::spawn(visit.clone().until_closed(converse(visit, stream, answer.clone())));
    }
    drop(listener);
    // Whatever goes on keeps its place, a tunnel as well as an answer.
    if tokio::time::timeout(drain.grace, places.acquire_many(MOST_CONNECTIONS)).await.is_err() {
        tracing::warn!("connections were cut at the end of the drain");
    }
}

/// What a connection has for as long as it lasts, and the tunnel that it may become.
#[derive(Debug, Clone)]
struct Visit {
    peer: SocketAddr,
    drain: watch::Receiver<bool>,
    closed: watch::Receiver<()>,
    _place: Arc<Option<OwnedSemaphorePermit>>,
}

impl Visit {
    /// Holds the place while `work` goes on, and lets it go on no longer than the listener.
    async fn until_closed(mut self, work: impl Future<Output = ()>) {
        tokio::select! {
            () = work => {}
            _ = self.closed.changed() => {}
        }
    }
}

/// One connection, to its end; from the beginning of a drain on, to the end of the current answer.
async fn converse<A, F>(visit: Visit, stream: TcpStream, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let (socket, ending) = Socket::new(stream);
    let mut begun = visit.drain.clone();
    let old_client = ending.clone();
    let service = service_fn(|request: Request<Incoming>| {
        old_client.reset(request.version() == Version::HTTP_10);
        exchange(visit.clone(), request, &answer)
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_WITHIN)
            .max_buf_size(LARGEST_HEAD_BYTES)
            // A client that closes its side has left, as nginx, Go and Node read it too. Nothing else tells of a client
            // that leaves a stream that is silent, and the application would go on working for it.
            .half_close(false)
            .serve_connection(TokioIo::new(socket), service)
            .with_upgrades()
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = async { drop(begun.wait_for(|begun| *begun).await) } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    match ended {
        Ok(()) => ending.reset(false),
        // Errors here are clients that went away or spoke no HTTP, their fault and told to them, or answers that broke
        // off, which were logged where they broke.
        Err(error) => tracing::debug!(%error, "connection ended"),
    }
}

/// One answer, and the tunnel that may begin with it.
fn exchange<A, F>(
    visit: Visit,
    mut request: Request<Incoming>,
    answer: &A,
) -> impl Future<Output = Result<Response<Body>, Infallible>> + use<A, F>
where
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let client = hyper::upgrade::on(&mut request);
    request.extensions_mut().insert(Peer(visit.peer));
    let answering = answer(request);
    async move {
        let mut response = answering.await;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let app = hyper::upgrade::on(&mut response);
            tokio::spawn(visit.until_closed(async move {
                if let Err(error) = tunnel::join(client, app).await {
                    tracing::debug!(%error, "tunnel ended");
                }
            }));
        }
        Ok(response)
    }
}
