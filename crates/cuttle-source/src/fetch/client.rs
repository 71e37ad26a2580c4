//! One pooled client, and one exchange with it: a request, the head of its answer, and the body into the intake.
//!
//! Content codings are undone in safe Rust (gzip, deflate, brotli); zstd is not asked for.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cuttle_net::{
    Connector, Guard, KeptConnections, RefusedHost, Resolve, Roots, is_bad_certificate,
};
use cuttle_watchdog::Executor;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION,
    USER_AGENT,
};
use http::response::Parts;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::Empty;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::rt::TokioTimer;
use percent_encoding::{AsciiSet, percent_encode};
use tokio::time::{Instant, timeout_at};

use super::cdn_loop::{CDN_LOOP, LoopId, Via};
use super::decoders::Decoders;
use super::per_host_limit::PerHostLimit;
use super::traffic::Traffic;
use super::{Retry, body, freshness};
use crate::intake::{Intake, Pour};
use crate::state::{Freshness, State, Version};
use crate::{Limits, LoadError};

/// Idle connections kept for each origin.
const IDLE_PER_ORIGIN: usize = 8;
/// Shorter than the keep-alive of the servers that are common (nginx 75 s, Node 5 s aside), so that reuse rarely meets a
/// connection that was just closed.
const IDLE: Duration = Duration::from_secs(30);
/// Room for the head of an answer; hyper's own default is six times as much.
const HEAD_BYTES: usize = 64 << 10;
/// In that room. hyper's own default is 100, which fails an answer that clears a cookie in a hundred pieces; Node takes 2,000.
const HEAD_LINES: usize = 2_000;

/// What a client is told once, at start.
#[derive(Debug)]
pub struct HttpSettings {
    /// Truthful, so that an origin can tell who asks.
    pub user_agent: HeaderValue,
    /// Longest wait for a TCP connection, all addresses of a name together.
    pub connect: Duration,
    /// Most requests at a time to one origin.
    pub per_origin: usize,
    /// How failures of the network are tried again.
    pub retry: Retry,
    /// Whose certificates are trusted.
    pub roots: Roots,
    /// Who asks, for `CDN-Loop`.
    pub loop_id: LoopId,
}

impl Default for HttpSettings {
    /// The defaults of `docs/configuration.md`, "`[limits]`" and "`[optimizer]`".
    fn default() -> Self {
        Self {
            user_agent: HeaderValue::from_static(concat!("Cuttle/", env!("CARGO_PKG_VERSION"))),
            connect: Duration::from_secs(3),
            per_origin: 8,
            retry: Retry::default(),
            roots: Roots::default(),
            loop_id: LoopId::of(b""),
        }
    }
}

/// A pool of connections with the guard built in, or without one.
///
/// SECURITY: the two kinds never share a pool, or a connection that was made to the operator's own origin would be reused for
/// a remote URL that names the same host.
#[derive(Debug)]
pub(crate) struct Client {
    inner: legacy::Client<HttpsConnector<Connector>, Empty<Bytes>>,
    per_host: PerHostLimit,
    decoders: Decoders,
    kept: KeptConnections,
    user_agent: HeaderValue,
    loop_id: LoopId,
    pub(crate) retry: Retry,
}

/// One question to one origin.
pub(crate) struct Exchange<'a> {
    pub(crate) uri: Uri,
    /// Whom it is asked for, as far as fairness goes: nothing of it is sent.
    pub(crate) client: cuttle_contract::Client,
    /// Through whom it came to us.
    pub(crate) via: &'a Via,
    /// Beside those that are always sent.
    pub(crate) headers: HeaderMap,
    pub(crate) previous: Option<&'a State>,
    pub(crate) limits: &'a Limits,
    pub(crate) deadline: Instant,
}

/// What came of it.
pub(crate) enum Reply {
    /// To this place, as it was written.
    Redirect { status: StatusCode, location: String },
    /// The previous state, confirmed.
    NotModified(State),
    /// The body is in the intake.
    Received {
        version: Version,
        answered_at: SystemTime,
        freshness: Freshness,
        declared_type: Option<String>,
    },
}

