//! `cuttle check`: what this machine gives, found by trying it, for people or as JSON.

use std::fmt;
use std::process::ExitCode;

use cuttle_image::Limits;
use cuttle_worker::{Pool, PoolConfig, SelfTestReport, Verdict};
use serde::Serialize;

use crate::args::Check;
use crate::configuration::configure;
use crate::failure::Failure;
use crate::say::say;
use crate::served::Served;
use crate::{machine, serve};

/// Everything that is reported.
#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    cores: usize,
    workers: usize,
    memory: Memory,
    limits: Limits,
    sandbox: SelfTestReport,
    warnings: Vec<String>,
    served: Served,
    /// What keeps it from serving as it should: the command fails.
    trouble: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Memory {
    ceiling: u64,
    originals: u64,
    renders: u64,
    worker: u64,
    kept: u64,
    variants: u64,
    index: u64,
    queue: u64,
    failures: u64,
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
    let (sandbox, served) = runtime.block_on(async {
        let served = Served::of(&configured).tried(config).await;
        let config = PoolConfig { workers: 1, worker_memory: plan.worker, ..PoolConfig::default() };
        let (pool, report) = Pool::start(config).await?;
        pool.shutdown().await;
        Ok::<_, Failure>((report, served))
    })?;
    let trouble = [
        served.trouble(),
        (!plan.fits()).then(|| {
            "memory is too little for one ordinary photo: raise --memory or lower --workers"
                .to_owned()
        }),
        sandbox.is_unable().then(|| {
            "no codec works: instead of renditions, `serve` would send originals".to_owned()
        }),
    ];
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
            variants: plan.variants + plan.personal,
            index: plan.index,
            queue: plan.queue,
            failures: plan.failures,
            fixed: plan.fixed,
            fits: plan.fits(),
        },
        limits,
        sandbox,
        warnings: configured.warnings.clone(),
        served,
        trouble: trouble.into_iter().flatten().collect(),
    };
    if check.json {
        let text = serde_json::to_string_pretty(&report)
            .map_err(|error| Failure::Argument(error.to_string()))?;
        say(format_args!("{text}\n"))?;
    } else {
        say(&report)?;
    }
    let open = config.server.require_sandbox && !report.sandbox.holes().is_empty();
    Ok(if open || !report.trouble.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, cores, workers, memory, limits, sandbox, .. } = self;
        writeln!(f, "cuttle {version}: {cores} cores, {workers} workers\n")?;

        write!(f, "What is served\n{}", self.served)?;
        writeln!(f, "\n{}", Confinement(sandbox))?;

        writeln!(f, "\nMemory, at most")?;
        for (name, bytes) in [
            ("ceiling", memory.ceiling),
            ("originals", memory.originals),
            ("renders", memory.renders),
            ("of these one", memory.worker),
            ("each keeps", memory.kept),
            ("variants", memory.variants),
            ("index", memory.index),
            ("disk queue", memory.queue),
            ("failures", memory.failures),
            ("processes", memory.fixed),
        ] {
            writeln!(f, "    {name:<14} {:>7} MiB", bytes >> 20)?;
        }
        writeln!(f, "\nLimits of a picture")?;
        writeln!(f, "    source         {:>7} MB", limits.source_bytes / 1_000_000)?;
        writeln!(f, "    pixels         {:>7} Mpx", limits.pixels / 1_000_000)?;
        writeln!(f, "    side           {:>7} px", limits.side)?;

        for warning in &self.warnings {
            writeln!(f, "\n! {warning}")?;
        }
        for trouble in &self.trouble {
            writeln!(f, "\nTROUBLE: {trouble}")?;
        }
        Ok(())
    }
}

/// In one line, unless something is missing.
struct Confinement<'a>(&'a SelfTestReport);

impl fmt::Display for Confinement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SelfTestReport { layers, acts, codecs, .. } = self.0;
        if self.0.holes().is_empty() && codecs.iter().all(|codec| codec.failure.is_none()) {
            return writeln!(
                f,
                "Workers are fully confined ({} layers, {} acts tried and denied), and every codec works.",
                layers.len(),
                acts.len()
            );
        }
        writeln!(f, "Sandbox of a worker")?;
        for layer in layers {
            row(f, layer.active, &layer.to_string())?;
        }
        writeln!(f, "\nWhat a worker tried, and must not be able to do")?;
        for act in acts {
            row(f, act.verdict == Verdict::Denied, &act.to_string())?;
        }
        writeln!(f, "\nCodecs")?;
        for codec in codecs {
            let name = format!("{} to {}", codec.from.extension(), codec.to.extension());
            let works = codec.failure.as_deref().unwrap_or("works");
            row(f, codec.failure.is_none(), &format!("{name:<16} {works}"))?;
        }
        if !self.0.holes().is_empty() {
            writeln!(
                f,
                "\nWORKERS ARE NOT FULLY CONFINED: see the lines marked with !. --require-sandbox refuses to serve like this."
            )?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, good: bool, text: &str) -> fmt::Result {
    writeln!(f, "  {} {text}", if good { ' ' } else { '!' })
}
