//! Notices a task that keeps its thread of the reactor busy.
//!
//! While a task is polled, nothing else on that thread goes on: two polls that do not come back are the end of a server on
//! two cores, deadlines included, which are tasks too. Every task is therefore begun here. It stops nothing: what it finds
//! is a bug of ours, which the tests turn into a failure.
#![forbid(unsafe_code)]

mod clock;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use clock::Turn;

/// Of its thread's CPU time, for one poll. Not of time that passed: where others want the processor too, a healthy poll is
/// interrupted for longer than that.
pub const MOST_CPU: Duration = Duration::from_millis(100);

static LONG_POLLS: AtomicU64 = AtomicU64::new(0);

/// Polls of this process so far that used more than [`MOST_CPU`].
#[must_use]
pub fn long_polls() -> u64 {
    LONG_POLLS.load(Ordering::Relaxed)
}

/// `work`, with a look at how long each poll of it takes. `task` is what the log calls it.
pub async fn watched<F: Future>(task: &'static str, work: F) -> F::Output {
    let mut work = pin!(work);
    poll_fn(|context| {
        let turn = Turn::begin();
        let polled = work.as_mut().poll(context);
        if let Some(cpu) = turn.cpu_if_over(MOST_CPU) {
            LONG_POLLS.fetch_add(1, Ordering::Relaxed);
            let cpu_ms = u64::try_from(cpu.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(
                task,
                cpu_ms,
                "a task kept a thread busy, and requests had to wait: please report this"
            );
        }
        polled
    })
    .await
}

/// Begins a task of its own.
pub fn spawn<F>(task: &'static str, work: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(watched(task, work))
}

/// Where hyper begins its tasks.
#[derive(Debug, Clone, Copy)]
pub struct Executor(pub &'static str);

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, work: F) {
        spawn(self.0, work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, as the count is the whole process's.
    #[tokio::test]
    async fn what_keeps_the_processor_is_counted_and_what_only_takes_long_is_not() {
        watched("waiting", async {
            let began = std::time::Instant::now();
            while began.elapsed() < 2 * MOST_CPU {
                std::thread::park_timeout(MOST_CPU);
            }
        })
        .await;
        assert_eq!(long_polls(), 0, "nothing but time went by");
        watched("several", async {
            for _ in 0..3 {
                clock::burn(MOST_CPU / 2);
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(long_polls(), 0, "others had their turn in between");
        spawn("busy", async { clock::burn(2 * MOST_CPU) }).await.expect("no panic");
        assert_eq!(long_polls(), 1);
    }
}
