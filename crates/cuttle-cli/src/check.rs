//! `cuttle check`: what this machine gives, found by trying it, for people or as JSON.

use std::process::ExitCode;

use cuttle_image::Limits;
use cuttle_worker::{Pool, PoolConfig, Verdict};
use serde::Serialize;

use crate::args::Check;
use crate::configuration::configure;
use crate::failure::Failure;
use crate::{machine, serve};

/// Everything that is reported.
#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    cores: usize,
    workers: usize,
    memory: Memory,
    limits: Limits,
    sandbox: cuttle_worker::SelfTestReport,
}

#[derive(Debug, Serialize)]
struct Memory {
    ceiling: u64,
    originals: u64,
    renders: u64,
    worker: u64,
    kept: u64,
    variants: u64,
    fixed: u64,
    fits: bool,
}

/// Tries and reports.
///
/// # Errors
/// [`Failure`] when not even one worker can be started.
pub(crate) fn run(check: &Check) -> Result<ExitCode, Failure> {
    let configured = configure(&check.layers)?;
    let config = &configured.config;
    configured.rules()?;
    let limits = serve::limits(&configured);
    let plan = machine::memory_plan(config, limits.source_bytes);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    let sandbox = runtime.block_on(async {
        let config = PoolConfig { workers: 1, worker_memory: plan.worker, ..PoolConfig::default() };
        let (pool, report) = Pool::start(config).await?;
        pool.shutdown().await;
        Ok::<_, Failure>(report)
    })?;
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        workers: machine::workers(&config.limits),
        memory: Memory {
            ceiling: plan.ceiling,
            originals: plan.originals,
            renders: plan.renders,
            worker: plan.worker,
            kept: plan.kept,
            variants: plan.variants,
            fixed: plan.fixed,
            fits: plan.fits(),
        },
        limits,
        sandbox,
    };
    if check.json {
        let text = serde_json::to_string_pretty(&report)
            .map_err(|error| Failure::Argument(error.to_string()))?;
        println!("{text}");
    } else {
        print(&report);
    }
    let open = config.server.require_sandbox && !report.sandbox.holes().is_empty();
    Ok(if open { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(report: &Report) {
    let Report { version, cores, workers, memory, limits, sandbox } = report;
    println!("cuttle {version}: {cores} cores, {workers} workers\n");

    println!("Sandbox of a worker");
    for layer in &sandbox.layers {
        row(layer.active, &layer.to_string());
    }
    println!("\nWhat a worker tried, and must not be able to do");
    for act in &sandbox.acts {
        row(act.verdict == Verdict::Denied, &act.to_string());
    }
    println!("\nCodecs");
    for codec in &sandbox.codecs {
        let name = format!("{} to {}", codec.from.extension(), codec.to.extension());
        row(
            codec.failure.is_none(),
            &format!("{name:<16} {}", codec.failure.as_deref().unwrap_or("works")),
        );
    }

    println!("\nMemory, at most");
    for (name, bytes) in [
        ("ceiling", memory.ceiling),
        ("originals", memory.originals),
        ("renders", memory.renders),
        ("of these one", memory.worker),
        ("each keeps", memory.kept),
        ("variants", memory.variants),
        ("processes", memory.fixed),
    ] {
        println!("    {name:<14} {:>7} MiB", bytes >> 20);
    }
    if !memory.fits {
        println!("  ! too little for one ordinary photo: raise --memory or lower --workers");
    }

    println!("\nLimits of a picture");
    println!("    source         {:>7} MB", limits.source_bytes / 1_000_000);
    println!("    pixels         {:>7} Mpx", limits.pixels / 1_000_000);
    println!("    side           {:>7} px", limits.side);

    println!();
    if sandbox.holes().is_empty() {
        println!("Workers are fully confined.");
    } else {
        println!(
            "WORKERS ARE NOT FULLY CONFINED: see the lines marked with !. --require-sandbox refuses to serve like this."
        );
    }
}

fn row(good: bool, text: &str) {
    println!("  {} {text}", if good { ' ' } else { '!' });
}
