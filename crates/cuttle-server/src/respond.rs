//! The only place where a refusal becomes HTTP, and the few answers that are not pictures.

use std::io;

use bytes::Bytes;
use cuttle_contract::Refusal;
use cuttle_gateway::ProxyError;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Either, Full, StreamBody};
use hyper::body::Frame;

/// Bytes in memory, or what is read as it is sent: an original, a plain file.
pub(crate) type Body = Either<Full<Bytes>, UnsyncBoxBody<Bytes, io::Error>>;

/// One chunk of what is read as it is sent. Small, because a client that does not read holds one in
/// the connection's buffer and one behind it.
pub(crate) const CHUNK_BYTES: usize = 32 << 10;

pub(crate) const ERROR_CODE: HeaderName = HeaderName::from_static("x-cuttle-error");
pub(crate) const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("private, no-store");
const PLAIN_TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const GET_AND_HEAD: HeaderValue = HeaderValue::from_static("GET, HEAD");

/// A body that is there in full. `HEAD` needs no care anywhere: hyper sends the same headers and
/// leaves the body out.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Either::Left(Full::new(bytes.into()))
}

/// The bytes of a picture: shared with the store, or chunk by chunk out of sealed memory.
pub(crate) fn picture(body: cuttle_pipeline::Body) -> Body {
    match body {
        cuttle_pipeline::Body::Bytes(bytes) => full(bytes),
        cuttle_pipeline::Body::Original(original) => {
            let chunks =
                futures_util::stream::unfold((original, 0), |(original, offset)| async move {
                    let chunk = original.chunk(offset, CHUNK_BYTES);
                    let read = chunk.as_ref().map_or(0, Bytes::len) as u64;
                    let more = chunk.is_err() || read > 0;
                    more.then(|| (chunk.map(Frame::data), (original, offset + read)))
                });
            Either::Right(StreamBody::new(chunks).boxed_unsync())
        }
    }
}

/// All lines of a list header as one (RFC 9110 §5.2); bytes outside ASCII make a line unusable.
pub(crate) fn list(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let mut lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let first = lines.next()?.to_owned();
    Some(lines.fold(first, |all, line| all + ", " + line))
}

/// One true sentence, never cached by anyone (a bare 404 is heuristically cacheable).
pub(crate) fn sentence(
    status: StatusCode,
    code: &'static str,
    text: impl Into<Bytes>,
) -> Response<Body> {
    let text = text.into();
    let mut response = Response::new(full(text.clone()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, PLAIN_TEXT);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(ERROR_CODE, HeaderValue::from_static(code));
    response
}

/// How refusals of the image endpoints are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusals {
    /// The sentence alone.
    Text,
    /// For programs.
    Json,
}

