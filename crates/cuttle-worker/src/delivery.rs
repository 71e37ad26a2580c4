//! The worker's side of a job's results: each is written, announced, and left alone until it was read.
//!
//! One file serves all renditions of a job, in turn. The engine goes on with the next one while the
//! server reads, and waits only when it is ready to write again. The last is announced when the engine
//! has given its memory back, because the server then measures what this process keeps.

use std::{fs::File, io, mem, os::unix::fs::FileExt, time::Duration};

use cuttle_image::{RenderError, Rendition};
use rustix::time::{ClockId, clock_gettime};

use crate::{
    Outcome, Rendered, Reply,
    channel::WorkerEnd,
    protocol::{Request, clean},
};

/// What a job still owes to the server.
#[derive(Debug)]
pub(crate) struct Delivery<'a> {
    channel: &'a WorkerEnd<'a>,
    file: &'a File,
    /// Bytes of the longest result.
    limit: u64,
    /// Renditions asked for, and announced so far.
    asked: usize,
    announced: usize,
    last: Option<Rendered>,
    /// CPU time when the one before was done.
    since: Duration,
    broken: io::Result<()>,
}

impl<'a> Delivery<'a> {
    pub(crate) fn new(
        channel: &'a WorkerEnd<'a>,
        file: &'a File,
        limit: u64,
        asked: usize,
    ) -> Self {
        let since = cpu_time();
        Self { channel, file, limit, asked, announced: 0, last: None, since, broken: Ok(()) }
    }

    /// Writes and announces one rendition, or why there is none.
    pub(crate) fn deliver(&mut self, at: usize, outcome: Result<Rendition, RenderError>) {
        if self.broken.is_ok() {
            self.broken = self.take(at, outcome);
        }
    }

    fn take(&mut self, at: usize, outcome: Result<Rendition, RenderError>) -> io::Result<()> {
        if self.last.is_some() {
            return Err(io::Error::other("the engine made more than was asked for"));
        }
        if self.announced > 0 {
            match self.channel.receive()? {
                Some((Request::Collected, _)) => {}
                _ => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
        let outcome = outcome.and_then(|rendition| self.write(&rendition)).unwrap_or_else(failed);
        let index = u32::try_from(at).unwrap_or(u32::MAX);
        let now = cpu_time();
        let cpu = now.saturating_sub(mem::replace(&mut self.since, now));
        let rendered = Rendered { index, outcome, cpu };
        if self.announced + 1 == self.asked {
            self.last = Some(rendered);
            return Ok(());
        }
        self.announced += 1;
        self.channel.send(&Reply::Rendered(rendered))
    }

    fn write(&self, rendition: &Rendition) -> Result<Outcome, RenderError> {
        let Rendition { ref bytes, kind, width, height } = *rendition;
        let (len, limit) = (u64::try_from(bytes.len()).unwrap_or(u64::MAX), self.limit);
        if len > limit {
            let text = format!("the rendition has {len} bytes, more than the limit of {limit}");
            return Err(RenderError::Encode(text));
        }
        self.file
            .write_all_at(bytes, 0)
            .map_err(|error| RenderError::Encode(format!("writing the result: {error}")))?;
        Ok(Outcome::Finished { kind, width, height, len })
    }

    /// The last rendition, to be announced, or what is wrong with an engine that is through without one:
    /// the server must not wait for it.
    pub(crate) fn end(self) -> Result<Rendered, String> {
        self.broken.map_err(|error| error.to_string())?;
        self.last.ok_or_else(|| "the engine left a rendition out".to_owned())
    }
}

/// Keeps a codec's message within what a reply may hold.
fn failed(mut error: RenderError) -> Outcome {
    if let RenderError::Decode(text) | RenderError::Encode(text) = &mut error {
        clean(text);
    }
    Outcome::Failed(error)
}

/// User and system time of this process, which has one thread: of that one, because under `RLIMIT_CPU` the
/// clock of the process goes by ticks.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}
