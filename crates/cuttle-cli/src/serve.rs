//! `cuttle serve`: joins configuration, origins, workers, store, pipeline and listeners, in an order in which the
//! cheapest mistake is found first.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use cuttle_config::{Config, Errors};
use cuttle_image::Limits;
use cuttle_pipeline::{Machine, MemoryPlan, OriginalCacheLimits, Settings};
use cuttle_server::{
    Codec, Door, Drain, Hosts, LogHealth, Phase, Refusals, Reload, Server, ServerInfo, ServerParts,
    TrustedProxies,
};
use cuttle_source::{Folder, open_folder};
use cuttle_store::{Store, StoreSettings};
use cuttle_worker::{Pool, PoolConfig};
use tokio::sync::watch;

use crate::address::{bind, listen_address, refuse_to_ask_ourselves, shown};
use crate::admin::Listening;
use crate::apps::Apps;
use crate::args::Serve;
use crate::configuration::{Configured, configure, serves_a_folder};
use crate::failure::Failure;
use crate::leaving::Leaving;
use crate::logging::Logging;
use crate::say::say;
use crate::served::Served;
use crate::signals::Stop;
use crate::state::StateDir;
use crate::{control, descriptors, given, logging, machine, state};

/// A supervisor that waits for us kills us soon after.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);

/// Serves until it is told to stop.
///
/// # Errors
/// [`Failure`], before the ready line only.
pub(crate) fn run(serve: &Serve) -> Result<ExitCode, Failure> {
    let configured = configure(&serve.layers)?;
    // Before there are threads: it reads the environment and takes from it.
    let given = given::listener()?;
    let log = Arc::default();
    let logging = logging::init(configured.config.server.log_format, Arc::clone(&log))
        .map_err(Failure::Runtime)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    let serving = start(serve, configured, given, (&logging, log));
    runtime.block_on(cuttle_watchdog::watched("start and end", serving))
}

async fn start(
    serve: &Serve,
    configured: Configured,
    given: Option<std::net::TcpListener>,
    (logging, log): (&Logging, Arc<LogHealth>),
) -> Result<ExitCode, Failure> {
    let config = &Arc::clone(&configured.config);
    let folder = folder(serve, config)?;
    for app in &configured.apps {
        app.rules()?;
    }
    let leaving = Leaving::new(&config.server, given.is_some());
    let public = match given {
        Some(given) => given::adopt(given, config)?,
        None => bind(listen_address(config)?, "--listen").await?,
    };
    let admin = Listening::open(&config.server.admin).await?;
    let mut stop = Stop::listen().map_err(Failure::Runtime)?;

    for served in Served::of(&configured) {
        let served = served.tried().await;
        tracing::info!("{}", served.line());
        if let Some(trouble) = served.trouble() {
            tracing::warn!("{trouble}");
        }
    }
    configured.warn();
    let limits = limits(&configured);
    let memory = machine::memory_plan(config, limits.source_bytes);
    let workers = machine::workers(&config.limits);
    announce(&memory, workers);
    let (pool, report) = Pool::start(PoolConfig {
        workers,
        worker_memory: memory.worker,
        kept_memory: memory.kept,
        require_sandbox: config.server.require_sandbox,
        ..PoolConfig::default()
    })
    .await?;

    let pool = Arc::new(pool);
    let (disk, lacking) = match state::disk(config) {
        Ok(disk) => (disk, None),
        Err(trouble) => (None, Some(trouble)),
    };
    let (store, trouble) = Store::open(StoreSettings {
        memory_bytes: memory.variants,
        index_bytes: memory.index,
        index_entries: config.cache.entries,
        queue_bytes: memory.queue,
        disk,
    });
    if let Some(trouble) = lacking {
        store.lacks_disk(trouble);
    } else if let Some(trouble) = trouble {
        tracing::warn!(%trouble, "images are cached in memory only");
    }
    let machine = Machine::new(settings(config, limits, memory), store, Arc::clone(&pool));
    let kept = machine.clone();
    let address = public.local_addr().map_err(Failure::Runtime)?;
    refuse_to_ask_ourselves(config, address)?;
    let (note, degraded) = admin.announce(config, StateDir::of(config));
    let parts = ServerParts {
        machine: machine.clone(),
        refusals: match config.optimizer.errors {
            Errors::Text => Refusals::Text,
            Errors::Json => Refusals::Json,
        },
        info: ServerInfo {
            version: env!("CARGO_PKG_VERSION"),
            workers,
            sandbox_complete: report.holes().is_empty(),
            codecs: report
                .codecs()
                .map(|(kind, works)| Codec { name: kind.extension(), works })
                .collect(),
            address: shown(&public),
            degraded,
        },
        connections: descriptors::provide(config),
        // An application answers any name itself; a folder is its owner's, so a stranger's name must not lead to it.
        hosts: match &folder {
            Some(_) => Hosts::of(address.ip(), &config.server.hosts),
            None => Hosts::Any,
        },
        trusted: TrustedProxies::new(config.server.trusted_proxies.clone()),
        admin: admin.guard(config),
        log_hits: config.server.log_hits,
        log,
    };
    let server = Arc::new(Server::new(parts));
    let mut apps = Apps {
        server: Arc::clone(&server),
        machine,
        folder: folder.zip(place(serve, config).map(Path::to_owned)),
        largest: limits.source_bytes,
        layers: serve.layers.clone(),
        config: Arc::clone(config),
        running: Vec::new(),
    };
    apps.install(configured.apps)?;

    // Nobody has to read it for pictures to be served.
    if let Err(error) = say(format_args!("cuttle listening on http://{}\n", server.address())) {
        tracing::warn!(%error, "Cuttle is ready, but the line that says so cannot be written to standard output");
    }
    let (phase, told) = watch::channel(Phase::Serving);
    let drain = Drain(told);
    let answering = cuttle_server::serve(Arc::clone(&server), Door::Public, public, drain.clone());
    let answering = cuttle_watchdog::spawn("public address", answering);
    admin.answer(&server, drain.clone());
    let (reload, reloads) = Reload::new();
    cuttle_watchdog::spawn("deploys", apps.follow(reloads));
    if let Some(hangup) = stop.hangup.take() {
        cuttle_watchdog::spawn("hangup", hangup.reload(reload.clone()));
    }
    control::answer(config, reload, drain);

    stop.asked().await;
    let ended = leaving.leave(&server, &phase, note, answering);
    tokio::select! {
        () = ended => {}
        () = stop.asked() => tracing::warn!("stopped at once: it was asked to stop twice"),
    }
    pool.shutdown().await;
    // What is lost by not waiting for a disk is made again.
    let lost = tokio::select! {
        () = kept.flush() => return Ok(ExitCode::SUCCESS),
        () = stop.asked() => "it was asked to stop twice",
        () = tokio::time::sleep(WRITTEN_WITHIN) => "the disk is too slow",
    };
    tracing::warn!("stopped before all images were on disk: {lost}");
    logging.flush();
    leave()
}

