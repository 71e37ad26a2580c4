//! The workers that a server owns: as many as it was told, each for one original, never a queue before them.
//!
//! A process that has seen one original is never given another: what took it over would have that too. It
//! waits a moment for the next job of the same one, then it ends and a spare takes its place.
//!
//! A job gets a worker now or [`JobError::Busy`]; waiting is the pipeline's business, which has one
//! queue for everything. The one wait here is for the successor of a worker that was just lost: it
//! is bounded by the job's deadline, and no more jobs than workers can be in it. A job may have several
//! renditions of one picture; which wait together is the pipeline's business too.
//!
//! A worker is started by exec. Forking a prepared process would be cheaper by a millisecond, and would hand the same addresses
//! and stack guards to every attacker. A start costs 1.7 ms of CPU, half of it relocations of a large binary, beside 60 ms of
//! an ordinary photo. Compact relocations (`DT_RELR`) were measured and gained nothing, as the pages must be written all the
//! same.
//!
//! Measured by `bench server`, 28 requests of photos that are not cached: 1.21 × the bare calls. One process for all had 1.12 ×
//! the bare calls of its time, which were an eighth dearer. Most of the difference is memory of a fresh process that the kernel
//! clears (5 ms for a photo of 2 Mpx, by perf). A process for each origin would save part of it, and would let an image see
//! those of its origin. It stays as it is: one after the other the 28 took 2,310 ms of CPU, and 2,345 with one process for all
//! and the resize of before.

use std::{
    io,
    num::NonZero,
    pin::pin,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use cuttle_image::{Kind, Limits, RenderOptions};
use tokio::{
    sync::{Mutex, TryAcquireError, mpsc, watch},
    task::JoinSet,
    time::timeout_at,
};

use crate::{
    JobError, LayerName, MAX_RENDITIONS, Platform, SealedBytes, SelfTestReport, StartError,
    selftest,
    shared::{Assignment, Shared},
    slot,
    spawn::Spawner,
};

/// How many workers, and what each may cost.
#[derive(Debug, Clone)]
pub struct PoolConfig {
    /// Processes, each with one job at a time. Default: one per core.
    pub workers: usize,
    /// Bytes of private memory of a worker. Default: 512 MiB.
    pub worker_memory: u64,
    /// Bytes of the longest rendition. Default: 64 MiB, above any PNG of 3840 × 3840 pixels.
    pub result_limit: u64,
    /// Bytes that a worker may keep while it waits for another job of its original; with more it ends at
    /// once. Default: 128 MiB.
    pub kept_memory: u64,
    /// How long a worker may take to confine itself. Default: 10 s, for machines that swap.
    pub start_timeout: Duration,
    /// Refuse to start unless every layer holds and every forbidden act fails. Default: no.
    pub require_sandbox: bool,
    /// Which kernel's means to use. Default: this system's.
    pub platform: Platform,
    /// Layers to leave out, for tests of the self-test. Default: none.
    pub without: Vec<LayerName>,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            workers: thread::available_parallelism().map_or(1, NonZero::get),
            worker_memory: 512 << 20,
            result_limit: 64 << 20,
            kept_memory: 128 << 20,
            start_timeout: Duration::from_secs(10),
            require_sandbox: false,
            platform: Platform::NATIVE,
            without: Vec::new(),
        }
    }
}

/// What one process may ever see: an original, as one audience has it. Whoever may not see what another job's
/// asker sees must give it another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OriginalId(pub [u8; 32]);

/// One picture to render, in as many ways as are wanted of it at the moment.
#[derive(Debug, Clone)]
pub struct Job {
    /// Which original that is.
    pub original: OriginalId,
    /// The original.
    pub source: SealedBytes,
    /// What to make of it: 1 to [`MAX_RENDITIONS`] renditions.
    pub options: Vec<RenderOptions>,
    /// What each may cost.
    pub limits: Limits,
    /// Bytes of private memory that it may take on top of what the worker has: the estimate that it
    /// was admitted with, enforced. A file whose headers lie fails instead of taking others' share.
    pub memory: u64,
    /// Bytes of the longest rendition, at most [`PoolConfig::result_limit`]: of files, also enforced.
    pub result: u64,
}

/// One picture rendered, sniffed, and within what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finished {
    /// The encoded file.
    pub bytes: Bytes,
    /// What its own first bytes say it is.
    pub kind: Kind,
    /// Pixels, as the worker says.
    pub width: u32,
    /// Pixels, as the worker says.
    pub height: u32,
    /// User and system time since the job's last rendition, as the worker says. What renditions share is
    /// counted with the first that needs it.
    pub cpu: Duration,
    /// Most bytes that the worker ever had resident, as the kernel says, where it does.
    pub peak_memory: Option<u64>,
}

/// The pool at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// One per place; a place without a process is getting one.
    pub workers: Vec<WorkerStats>,
    /// Workers started in place of others that were lost. One that ends after its original is not.
    pub restarts: u64,
    /// Why a place has no process although it tried.
    pub start_error: Option<String>,
}

impl Stats {
    /// How many places have a worker, or are handed from one to its spare.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.workers.iter().filter(|worker| worker.alive).count()
    }
}

/// One place in the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Its process now, the spare not counted.
    pub pid: Option<u32>,
    /// Whether that was not lost.
    pub alive: bool,
    /// Whether that has a job.
    pub busy: bool,
    /// Jobs of all processes that ever had this place.
    pub jobs: u64,
}

