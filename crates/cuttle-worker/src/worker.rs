//! The server's view of one worker process: start it, give it a job, believe nothing, end it.

use std::{
    fs::File,
    io,
    os::{fd::AsFd, unix::fs::FileExt},
    process::{self, Child},
};

use bytes::Bytes;
use cuttle_image::{Kind, SNIFF_BYTES, sniff};
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

/// What became of one job, and of the worker that had it.
#[derive(Debug)]
pub(crate) enum Report {
    /// The worker can go on.
    Done(Result<Finished, JobError>),
    /// The answer stands, but the worker must not be used again.
    Spent(JobError),
    /// The process is gone; its end says how.
    Died,
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

    /// Does one job. The caller keeps the deadline, and must not use the worker again if it gives up.
    pub(crate) async fn render(&mut self, job: &Job) -> Report {
        self.jobs = self.jobs.saturating_add(1);
        let result = match self.platform.result_file(self.result_limit) {
            Ok(file) => file,
            Err(error) => return Report::Done(Err(JobError::Exchange(error.to_string()))),
        };
        let held = self.memory.map_or(UNMEASURED_BYTES, |memory| memory.data);
        let allowed = held.saturating_add(job.memory).saturating_add(SLACK_BYTES);
        if let Err(error) = self.platform.allow_memory(self.pid, allowed, self.memory_limit) {
            return Report::Done(Err(JobError::Exchange(error.to_string())));
        }
        let request = Request::Render {
            source_len: job.source.len(),
            options: job.options,
            limits: job.limits,
        };
        let exchange = async {
            self.channel.send(&request, &[job.source.as_fd(), result.as_fd()]).await?;
            self.channel.receive().await
        };
        let Rendered { outcome, cpu } = match exchange.await {
            Ok(Reply::Rendered(rendered)) => rendered,
            Ok(_) => return Report::Spent(ProtocolError::Unexpected.into()),
            Err(Silence::Protocol(error)) => return Report::Spent(error.into()),
            Err(Silence::Gone) => return Report::Died,
        };
        self.memory = self.platform.memory(self.pid);
        let claim = match outcome {
            Outcome::Finished { kind, width, height, len } => Claim { kind, width, height, len },
            Outcome::Failed(error) => return Report::Done(Err(error.into())),
            Outcome::Panicked(text) => return Report::Spent(JobError::Panicked(text)),
        };
        match claim.collect(result, job, self.result_limit).await {
            Ok(bytes) => Report::Done(Ok(Finished {
                bytes,
                kind: claim.kind,
                width: claim.width,
                height: claim.height,
                cpu,
                peak_memory: self.memory.map(|memory| memory.peak),
            })),
            Err(error @ JobError::Protocol(_)) => Report::Spent(error),
            Err(error) => Report::Done(Err(error)),
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
    async fn collect(self, file: File, job: &Job, limit: u64) -> Result<Bytes, JobError> {
        let Self { kind, width, height, len } = self;
        let sides = 1..=job.options.width;
        if !job.options.target.gives(kind, width, height) || !sides.contains(&width) || height == 0
        {
            return Err(ProtocolError::Unasked { kind, width, height }.into());
        }
        let length = ProtocolError::Length { len, limit };
        if len == 0 || len > limit {
            return Err(length.into());
        }
        let size = usize::try_from(len).map_err(|_| length)?;
        let read = move || -> io::Result<Vec<u8>> {
            let mut bytes = vec![0; size];
            file.read_exact_at(&mut bytes, 0)?;
            Ok(bytes)
        };
        let read = if size <= READ_AT_ONCE {
            read()
        } else {
            tokio::task::spawn_blocking(read)
                .await
                .unwrap_or_else(|error| Err(io::Error::other(error)))
        };
        let bytes = read.map_err(|error| JobError::Exchange(error.to_string()))?;
        // SECURITY: a worker that a picture took over may write anything; these bytes go to browsers
        // under this type.
        let found = sniff(&bytes[..size.min(SNIFF_BYTES)], len);
        if found != Some(kind) {
            return Err(ProtocolError::Kind { announced: kind, found }.into());
        }
        Ok(bytes.into())
    }
}
