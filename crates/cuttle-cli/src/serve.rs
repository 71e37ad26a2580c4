//! `cuttle serve DIR`: joins folder, workers, store, pipeline and listeners, in an order in which the
//! cheapest mistake is found first.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use cuttle_contract::{Images, Rules};
use cuttle_image::Limits;
use cuttle_pipeline::{Checked, MemoryPlan, Pipeline, Settings};
use cuttle_server::{App, Door, Drain, Facts, Hosts};
use cuttle_source::{Sources, open_folder};
use cuttle_store::MemoryTier;
use cuttle_worker::{Pool, PoolConfig};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::args::{Admin, Serve};
use crate::failure::Failure;
use crate::logging;
use crate::stop::Stop;

/// Most requests in the index: about 300 bytes each.
const INDEX_ENTRIES: u64 = 100_000;

/// Serves until it is told to stop.
///
/// # Errors
/// [`Failure`], before the ready line only.
pub(crate) fn run(serve: &Serve) -> Result<ExitCode, Failure> {
    logging::init();
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    runtime.block_on(start(serve))
}

async fn start(serve: &Serve) -> Result<ExitCode, Failure> {
    let folder = open_folder(&serve.folder)?;
    let formats = serve.formats.iter().map(|format| format.name().to_owned()).collect();
    let rules = Arc::new(Rules::compile(&Images { formats, ..Images::for_folder() })?);
    let public = bind(serve.listen().map_err(Failure::Argument)?, "--listen").await?;
    let admin = match serve.admin {
        Admin::Off => None,
        Admin::At(address) => Some(bind(address, "--admin").await?),
    };
    let mut stop = Stop::listen().map_err(Failure::Runtime)?;

    for warning in rules.warnings() {
        tracing::warn!(%warning, "images");
    }
    let limits = Limits::default();
    let memory = serve.machine.memory_plan(limits.source_bytes);
    announce(&memory, serve.machine.workers());
    let workers = serve.machine.workers();
    let (pool, report) = Pool::start(PoolConfig {
        workers,
        worker_memory: memory.worker,
        memory_high_water: memory.kept,
        require_sandbox: serve.require_sandbox,
        ..PoolConfig::default()
    })
    .await?;

    let pool = Arc::new(pool);
    let store = Arc::new(MemoryTier::<Checked>::new(memory.variants, INDEX_ENTRIES));
    let sources = Sources::folder(Arc::clone(&folder));
    let settings = Settings { svg: rules.svg(), ..Settings::new(limits, memory) };
    let grace = settings.request;
    let pipeline = Pipeline::new(settings, sources, store, Arc::clone(&pool));
    let facts = Facts {
        version: env!("CARGO_PKG_VERSION"),
        workers,
        sandbox_complete: report.holes().is_empty(),
        address: shown(&public),
    };
    let address = public.local_addr().map_err(Failure::Runtime)?;
    let hosts = Hosts::of(address.ip(), &serve.hosts);
    let app = Arc::new(App::new(rules, pipeline, folder, facts, hosts));

    if let Some(address) = admin.as_ref().and_then(|listener| listener.local_addr().ok()) {
        tracing::info!(%address, "health and readiness");
    }
    println!("cuttle listening on http://{}", app.address());
    let (drain_public, drained) = watch::channel(false);
    let answering = tokio::spawn(cuttle_server::serve(
        Arc::clone(&app),
        Door::Public,
        public,
        Drain { begun: drained, grace },
    ));
    // The admin door stays open through the drain, so that a balancer sees `draining`.
    let (_drain_admin, drained) = watch::channel(false);
    if let Some(listener) = admin {
        tokio::spawn(cuttle_server::serve(
            Arc::clone(&app),
            Door::Admin,
            listener,
            Drain { begun: drained, grace },
        ));
    }

    stop.asked().await;
    tracing::info!("draining: answers under way finish, nothing new is accepted");
    app.drain();
    let _ = drain_public.send(true);
    tokio::select! {
        _ = answering => {}
        () = stop.asked() => tracing::warn!("stopped at once, as asked twice"),
    }
    pool.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// The soft limit is 1,024 on most systems, for programs that use `select`; connections alone may take
/// that many here, and a render needs descriptors too.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}

async fn bind(address: SocketAddr, flag: &'static str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Failure::Busy { address, flag },
        _ => Failure::Listen { address, error },
    })
}

/// The address that people open; the port may have been chosen by the system.
fn shown(listener: &TcpListener) -> String {
    listener.local_addr().map(|address| address.to_string()).unwrap_or_default()
}

fn announce(memory: &MemoryPlan, workers: usize) {
    let mib = |bytes: u64| bytes >> 20;
    tracing::info!(
        ceiling_mib = mib(memory.ceiling),
        originals_mib = mib(memory.originals),
        renders_mib = mib(memory.renders),
        variants_mib = mib(memory.variants),
        fixed_mib = mib(memory.fixed),
        workers,
        worker_limit_mib = mib(memory.worker),
        worker_keeps_mib = mib(memory.kept),
        "memory plan"
    );
    if !memory.fits() {
        tracing::warn!(
            least_mib = mib(memory.total()),
            "the memory ceiling is too small for one ordinary photo; renders may fail and originals be served"
        );
    }
}
