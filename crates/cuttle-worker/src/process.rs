//! The worker's side: lock in, say hello, then the jobs of one original until the socket closes.
//!
//! It holds its socket and, during a job, that job's two files. It keeps nothing between jobs, which is its
//! manners and nobody's protection: that is the pool's, which gives it one original and ends it. And
//! after a panic of the engine it answers and leaves: what the engine's memory then holds is unknown.
//! What becomes of a job's renditions is in [`crate::delivery`].

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
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    process::ExitCode,
    sync::{Mutex, PoisonError},
};

use cuttle_image::{Limits, RenderError, RenderOptions, Rendition};

use crate::{
    Reply,
    channel::WorkerEnd,
    delivery::Delivery,
    escape_attempts,
    protocol::{self, MAX_RENDITIONS, Request, clean},
    settings::{AFTER_EXEC, Settings},
};

/// What renders: hands out each rendition, under its place in the options, as soon as it is done. A
/// parameter, so that tests can run a hostile one in a real worker.
pub type Engine =
    fn(&[u8], &[RenderOptions], &Limits, &mut dyn FnMut(usize, Result<Rendition, RenderError>));

/// Status for a process whose command line is no worker's.
const USAGE: u8 = 2;

/// Runs this process as a worker with the engine of `cuttle-image`.
///
/// Call it before anything else when the first argument is [`crate::WORKER_ARGUMENT`]: no thread
/// may exist yet, because some layers of the sandbox bind only the calling one.
#[must_use]
pub fn main() -> ExitCode {
    serve(cuttle_image::render_each)
}

/// Runs this process as a worker with the engine given.
#[must_use]
pub fn serve(engine: Engine) -> ExitCode {
    let args: Vec<OsString> = env::args_os().skip(2).collect();
    let stdin = rustix::stdio::stdin();
    let channel = WorkerEnd(stdin.as_fd());
    if args == [AFTER_EXEC] {
        return status(channel.send(&Reply::Acts(vec![escape_attempts::executed()])).is_ok());
    }
    let Some(settings) = Settings::parse(args) else {
        let _ =
            writeln!(io::stderr(), "cuttle starts its workers itself; `worker` is not a command");
        return ExitCode::from(USAGE);
    };
    panic::set_hook(Box::new(last_words));
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
        match request {
            Request::TryForbiddenActs => {
                channel.send(&Reply::Acts(escape_attempts::try_all(settings.parent)))?;
            }
            Request::TryExec => channel.send(&Reply::Acts(vec![escape_attempts::try_exec()]))?,
            Request::Render { source_len, options, limits, memory, result: longest } => {
                cuttle_image::heap::expect(memory);
                let files: [OwnedFd; 2] =
                    descriptors.try_into().map_err(|_| io::ErrorKind::InvalidInput)?;
                let [source, result] = files.map(File::from);
                if !(1..=MAX_RENDITIONS).contains(&options.len()) {
                    return Err(io::ErrorKind::InvalidInput.into());
                }
                let mut delivery = Delivery::new(channel, &result, longest, options.len());
                let last = render(engine, &source, source_len, &options, &limits, &mut delivery)
                    .and_then(|()| delivery.end());
                // Before the last answer: whoever has it may look at what this process holds.
                drop((source, result));
                match last {
                    Ok(last) => channel.send(&Reply::Rendered(last))?,
                    Err(text) => return channel.send(&Reply::Panicked(text)),
                }
            }
            // Only ever between two renditions.
            Request::Collected => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    Ok(())
}

/// Runs the engine and delivers what it makes; the error is its panic.
fn render(
    engine: Engine,
    source: &File,
    source_len: u64,
    options: &[RenderOptions],
    limits: &Limits,
    delivery: &mut Delivery<'_>,
) -> Result<(), String> {
    let mut each = |at, outcome| delivery.deliver(at, outcome);
    let bytes = match read(source, source_len, limits) {
        Ok(bytes) => bytes,
        Err(error) => {
            (0..options.len()).for_each(|at| each(at, Err(error.clone())));
            return Ok(());
        }
    };
    panic::catch_unwind(AssertUnwindSafe(|| engine(&bytes, options, limits, &mut each)))
        .map_err(|payload| message(&*payload))
}

fn read(source: &File, len: u64, limits: &Limits) -> Result<Vec<u8>, RenderError> {
    limits.check_source(len)?;
    let unreadable = |error: io::Error| RenderError::Decode(error.to_string());
    let len = usize::try_from(len).map_err(|error| unreadable(io::Error::other(error)))?;
    let mut bytes = vec![0; len];
    source.read_exact_at(&mut bytes, 0).map_err(unreadable)?;
    Ok(bytes)
}

/// Says what cannot be caught: a panic that would leave a function that C may call, as all of rav1d's are, is followed by
/// another, and that by the end of the process. Of others whoever catches them speaks; a report has no reader here, and
/// symbolising one would cost more than the job.
fn last_words(panic: &PanicHookInfo<'_>) {
    static FIRST: Mutex<Option<String>> = Mutex::new(None);
    let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    match first.take() {
        None => *first = Some(message(panic.payload())),
        Some(first) => {
            let _ = WorkerEnd(rustix::stdio::stdin()).send(&Reply::Panicked(first));
        }
    }
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
