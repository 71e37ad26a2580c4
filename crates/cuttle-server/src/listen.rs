//! Connections: accept, answer, and on a drain let what is under way finish.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_io_timeout::TimeoutStream;

use crate::{App, Door, route};

/// A client that takes longer to send its headers is dropped (slowloris holds connections this way).
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// Longest head of a request. Both endpoints stop at 3,072 units of `url`, nine times that when
/// every byte is escaped; cookies of the app's own origin come on top.
const LARGEST_HEAD_BYTES: usize = 64 << 10;
/// Connections at a time on one listener. Each costs a descriptor and, with a client that does not
/// read, about 100 KB.
const MOST_CONNECTIONS: usize = 1024;
/// A client that takes nothing for so long while there is something to send has gone; what was set
/// aside for its answer is given back.
const TAKES_WITHIN: Duration = Duration::from_secs(30);
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

/// Answers on `listener` until `drain` begins, then until the last answer is sent.
pub async fn serve(app: Arc<App>, door: Door, listener: TcpListener, mut drain: Drain) {
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
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
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let connection = connections.watch(converse(Arc::clone(&app), door, stream));
        tokio::spawn(async move {
            // Errors here are clients that went away or spoke no HTTP: their fault, and told to them.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(drain.grace, connections.shutdown()).await.is_err() {
        tracing::warn!("connections were cut at the end of the drain");
    }
}

/// One connection, as a future that a drain can ask to end after the current answer.
fn converse(
    app: Arc<App>,
    door: Door,
    stream: TcpStream,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send {
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(TAKES_WITHIN));
    let service = service_fn(move |request| {
        let app = Arc::clone(&app);
        async move {
            let began = Instant::now();
            let (method, path) = (request.method().clone(), request.uri().path().to_owned());
            let response = route::route(&app, door, request).await;
            tracing::debug!(
                target: "cuttle::access",
                %method,
                path,
                status = response.status().as_u16(),
                milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                "answered"
            );
            Ok::<_, Infallible>(response)
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(LARGEST_HEAD_BYTES)
        // A client may close its side after asking and still read the answer.
        .half_close(true)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
}
