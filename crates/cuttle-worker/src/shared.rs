//! What the pool's handle and its slots have in common: who is free, who lives, what went wrong.
//!
//! One short lock, never held across a wait. The waits are in [`crate::pool`] and [`crate::slot`].

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::Instant,
};

use crate::{
    Finished, Job, JobError, OriginalId, PoolConfig, StartError, Stats, WorkerStats,
    spawn::Spawner, worker::Worker,
};

/// A job on its way to a worker.
#[derive(Debug)]
pub(crate) struct Assignment {
    pub(crate) job: Arc<Job>,
    /// The end of all of it.
    pub(crate) deadline: Instant,
    /// For the first rendition, and again for each after the one before it.
    pub(crate) each: Duration,
    /// Held while the job keeps a worker from others. Dropped before the last of `answers`: whoever is
    /// woken by that may try again, and must find the permit free.
    pub(crate) permit: OwnedSemaphorePermit,
    /// One for each rendition. Dropped unused when the worker ended before the job reached it.
    pub(crate) answers: mpsc::UnboundedSender<(usize, Result<Finished, JobError>)>,
}

/// A worker that has nothing to do.
#[derive(Debug)]
pub(crate) struct Offer {
    /// The original that it knows already.
    pub(crate) knows: Option<OriginalId>,
    /// How many renditions it may be asked for.
    pub(crate) room: usize,
    /// Dropped unused when the worker must make room for a fresh one.
    pub(crate) to: oneshot::Sender<Assignment>,
}

/// What the slots and the pool's handle have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: PoolConfig,
    spawner: Spawner,
    /// One per worker, held by its job.
    pub(crate) permits: Arc<Semaphore>,
    state: Mutex<State>,
    /// A worker was offered, or could not be started.
    pub(crate) changed: Notify,
}

#[derive(Debug)]
struct State {
    slots: Vec<Slot>,
    restarts: u64,
}

#[derive(Debug, Default)]
struct Slot {
    stats: WorkerStats,
    /// There while the worker has nothing to do.
    offer: Option<Offer>,
    start_error: Option<String>,
    /// Whether its next worker stands in for one that was lost.
    lost: bool,
}

impl Shared {
    pub(crate) fn new(config: PoolConfig, spawner: Spawner) -> Self {
        let slots = (0..config.workers).map(|_| Slot::default()).collect();
        Self {
            permits: Arc::new(Semaphore::new(config.workers)),
            state: Mutex::new(State { slots, restarts: 0 }),
            changed: Notify::new(),
            config,
            spawner,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a worker that is as confined as this pool asks for.
    pub(crate) async fn start_worker(&self) -> Result<Worker, StartError> {
        let worker = Worker::start(&self.spawner, &self.config).await?;
        let missing = worker.layers.iter().find(|layer| !layer.active);
        match missing {
            Some(layer) if self.config.require_sandbox => {
                Err(StartError::Sandbox(layer.to_string()))
            }
            _ => Ok(worker),
        }
    }

    /// Gives a job to the worker that knows its original, else to a fresh one. Where there is neither, one that
    /// waits for another width of its own original is told to make room.
    ///
    /// SECURITY: no other worker may ever have it. Whatever took a worker over sees all that it is given.
    pub(crate) fn assign(&self, mut assignment: Assignment) -> Result<(), Assignment> {
        let (original, wanted) = (assignment.job.original, assignment.job.options.len());
        let mut state = self.state();
        for knows in [Some(original), None] {
            let fits = |offer: &mut Offer| offer.knows == knows && offer.room >= wanted;
            for slot in &mut state.slots {
                let Some(offer) = slot.offer.take_if(fits) else { continue };
                match offer.to.send(assignment) {
                    Ok(()) => return Ok(()),
                    Err(unassigned) => assignment = unassigned,
                }
            }
        }
        let mut used = state.slots.iter_mut();
        used.find_map(|slot| slot.offer.take_if(|offer| offer.knows.is_some()));
        Err(assignment)
    }

    pub(crate) fn stats(&self) -> Stats {
        let state = self.state();
        Stats {
            workers: state.slots.iter().map(|slot| slot.stats).collect(),
            restarts: state.restarts,
            start_error: state.slots.iter().find_map(|slot| slot.start_error.clone()),
        }
    }

    /// The reason, when no worker is left and none can be started.
    pub(crate) fn hopeless(&self) -> Option<String> {
        let state = self.state();
        let mut errors = state.slots.iter().map(|slot| slot.start_error.clone());
        errors.try_fold(String::new(), |_, error| error)
    }

    pub(crate) fn occupy(&self, slot: usize, pid: u32) {
        let mut state = self.state();
        let slot = &mut state.slots[slot];
        slot.stats.pid = Some(pid);
        slot.stats.alive = true;
        slot.start_error = None;
        state.restarts += u64::from(mem::take(&mut slot.lost));
    }

    /// The worker did what it was there for, and its successor follows.
    pub(crate) fn retire(&self, slot: usize) {
        let slot = &mut self.state().slots[slot];
        slot.stats.pid = None;
        slot.stats.busy = false;
        slot.offer = None;
    }

    /// The worker is lost.
    pub(crate) fn vacate(&self, slot: usize) {
        self.retire(slot);
        let slot = &mut self.state().slots[slot];
        slot.stats.alive = false;
        slot.lost = true;
    }

    pub(crate) fn offer(&self, slot: usize, offer: Offer) {
        let slot = &mut self.state().slots[slot];
        slot.stats.busy = false;
        slot.offer = Some(offer);
        self.changed.notify_waiters();
    }

    pub(crate) fn note_job(&self, slot: usize) {
        let stats = &mut self.state().slots[slot].stats;
        stats.busy = true;
        stats.jobs += 1;
    }

    pub(crate) fn note_started(&self, slot: usize) {
        self.state().slots[slot].start_error = None;
    }

    pub(crate) fn note_failed_start(&self, slot: usize, error: String) {
        self.state().slots[slot].start_error = Some(error);
        self.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_wait_for_a_worker_unless_every_place_fails_to_get_one() {
        let config = PoolConfig { workers: 2, ..PoolConfig::default() };
        let shared = Shared::new(config, Spawner::new().unwrap());
        let fail = |slot| shared.note_failed_start(slot, "no processes left".to_owned());
        assert_eq!(shared.hopeless(), None);
        fail(1);
        assert_eq!(shared.hopeless(), None, "the other place may still get one");
        fail(0);
        assert_eq!(shared.hopeless().as_deref(), Some("no processes left"));
        shared.occupy(1, 4711);
        assert_eq!(shared.hopeless(), None);
        assert_eq!((shared.stats().ready(), shared.stats().restarts), (1, 0));
        shared.vacate(1);
        assert_eq!(shared.stats().ready(), 0);
        shared.occupy(1, 4712);
        assert_eq!((shared.stats().ready(), shared.stats().restarts), (1, 1));
    }

    #[test]
    fn a_worker_that_is_replaced_as_planned_is_neither_missed_nor_counted() {
        let config = PoolConfig { workers: 1, ..PoolConfig::default() };
        let shared = Shared::new(config, Spawner::new().unwrap());
        shared.occupy(0, 4711);
        shared.retire(0);
        assert_eq!((shared.stats().ready(), shared.stats().workers[0].pid), (1, None));
        shared.occupy(0, 4712);
        assert_eq!((shared.stats().ready(), shared.stats().restarts), (1, 0));
    }
}
