//! For operators: is this process alive, should it get traffic, and what does it do.
//!
//! Liveness never depends on workers or stores. Who may ask at all is [`guard`]'s to say.

pub(crate) mod guard;
mod purge;
pub(crate) mod reach;
mod readiness;
pub(crate) mod saturation;

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::Serialize;

use crate::Server;
use crate::metrics::MEDIA_TYPE;
use crate::respond::{self, Body, NO_STORE};

pub use guard::{AdminAt, Guard};
pub use reach::Reach;
pub(crate) use readiness::observe;

/// Answers on the admin address.
pub(crate) async fn answer(server: &Server, request: Request<Incoming>) -> Response<Body> {
    if let Some(refusal) = server.parts.admin.refusal(&request) {
        return refusal;
    }
    match (request.method(), request.uri().path()) {
        (&Method::POST, _) => change(server, request).await,
        (&Method::GET | &Method::HEAD, "/healthz") => {
            json(StatusCode::OK, &serde_json::json!({ "alive": true }))
        }
        (&Method::GET | &Method::HEAD, "/readyz") => readiness::answer(server).await,
        (&Method::GET | &Method::HEAD, "/metrics") => metrics(server),
        (&Method::GET | &Method::HEAD, _) => respond::not_found(),
        _ => respond::method_not_allowed(),
    }
}

/// Everything that changes something. What asks for it must have been let in for it first.
async fn change(server: &Server, request: Request<Incoming>) -> Response<Body> {
    if let Some(refusal) = server.parts.admin.refusal_of_change(&request) {
        return refusal;
    }
    match request.uri().path() {
        "/purge" => purge::answer(server, request).await,
        _ => respond::method_not_allowed(),
    }
}

fn metrics(server: &Server) -> Response<Body> {
    let Ok(text) = server.metrics.text() else { return respond::internal() };
    page(StatusCode::OK, HeaderValue::from_static(MEDIA_TYPE), text)
}

pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let Ok(mut text) = serde_json::to_string(value) else { return respond::internal() };
    text.push('\n');
    page(status, HeaderValue::from_static("application/json"), text)
}

fn page(status: StatusCode, media_type: HeaderValue, text: String) -> Response<Body> {
    let mut response = Response::new(respond::full(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}
