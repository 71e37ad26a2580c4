//! The only place where a refusal becomes HTTP, and the few answers that are not pictures.

use std::io;

use bytes::Bytes;
use cuttle_contract::Refusal;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{Either, Full};

/// Bytes in memory (every picture), or a plain file read as it is sent.
pub(crate) type Body = Either<Full<Bytes>, UnsyncBoxBody<Bytes, io::Error>>;

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

/// A refusal of an image endpoint. The operator's detail stays out of it.
pub(crate) fn refusal(refusal: &Refusal, vary_accept: bool) -> Response<Body> {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = sentence(status, refusal.code, refusal.message.clone().into_owned());
    let headers = response.headers_mut();
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

/// Something broke on our side; the log says what.
pub(crate) fn internal() -> Response<Body> {
    sentence(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "This is our fault; the server's log says more.\n",
    )
}
