//! For operators: is this process alive, and should it get traffic.
//!
//! Liveness never depends on workers or stores. Readiness is 503 only when this process should get
//! no traffic at all; a full image queue is 200 and named under `degraded`.

use cuttle_pipeline::Kept;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::Serialize;

use crate::App;
use crate::respond::{self, Body, NO_STORE};

/// Answers on the admin address.
pub(crate) fn answer(app: &App, request: &Request<Incoming>) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return respond::method_not_allowed();
    }
    match request.uri().path() {
        "/healthz" => json(StatusCode::OK, &serde_json::json!({ "alive": true })),
        "/readyz" => readiness(app),
        _ => respond::not_found(),
    }
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    /// Why this process should get no traffic.
    reasons: Vec<&'static str>,
    /// What works less well, while traffic is welcome.
    degraded: Vec<String>,
    workers: Workers,
    queue: Queue,
    store: Store,
}

#[derive(Serialize)]
struct Workers {
    capacity: usize,
    alive: usize,
    /// Workers replaced since the start, for whatever reason.
    restarts: u64,
    /// Jobs given to workers since the start.
    jobs: u64,
}

#[derive(Serialize)]
struct Queue {
    /// Requests that wait for an answer.
    requests: usize,
    jobs: usize,
    waiting: usize,
}

#[derive(Serialize)]
struct Store {
    memory: Tier,
    /// Absent where nothing is kept on disk.
    disk: Option<Tier>,
}

#[derive(Serialize)]
struct Tier {
    variants: u64,
    bytes: u64,
    requests: u64,
}

impl Tier {
    fn of(kept: Kept) -> Self {
        Self { variants: kept.variants, bytes: kept.bytes, requests: kept.entries }
    }
}

fn readiness(app: &App) -> Response<Body> {
    let load = app.parts.pipeline.load();
    let usage = app.parts.pipeline.usage();
    let workers = app.parts.pipeline.pool().stats();
    let alive = workers.ready();
    let mut reasons = Vec::new();
    if app.is_draining() {
        reasons.push("draining");
    }
    if alive == 0 && workers.start_error.is_some() {
        reasons.push("no worker can be started");
    }
    let mut degraded = Vec::new();
    if load.full {
        degraded.push("image queue full".to_owned());
    }
    if !app.parts.facts.sandbox_complete {
        degraded.push("sandbox incomplete".to_owned());
    }
    if let Some(trouble) = app.parts.pipeline.trouble() {
        degraded.push(format!("disk cache: {trouble}"));
    }
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let readiness = Readiness {
        ready: reasons.is_empty(),
        reasons,
        degraded,
        workers: Workers {
            capacity: workers.workers.len(),
            alive,
            restarts: workers.restarts,
            jobs: workers.workers.iter().map(|worker| worker.jobs).sum(),
        },
        queue: Queue { requests: load.requests, jobs: load.jobs, waiting: load.waiting },
        store: Store { memory: Tier::of(usage.memory), disk: usage.disk.map(Tier::of) },
    };
    json(status, &readiness)
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let Ok(mut text) = serde_json::to_string(value) else { return respond::internal() };
    text.push('\n');
    let mut response = Response::new(respond::full(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}
