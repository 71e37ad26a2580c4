//! Everything that is not ours, handed to the application and its answer handed back: nothing buffered, nothing cached,
//! nothing rewritten but what belongs to a connection ([`headers`](crate::headers)) and what says who asked ([`forwarded`](crate::forwarded)).
//!
//! Not an open proxy: where a request goes is the operator's origin, whatever its target or `Host` says.
//! Refused are `CONNECT`, `*`, requests whose host is missing or ambiguous (RFC 9112 §3.2), and transfer codings but chunked. `Via` is passed on and never
//! added. Interim answers stay behind (hyper's server cannot send them), except that `100` opens an upload ([`upload`](crate::upload)).
//!
//! Memory per request: hyper's buffers of the two connections, each way at most a head's room ([`dial`](crate::dial)) on either and the
//! frame between them. Who does not read stops who writes.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cuttle_net::{Origin, OriginError, Peer, Restarts, Roots, causes, is_out_of_descriptors};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy;
use tokio::time::timeout;
use url::Url;

use crate::dial::{self, Pool};
use crate::error::ProxyError;
use crate::forwarded;
use crate::headers::{self, Asked};
use crate::hold::{Hold, NotBack};
use crate::upload::{Gate, Turn, Upload};

/// An answer that is read as it is sent. An error in it is an answer that broke off.
pub type StreamedBody = UnsyncBoxBody<Bytes, io::Error>;

/// What the operator can say about proxying, beside the origin.
#[derive(Debug, Clone)]
pub struct ProxySettings {
    /// Longest wait for the head of an answer while it is the application's turn. A stream may be silent for as long as it
    /// likes.
    pub head_within: Duration,
    /// Longest silence of a client that uploads.
    pub upload_silence: Duration,
    /// Longest wait for a TCP connection.
    pub connect_within: Duration,
    /// Whose certificates are trusted.
    pub roots: Roots,
    /// Told of connections that failed.
    pub restarts: Restarts,
    /// What waits while the application is started again, where we are who starts it.
    pub hold: Option<Hold>,
}

impl Default for ProxySettings {
    fn default() -> Self {
        Self {
            head_within: Duration::from_secs(60),
            upload_silence: Duration::from_secs(30),
            connect_within: Duration::from_secs(3),
            roots: Roots::default(),
            restarts: Restarts::default(),
            hold: None,
        }
    }
}

/// The application behind us. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Proxy(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    origin: Origin,
    pool: Pool,
    settings: ProxySettings,
}

impl Proxy {
    /// To the application at `url`. Connects to nothing yet.
    ///
    /// # Errors
    /// [`OriginError`] if `url` is more or less than scheme, host and port.
    pub fn new(url: &Url, settings: ProxySettings) -> Result<Self, OriginError> {
        let origin = Origin::of(url)?;
        let pool = Pool::new(settings.connect_within, &settings.roots);
        Ok(Self(Arc::new(Shared { origin, pool, settings })))
    }

