//! A server from start to end: configuration, folder or apps, addresses, machine, in an order in which the cheapest mistake is
//! found first.

use std::net::TcpListener;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use cuttle_config::{Config, Errors};
use cuttle_net::TrustedProxies;
use cuttle_pipeline::Machine;
use cuttle_server::{
    Codec, Door, Drain, Hosts, LogHealth, Phase, Refusals, Reload, Server, ServerInfo, ServerParts,
};
use cuttle_supervise::reap_orphans;
use cuttle_worker::{Pool, SelfTestReport};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::address::{bind, listen_address, refuse_to_ask_ourselves, shown};
use crate::admin::Listening;
use crate::apps::Apps;
use crate::configuration::{Configured, Layers};
use crate::error::HostError;
use crate::folder::ServedFolder;
use crate::leaving::Leaving;
use crate::programs::Programs;
use crate::resources::Resources;
use crate::served::Served;
use crate::signals::Stop;
use crate::state::{Note, StateDir};
use crate::{control, descriptors, folder, given, machine};

/// A supervisor that waits for us kills us soon after.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);

/// What is to be served.
#[derive(Debug)]
pub struct HostParts {
    /// The folder that was named.
    pub folder: Option<PathBuf>,
    /// Where the configuration was read, and is read again.
    pub layers: Layers,
    /// What was read there.
    pub configured: Configured,
    /// The socket that a supervisor gave ([`crate::given_listener`]).
    pub given: Option<TcpListener>,
    /// Whether log lines are written or lost.
    pub log: Arc<LogHealth>,
}

/// A server that answers.
#[derive(Debug)]
pub struct Host {
    server: Arc<Server>,
    machine: Machine,
    pool: Arc<Pool>,
    programs: Programs,
    stop: Stop,
    leaving: Leaving,
    phase: watch::Sender<Phase>,
    note: Option<Note>,
    answering: JoinHandle<()>,
}

/// A future that is compiled here: all that a server does would else be compiled once more in whoever polls it.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// What was to be kept is on disk.
    Written,
    /// Threads may still wait for a disk that does not answer.
    Abandoned,
}

impl Host {
    /// Answers from then on.
    ///
    /// # Errors
    /// [`HostError`]: nothing was answered.
    #[must_use]
    pub fn start(parts: HostParts) -> Boxed<Result<Self, HostError>> {
        Box::pin(Self::started(parts))
    }

    async fn started(parts: HostParts) -> Result<Self, HostError> {
        let HostParts { folder, layers, configured, given, log } = parts;
        let config = &Arc::clone(&configured.config);
        let folder = folder::open(folder.as_deref(), config)?;
        for app in &configured.apps {
            app.rules()?;
        }
        let leaving = Leaving::new(&config.server, given.is_some());
        let public = match given {
            Some(given) => given::adopt(given, config)?,
            None => bind(listen_address(config)?, "--listen").await?,
        };
        let admin = Listening::open(&config.server.admin).await?;
        let mut stop = Stop::listen().map_err(HostError::Runtime)?;

        cuttle_watchdog::spawn("orphans", reap_orphans(is_one_of_ours));
        let (programs, moves) = Programs::new(config);
        let configured = started(configured, &programs, &mut stop).await?;
        let config = &Arc::clone(&configured.config);
        say_what_is_served(&configured).await;
        let resources = Resources::of(&configured);
        let (machine, pool, report) = machine::start(config, &resources).await?;

        let address = public.local_addr().map_err(HostError::Runtime)?;
        refuse_to_ask_ourselves(config, address)?;
        let (note, degraded) = admin.announce(config, StateDir::of(config));
        let server = Arc::new(Server::new(ServerParts {
            machine: machine.clone(),
            refusals: match config.optimizer.errors {
                Errors::Text => Refusals::Text,
                Errors::Json => Refusals::Json,
            },
            info: info(&report, resources.workers, shown(&public), degraded),
            connections: descriptors::provide(config),
            hosts: hosts(folder.as_ref(), address, config),
            trusted: TrustedProxies::new(config.server.trusted_proxies.clone()),
            admin: admin.guard(config),
            log_hits: config.server.log_hits,
            log,
        }));
        let mut apps = Apps {
            server: Arc::clone(&server),
            machine: machine.clone(),
            folder,
            largest: resources.limits.source_bytes,
            layers,
            programs: programs.clone(),
            config: Arc::clone(config),
            running: Vec::new(),
        };
        apps.install(configured.apps)?;

        let (phase, told) = watch::channel(Phase::Serving);
        let drain = Drain(told);
        let answering =
            cuttle_server::serve(Arc::clone(&server), Door::Public, public, drain.clone());
        let answering = cuttle_watchdog::spawn("public address", answering);
        admin.answer(&server, drain.clone());
        let (reload, reloads) = Reload::new();
        cuttle_watchdog::spawn("deploys", apps.follow(reloads, moves));
        if let Some(hangup) = stop.hangup.take() {
            cuttle_watchdog::spawn("hangup", hangup.reload(reload.clone()));
        }
        control::answer(config, reload, drain);
        Ok(Self { server, machine, pool, programs, stop, leaving, phase, note, answering })
    }

