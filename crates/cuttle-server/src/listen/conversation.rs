//! One connection: what is asked on it, one after the other, and the stream or tunnel that it may become.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use cuttle_contract::{Head, Heads};
use cuttle_net::{TrustedProxies, tunnel};
use http::header::CONNECTION;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::connections::{Connections, is_stream};
use super::drain::Drain;
use super::head::{LARGEST_HEAD_BYTES, MOST_HEAD_LINES};
use super::places::{Place, UnderWay};
use super::socket::{Answering, Seen, Socket};
use crate::respond::{self, Body};

/// Whoever is refused asks at once, or is not told.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// What a connection has for as long as it lasts, and the tunnel that it may become.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    pub(super) peer: SocketAddr,
    pub(super) trusted: Arc<TrustedProxies>,
    pub(super) drain: Drain,
    pub(super) closed: watch::Receiver<()>,
    pub(super) connections: Arc<Connections>,
    pub(super) place: Arc<Place>,
}

impl Visit {
    /// Holds the place while `work` goes on, and lets it go on no longer than the listener or the place.
    pub(super) async fn until_closed(mut self, work: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = self.place.lost() => {}
            _ = self.closed.changed() => {}
            () = work => {}
        }
    }
}

/// One connection, to its end; from the beginning of a drain on, until it has been idle for a while.
pub(super) async fn converse<A, F>(visit: Visit, stream: TcpStream, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let (socket, ending, heads) = Socket::new(stream);
    let old_client = ending.clone();
    let service = service_fn(|request: Request<Incoming>| {
        old_client.reset(request.version() == Version::HTTP_10);
        let answering = old_client.answering();
        let exchange = exchange(visit.clone(), request, &heads, &answer);
        async move { exchange.await.map(|response| Counted::as_answer(response, answering)) }
    });
    // The socket has an eye on heads that have begun.
    let mut http = http();
    let http = http.header_read_timeout(visit.connections.idle);
    let connection = http.serve_connection(TokioIo::new(socket), service);
    let mut connection = pin!(connection.with_upgrades());
    let mut drain = visit.drain.clone();
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = drain.idle(&visit.place) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    match ended {
        Ok(()) => ending.reset(false),
        // Errors here are clients that went away or spoke no HTTP, or answers that broke off, which were logged where they
        // broke.
        Err(error) => {
            tracing::debug!(%error, "connection ended");
            let unreadable = &visit.connections.unreadable;
            if let Some(words) = unreadable.refuse(&error, &ending.beginning(), visit.peer.ip()) {
                ending.say(words);
            }
        }
    }
}

/// Says that there is no place, to a client that asks.
pub(super) async fn refuse(stream: TcpStream) {
    let (socket, ending, _) = Socket::new(stream);
    ending.answering().for_ever();
    let service = service_fn(|_: Request<Incoming>| async { Ok::<_, Infallible>(no_place()) });
    let telling = http().serve_connection(TokioIo::new(socket), service);
    // A client that is gone needs no answer.
    let _ = tokio::time::timeout(REFUSED_WITHIN, telling).await;
}

fn http() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .max_buf_size(LARGEST_HEAD_BYTES)
        .max_headers(MOST_HEAD_LINES)
        // A client that closes its side has left, as nginx, Go and Node read it too. Nothing else tells of a client
        // that leaves a stream that is silent, and the application would go on working for it.
        .half_close(false);
    builder
}

fn no_place() -> Response<Body> {
    last(respond::no_place())
}

/// On its connection.
fn last<B>(mut response: Response<B>) -> Response<B> {
    response.headers_mut().insert(CONNECTION, CLOSE);
    response
}

fn locked(heads: &Seen) -> MutexGuard<'_, Heads> {
    heads.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One answer, and the stream or tunnel that may begin with it.
fn exchange<A, F>(
    visit: Visit,
    mut request: Request<Incoming>,
    heads: &Seen,
    answer: &A,
) -> impl Future<Output = Result<Response<Counted>, Infallible>> + use<A, F>
where
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let head = locked(heads).read(request.body().size_hint().exact());
    let heads = Arc::clone(heads);
    let peer = visit.trusted.peer(visit.peer, request.headers());
    visit.connections.advice.give(&peer, request.headers());
    let begun = visit.place.begin(peer.client).filter(|_| head != Head::Bare);
    let bodiless = *request.method() == Method::HEAD;
    let client = hyper::upgrade::on(&mut request);
    request.extensions_mut().insert(peer);
    let answering = begun.map(|under_way| (under_way, answer(request)));
    async move {
        let Some((under_way, answering)) = answering else {
            let refused = if head == Head::Bare { last(respond::bad_head()) } else { no_place() };
            return Ok(Counted::not(refused));
        };
        let mut response = answering.await;
        if is_stream(&response) && !bodiless {
            if !visit.place.move_to(&visit.connections.streams, peer.client) {
                return Ok(Counted::until(under_way, no_place()));
            }
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                locked(&heads).end();
                let app = hyper::upgrade::on(&mut response);
                let tunnel = visit.until_closed(async move {
                    let _under_way = under_way;
                    if let Err(error) = tunnel::join(client, app).await {
                        tracing::debug!(%error, "tunnel ended");
                    }
                });
                cuttle_watchdog::spawn("tunnel", tunnel);
                return Ok(Counted::not(response));
            }
            // It ends with the stream, as its place is no longer one for requests.
            response.headers_mut().insert(CONNECTION, CLOSE);
        } else if head == Head::Last || visit.drain.is_asked() {
            response.headers_mut().insert(CONNECTION, CLOSE);
        }
        Ok(Counted::until(under_way, response))
    }
}

/// A body whose request is under way until all of it was handed over.
struct Counted {
    body: Body,
    _under_way: Option<UnderWay>,
    _answering: Option<Answering>,
}

impl Counted {
    fn until(under_way: UnderWay, response: Response<Body>) -> Response<Self> {
        response.map(|body| Self { body, _under_way: Some(under_way), _answering: None })
    }

    fn not(response: Response<Body>) -> Response<Self> {
        response.map(|body| Self { body, _under_way: None, _answering: None })
    }

    fn as_answer(response: Response<Self>, answering: Answering) -> Response<Self> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            answering.for_ever();
            return response;
        }
        response.map(|body| Self { _answering: Some(answering), ..body })
    }
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