    /// The application's answer to a request of `peer`.
    ///
    /// A `101` is an answer like others; its extensions hold the application's side for
    /// [`cuttle_net::tunnel::join`]. Dropped while it waits, or with the body that it gave, it ends what it began at the
    /// application.
    ///
    /// # Errors
    /// [`ProxyError`]: there is none. What an operator may learn of it is in the log.
    pub async fn forward(
        &self,
        request: Request<Incoming>,
        peer: Peer,
    ) -> Result<Response<StreamedBody>, ProxyError> {
        let (mut head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        if self.address(&mut head).is_none() {
            return Err(ProxyError::BadTarget);
        }
        if headers::is_packed(&head.headers) {
            return Err(ProxyError::TransferCoding);
        }
        let bodiless = body.is_end_stream();
        let asked = headers::to_app(&mut head, bodiless);
        forwarded::tell(&mut head.headers, peer);
        head.version = Version::HTTP_11;
        head.extensions.clear();
        let settings = &self.0.settings;
        let start = match &settings.hold {
            None => None,
            Some(hold) => Some((hold, hold.started_after(None).await?)),
        };
        let again = start.filter(|_| bodiless && is_repeatable(&head.method));
        let again = again.map(|(hold, start)| (hold, start, head.clone()));
        let (upload, turn) = Upload::new(body, asked.waits_for_continue, settings.upload_silence);
        let mut answer = self.sent(head, upload, turn).await;
        if let (Ok(Err(error)), Some((hold, start, head))) = (&answer, again) {
            settings.restarts.judge(error);
            answer = self.sent_again(head, error, (hold, start)).await?;
        }
        let Ok(answer) = answer else {
            tracing::warn!(app = %self.0.origin.authority, path, "the app does not answer in time");
            return Err(ProxyError::Slow);
        };
        match answer {
            Ok((answer, _)) if is_unusable(&answer, asked) => {
                let status = answer.status().as_u16();
                tracing::warn!(app = %self.0.origin.authority, path, status, "the app switched to another protocol without being asked");
                Err(ProxyError::Broken)
            }
            Ok((answer, gate)) => Ok(self.passed_on(answer, gate, path)),
            Err(error) => {
                // An application that has read enough of an upload resets the connection too, and a client decides on that.
                if bodiless || error.is_connect() {
                    self.0.settings.restarts.judge(&error);
                }
                Err(self.failed(&error, &path))
            }
        }
    }

    /// An answer, as long as it is the application's turn for no longer than it may take.
    async fn sent(&self, head: Parts, upload: Upload, turn: Turn) -> Result<Answered, Overdue> {
        tokio::select! {
            biased;
            answer = self.0.pool.send(head, upload) => Ok(answer),
            () = turn.overdue(self.0.settings.head_within) => Err(Overdue),
        }
    }

    /// Asks once more what got no byte of an answer, and where nobody listens any more, after the next start.
    async fn sent_again(
        &self,
        head: Parts,
        error: &legacy::Error,
        (hold, start): (&Hold, u64),
    ) -> Result<Result<Answered, Overdue>, NotBack> {
        let send = async |head| {
            let sent = self.0.pool.send(head, Upload::nothing());
            timeout(self.0.settings.head_within, sent).await.map_err(|_| Overdue)
        };
        if !error.is_connect() {
            let answer = send(head.clone()).await;
            if !matches!(&answer, Ok(Err(error)) if error.is_connect()) {
                return Ok(answer);
            }
        }
        hold.started_after(Some(start)).await?;
        Ok(send(head).await)
    }

    /// Points the request at the application: its path and query as they were sent, one host that is the client's.
    fn address(&self, head: &mut Parts) -> Option<()> {
        let target = std::mem::take(&mut head.uri).into_parts();
        let path = target.path_and_query.filter(|path| path.as_str() != "*")?;
        if head.method == Method::CONNECT {
            return None;
        }
        headers::settle_host(head, target.authority.as_ref())?;
        head.uri = self.0.origin.at(path)?;
        Some(())
    }

    fn passed_on(
        &self,
        answer: Response<Incoming>,
        gate: Option<Gate>,
        path: String,
    ) -> Response<StreamedBody> {
        let (mut head, body) = answer.into_parts();
        headers::to_client(&mut head);
        head.version = Version::HTTP_11;
        let app = self.0.origin.authority.clone();
        // An error in a body makes hyper cut the connection, which is how the client sees that this is not all.
        let body = body.map_err(move |error| {
            // Goes when the body goes: the end of the answer is what the gate waits for.
            let _ = &gate;
            tracing::warn!(%app, path, cause = causes(&error), "the app broke off its answer");
            io::Error::other(error)
        });
        Response::from_parts(head, body.boxed_unsync())
    }

    fn failed(&self, error: &legacy::Error, path: &str) -> ProxyError {
        let app = &self.0.origin.authority;
        if is_out_of_descriptors(error) {
            return ProxyError::OutOfDescriptors;
        }
        let cause = causes(error);
        if error.is_connect() {
            tracing::warn!(%app, path, cause, "the app cannot be reached");
            return ProxyError::Down;
        }
        if dial::is_the_clients_fault(error) {
            tracing::debug!(%app, path, cause, "the client broke off its upload");
            if is_silence(error) {
                return ProxyError::UploadSilent;
            }
        } else {
            tracing::warn!(%app, path, cause, "the app gave no usable answer");
        }
        ProxyError::Broken
    }
}

/// What an application answered, with the gate of the upload that it may still wait for.
type Answered = Result<(Response<Incoming>, Option<Gate>), legacy::Error>;

/// The head of an answer did not come in time.
struct Overdue;

/// Safe, and meant to be asked again (RFC 9110 §9.2.2): others may be safe and mean something to their application.
fn is_repeatable(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// SECURITY: switched to another protocol without having been asked, the client would read the application's bytes as the
/// answer to what it asks next.
fn is_unusable<B>(answer: &Response<B>, asked: Asked) -> bool {
    let switched = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
    switched && !asked.upgrade || headers::is_packed(answer.headers())
}

/// Of the client in the middle of its upload, as [`Upload`] says it.
fn is_silence(error: &(dyn Error + 'static)) -> bool {
    let is_it = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    error.downcast_ref().is_some_and(is_it) || error.source().is_some_and(is_silence)
}
