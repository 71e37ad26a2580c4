//! The server's view of one worker process: start it, give it a job, believe nothing, end it.

use std::{
    fs::File,
    io,
    os::{fd::AsFd, unix::fs::FileExt},
    process::{self, Child},
};

use bytes::Bytes;
use cuttle_image::{Kind, RenderOptions, SNIFF_BYTES, sniff};
use tokio::{net::UnixStream, time::timeout};

use crate::{
    Exit, Finished, Job, JobError, Layer, Outcome, Platform, PoolConfig, ProtocolError, Rendered,
    Reply, StartError,
    channel::{ServerEnd, Silence},
    platform::Memory,
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
    result_limit: u64,
    memory_limit: u64,
    /// Process id.
    pub(crate) pid: u32,
    /// What confines it, by its own account; the self-test is what proves it.
    pub(crate) layers: Vec<Layer>,
    /// Jobs done.
    pub(crate) jobs: u32,
    /// Its memory after the last of them; `None` where the kernel does not say.
    pub(crate) memory: Option<Memory>,
}

/// What a worker is taken to hold before it was ever measured: libraries and an empty heap.
const UNMEASURED_BYTES: u64 = 8 << 20;
/// Room beside a job's estimate: the allocator's own pieces, and what earlier jobs left in crumbs.
const SLACK_BYTES: u64 = 16 << 20;

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
    /// There once a worker has the job.
    pub(crate) result: Option<File>,
    /// Places of the renditions that are still to come.
    pub(crate) owed: Vec<usize>,
}

impl<'a> Task<'a> {
    pub(crate) fn new(job: &'a Job) -> Self {
        Self { job, result: None, owed: (0..job.options.len()).collect() }
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
            layers: Vec::new(),
            jobs: 0,
            memory: None,
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
        Ok(worker)
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
        let result = match task.result.take() {
            None => self.begin(task.job).await?,
            Some(result) => {
                // A worker that has left may have said why: that is read next.
                let _ = self.channel.send(&Request::Collected, &[]).await;
                result
            }
        };
        let Rendered { index, outcome, cpu } = match self.channel.receive().await? {
            Reply::Rendered(rendered) => rendered,
            Reply::Panicked(text) => return Err(Fault::Spent(JobError::Panicked(text))),
            _ => return Err(ProtocolError::Unexpected.into()),
        };
        self.memory = self.platform.memory(self.pid);
        let place = |owed: &usize| u32::try_from(*owed) == Ok(index);
        // Out of range, or for the second time.
        let place = task.owed.iter().position(place).ok_or(ProtocolError::Unexpected)?;
        let at = task.owed[place];
        let finished = match outcome {
            Outcome::Failed(error) => Err(error.into()),
            Outcome::Finished { kind, width, height, len } => {
                let claim = Claim { kind, width, height, len };
                match claim.collect(&result, &task.job.options[at], self.result_limit).await {
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
        task.result = Some(result);
        Ok((at, finished))
    }

    /// Gives it a job, and the file to write every rendition of it into.
    async fn begin(&mut self, job: &Job) -> Result<File, Fault> {
        self.jobs = self.jobs.saturating_add(1);
        let ours = |error: io::Error| Fault::Ours(JobError::Exchange(error.to_string()));
        let result = self.platform.result_file(self.result_limit).map_err(ours)?;
        let held = self.memory.map_or(UNMEASURED_BYTES, |memory| memory.data);
        let allowed = held.saturating_add(job.memory).saturating_add(SLACK_BYTES);
        self.platform.allow_memory(self.pid, allowed, self.memory_limit).map_err(ours)?;
        let request = Request::Render {
            source_len: job.source.len(),
            options: job.options.clone(),
            limits: job.limits,
        };
        self.channel.send(&request, &[job.source.as_fd(), result.as_fd()]).await?;
        Ok(result)
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
            self.exit = self.spawner.bury(child).await.ok()?.ok();
        }
        self.exit
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            drop(self.spawner.bury(child));
        }
    }
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
