//! One place in the pool: a task that always has a worker, or is getting one.
//!
//! It offers its worker, does the job that it is given, and replaces the worker when it died, was
//! killed, lied, or kept too much memory. The job's asker may vanish at any time: the task alone
//! talks to the process, so no half-read reply is ever left for the next job.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{oneshot, watch},
    time::{Instant, sleep, sleep_until},
};

use crate::{
    JobError,
    shared::{Assignment, Shared},
    worker::{Fault, Task, Worker},
};

/// First and longest pause between two failed starts.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// Why a worker's time is over.
#[derive(Debug)]
enum End {
    /// The pool is shutting down.
    ShutDown,
    /// It must be replaced.
    Replace(&'static str),
}

/// Runs until the pool shuts down.
pub(crate) async fn run(
    shared: Arc<Shared>,
    slot: usize,
    mut worker: Worker,
    mut closing: watch::Receiver<bool>,
) {
    loop {
        let end = employ(&shared, slot, &mut worker, &mut closing).await;
        shared.vacate(slot);
        let exit = worker.end().await;
        match end {
            End::ShutDown => return,
            End::Replace(reason) => {
                tracing::debug!(pid = worker.pid, reason, ?exit, "a worker is replaced");
            }
        }
        tokio::select! {
            biased;
            () = closed(&mut closing) => return,
            fresh = replacement(&shared, slot) => worker = fresh,
        }
        shared.occupy(slot, worker.pid);
    }
}

/// Resolves when the pool shuts down or is dropped.
async fn closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

/// Starts workers until one is ready.
async fn replacement(shared: &Shared, slot: usize) -> Worker {
    let (mut pause, longest) = RETRY;
    loop {
        match shared.start_worker().await {
            Ok(worker) => return worker,
            Err(error) => {
                tracing::error!(%error, retry_in = ?pause, "no worker could be started");
                shared.note_failed_start(slot, error.to_string());
                sleep(pause).await;
                pause = (pause * 2).min(longest);
            }
        }
    }
}

/// Gives one worker job after job, until its time is over.
async fn employ(
    shared: &Shared,
    slot: usize,
    worker: &mut Worker,
    closing: &mut watch::Receiver<bool>,
) -> End {
    loop {
        let assignment = match idle(shared, slot, worker, closing).await {
            Ok(assignment) => assignment,
            Err(end) => return end,
        };
        shared.note_job(slot);
        if let Some(end) = perform(shared, slot, worker, closing, assignment).await {
            return end;
        }
    }
}

/// Waits for a job. Also notices a worker that dies while nobody needs it, and one that keeps memory
/// which nobody needs: allocators give little back, and an idle server should be small.
async fn idle(
    shared: &Shared,
    slot: usize,
    worker: &Worker,
    closing: &mut watch::Receiver<bool>,
) -> Result<Assignment, End> {
    let (offer, mut taken) = oneshot::channel();
    shared.offer(slot, offer);
    let swollen = worker.memory.is_some_and(|memory| memory.private > shared.config.idle_memory);
    // An assignment that comes at the same moment as an end is dropped unanswered, and given again.
    tokio::select! {
        biased;
        () = closed(closing) => Err(End::ShutDown),
        silence = worker.interrupted() => {
            tracing::warn!(pid = worker.pid, ?silence, "an idle worker died or spoke");
            Err(End::Replace("ended while idle"))
        }
        assignment = &mut taken => assignment.map_err(|_| End::ShutDown),
        () = sleep(shared.config.idle_after), if swollen => Err(End::Replace("kept memory while idle")),
    }
}

/// Does one job and answers for each of its renditions. Says so when the worker must not have another.
async fn perform(
    shared: &Shared,
    slot: usize,
    worker: &mut Worker,
    closing: &mut watch::Receiver<bool>,
    assignment: Assignment,
) -> Option<End> {
    let Assignment { job, deadline, each, permit, answers } = assignment;
    let mut task = Task::new(&job);
    let (last, end) = loop {
        let now = Instant::now();
        if task.result.is_none() && (answers.is_closed() || deadline <= now) {
            break (Err(JobError::TimedOut), None);
        }
        let patience = now.checked_add(each).map_or(deadline, |patience| patience.min(deadline));
        let delivered = tokio::select! {
            biased;
            () = closed(closing) => break (Err(JobError::ShutDown), Some(End::ShutDown)),
            // Work that nobody wants would keep the worker from those who wait.
            () = answers.closed() => return Some(End::Replace("its job was abandoned")),
            delivered = worker.deliver(&mut task) => delivered,
            () = sleep_until(patience) => {
                worker.kill();
                break (Err(JobError::TimedOut), Some(End::Replace("over its deadline")));
            }
        };
        match delivered {
            Ok(delivered) if task.owed.is_empty() => break (Ok(delivered), None),
            Ok(delivered) => drop(answers.send(delivered)),
            Err(Fault::Ours(error)) => break (Err(error), None),
            Err(Fault::Spent(error)) => {
                tracing::warn!(pid = worker.pid, %error, "a worker cannot be trusted any more");
                break (Err(error), Some(End::Replace("not to be trusted")));
            }
            Err(Fault::Died) => {
                let exit = worker.end().await;
                tracing::warn!(pid = worker.pid, ?exit, "a worker crashed");
                break (Err(JobError::crashed(exit)), Some(End::Replace("crashed")));
            }
        }
    };
    let end = end.or_else(|| worn(shared, worker).map(End::Replace));
    // Before the answer: whoever has it may look at the pool, or ask again, at once.
    if end.is_some() {
        shared.vacate(slot);
    }
    drop(permit);
    match last {
        Ok(delivered) => drop(answers.send(delivered)),
        Err(error) => task.owed.iter().for_each(|at| drop(answers.send((*at, Err(error.clone()))))),
    }
    end
}

/// Says why a worker that did its job well must go all the same.
fn worn(shared: &Shared, worker: &Worker) -> Option<&'static str> {
    if worker.jobs >= shared.config.jobs_per_worker {
        return Some("did its share of jobs");
    }
    let private = worker.memory?.private;
    (private > shared.config.memory_high_water).then_some("kept too much memory")
}
