//! One place in the pool: a task that has a worker for one original after the other, and a spare behind it.
//!
//! It offers a fresh worker, and from its first job on for that original alone. The spare is started when that
//! job begins, so that nobody waits for it. The job's asker may vanish at any time: the task alone talks to the
//! process, so no half-read reply is ever left for the next job.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{oneshot, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    JobError, OriginalId,
    shared::{Assignment, Offer, Shared},
    worker::{Fault, Task, Worker},
};

/// First and longest pause between two failed starts.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// How long a worker waits for another job of its original: a browser asks for the widths of a page within it,
/// and what the worker keeps meanwhile is soon given back.
const LINGER: Duration = Duration::from_millis(100);

/// Why a worker's time is over.
#[derive(Debug)]
enum End {
    /// The pool is shutting down.
    ShutDown,
    /// It was there for one original, and that is done.
    Served,
    /// It crashed, lied or was killed.
    Lost(&'static str),
}

/// One place.
#[derive(Debug)]
struct Place {
    shared: Arc<Shared>,
    slot: usize,
    closing: watch::Receiver<bool>,
    /// The next worker, while the present one has seen an original. One at most.
    spare: JoinSet<Worker>,
}

/// Runs until the pool shuts down.
pub(crate) async fn run(
    shared: Arc<Shared>,
    slot: usize,
    mut worker: Worker,
    closing: watch::Receiver<bool>,
) {
    let mut place = Place { shared, slot, closing, spare: JoinSet::new() };
    loop {
        let end = place.employ(&mut worker).await;
        place.leave(&end);
        // Until it is gone: what it held is the next one's.
        let exit = worker.end().await;
        match end {
            End::ShutDown => break,
            End::Served => {}
            End::Lost(reason) => {
                tracing::debug!(pid = worker.pid, reason, ?exit, "a worker is replaced");
            }
        }
        match place.successor().await {
            Some(spare) => worker = spare,
            None => break,
        }
        place.shared.occupy(slot, worker.pid);
    }
    if let Some(Ok(mut spare)) = place.spare.try_join_next() {
        spare.end().await;
    }
}

/// Resolves when the pool shuts down or is dropped.
async fn closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

/// Starts workers until one is ready. That none can be started is believed when it fails twice in a row: one that something
/// killed as it began would else cost every job that waits its rendition.
async fn start(shared: Arc<Shared>, slot: usize) -> Worker {
    let (mut pause, longest) = RETRY;
    let mut failed = false;
    loop {
        match shared.start_worker().await {
            Ok(worker) => {
                shared.note_started(slot);
                return worker;
            }
            Err(error) => {
                tracing::error!(%error, retry_in = ?pause, "no worker could be started");
                if failed {
                    shared.note_failed_start(slot, error.to_string());
                }
                failed = true;
                sleep(pause).await;
                pause = (pause * 2).min(longest);
            }
        }
    }
}

impl Place {
    /// Has the next worker started, unless it is.
    fn prepare(&mut self) {
        if self.spare.is_empty() {
            self.spare.spawn(start(Arc::clone(&self.shared), self.slot));
        }
    }

    /// The next worker; nothing when the pool shuts down first.
    async fn successor(&mut self) -> Option<Worker> {
        loop {
            self.prepare();
            tokio::select! {
                biased;
                () = closed(&mut self.closing) => return None,
                started = self.spare.join_next() => {
                    if let Some(Ok(spare)) = started {
                        return Some(spare);
                    }
                }
            }
        }
    }

    /// What the pool's handle sees from now on.
    fn leave(&self, end: &End) {
        match end {
            End::ShutDown | End::Lost(_) => self.shared.vacate(self.slot),
            End::Served => self.shared.retire(self.slot),
        }
    }

    /// Gives a worker the jobs of one original, until its time is over.
    async fn employ(&mut self, worker: &mut Worker) -> End {
        let mut knows = None;
        loop {
            let assignment = match self.idle(worker, knows).await {
                Ok(assignment) => assignment,
                Err(end) => return end,
            };
            knows = Some(assignment.job.original);
            self.prepare();
            self.shared.note_job(self.slot);
            if let Some(end) = self.perform(worker, assignment).await {
                return end;
            }
        }
    }

    /// Waits for a job, not for long where only those of one original may come. Also notices a worker that
    /// dies while nobody needs it.
    async fn idle(
        &mut self,
        worker: &Worker,
        knows: Option<OriginalId>,
    ) -> Result<Assignment, End> {
        let (to, mut taken) = oneshot::channel();
        self.shared.offer(self.slot, Offer { knows, room: worker.room(), to });
        // An assignment that comes at the same moment as an end is dropped unanswered, and given again.
        tokio::select! {
            biased;
            () = closed(&mut self.closing) => Err(End::ShutDown),
            silence = worker.interrupted() => {
                tracing::warn!(pid = worker.pid, ?silence, "an idle worker died, or said something unasked");
                Err(End::Lost("ended while idle"))
            }
            // Without an assignment it must make room.
            assignment = &mut taken => assignment.map_err(|_| End::Served),
            () = sleep(LINGER), if knows.is_some() => Err(End::Served),
        }
    }

    /// Does one job and answers for each of its renditions. Says so when the worker must not have another.
    async fn perform(&mut self, worker: &mut Worker, assignment: Assignment) -> Option<End> {
        let Assignment { job, deadline, each, permit, answers } = assignment;
        let mut task = Task::new(&job, each);
        let (last, end) = loop {
            let now = Instant::now();
            if !task.begun && (answers.is_closed() || deadline <= now) {
                break (Err(JobError::TimedOut), None);
            }
            let patience =
                now.checked_add(each).map_or(deadline, |patience| patience.min(deadline));
            let delivered = tokio::select! {
                biased;
                () = closed(&mut self.closing) => {
                    break (Err(JobError::ShutDown), Some(End::ShutDown));
                }
                // Work that nobody wants would keep the worker from those who wait.
                () = answers.closed() => return Some(End::Lost("its job was abandoned")),
                delivered = worker.deliver(&mut task) => delivered,
                () = sleep_until(patience) => {
                    worker.kill();
                    break (Err(JobError::TimedOut), Some(End::Lost("over its deadline")));
                }
            };
            match delivered {
                Ok(delivered) if task.owed.is_empty() => break (Ok(delivered), None),
                Ok(delivered) => drop(answers.send(delivered)),
                Err(Fault::Ours(error)) => break (Err(error), None),
                Err(Fault::Spent(error)) => {
                    tracing::warn!(pid = worker.pid, %error, "a worker is killed, as its answer cannot be trusted");
                    break (Err(error), Some(End::Lost("not to be trusted")));
                }
                Err(Fault::Died) => {
                    let exit = worker.end().await;
                    tracing::warn!(pid = worker.pid, ?exit, "a worker crashed");
                    break (Err(JobError::crashed(exit)), Some(End::Lost("crashed")));
                }
            }
        };
        let end = end.or_else(|| (!worker.is_small()).then_some(End::Served));
        // Before the answer: whoever has it may look at the pool, or ask again, at once.
        if let Some(end) = &end {
            worker.kill();
            self.leave(end);
        }
        drop(permit);
        match last {
            Ok(delivered) => drop(answers.send(delivered)),
            Err(error) => {
                task.owed.iter().for_each(|at| drop(answers.send((*at, Err(error.clone())))));
            }
        }
        end
    }
}
