//! The server's view of one worker process: start it, give it a job, believe nothing, end it.

use std::{
    fs::File,
    io,
    os::{fd::AsFd, unix::fs::FileExt},
    process::{self, Child},
    time::Duration,
};

use bytes::Bytes;
use cuttle_image::{Kind, RenderOptions, SNIFF_BYTES, sniff};
use tokio::{net::UnixStream, time::timeout};

use crate::{
    Exit, Finished, Job, JobError, Layer, MAX_RENDITIONS, Outcome, Platform, PoolConfig,
    ProtocolError, Rendered, Reply, StartError,
    channel::{ServerEnd, Silence},
    platform::{Allowance, Memory},
    protocol::{self, Request},
    settings::Settings,
    spawn::Spawner,
};

/// Results up to this size are read on the runtime's own thread: 1 MiB is about 0.1 ms of copying.
const READ_AT_ONCE: usize = 1 << 20;

/// A living worker. Dropping it kills the process.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Taken only by the end.
    child: Option<Child>,
    exit: Option<Exit>,
    spawner: Spawner,
    channel: ServerEnd,
    platform: Platform,
    /// Ceilings of the pool's.
    result_limit: u64,
    memory_limit: u64,
    kept_memory: u64,
    /// Process id.
    pub(crate) pid: u32,
    /// What confines it, by its own account; the self-test is what proves it.
    pub(crate) layers: Vec<Layer>,
    /// Renditions asked of it so far.
    asked: usize,
    /// The one file for all of them: whatever it keeps open, it has one to fill.
    result: Option<File>,
    /// When it had no job yet, so that no intruder has a say in it; `None` where the kernel does not say.
    fresh: Option<Memory>,
    /// Its memory after the latest rendition.
    memory: Option<Memory>,
    /// What it may have now, and at most.
    allowed: Option<(Allowance, Allowance)>,
}

/// What a worker is taken to hold where that cannot be measured: libraries and an empty heap.
const UNMEASURED_BYTES: u64 = 8 << 20;
/// Room beside a job's estimate: the allocator's own pieces.
const SLACK_BYTES: u64 = 16 << 20;
/// Address space beside it: what allocators reserve and do not use.
const RESERVED_BYTES: u64 = 64 << 20;
/// CPU time beside what renditions may take: to start, and as the kernel counts whole seconds.
const CPU_SLACK: Duration = Duration::from_secs(2);

/// Why a job, or what is left of it, will not be done, and what becomes of the worker.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It never heard of the job, and can go on.
    Ours(JobError),
    /// It must not be used again.
    Spent(JobError),
    /// The process is gone; its end says how.
    Died,
}

impl From<Silence> for Fault {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Protocol(error) => Self::Spent(error.into()),
            Silence::Gone => Self::Died,
        }
    }
}

impl From<ProtocolError> for Fault {
    fn from(error: ProtocolError) -> Self {
        Self::Spent(error.into())
    }
}

/// A job, and how far a worker is with it.
#[derive(Debug)]
pub(crate) struct Task<'a> {
    job: &'a Job,
    /// For each rendition.
    each: Duration,
    /// A worker has the job.
    pub(crate) begun: bool,
    /// Places of the renditions that are still to come.
    pub(crate) owed: Vec<usize>,
}

impl<'a> Task<'a> {
    pub(crate) fn new(job: &'a Job, each: Duration) -> Self {
        Self { job, each, begun: false, owed: (0..job.options.len()).collect() }
    }
}

