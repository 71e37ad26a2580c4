//! `cuttle check`: what this machine gives, found by trying it, for people or as JSON.

use std::fmt;
use std::process::ExitCode;

use cuttle_image::Limits;
use cuttle_source::Project;
use cuttle_worker::{Pool, PoolConfig, Verdict};
use serde::Serialize;

use crate::args::Check;
use crate::configuration::configure;
use crate::failure::Failure;
use crate::say::say;
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
    warnings: Vec<String>,
    application: Option<Application>,
}

/// What a Next build says.
#[derive(Debug, Serialize)]
struct Application {
    /// Where its pages ask for pictures; nothing where it has no such endpoint.
    endpoint: Option<String>,
    widths: Vec<u32>,
    /// Empty: any.
    qualities: Vec<u32>,
    formats: Vec<String>,
    remote_patterns: usize,
    releases: Vec<String>,
    /// Its own rules that would also have run for its image endpoint, and do not: they run for the originals.
    rules_not_run: Vec<String>,
    /// Names of the headers that its `headers()` give that endpoint, and of those that it gives in vain.
    headers: Vec<String>,
    headers_left_out: Vec<String>,
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
        application: configured.project.as_ref().map(Application::of),
    };
    if check.json {
        let text = serde_json::to_string_pretty(&report)
            .map_err(|error| Failure::Argument(error.to_string()))?;
        say(format_args!("{text}\n"))?;
    } else {
        say(&report)?;
    }
    let open = config.server.require_sandbox && !report.sandbox.holes().is_empty();
    Ok(if open || report.sandbox.is_unable() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, cores, workers, memory, limits, sandbox, .. } = self;
        writeln!(f, "cuttle {version}: {cores} cores, {workers} workers\n")?;

        writeln!(f, "Sandbox of a worker")?;
        for layer in &sandbox.layers {
            row(f, layer.active, &layer.to_string())?;
        }
        writeln!(f, "\nWhat a worker tried, and must not be able to do")?;
        for act in &sandbox.acts {
            row(f, act.verdict == Verdict::Denied, &act.to_string())?;
        }
        writeln!(f, "\nCodecs")?;
        for codec in &sandbox.codecs {
            let name = format!("{} to {}", codec.from.extension(), codec.to.extension());
            row(
                f,
                codec.failure.is_none(),
                &format!("{name:<16} {}", codec.failure.as_deref().unwrap_or("works")),
            )?;
        }

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
        if !memory.fits {
            writeln!(
                f,
                "  ! too little for one ordinary photo: raise --memory or lower --workers"
            )?;
        }

        writeln!(f, "\nLimits of a picture")?;
        writeln!(f, "    source         {:>7} MB", limits.source_bytes / 1_000_000)?;
        writeln!(f, "    pixels         {:>7} Mpx", limits.pixels / 1_000_000)?;
        writeln!(f, "    side           {:>7} px", limits.side)?;

        if let Some(application) = &self.application {
            write!(f, "{application}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "\n! {warning}")?;
        }

        writeln!(f)?;
        if sandbox.is_unable() {
            writeln!(f, "NO CODEC WORKS: instead of renditions, `serve` would send originals.")?;
        }
        if sandbox.holes().is_empty() {
            writeln!(f, "Workers are fully confined.")?;
        } else {
            writeln!(
                f,
                "WORKERS ARE NOT FULLY CONFINED: see the lines marked with !. --require-sandbox refuses to serve like this."
            )?;
        }
        Ok(())
    }
}

impl Application {
    fn of(project: &Project) -> Self {
        let Project { build, coverage, headers, releases, .. } = project;
        let path = format!("{}/_next/image", build.base_path);
        Self {
            headers: headers.applied.keys().map(ToString::to_string).collect(),
            headers_left_out: headers.left_out.clone(),
            rules_not_run: coverage.covering(&path).map(ToOwned::to_owned).collect(),
            endpoint: build.endpoint.then_some(path),
            widths: build.widths.clone(),
            qualities: build.qualities.clone().unwrap_or_default(),
            formats: build.formats.clone(),
            remote_patterns: build.remote_patterns.len() + build.domains.len(),
            releases: releases.clone(),
        }
    }
}

impl fmt::Display for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |numbers: &[u32]| match numbers {
            [] => "any".to_owned(),
            numbers => numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" "),
        };
        writeln!(f, "\nThe Next application")?;
        writeln!(f, "    endpoint       {}", self.endpoint.as_deref().unwrap_or("none"))?;
        writeln!(f, "    widths         {}", list(&self.widths))?;
        writeln!(f, "    qualities      {}", list(&self.qualities))?;
        writeln!(f, "    formats        {}", self.formats.join(" "))?;
        writeln!(f, "    remote         {} patterns", self.remote_patterns)?;
        writeln!(f, "    release        {}", self.releases.join(" "))?;
        if !self.headers.is_empty() {
            writeln!(f, "    its headers()  {}", self.headers.join(" "))?;
        }
        for header in &self.headers_left_out {
            writeln!(f, "  ! of its headers(), this is not sent with images: {header}")?;
        }
        for rule in &self.rules_not_run {
            writeln!(f, "  ! this rule covers the image endpoint and is not run there: {rule}")?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, good: bool, text: &str) -> fmt::Result {
    writeln!(f, "  {} {text}", if good { ' ' } else { '!' })
}
