//! Connections to the application, kept for the next request.
//!
//! hyper-util keeps the pool. It tries again by itself what it never began to send; what was sent on a connection that the
//! application was just closing is tried again here, and only there can we know that the application never saw it coming.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use cuttle_net::{GuardedResolver, Roots, SystemResolver};
use cuttle_watchdog::Executor;
use http::request::Parts;
use http::{Extensions, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::upload::{Gate, Upload};

/// Room for a head on either side; hyper's own default is six times as much.
const HEAD_BYTES: usize = 64 << 10;
/// In that room, of an answer. hyper's own default is 100, which fails one that clears a cookie in a hundred pieces; Node takes 2,000.
/// hyper makes room for as many with each answer: 4 of 48 µs of CPU a page, measured beside 200.
const HEAD_LINES: usize = 2_000;

/// Shorter than the keep-alive of Node's server (5 s), so that reuse seldom meets a connection that is just being closed.
const IDLE: Duration = Duration::from_secs(4);
/// Idle connections kept. Each costs two descriptors, one of them the application's.
const MOST_IDLE: usize = 64;
/// A peer that vanished without a word is noticed after about three minutes, however silent its stream.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Pooled connections to one origin.
#[derive(Debug)]
pub(crate) struct Pool(legacy::Client<HttpsConnector<Dial>, Upload>);

impl Pool {
    pub(crate) fn new(connect_within: Duration, roots: &Roots) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(GuardedResolver::without_guard(Arc::new(
            SystemResolver::default(),
        )));
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(connect_within));
        tcp.set_keepalive(Some(KEEP_ALIVE));
        tcp.set_nodelay(true);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(roots.client())
            .https_or_http()
            .enable_http1()
            .wrap_connector(Dial(tcp));
        Self(
            legacy::Client::builder(Executor("connection to the application"))
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(MOST_IDLE)
                .http1_max_buf_size(HEAD_BYTES)
                .http1_max_headers(HEAD_LINES)
                .build(connector),
        )
    }

    /// Sends, a second time if the first met a connection that had ended. Only what is safe and has no body is sent twice
    /// (RFC 9110 §9.2.2), and only once more. The gate of a body that waits belongs to the answer from then on.
    pub(crate) async fn send(
        &self,
        head: Parts,
        mut upload: Upload,
    ) -> Result<(Response<Incoming>, Option<Gate>), legacy::Error> {
        let spare = (head.method.is_safe() && upload.is_nothing()).then(|| head.clone());
        let gate = upload.take_gate();
        let mut request = Request::from_parts(head, upload);
        if let Some(gate) = gate.clone() {
            hyper::ext::on_informational(&mut request, move |interim| {
                if interim.status() == StatusCode::CONTINUE {
                    gate.open();
                }
            });
        }
        let answer = match (self.0.request(request).await, spare) {
            (Err(error), Some(head)) if had_ended(&error) => {
                self.0.request(Request::from_parts(head, Upload::nothing())).await
            }
            (answer, _) => answer,
        }?;
        if let Some(Answered(flag)) = answer.extensions().get() {
            flag.store(true, Ordering::Relaxed);
        }
        if let Some(gate) = &gate {
            gate.answered();
        }
        Ok((answer, gate))
    }
}

/// Whether the upload failed on the client's side.
pub(crate) fn is_the_clients_fault(error: &legacy::Error) -> bool {
    hyper_error(error).is_some_and(hyper::Error::is_user)
}

/// Whether the connection had answered before and then ended without a byte.
fn had_ended(error: &legacy::Error) -> bool {
    let mut said = Extensions::new();
    if let Some(connected) = error.connect_info() {
        connected.get_extras(&mut said);
    }
    let reused = said.get().is_some_and(|Answered(flag)| flag.load(Ordering::Relaxed));
    reused && hyper_error(error).is_some_and(|error| !error.is_parse())
}

fn hyper_error(error: &legacy::Error) -> Option<&hyper::Error> {
    error.source()?.downcast_ref()
}

/// Whether this connection ever carried an answer.
#[derive(Debug, Clone, Default)]
struct Answered(Arc<AtomicBool>);

/// Opens connections that remember whether they answered.
#[derive(Debug, Clone)]
pub(crate) struct Dial(HttpConnector<GuardedResolver>);

/// One of them.
#[derive(Debug)]
pub(crate) struct Line {
    io: TokioIo<TcpStream>,
    answered: Answered,
}

type BoxError = Box<dyn Error + Send + Sync>;

impl Service<Uri> for Dial {
    type Response = Line;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Line, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move { Ok(Line { io: connecting.await?, answered: Answered::default() }) })
    }
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        self.io.connected().extra(self.answered.clone())
    }
}

impl Read for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