impl Worker {
    /// Starts a worker and waits until it is confined.
    pub(crate) async fn start(spawner: &Spawner, config: &PoolConfig) -> Result<Self, StartError> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let settings = Settings {
            parent: process::id(),
            memory: config.worker_memory,
            result: config.result_limit,
            platform: config.platform,
            without: config.without.clone(),
        };
        let child = spawner.start(theirs.into(), settings).await?;
        let mut worker = Self {
            pid: child.id(),
            child: Some(child),
            exit: None,
            spawner: spawner.clone(),
            channel: ServerEnd(UnixStream::from_std(ours)?),
            platform: config.platform,
            result_limit: config.result_limit,
            memory_limit: config.worker_memory,
            kept_memory: config.kept_memory,
            layers: Vec::new(),
            asked: 0,
            result: None,
            fresh: None,
            memory: None,
            allowed: None,
        };
        match timeout(config.start_timeout, worker.channel.receive()).await {
            Ok(Ok(Reply::Hello { version: protocol::VERSION, layers })) => worker.layers = layers,
            Ok(Ok(Reply::Hello { version, .. })) => {
                return Err(ProtocolError::Version { found: version }.into());
            }
            Ok(Ok(_)) => return Err(ProtocolError::Unexpected.into()),
            Ok(Err(Silence::Protocol(error))) => return Err(error.into()),
            Ok(Err(Silence::Gone)) => return Err(StartError::died(worker.end().await)),
            Err(_) => return Err(StartError::NotReady(config.start_timeout)),
        }
        worker.fresh = worker.platform.memory(worker.pid);
        Ok(worker)
    }

    /// How many renditions more it may be asked for.
    pub(crate) fn room(&self) -> usize {
        MAX_RENDITIONS.saturating_sub(self.asked)
    }

    /// Whether what it holds after a job is little enough to wait with it for the next.
    pub(crate) fn is_small(&self) -> bool {
        let kept = self.memory.map(|memory| memory.data.saturating_sub(self.held_fresh()));
        kept.is_none_or(|kept| kept <= self.kept_memory)
    }

    fn held_fresh(&self) -> u64 {
        self.fresh.map_or(UNMEASURED_BYTES, |fresh| fresh.data)
    }

    /// Resolves when the process dies or speaks although nothing was asked of it.
    pub(crate) async fn interrupted(&self) -> Silence {
        self.channel.interrupted().await
    }

    /// Asks for an answer outside any job.
    pub(crate) async fn ask(&mut self, request: &Request) -> Result<Reply, Silence> {
        self.channel.send(request, &[]).await?;
        self.channel.receive().await
    }

    /// Goes on with a job, from the start of it: the place of the next rendition, and what became of it.
    /// The caller keeps the deadline, and must not use the worker again if it gives up while any is owed.
    pub(crate) async fn deliver(
        &mut self,
        task: &mut Task<'_>,
    ) -> Result<(usize, Result<Finished, JobError>), Fault> {
        if task.begun {
            // A worker that has left may have said why: that is read next.
            let _ = self.channel.send(&Request::Collected, &[]).await;
        } else {
            self.begin(task.job, task.each).await?;
            task.begun = true;
        }
        let Rendered { index, outcome, cpu } = match self.channel.receive().await? {
            Reply::Rendered(rendered) => rendered,
            Reply::Panicked(text) => return Err(Fault::Spent(JobError::Panicked(text))),
            _ => return Err(ProtocolError::Unexpected.into()),
        };
        if task.owed.len() == 1 {
            // Before it is measured, so that nothing is added afterwards.
            self.hold_to(|worker, now| Allowance {
                data: worker.held_fresh().saturating_add(worker.kept_memory),
                mapped: worker.mapped(worker.kept_memory),
                file: 0,
                ..now
            });
        }
        self.memory = self.platform.memory(self.pid);
        let place = |owed: &usize| u32::try_from(*owed) == Ok(index);
        // Out of range, or for the second time.
        let place = task.owed.iter().position(place).ok_or(ProtocolError::Unexpected)?;
        let at = task.owed[place];
        let finished = match outcome {
            Outcome::Failed(error) => Err(error.into()),
            Outcome::Finished { kind, width, height, len } => {
                let claim = Claim { kind, width, height, len };
                let limit = self.result_limit.min(task.job.result);
                let file = self.result.as_ref().ok_or(ProtocolError::Unexpected)?;
                match claim.collect(file, &task.job.options[at], limit).await {
                    Err(JobError::Protocol(lie)) => return Err(lie.into()),
                    collected => collected.map(|bytes| Finished {
                        bytes,
                        kind,
                        width,
                        height,
                        cpu,
                        peak_memory: self.memory.map(|memory| memory.peak),
                    }),
                }
            }
        };
        task.owed.remove(place);
        if let Some(file) = self.result.as_ref().filter(|_| task.owed.is_empty()) {
            // A file that cannot be emptied is one that counts until its worker ends.
            let _ = self.platform.empty(file, self.result_limit);
        }
        Ok((at, finished))
    }

    /// Gives it a job, and the file to write every rendition of it into.
    async fn begin(&mut self, job: &Job, each: Duration) -> Result<(), Fault> {
        let ours = |error: io::Error| Fault::Ours(JobError::Exchange(error.to_string()));
        if self.result.is_none() {
            self.result = Some(self.platform.result_file(self.result_limit).map_err(ours)?);
        }
        self.asked += job.options.len();
        let (longest, most) = (self.result_limit.min(job.result), self.most(each));
        // What earlier jobs left counts, as far as it may be kept.
        let held = self.memory.map_or(0, |memory| memory.data.saturating_sub(self.held_fresh()));
        let memory = job.memory.saturating_add(held.min(self.kept_memory));
        let now = Allowance {
            data: self.held_fresh().saturating_add(memory).saturating_add(SLACK_BYTES),
            mapped: self.mapped(memory),
            file: longest,
            cpu: cpu_seconds(each, self.asked),
        };
        self.platform.allow(self.pid, &now, &most).map_err(ours)?;
        self.allowed = Some((now, most));
        let request = Request::Render {
            source_len: job.source.len(),
            options: job.options.clone(),
            limits: job.limits,
            memory: job.memory,
            result: longest,
        };
        let result = self.result.as_ref().ok_or(ProtocolError::Unexpected)?;
        self.channel.send(&request, &[job.source.as_fd(), result.as_fd()]).await?;
        Ok(())
    }

    /// Its hard limits: those of all jobs that it may ever have.
    fn most(&self, each: Duration) -> Allowance {
        self.allowed.map_or_else(
            || Allowance {
                data: self.memory_limit,
                mapped: self.mapped(self.memory_limit),
                file: self.result_limit,
                cpu: cpu_seconds(each, MAX_RENDITIONS),
            },
            |(_, most)| most,
        )
    }

    /// Address space, when so much memory is allowed.
    fn mapped(&self, memory: u64) -> u64 {
        let fresh = self.fresh.map_or(u64::MAX, |fresh| fresh.mapped);
        fresh.saturating_add(memory).saturating_add(RESERVED_BYTES)
    }

    /// Changes what it may have; where that fails, the larger limits go on.
    fn hold_to(&mut self, change: impl FnOnce(&Self, Allowance) -> Allowance) {
        if let Some((now, most)) = self.allowed {
            let now = change(self, now);
            if self.platform.allow(self.pid, &now, &most).is_ok() {
                self.allowed = Some((now, most));
            }
        }
    }

    /// Kills the process; [`Self::end`] must follow.
    pub(crate) fn kill(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
        }
    }

    /// Kills the process unless it is dead, and says how it ended once it is gone.
    pub(crate) async fn end(&mut self) -> Option<Exit> {
        if let Some(child) = self.child.take() {
            self.exit = self.spawner.end(child).await.ok()?.ok();
        }
        self.exit
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            drop(self.spawner.end(child));
        }
    }
}

