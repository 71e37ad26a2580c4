//! The worker's side: lock in, say hello, then one job after the other until the socket closes.
//!
//! It holds its socket and, during a job, that job's two files. It keeps nothing between jobs, and
//! after a panic of the engine it answers and leaves: what the engine's memory then holds is unknown.

use std::{
    any::Any,
    env,
    ffi::OsString,
    fs::File,
    io::{self, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::FileExt,
    },
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    time::Duration,
};

use cuttle_image::{Limits, RenderError, RenderOptions, Rendition};
use rustix::time::{ClockId, clock_gettime};

use crate::{
    Outcome, Rendered, Reply, acts,
    channel::WorkerEnd,
    protocol::{self, Request, clean},
    settings::{AFTER_EXEC, Settings},
};

/// What renders. A parameter, so that tests can run a hostile one in a real worker.
pub type Engine = fn(&[u8], &RenderOptions, &Limits) -> Result<Rendition, RenderError>;

/// Status for a process whose command line is no worker's.
const USAGE: u8 = 2;

/// Runs this process as a worker with the engine of `cuttle-image`.
///
/// Call it before anything else when the first argument is [`crate::WORKER_ARGUMENT`]: no thread
/// may exist yet, because some layers of the sandbox bind only the calling one.
#[must_use]
pub fn main() -> ExitCode {
    serve(cuttle_image::render)
}

/// Runs this process as a worker with the engine given.
#[must_use]
pub fn serve(engine: Engine) -> ExitCode {
    let args: Vec<OsString> = env::args_os().skip(2).collect();
    let stdin = rustix::stdio::stdin();
    let channel = WorkerEnd(stdin.as_fd());
    if args == [AFTER_EXEC] {
        return status(channel.send(&Reply::Acts(vec![acts::executed()])).is_ok());
    }
    let Some(settings) = Settings::parse(args) else {
        let _ =
            writeln!(io::stderr(), "cuttle starts its workers itself; `worker` is not a command");
        return ExitCode::from(USAGE);
    };
    // A report has no reader here, and symbolising one would cost more than the job.
    panic::set_hook(Box::new(|_| {}));
    let layers = settings.platform.confine(&settings);
    status(work(&channel, &settings, layers, engine).is_ok())
}

fn status(well: bool) -> ExitCode {
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn work(
    channel: &WorkerEnd<'_>,
    settings: &Settings,
    layers: Vec<crate::Layer>,
    engine: Engine,
) -> io::Result<()> {
    channel.send(&Reply::Hello { version: protocol::VERSION, layers })?;
    while let Some((request, descriptors)) = channel.receive()? {
        let reply = match request {
            Request::TryForbiddenActs => Reply::Acts(acts::try_all(settings.parent)),
            Request::TryExec => Reply::Acts(vec![acts::try_exec()]),
            Request::Render { source_len, options, limits } => {
                let files: [OwnedFd; 2] =
                    descriptors.try_into().map_err(|_| io::ErrorKind::InvalidInput)?;
                let [source, result] = files.map(File::from);
                let started = cpu_time();
                let outcome = render(engine, &source, source_len, &options, &limits)
                    .and_then(|rendition| write(&result, settings.result, &rendition))
                    .unwrap_or_else(|failure| failure);
                let cpu = cpu_time().saturating_sub(started);
                Reply::Rendered(Rendered { outcome, cpu })
            }
        };
        channel.send(&reply)?;
        if matches!(reply, Reply::Rendered(Rendered { outcome: Outcome::Panicked(_), .. })) {
            break;
        }
    }
    Ok(())
}

fn render(
    engine: Engine,
    source: &File,
    source_len: u64,
    options: &RenderOptions,
    limits: &Limits,
) -> Result<Rendition, Outcome> {
    limits.check_source(source_len).map_err(|excess| Outcome::Failed(excess.into()))?;
    let unreadable = |error: io::Error| failed(RenderError::Decode(error.to_string()));
    let len = usize::try_from(source_len).map_err(|error| unreadable(io::Error::other(error)))?;
    let mut bytes = vec![0; len];
    source.read_exact_at(&mut bytes, 0).map_err(unreadable)?;
    panic::catch_unwind(AssertUnwindSafe(|| engine(&bytes, options, limits)))
        .map_err(|payload| Outcome::Panicked(message(&*payload)))?
        .map_err(failed)
}

fn write(result: &File, limit: u64, rendition: &Rendition) -> Result<Outcome, Outcome> {
    let Rendition { ref bytes, kind, width, height } = *rendition;
    let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if len > limit {
        let text = format!("the rendition has {len} bytes, more than the limit of {limit}");
        return Err(failed(RenderError::Encode(text)));
    }
    result
        .write_all_at(bytes, 0)
        .map_err(|error| failed(RenderError::Encode(format!("writing the result: {error}"))))?;
    Ok(Outcome::Finished { kind, width, height, len })
}

/// Keeps a codec's message within what a reply may hold.
fn failed(mut error: RenderError) -> Outcome {
    if let RenderError::Decode(text) | RenderError::Encode(text) = &mut error {
        clean(text);
    }
    Outcome::Failed(error)
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned());
    let mut text = text.unwrap_or_else(|| "no message".to_owned());
    clean(&mut text);
    text
}

/// User and system time of this process, which has one thread.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}