impl Client {
    pub(crate) fn new(
        guard: Option<Guard>,
        resolver: Arc<dyn Resolve>,
        settings: HttpSettings,
    ) -> Self {
        let HttpSettings { user_agent, connect, per_origin, retry, roots, loop_id } = settings;
        let tcp = Connector::new(guard.map(Arc::new), resolver, connect);
        let kept = tcp.kept().clone();
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(roots.client())
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let inner = legacy::Client::builder(Executor("connection to an origin"))
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_ORIGIN)
            .http1_max_buf_size(HEAD_BYTES)
            .http1_max_headers(HEAD_LINES)
            .build(connector);
        Self {
            inner,
            per_host: PerHostLimit::new("requests to", per_origin),
            decoders: Decoders::of_this_machine(),
            kept,
            user_agent,
            loop_id,
            retry,
        }
    }

    /// Asks, and pours the body of a good answer into `pour`.
    pub(crate) async fn exchange(
        &self,
        exchange: Exchange<'_>,
        pour: &mut Pour<impl Intake>,
    ) -> Result<Reply, LoadError> {
        let permit = self.per_host.acquire(host(&exchange.uri), exchange.client);
        let permit = within(exchange.deadline, "free connection to the origin", permit).await?;
        permit.held_for(self.ask(exchange, pour)).await
    }

    pub(crate) fn traffic(&self) -> Traffic {
        let (connections, connections_limit) = self.kept.taken();
        Traffic {
            waiting_for_host: self.per_host.waiting(),
            waiting_for_decoder: self.decoders.waiting(),
            decoding: self.decoders.taken(),
            decoders: self.decoders.most(),
            connections,
            connections_limit,
        }
    }

    async fn ask(
        &self,
        Exchange { uri, client, via, mut headers, previous, limits, deadline }: Exchange<'_>,
        pour: &mut Pour<impl Intake>,
    ) -> Result<Reply, LoadError> {
        let hop_ends = sooner(deadline, limits.hop);
        let host = host(&uri).to_owned();
        headers.insert(CDN_LOOP, self.loop_id.mark(via));
        let request = self.request(uri, headers, previous);
        let head_due = sooner(hop_ends, limits.first_byte);
        let answer = within(head_due, "answer", self.inner.request(request)).await?;
        let (head, body) = answer.map_err(unreachable)?.into_parts();
        let now = SystemTime::now();
        let said = freshness::freshness(&head.headers, now);
        if head.status == StatusCode::NOT_MODIFIED
            && let Some(state) = previous.filter(|state| asks(state))
        {
            let freshness = said.unwrap_or(state.freshness);
            return Ok(Reply::NotModified(State { checked_at: now, freshness, ..state.clone() }));
        }
        if let Some(location) = redirect(&head) {
            return Ok(Reply::Redirect { status: head.status, location });
        }
        if !head.status.is_success() || is_not_the_whole(head.status) {
            let retry_after = freshness::retry_after(&head.headers, now);
            return Err(LoadError::Status { status: head.status.as_u16(), retry_after });
        }
        let decoder = within(hop_ends, "decoder", self.decoders.acquire(&host, client));
        let pouring = body::receive(&head.headers, body, decoder, pour);
        within(hop_ends, "end of the body", pouring).await??;
        let declared = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        Ok(Reply::Received {
            version: freshness::version(&head.headers),
            answered_at: now,
            freshness: said.unwrap_or_default(),
            declared_type: declared.map(str::to_owned),
        })
    }

    fn request(
        &self,
        uri: Uri,
        mut headers: HeaderMap,
        previous: Option<&State>,
    ) -> Request<Empty<Bytes>> {
        headers.insert(USER_AGENT, self.user_agent.clone());
        // As every client of Next's own optimizer looks to an origin: what it gives to all, it gives to us.
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(ACCEPT_ENCODING, body::ACCEPT_ENCODING);
        if let Some(State { version: Version::Http { etag, last_modified }, .. }) = previous {
            for (name, validator) in [(IF_NONE_MATCH, etag), (IF_MODIFIED_SINCE, last_modified)] {
                if let Some(Ok(value)) = validator.as_deref().map(HeaderValue::from_str) {
                    headers.insert(name, value);
                }
            }
        }
        let mut request = Request::new(Empty::new());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        request
    }
}

/// With its port.
fn host(uri: &Uri) -> &str {
    uri.authority().map_or("", |authority| authority.as_str())
}

/// Whether a request that knows this state is a conditional one.
fn asks(state: &State) -> bool {
    match &state.version {
        Version::File(_) => false,
        Version::Http { etag, last_modified } => etag.is_some() || last_modified.is_some(),
    }
}

/// A success that brings something else than the picture: a promise of it (RFC 9110 §15.3.3), a part (§15.3.7), or what
/// changed in it (RFC 3229 §10.4.1). Neither of the latter was asked for.
fn is_not_the_whole(status: StatusCode) -> bool {
    matches!(status, StatusCode::ACCEPTED | StatusCode::PARTIAL_CONTENT | StatusCode::IM_USED)
}

/// Where one of the five statuses that say "the picture is over there" points. A 300 leaves the choice to people.
fn redirect(head: &Parts) -> Option<String> {
    if !matches!(head.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = head.headers.get(LOCATION)?.as_bytes();
    // An empty one would lead to where we are.
    (!location.is_empty()).then(|| percent_encode(location, &OUTSIDE_ASCII).to_string())
}

/// Frameworks write the path of a redirect as it is in their route table. Browsers read the bytes as UTF-8 and encode them, as is done
/// here: what they stand for is for the server to say that gets them back.
const OUTSIDE_ASCII: AsciiSet = AsciiSet::EMPTY;

/// In `time` from now, at the latest at `deadline`.
fn sooner(deadline: Instant, time: Duration) -> Instant {
    Instant::now().checked_add(time).map_or(deadline, |then| then.min(deadline))
}

async fn within<T>(
    deadline: Instant,
    waited_for: &'static str,
    work: impl Future<Output = T>,
) -> Result<T, LoadError> {
    timeout_at(deadline, work).await.map_err(|_elapsed| LoadError::TimedOut { waited_for })
}

/// The guard's refusal comes back through two libraries as the cause of a cause.
fn unreachable(error: legacy::Error) -> LoadError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<RefusedHost>() {
            return LoadError::AddressNotAllowed(refused.clone());
        }
        cause = error.source();
    }
    match is_bad_certificate(&error) {
        true => LoadError::Certificate(error.into()),
        false => LoadError::Network(error.into()),
    }
}
