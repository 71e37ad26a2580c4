//! Standard error as a log: who logs hands a line over, and a thread writes it.
//!
//! A log must not decide whether anything is served. Its disk may be full, its reader gone, or there and taking nothing: then
//! lines are lost and counted, nobody who logs waits, and no error comes back to them.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use cuttle_server::LogHealth;

/// Bytes that wait to be written: a thousand lines, a burst that a busy reader gets over.
const MOST_BYTES: usize = 256 << 10;
/// The thread waits for so long after the first line, or for so many bytes. Woken for each line it took as much time as the hit
/// that the line was about, on the same core: half of all hits a second.
const GATHERS_FOR: Duration = Duration::from_millis(5);
const GATHERED: usize = MOST_BYTES / 4;
/// Where somebody made the descriptor one that does not block, and it is full.
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// Takes lines. Clones write to the same log.
#[derive(Debug, Clone)]
pub(super) struct StandardError(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// The thread waits for lines, or somebody for the thread.
    changed: Condvar,
    health: Arc<LogHealth>,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// The thread has nothing to do. Waking it costs a system call, so it is done only then.
    idle: bool,
    /// Somebody waits for what there is.
    urgent: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StandardError {
    /// Starts the thread. What is lost is told to `health`.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(health: Arc<LogHealth>) -> io::Result<Self> {
        let changed = Condvar::new();
        let shared = Arc::new(Shared { waiting: Mutex::default(), changed, health });
        let own = Arc::clone(&shared);
        thread::Builder::new()
            .name("cuttle-log".to_owned())
            .spawn(move || write_all_that_comes(&own, io::stderr()))?;
        Ok(Self(shared))
    }

    /// Waits until everything is written, or lost, but no longer than this.
    pub(super) fn flush_within(&self, patience: Duration) {
        let is_busy = |waiting: &mut Waiting| !waiting.idle || !waiting.bytes.is_empty();
        let mut waiting = self.0.lock();
        waiting.urgent = true;
        self.0.changed.notify_all();
        drop(self.0.changed.wait_timeout_while(waiting, patience, is_busy));
    }
}

impl Write for StandardError {
    /// One whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.lock();
        if waiting.bytes.len() + line.len() > MOST_BYTES {
            drop(waiting);
            self.0.health.lost(1, "nobody reads it, or too slowly");
            return Ok(line.len());
        }
        let before = waiting.bytes.len();
        waiting.bytes.extend_from_slice(line);
        if waiting.idle || before < GATHERED && waiting.bytes.len() >= GATHERED {
            waiting.idle = false;
            self.0.changed.notify_all();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Until the process ends.
fn write_all_that_comes(shared: &Shared, mut out: impl Write) {
    let mut lines = Vec::new();
    let mut torn = false;
    loop {
        lines.clear();
        let mut waiting = shared.lock();
        while waiting.bytes.is_empty() {
            waiting.idle = true;
            waiting.urgent = false;
            shared.changed.notify_all();
            waiting = shared.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let few = |waiting: &mut Waiting| waiting.bytes.len() < GATHERED && !waiting.urgent;
        let gathered = shared.changed.wait_timeout_while(waiting, GATHERS_FOR, few);
        let (mut waiting, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut lines, &mut waiting.bytes);
        drop(waiting);
        // What is left of a line that was cut off is a line of its own, and not the head of the next.
        let begun = if torn { write_to(&mut out, b"\n") } else { Ok(()) };
        match begun.map_err(|error| (0, error)).and_then(|()| put(&mut out, &lines)) {
            Ok(()) => {
                torn = false;
                if shared.health.written() {
                    let lines_lost = shared.health.lines_lost();
                    tracing::warn!(lines_lost, "the log can be written again; lines were lost");
                }
            }
            Err((written, error)) => {
                torn = if written > 0 { lines[written - 1] != b'\n' } else { torn };
                let ends = lines[written..].iter().filter(|&&byte| byte == b'\n').count();
                shared.health.lost(ends as u64, &error.kind().to_string());
            }
        }
    }
}

/// All of it, or how much of it, and why no more.
fn put(out: &mut impl Write, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while written < bytes.len() {
        match out.write(&bytes[written..]) {
            Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::park_timeout(TRY_AGAIN);
            }
            Err(error) => return Err((written, error)),
        }
    }
    Ok(())
}

fn write_to(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    put(out, bytes).map_err(|(_, error)| error)
}