/// A refusal of an image endpoint. The operator's detail stays out of it.
pub(crate) fn refusal(refusal: &Refusal, vary_accept: bool, written: Refusals) -> Response<Body> {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text = match written {
        Refusals::Text => refusal.message.clone().into_owned(),
        Refusals::Json => for_programs(status, refusal),
    };
    let mut response = sentence(status, refusal.code, text);
    let headers = response.headers_mut();
    if written == Refusals::Json {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if refusal.allow {
        headers.insert(ALLOW, GET_AND_HEAD);
    }
    if let Some(seconds) = refusal.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if vary_accept {
        headers.insert(VARY, HeaderValue::from_static("Accept"));
    }
    response
}

/// A refusal as an object. The cause is our own closed set of codes, never a text of someone else's.
fn for_programs(status: StatusCode, refusal: &Refusal) -> String {
    let message = refusal.message.as_ref();
    let object = serde_json::json!({
        "error": status.canonical_reason().unwrap_or_default(),
        "message": message,
        "statusCode": status.as_u16(),
        "cause": { "code": refusal.code, "message": message },
    });
    object.to_string()
}

/// Nothing of that name.
pub(crate) fn not_found() -> Response<Body> {
    sentence(StatusCode::NOT_FOUND, "not_found", "There is nothing at this address.\n")
}

/// Only reading is possible here.
pub(crate) fn method_not_allowed() -> Response<Body> {
    let text = "Only GET and HEAD are answered here.\n";
    let mut response = sentence(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", text);
    response.headers_mut().insert(ALLOW, GET_AND_HEAD);
    response
}

/// Applications have the path, and by other methods.
pub(crate) fn no_such_method(methods: &str) -> Response<Body> {
    let text = format!("This address is answered for {methods} only.\n");
    let mut response = sentence(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", text);
    response.headers_mut().extend(HeaderValue::from_str(methods).ok().map(|value| (ALLOW, value)));
    response
}

/// Too many pages at once.
pub(crate) fn busy() -> Response<Body> {
    let text = "The server is busy with pages for other visitors; try again in a second.\n";
    let mut response = sentence(StatusCode::SERVICE_UNAVAILABLE, "busy", text);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// All places for connections are taken, or all that one client may have.
pub(crate) fn no_place() -> Response<Body> {
    let text = "This server has too many connections; try again in a second.\n";
    let mut response = sentence(StatusCode::SERVICE_UNAVAILABLE, "too_many_connections", text);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// The system lets us open nothing more; whoever would have answered was not asked.
fn out_of_descriptors() -> Response<Body> {
    let text = "This server cannot open another connection; try again in a second.\n";
    let mut response = sentence(StatusCode::SERVICE_UNAVAILABLE, "out_of_descriptors", text);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// What a client gets where the application's answer would be.
pub(crate) fn not_proxied(error: ProxyError) -> Response<Body> {
    match error {
        ProxyError::BadTarget => bad_target(),
        ProxyError::TransferCoding => packed(),
        ProxyError::UploadSilent => upload_silent(),
        ProxyError::Restarting => app_restarting(),
        ProxyError::Down => app_down(),
        ProxyError::Broken => app_broken(),
        ProxyError::Slow => app_slow(),
        ProxyError::OutOfDescriptors => out_of_descriptors(),
    }
}

/// The client began to send something and stopped.
fn upload_silent() -> Response<Body> {
    let text = "The upload stopped for too long, so it was given up.\n";
    let mut response = sentence(StatusCode::REQUEST_TIMEOUT, "upload_silent", text);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The request names a host that we are not.
pub(crate) fn misdirected() -> Response<Body> {
    let text = "This server does not answer for that host. If it should, name it in `hosts` of an app, or start it with --host NAME.\n";
    sentence(StatusCode::MISDIRECTED_REQUEST, "wrong_host", text)
}

/// A target that no application has: `CONNECT`, `*`, or no single host.
pub(crate) fn bad_target() -> Response<Body> {
    let text = "A request needs a path and exactly one host.\n";
    sentence(StatusCode::BAD_REQUEST, "bad_target", text)
}

/// A head that others may read otherwise than we do.
pub(crate) fn bad_head() -> Response<Body> {
    let text = "A line of this request ends in LF alone; it must end in CR LF.\n";
    sentence(StatusCode::BAD_REQUEST, "bare_line_feed", text)
}

/// `TRACE`, which nobody needs of an application.
pub(crate) fn no_trace() -> Response<Body> {
    sentence(StatusCode::NOT_IMPLEMENTED, "no_trace", "TRACE is not passed on here.\n")
}

/// A transfer coding that we cannot undo.
fn packed() -> Response<Body> {
    let text = "The only transfer coding that is understood here is chunked.\n";
    sentence(StatusCode::NOT_IMPLEMENTED, "transfer_coding", text)
}

/// Nobody listens at the application's address, or its name has none.
fn app_down() -> Response<Body> {
    let text = "The app behind this server cannot be reached.\n";
    sentence(StatusCode::BAD_GATEWAY, "app_down", text)
}

/// The application is being started again, and has not come back in time or too many wait for it.
fn app_restarting() -> Response<Body> {
    let text = "The app behind this server is starting; try again in some seconds.\n";
    let mut response = sentence(StatusCode::SERVICE_UNAVAILABLE, "app_restarting", text);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

/// The application hung up, or what it said is no HTTP.
fn app_broken() -> Response<Body> {
    let text = "The app behind this server gave no usable answer.\n";
    sentence(StatusCode::BAD_GATEWAY, "app_broken", text)
}

/// The application did not begin to answer in time.
fn app_slow() -> Response<Body> {
    let text = "The app behind this server took too long to answer.\n";
    sentence(StatusCode::GATEWAY_TIMEOUT, "app_slow", text)
}

/// Something broke on our side; the log says what.
pub(crate) fn internal() -> Response<Body> {
    sentence(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "Something went wrong in this server; its log says what.\n",
    )
}
