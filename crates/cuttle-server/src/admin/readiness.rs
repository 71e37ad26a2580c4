//! `/readyz`: 503 only when this process should get no traffic at all. Everything else that is not as it should be is 200 and
//! named under `degraded`: a balancer that takes a server away because it is busy makes the others busier.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use cuttle_pipeline::TierUsage;
use http::{Response, StatusCode};
use serde::Serialize;
use tokio::time::MissedTickBehavior;

use crate::Server;
use crate::app::{App, Fallthrough};
use crate::listen::Occupancy;
use crate::respond::Body;

/// Looked at so often: a queue that is not full at one of ten looks is moving.
const LOOK_EVERY: Duration = Duration::from_millis(500);

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
    fn of(kept: TierUsage) -> Self {
        Self { variants: kept.variants, bytes: kept.bytes, requests: kept.entries }
    }
}

pub(super) async fn answer(server: &Server) -> Response<Body> {
    let load = server.parts.machine.load();
    let usage = server.parts.machine.usage();
    let workers = server.parts.machine.pool().stats();
    let alive = workers.ready();
    let mut reasons = Vec::new();
    if server.is_draining() {
        reasons.push("draining");
    }
    if alive == 0 && workers.start_error.is_some() {
        reasons.push("no worker can be started");
    }
    let info = &server.parts.info;
    let mut degraded: Vec<String> = info.degraded.iter().map(|&known| known.to_owned()).collect();
    // Where there is more behind us than pictures, that goes on however many of them wait, or cannot be made.
    let apps: Vec<_> = server.apps().iter().cloned().collect();
    let nothing = |app: &Arc<App>| matches!(app.parts.fallthrough, Fallthrough::Nothing);
    let only_pictures = apps.iter().all(nothing);
    if only_pictures && server.saturation.lasts(Instant::now()) {
        reasons.push("saturated");
    }
    match (info.codecs.iter().any(|codec| codec.works), only_pictures) {
        (false, true) => reasons.push("no codec"),
        (false, false) => degraded.push("no codec".to_owned()),
        (true, _) => {
            let broken = info.codecs.iter().filter(|codec| !codec.works);
            degraded.extend(broken.map(|codec| format!("codec fails: {}", codec.name)));
        }
    }
    for app in &apps {
        let Some(reach) = &app.parts.reach else { continue };
        if !reach.is_there().await {
            let which = if apps.len() > 1 { format!(": {}", app.id()) } else { String::new() };
            degraded.push(format!("application down{which}"));
        }
    }
    if load.full {
        degraded.push("image queue full".to_owned());
    }
    if alive > 0 && workers.start_error.is_some() {
        degraded.push("a worker cannot be started".to_owned());
    }
    for kind in server.connections.occupancy().iter().filter(|kind| kind.is_scarce()) {
        let Occupancy { kind, taken, most, .. } = kind;
        degraded.push(format!("connections are scarce: {taken} of {most} ({kind})"));
    }
    if !info.sandbox_complete {
        degraded.push("sandbox incomplete".to_owned());
    }
    if let Some(trouble) = server.parts.machine.trouble() {
        degraded.push(format!("disk cache: {trouble}"));
    }
    if let Some(trouble) = server.parts.log.trouble() {
        degraded.push(format!("log cannot be written: {trouble}"));
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
    super::json(status, &readiness)
}

/// Looks at the queue for as long as the application is there.
pub(crate) async fn observe(server: Weak<Server>) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut refused_before = 0;
    loop {
        ticks.tick().await;
        let Some(server) = server.upgrade() else { return };
        // A job that ends makes room for a moment, which whoever was refused meanwhile did not find.
        let load = server.parts.machine.load();
        let full = load.full || load.refused > refused_before;
        refused_before = load.refused;
        server.saturation.look(full, Instant::now());
    }
}