    /// Where the public reaches it.
    #[must_use]
    pub fn address(&self) -> &str {
        self.server.address()
    }

    /// Serves until a signal asks for the end, and then to the end of what is under way.
    #[must_use]
    pub fn serve(self) -> Boxed<Ended> {
        Box::pin(self.served())
    }

    async fn served(self) -> Ended {
        let Self { server, machine, pool, programs, mut stop, leaving, phase, note, answering } =
            self;
        stop.asked().await;
        let ended = leaving.leave(&server, &phase, note, answering);
        tokio::select! {
            () = ended => {}
            () = stop.asked() => tracing::warn!("stopped at once: it was asked to stop twice"),
        }
        tokio::select! {
            () = programs.stop() => {}
            () = stop.asked() => tracing::warn!("the apps are killed: it was asked to stop once more"),
        }
        pool.shutdown().await;
        // What is lost by not waiting for a disk is made again.
        let lost = tokio::select! {
            () = machine.flush() => return Ended::Written,
            () = stop.asked() => "it was asked to stop twice",
            () = tokio::time::sleep(WRITTEN_WITHIN) => "the disk is too slow",
        };
        tracing::warn!("stopped before all images were on disk: {lost}");
        Ended::Abandoned
    }
}

/// Starts the apps that we run, and waits for them: what is served then answers.
async fn started(
    configured: Configured,
    programs: &Programs,
    stop: &mut Stop,
) -> Result<Configured, HostError> {
    programs.start(&configured)?;
    let settled = tokio::select! {
        settled = programs.settled() => settled,
        () = stop.asked() => Err(HostError::StoppedAtStart),
    };
    if let Err(error) = settled {
        programs.stop().await;
        return Err(error);
    }
    let addresses = programs.addresses(&configured);
    configured.with_started(&addresses)
}

/// Whether whoever started a process waits for its end, as for each worker. Of one that has ended its name is what is left.
fn is_one_of_ours(pid: u32) -> bool {
    let name = |of: &str| std::fs::read(format!("/proc/{of}/comm")).ok();
    name(&pid.to_string()) == name("self")
}

async fn say_what_is_served(configured: &Configured) {
    for served in Served::of(configured) {
        let served = served.tried().await;
        tracing::info!("{}", served.line());
        if let Some(trouble) = served.trouble() {
            tracing::warn!("{trouble}");
        }
    }
    configured.warn();
}

fn info(
    report: &SelfTestReport,
    workers: usize,
    address: String,
    degraded: Vec<&'static str>,
) -> ServerInfo {
    ServerInfo {
        version: env!("CARGO_PKG_VERSION"),
        workers,
        sandbox_complete: report.holes().is_empty(),
        codecs: report
            .codecs()
            .map(|(kind, works)| Codec { name: kind.extension(), works })
            .collect(),
        address,
        degraded,
    }
}

/// An application answers any name itself; a folder is its owner's, so a stranger's name must not lead to it.
fn hosts(folder: Option<&ServedFolder>, address: std::net::SocketAddr, config: &Config) -> Hosts {
    match folder {
        Some(_) => Hosts::of(address.ip(), &config.server.hosts),
        None => Hosts::Any,
    }
}