/// A fixed number of places for worker processes. Dropping it kills them.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    closing: watch::Sender<bool>,
    slots: Mutex<JoinSet<()>>,
}

impl Pool {
    /// Tests the sandbox and the codecs, then starts every worker.
    ///
    /// # Errors
    /// [`StartError`]: no process can be started, or the sandbox is required and incomplete.
    pub async fn start(config: PoolConfig) -> Result<(Self, SelfTestReport), StartError> {
        if config.workers == 0 {
            return Err(StartError::NoWorkers);
        }
        let spawner = Spawner::new()?;
        let report = selftest::run(&spawner, &config).await?;
        let shared = Arc::new(Shared::new(config, spawner));
        let mut starts = JoinSet::new();
        for _ in 0..shared.config.workers {
            let shared = Arc::clone(&shared);
            starts.spawn(async move { shared.start_worker().await });
        }
        let (closing, closed) = watch::channel(false);
        let mut slots = JoinSet::new();
        while let Some(started) = starts.join_next().await {
            let worker = started.map_err(io::Error::other)??;
            let slot = slots.len();
            shared.occupy(slot, worker.pid);
            slots.spawn(slot::run(Arc::clone(&shared), slot, worker, closed.clone()));
        }
        Ok((Self { shared, closing, slots: Mutex::new(slots) }, report))
    }

    /// How many jobs can run at once: what the caller's admission must keep to.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.config.workers
    }

    /// Bytes of the longest rendition that any job may make.
    #[must_use]
    pub fn result_limit(&self) -> u64 {
        self.shared.config.result_limit
    }

    /// Renders a picture once. Dropping the future kills its worker, and frees its place a moment later.
    ///
    /// # Errors
    /// [`JobError`]; only [`JobError::Render`] is certainly the picture's fault.
    pub async fn render(&self, job: &Job, deadline: Instant) -> Result<Finished, JobError> {
        if job.options.len() != 1 {
            return Err(JobError::Renditions(job.options.len()));
        }
        let mut only = Err(JobError::ShutDown);
        let patience = deadline.saturating_duration_since(Instant::now());
        self.render_each(job, patience, deadline, |_, result| only = result).await?;
        only
    }

    /// Renders a picture as often as the job says, and calls `done` with each rendition's place in it as
    /// soon as that is finished or lost, in any order. When a worker falls, everything that it still
    /// owed is lost, whichever rendition was to blame.
    ///
    /// The worker gets `each` for the first rendition and again for every further one, until `deadline`.
    /// Dropping the future is as with [`Pool::render`].
    ///
    /// # Errors
    /// [`JobError`], when no worker had the job; `done` was not called then.
    pub async fn render_each(
        &self,
        job: &Job,
        each: Duration,
        deadline: Instant,
        mut done: impl FnMut(usize, Result<Finished, JobError>),
    ) -> Result<(), JobError> {
        if !(1..=MAX_RENDITIONS).contains(&job.options.len()) {
            return Err(JobError::Renditions(job.options.len()));
        }
        let (job, deadline) = (Arc::new(job.clone()), deadline.into());
        loop {
            let permit = Arc::clone(&self.shared.permits).try_acquire_owned();
            let permit = permit.map_err(|refusal| match refusal {
                TryAcquireError::NoPermits => JobError::Busy,
                TryAcquireError::Closed => JobError::ShutDown,
            })?;
            let (answers, mut answered) = mpsc::unbounded_channel();
            let job = Arc::clone(&job);
            self.hand_over(Assignment { job, deadline, each, permit, answers }).await?;
            let mut reached = false;
            while let Some((at, result)) = answered.recv().await {
                reached = true;
                done(at, result);
            }
            if reached {
                return Ok(());
            }
            // The worker ended before the job reached it: no fault of either.
        }
    }

    /// Gives a job to an idle worker, or to the successor of one that was just lost.
    async fn hand_over(&self, mut assignment: Assignment) -> Result<(), JobError> {
        let deadline = assignment.deadline;
        loop {
            // Before the look, so that nothing is missed between the look and the wait.
            let mut changed = pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            match self.shared.assign(assignment) {
                Ok(()) => return Ok(()),
                Err(unassigned) => assignment = unassigned,
            }
            if self.shared.permits.is_closed() {
                return Err(JobError::ShutDown);
            }
            if let Some(error) = self.shared.hopeless() {
                return Err(JobError::Start(error));
            }
            if timeout_at(deadline, changed).await.is_err() {
                return Err(JobError::Start("not before the job's deadline".to_owned()));
            }
        }
    }

    /// What each worker is doing.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// Process ids of the workers that are alive.
    #[must_use]
    pub fn worker_ids(&self) -> Vec<u32> {
        self.stats().workers.iter().filter_map(|worker| worker.pid).collect()
    }

    /// Kills every worker, also those with a job, and waits until they are gone.
    pub async fn shutdown(&self) {
        self.close();
        let mut slots = self.slots.lock().await;
        while slots.join_next().await.is_some() {}
    }

    fn close(&self) {
        self.shared.permits.close();
        self.closing.send_replace(true);
        self.shared.changed.notify_waiters();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.close();
        // The tasks end their workers themselves.
        self.slots.get_mut().detach_all();
    }
}