/// On the usual way out, threads are waited for that wait for a dead disk.
#[expect(clippy::disallowed_methods, reason = "the workers have ended and the note is gone")]
fn leave() -> ! {
    std::process::exit(0)
}

/// The folder, where it is one that is served.
fn folder(serve: &Serve, config: &Config) -> Result<Option<Arc<Folder>>, Failure> {
    match (&serve.folder, serves_a_folder(config)) {
        (Some(folder), false) => Err(Failure::TwoThingsToServe(folder.clone())),
        (None, false) => Ok(None),
        (None, true) if is_a_project(Path::new(".")) => Err(Failure::ProjectAsFolder),
        (_, true) => place(serve, config).map(open_folder).transpose().map_err(Into::into),
    }
}

/// Whether there is more in it than images: who names no folder may not know that all of it would be published.
fn is_a_project(folder: &Path) -> bool {
    ["package.json", ".git"].iter().any(|name| folder.join(name).exists())
}

/// Where that folder is.
fn place<'a>(serve: &'a Serve, config: &Config) -> Option<&'a Path> {
    serves_a_folder(config).then(|| serve.folder.as_deref().unwrap_or(Path::new(".")))
}

/// What one picture may cost. A build may allow larger originals at its own endpoint.
pub(crate) fn limits(configured: &Configured) -> Limits {
    let limits = &configured.config.limits;
    Limits {
        source_bytes: configured.largest_original(),
        side: u32::try_from(limits.side).unwrap_or(u32::MAX),
        pixels: limits.pixels,
        frames: u32::try_from(limits.frames).unwrap_or(u32::MAX),
        frames_pixels: limits.frames_pixels,
        ..Limits::default()
    }
}

fn settings(config: &Config, limits: Limits, memory: MemoryPlan) -> Settings {
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Settings {
        request: config.optimizer.timeout.duration(),
        queue_length: size(config.limits.queue),
        queue_wait: config.limits.queue_wait.duration(),
        transform: config.limits.transform.duration(),
        original_cache: OriginalCacheLimits {
            time: config.cache.source_ttl.duration(),
            bytes: config.cache.source_bytes.0,
            entries: size(config.cache.source_entries),
        },
        ..Settings::new(limits, memory)
    }
}

fn announce(memory: &MemoryPlan, workers: usize) {
    let mib = |bytes: u64| bytes >> 20;
    tracing::info!(
        ceiling_mib = mib(memory.ceiling),
        originals_mib = mib(memory.originals),
        renders_mib = mib(memory.renders),
        variants_mib = mib(memory.variants + memory.personal),
        index_mib = mib(memory.index),
        queue_mib = mib(memory.queue),
        failures_mib = mib(memory.failures),
        fixed_mib = mib(memory.fixed),
        workers,
        worker_limit_mib = mib(memory.worker),
        worker_keeps_mib = mib(memory.kept),
        "memory plan"
    );
    if !memory.fits() {
        tracing::warn!(
            least_mib = mib(memory.total()),
            "the memory limit is too small for one ordinary photo: originals may be served instead of optimized images. Raise --memory to `least_mib` MiB"
        );
    }
}
