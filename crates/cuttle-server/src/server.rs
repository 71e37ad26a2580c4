//! What every request may use, built once at start; but for the releases of the application, which may be replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use arc_swap::{ArcSwap, Guard};
use cuttle_pipeline::Machine;
use cuttle_source::{Folder, LoopId};
use tokio::sync::Semaphore;

use crate::access_log::Sampling;
use crate::admin::guard::Guard as AdminGuard;
use crate::admin::reach::Reach;
use crate::admin::saturation::Saturation;
use crate::client::TrustedProxies;
use crate::forwarding::Forwarding;
use crate::listen::connections::{ConnectionLimits, Connections};
use crate::metrics::{Metrics, Readings};
use crate::notices::Notices;
use crate::proxy::Proxy;
use crate::releases::Releases;
use crate::respond::Refusals;
use crate::{Hosts, LogHealth};

/// The served application: contracts, pipeline, and whatever answers for what is no picture.
#[derive(Debug)]
pub struct Server {
    pub(crate) parts: ServerParts,
    releases: ArcSwap<Releases>,
    /// Pages for people that may be made at a time.
    pub(crate) pages: Arc<Semaphore>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) sampling: Sampling,
    pub(crate) notices: Notices,
    pub(crate) saturation: Saturation,
    draining: AtomicBool,
}

/// What a [`Server`] is made of.
#[derive(Debug)]
pub struct ServerParts {
    /// Below it is everything of ours but `/_next/image`.
    pub prefix: String,
    /// Makes the answers of both endpoints.
    pub machine: Machine,
    /// Who answers for everything that is not ours.
    pub rest: Fallthrough,
    /// What of a request the application is told when an original is loaded.
    pub forwarding: Forwarding,
    /// How refusals of the image endpoints are written.
    pub refusals: Refusals,
    /// For the page.
    pub info: ServerInfo,
    /// Peers whose word about who asks is believed.
    pub trusted: TrustedProxies,
    /// How many may be connected.
    pub connections: ConnectionLimits,
    /// For whom we answer.
    pub hosts: Hosts,
    /// The application, where there is one: whether it is there is part of the readiness report.
    pub application: Option<Reach>,
    /// Who may ask on the admin address.
    pub admin: AdminGuard,
    /// By which requests are recognised that came from ourselves.
    pub loop_id: LoopId,
    /// Of how many hits one is logged; 0 is none.
    pub log_hits: u64,
    /// Whether the log can be written.
    pub log: Arc<LogHealth>,
}

/// Who answers for everything that is not ours.
#[derive(Debug)]
pub enum Fallthrough {
    /// A folder: its files, and a page for people.
    Folder(Arc<Folder>),
    /// The application behind us.
    Proxy(Proxy),
    /// Nobody.
    Nothing,
}

/// Making one opens hundreds of files, on threads that everything else needs as well.
const PAGES_AT_A_TIME: usize = 4;

/// What the page for people and the readiness report say about this server.
#[derive(Debug, Clone)]
pub struct ServerInfo {
    /// Public version.
    pub version: &'static str,
    /// Workers that render at a time.
    pub workers: usize,
    /// Every layer of the sandbox is active.
    pub sandbox_complete: bool,
    /// What each codec could do when it was tried at start.
    pub codecs: Vec<Codec>,
    /// Address that people open.
    pub address: String,
    /// What of it works less well than it was told to, from the start on.
    pub degraded: Vec<&'static str>,
}

/// One of the formats that are both read and written.
#[derive(Debug, Clone, Copy)]
pub struct Codec {
    /// As its files end.
    pub name: &'static str,
    /// Whether it is.
    pub works: bool,
}

impl Server {
    /// Joins the parts. What was confirmed of `releases` until `since` is asked about again.
    #[must_use]
    pub fn new(parts: ServerParts, releases: Releases, since: SystemTime) -> Self {
        releases.begin(since);
        let (machine, started) = (parts.machine.clone(), SystemTime::now());
        let log = Arc::clone(&parts.log);
        let connections = Connections::new(parts.connections);
        let counted = Arc::clone(&connections);
        let codecs = parts.info.codecs.clone();
        let read = move || Readings::of(&machine, &log, &codecs, &counted, started);
        let metrics = Arc::new(Metrics::new(parts.info.version, read));
        let told = Arc::clone(&metrics);
        parts.machine.watch(move |phases| told.job(phases));
        Self {
            releases: ArcSwap::from_pointee(releases),
            connections,
            metrics,
            sampling: Sampling::one_of(parts.log_hits),
            notices: Notices::default(),
            saturation: Saturation::default(),
            parts,
            pages: Arc::new(Semaphore::new(PAGES_AT_A_TIME)),
            draining: AtomicBool::new(false),
        }
    }

    /// From now on these are the releases that may be running, and what is known of the application's pictures is asked about
    /// again.
    pub fn replace(&self, releases: Releases) {
        // In this order: whatever those before still keep was confirmed before these begin.
        self.releases().retire();
        releases.begin(SystemTime::now());
        self.releases.store(Arc::new(releases));
    }

    /// Those that may be running.
    pub(crate) fn releases(&self) -> Guard<Arc<Releases>> {
        self.releases.load()
    }

    /// From now on this process wants no traffic: `/readyz` says so.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Address that people open.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.parts.info.address
    }

    /// From now on new renders are refused; what is kept is still served.
    pub fn close(&self) {
        self.parts.machine.close();
    }

    /// Returns when nothing is asked and nothing is streamed.
    pub async fn quiet(&self) {
        self.connections.quiet().await;
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