/// Of so many renditions, as a limit in whole seconds.
fn cpu_seconds(each: Duration, renditions: usize) -> u64 {
    let renditions = u32::try_from(renditions).unwrap_or(u32::MAX);
    let time = each.saturating_mul(renditions).saturating_add(CPU_SLACK);
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

/// What a worker says it wrote.
#[derive(Debug, Clone, Copy)]
struct Claim {
    kind: Kind,
    width: u32,
    height: u32,
    len: u64,
}

impl Claim {
    /// Reads the result and holds the worker to its words.
    async fn collect(
        self,
        file: &File,
        asked: &RenderOptions,
        limit: u64,
    ) -> Result<Bytes, JobError> {
        let Self { kind, width, height, len } = self;
        let sides = 1..=asked.width;
        if !asked.target.gives(kind, width, height) || !sides.contains(&width) || height == 0 {
            return Err(ProtocolError::Unasked { kind, width, height }.into());
        }
        let length = ProtocolError::Length { len, limit };
        if len == 0 || len > limit {
            return Err(length.into());
        }
        let size = usize::try_from(len).map_err(|_| length)?;
        let read = move |file: &File| -> io::Result<Vec<u8>> {
            let mut bytes = vec![0; size];
            file.read_exact_at(&mut bytes, 0)?;
            Ok(bytes)
        };
        let read = async {
            if size <= READ_AT_ONCE {
                return read(file);
            }
            let file = file.try_clone()?;
            tokio::task::spawn_blocking(move || read(&file)).await.map_err(io::Error::other)?
        };
        let bytes = read.await.map_err(|error| JobError::Exchange(error.to_string()))?;
        // SECURITY: a worker that a picture took over may write anything; these bytes go to browsers
        // under this type.
        let found = sniff(&bytes[..size.min(SNIFF_BYTES)], len);
        if found != Some(kind) {
            return Err(ProtocolError::Kind { announced: kind, found }.into());
        }
        Ok(bytes.into())
    }
}
