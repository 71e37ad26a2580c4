//! `cuttle check`: what this machine gives, found by trying it, for people or as JSON.

use std::fmt;
use std::process::ExitCode;

use cuttle_host::{Layers, Resources, Served, ServedApps, configure};
use cuttle_image::Limits;
use cuttle_worker::{Pool, PoolConfig, SelfTestReport, Verdict};
use serde::Serialize;

use crate::args::Check;
use crate::failure::Failure;
use crate::runtime;
use crate::say::say;

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
    served: ServedApps,
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
    files: u64,
    fixed: u64,
    fits: bool,
}

/// Tries and reports.
///
/// # Errors
/// [`Failure`] when not even one worker can be started.
pub(crate) fn run(check: &Check) -> Result<ExitCode, Failure> {
    let configured = configure(&Layers::from(&check.layers))?;
    let config = &configured.config;
    for app in &configured.apps {
        app.rules()?;
    }
    let Resources { workers, limits, memory: plan } = Resources::of(&configured);
    let runtime = runtime::of_command()?;
    let (sandbox, served) = runtime.block_on(async {
        let mut served = Vec::new();
        for app in Served::of(&configured) {
            served.push(app.tried().await);
        }
        let config = PoolConfig { workers: 1, worker_memory: plan.worker, ..PoolConfig::default() };
        let (pool, report) = Pool::start(config).await?;
        pool.shutdown().await;
        Ok::<_, Failure>((report, served))
    })?;
    let trouble = [
        (!plan.fits()).then(|| {
            "the memory limit is too low for one ordinary photo: raise it (--memory 512MiB) or use fewer workers (--workers 1)"
                .to_owned()
        }),
        sandbox.is_unable().then(|| {
            "no image format works, so `serve` would send originals: the lines under Image formats say why".to_owned()
        }),
    ];
    let served = ServedApps::from(served);
    let unreachable = served.iter().filter_map(Served::trouble);
    let trouble = unreachable.chain(trouble.into_iter().flatten()).collect();
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        workers,
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
            files: plan.files,
            fixed: plan.fixed,
            fits: plan.fits(),
        },
        limits,
        sandbox,
        warnings: configured.warnings.clone(),
        served,
        trouble,
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

        writeln!(f, "What is served")?;
        self.served.iter().try_for_each(|served| write!(f, "{served}"))?;
        writeln!(f, "\n{}", Confinement(sandbox))?;

        writeln!(f, "\nMemory limit, and what it is divided into")?;
        for (name, bytes) in [
            ("all of Cuttle", memory.ceiling),
            ("originals being read", memory.originals),
            ("images being made", memory.renders),
            ("one of them at most", memory.worker),
            ("kept by an idle worker", memory.kept),
            ("optimized images", memory.variants),
            ("index of the cache", memory.index),
            ("waiting for the disk", memory.queue),
            ("remembered failures", memory.failures),
            ("static files", memory.files),
            ("the processes alone", memory.fixed),
        ] {
            writeln!(f, "    {name:<24} {:>7} MiB", bytes >> 20)?;
        }
        writeln!(f, "\nLimits of one image")?;
        writeln!(f, "    size of the file         {:>7} MB", limits.source_bytes / 1_000_000)?;
        writeln!(f, "    pixels                   {:>7} million", limits.pixels / 1_000_000)?;
        writeln!(f, "    longest side             {:>7} px", limits.side)?;

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
        for refused in &self.0.refused {
            row(f, false, &refused.to_string())?;
        }
        if self.0.holes().is_empty() && codecs.iter().all(|codec| codec.failure.is_none()) {
            return writeln!(
                f,
                "The sandbox is complete ({} layers; {} attempts to break out failed), and every image format works.",
                layers.len(),
                acts.len()
            );
        }
        writeln!(f, "Sandbox")?;
        for layer in layers {
            row(f, layer.active, &layer.to_string())?;
        }
        writeln!(f, "\nAttempts to break out, which must fail")?;
        for act in acts {
            row(f, act.verdict == Verdict::Denied, &act.to_string())?;
        }
        writeln!(f, "\nImage formats")?;
        for codec in codecs {
            let name = format!("{} to {}", codec.from.extension(), codec.to.extension());
            let works = codec.failure.as_deref().unwrap_or("works");
            row(f, codec.failure.is_none(), &format!("{name:<16} {works}"))?;
        }
        if !self.0.holes().is_empty() {
            writeln!(
                f,
                "\nTHE SANDBOX IS NOT COMPLETE: see the lines marked with !. --require-sandbox refuses to serve like this."
            )?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, good: bool, text: &str) -> fmt::Result {
    writeln!(f, "  {} {text}", if good { ' ' } else { '!' })
}
