//! What every request may use, whoever's application it is for, built once at start; and the table of applications, which is
//! replaced as a whole while requests are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use arc_swap::{ArcSwap, Guard};
use cuttle_pipeline::Machine;
use tokio::sync::Semaphore;

use crate::access_log::Sampling;
use crate::admin::guard::Guard as AdminGuard;
use crate::admin::saturation::Saturation;
use crate::app::{App, AppParts};
use crate::apps::Apps;
use crate::listen::connections::{ConnectionLimits, Connections};
use crate::metrics::{Metrics, Readings};
use crate::notices::Notices;
use crate::releases::Releases;
use crate::respond::Refusals;
use crate::static_files::FileCache;
use crate::{Hosts, LogHealth};
use cuttle_net::TrustedProxies;

/// What is there once, for all applications.
#[derive(Debug)]
pub struct Server {
    pub(crate) parts: ServerParts,
    apps: ArcSwap<Apps>,
    /// Pages for people that may be made at a time.
    pub(crate) pages: Arc<Semaphore>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) sampling: Sampling,
    pub(crate) notices: Notices,
    /// Static files of all applications.
    pub(crate) file_cache: Arc<FileCache>,
    pub(crate) saturation: Saturation,
    draining: AtomicBool,
}

/// What a [`Server`] is made of.
#[derive(Debug)]
pub struct ServerParts {
    /// Makes the answers of all image endpoints.
    pub machine: Machine,
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
    /// Who may ask on the admin address.
    pub admin: AdminGuard,
    /// Of how many hits one is logged; 0 is none.
    pub log_hits: u64,
    /// Whether the log can be written.
    pub log: Arc<LogHealth>,
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
    /// Joins the parts; applications come by [`Self::install`].
    #[must_use]
    pub fn new(parts: ServerParts) -> Self {
        let (machine, started) = (parts.machine.clone(), SystemTime::now());
        let log = Arc::clone(&parts.log);
        let connections = Connections::new(parts.connections);
        let counted = Arc::clone(&connections);
        let codecs = parts.info.codecs.clone();
        let file_cache = Arc::new(FileCache::new(machine.memory_plan().files));
        let weighed = Arc::clone(&file_cache);
        let read = move || {
            let readings = Readings::of(&machine, &log, &codecs, &counted, started);
            readings.with_files(weighed.bytes(), machine.memory_plan().files)
        };
        let metrics = Arc::new(Metrics::new(parts.info.version, read));
        let told = Arc::clone(&metrics);
        parts.machine.watch(move |application, phases| told.job(&application.id, phases));
        Self {
            apps: ArcSwap::default(),
            connections,
            metrics,
            sampling: Sampling::one_of(parts.log_hits),
            notices: Notices::default(),
            file_cache,
            saturation: Saturation::default(),
            parts,
            pages: Arc::new(Semaphore::new(PAGES_AT_A_TIME)),
            draining: AtomicBool::new(false),
        }
    }

    /// An application that is not yet asked. What was confirmed of `releases` until `since` is asked about again.
    #[must_use]
    pub fn app(&self, parts: AppParts, releases: Releases, since: SystemTime) -> Arc<App> {
        let metrics = self.metrics.of_app(&parts.id);
        Arc::new(App::new(parts, releases, since, metrics))
    }

    /// From now on these are the applications. Requests under way end as they began.
    pub fn install(&self, apps: Vec<Arc<App>>) {
        let before = self.apps.swap(Arc::new(Apps::new(apps)));
        let now = self.apps.load();
        let stays = |app: &&Arc<App>| now.iter().any(|it| Arc::ptr_eq(it, app));
        before.iter().filter(|app| !stays(app)).for_each(|app| app.releases().retire());
    }

    /// Those that are asked.
    pub(crate) fn apps(&self) -> Guard<Arc<Apps>> {
        self.apps.load()
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
