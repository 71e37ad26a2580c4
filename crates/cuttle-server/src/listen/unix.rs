//! Sockets in the file system, for tools of this machine that their permissions let in: the admin address where it is one, and
//! the control socket.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{ACCEPT_PAUSE, Drain, HEADERS_WITHIN, Serving};
use crate::control::Control;
use crate::respond::Body;
use crate::shortage;
use crate::{Door, Server, admin, route};

/// A person, a scraper, a probe, and some to spare.
const MOST_CONNECTIONS: usize = 64;

/// Answers operators on `listener` until `drain` begins or its sender is gone; what is under way then is cut.
#[must_use]
pub fn serve_admin_socket(server: Arc<Server>, listener: UnixListener, drain: Drain) -> Serving {
    cuttle_watchdog::spawn("saturation", admin::observe(Arc::downgrade(&server)));
    let answer = move |request, _peer| {
        let server = Arc::clone(&server);
        async move { route::route(&server, Door::Admin, request).await }
    };
    Box::pin(accept(listener, drain, answer))
}

/// The same for whoever may control the server.
#[must_use]
pub fn serve_control_socket(control: Control, listener: UnixListener, drain: Drain) -> Serving {
    let answer = move |request, peer| {
        let control = control.clone();
        async move { control.answer(request, peer).await }
    };
    Box::pin(accept(listener, drain, answer))
}

/// `answer` gets a request and the user id of whoever connected.
async fn accept<A, F>(listener: UnixListener, mut drain: Drain, answer: A)
where
    A: Fn(Request<Incoming>, Option<u32>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut open = JoinSet::new();
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            next = next => next,
            () = drain.begun() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                if !shortage::is_it(&error, "accepting connections of operators") {
                    tracing::warn!(%error, "cannot accept connections");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        while open.try_join_next().is_some() {}
        let peer = stream.peer_cred().ok().map(|peer| peer.uid());
        let answer = answer.clone();
        let conversation = async move {
            let _place = place;
            let service = service_fn(move |request: Request<Incoming>| {
                let answering = answer(request, peer);
                async move { Ok::<_, Infallible>(answering.await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADERS_WITHIN)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        };
        open.spawn(cuttle_watchdog::watched("admin connection", conversation));
    }
}
