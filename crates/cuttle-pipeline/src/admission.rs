//! The queues in front of what is scarce: memory for originals, then workers and memory for renders.
//!
//! Both are bounded in length and in time; workers are shared out among applications and clients in turn, memory goes first come
//! first served. Who does not fit is refused at
//! once: an honest 503 now is worth more to a client than a picture after its own timeout. Loading an
//! original never holds a worker, so a slow origin costs no CPU slot.
//!
//! A job gets the memory that it was admitted with. The estimate from an image's headers is set as the worker's limit for that
//! job, from outside, so that a header that lies costs one failed render and not the memory limit.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::fair_queue::{FairQueue, Flow, Permit};

/// Unit of the memory budget: small enough for a 32 px icon, large enough for a semaphore's counter.
const UNIT_BYTES: u64 = 64 << 10;

/// The queue for a worker.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    workers: FairQueue,
    memory: Budget,
    queue: Queue,
}

/// How many may wait, and how long.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    waiting: Arc<AtomicUsize>,
    max_waiting: usize,
    max_wait: Duration,
}

impl Queue {
    pub(crate) fn new(max_waiting: usize, max_wait: Duration) -> Self {
        Self { waiting: Arc::default(), max_waiting, max_wait }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Waits for `turn` as one of those who may, no longer than the queue allows or until `deadline`.
    async fn wait<T>(
        &self,
        deadline: Instant,
        turn: impl Future<Output = T>,
    ) -> Result<T, Refused> {
        let deadline = deadline.min(Instant::now() + self.max_wait);
        let _ticket = Ticket::draw(&self.waiting, self.max_waiting).ok_or(Refused::Full)?;
        timeout_at(deadline, turn).await.map_err(|_elapsed| Refused::TooLate)
    }
}

/// A job's right to one worker and to the memory it may need. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    memory: Vec<Reserved>,
    _worker: Permit,
}

/// Why a job was not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// As many as allowed are waiting already.
    Full,
    /// Its turn did not come in time.
    TooLate,
}

impl Admission {
    pub(crate) fn new(workers: usize, memory_bytes: u64, queue: Queue) -> Self {
        Self { workers: FairQueue::new(workers), memory: Budget::new(memory_bytes), queue }
    }

    /// Bytes set aside for renders.
    pub(crate) fn held(&self) -> u64 {
        self.memory.held()
    }

    /// How many jobs wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// A worker and `bytes` of memory, if both are free. It never counts as waiting, so a queue of length
    /// zero still serves.
    pub(crate) fn try_enter(&self, bytes: u64) -> Option<Place> {
        let worker = self.workers.try_acquire()?;
        Some(Place { memory: vec![self.memory.try_reserve(bytes)?], _worker: worker })
    }

    /// Sets more memory aside for a job that has a place, and says whether that much is free. Waiting for
    /// it would hold a worker that others could use.
    pub(crate) fn extend(&self, place: &mut Place, bytes: u64) -> bool {
        let held = place.memory.len();
        place.memory.extend(self.memory.try_reserve(bytes));
        place.memory.len() > held
    }

    /// Waits for a worker and for `bytes` of memory, at most until `deadline` and no longer than the
    /// queue allows.
    pub(crate) async fn enter(
        &self,
        bytes: u64,
        flow: Flow,
        deadline: Instant,
    ) -> Result<Place, Refused> {
        if let Some(place) = self.try_enter(bytes) {
            return Ok(place);
        }
        // The worker first, the memory second: a reservation is never held by someone who waits for
        // a worker, so the jobs at work always give back what the next in line needs.
        let both = async {
            let worker = self.workers.enqueue(flow).permit().await;
            (worker, self.memory.reserve(bytes).await)
        };
        match self.queue.wait(deadline, both).await? {
            (Some(worker), memory) => Ok(Place { memory: vec![memory], _worker: worker }),
            (None, _) => Err(Refused::TooLate),
        }
    }
}

/// Bytes that may be in use at a time, first come first served.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    total: u32,
}

/// Bytes set aside, given back when dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    _units: Option<OwnedSemaphorePermit>,
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        let total = u32::try_from(bytes / UNIT_BYTES).unwrap_or(u32::MAX).max(1);
        Self { units: Arc::new(Semaphore::new(total as usize)), total }
    }

    pub(crate) fn held(&self) -> u64 {
        let free = u32::try_from(self.units.available_permits()).unwrap_or(u32::MAX);
        u64::from(self.total.saturating_sub(free)) * UNIT_BYTES
    }

    /// A demand over the whole budget waits for all of it: such a job runs alone, or nothing would
    /// ever serve it. The worker's own memory limit still bounds it.
    fn units(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).min(self.total)
    }

    pub(crate) fn try_reserve(&self, bytes: u64) -> Option<Reserved> {
        let units = Arc::clone(&self.units).try_acquire_many_owned(self.units(bytes)).ok()?;
        Some(Reserved { _units: Some(units) })
    }

    /// As [`Budget::reserve`], in a queue of its own.
    pub(crate) async fn reserve_within(
        &self,
        queue: &Queue,
        bytes: u64,
        deadline: Instant,
    ) -> Result<Reserved, Refused> {
        match self.try_reserve(bytes) {
            Some(reserved) => Ok(reserved),
            None => queue.wait(deadline, self.reserve(bytes)).await,
        }
    }

    async fn reserve(&self, bytes: u64) -> Reserved {
        // The semaphore is never closed, so the only outcome is a permit.
        Reserved {
            _units: Arc::clone(&self.units).acquire_many_owned(self.units(bytes)).await.ok(),
        }
    }
}

/// One of the counted waiting places.
struct Ticket<'a>(&'a AtomicUsize);

impl<'a> Ticket<'a> {
    fn draw(waiting: &'a AtomicUsize, max: usize) -> Option<Self> {
        waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < max).then_some(n + 1))
            .ok()
            .map(|_| Self(waiting))
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use cuttle_contract::Client;

    use super::*;

    const MIB: u64 = 1 << 20;
    const ANYONE: Flow = Flow { application: 0, client: Client::unknown() };

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_refuses_at_once_and_a_late_turn_after_the_wait() {
        let queue = Admission::new(1, 100 * MIB, Queue::new(1, Duration::from_secs(5)));
        let _working = queue.enter(MIB, ANYONE, later()).await.expect("a free worker");
        let began = Instant::now();
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { queue.enter(MIB, ANYONE, later()).await.err() }
        });
        tokio::task::yield_now().await;
        assert_eq!(queue.waiting(), 1);
        assert_eq!(queue.enter(MIB, ANYONE, later()).await.err(), Some(Refused::Full));
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(waiting.await.expect("no panic"), Some(Refused::TooLate));
        assert_eq!((began.elapsed(), queue.waiting()), (Duration::from_secs(5), 0));
    }

    #[tokio::test]
    async fn a_place_given_back_serves_the_next_in_line() {
        let queue = Admission::new(1, 100 * MIB, Queue::new(8, Duration::from_secs(5)));
        let working = queue.enter(MIB, ANYONE, later()).await.expect("a free worker");
        let next = tokio::spawn({
            let queue = queue.clone();
            async move { queue.enter(MIB, ANYONE, later()).await.is_ok() }
        });
        tokio::task::yield_now().await;
        drop(working);
        assert!(next.await.expect("no panic"));
    }

    #[tokio::test]
    async fn memory_keeps_jobs_apart_that_workers_alone_would_not() {
        let queue = Admission::new(2, 100 * MIB, Queue::new(8, Duration::from_secs(5)));
        let big = queue.enter(80 * MIB, ANYONE, later()).await.expect("fits");
        assert!(queue.enter(30 * MIB, ANYONE, Instant::now()).await.is_err());
        drop(big);
        assert!(queue.enter(30 * MIB, ANYONE, later()).await.is_ok());
    }

    #[tokio::test]
    async fn a_place_is_extended_only_by_what_is_free_and_gives_all_of_it_back() {
        let queue = Admission::new(2, 100 * MIB, Queue::new(8, Duration::from_secs(5)));
        let mut place = queue.enter(40 * MIB, ANYONE, later()).await.expect("fits");
        assert!(queue.extend(&mut place, 30 * MIB));
        assert!(!queue.extend(&mut place, 40 * MIB));
        assert!(queue.try_enter(40 * MIB).is_none());
        drop(place);
        assert!(queue.try_enter(100 * MIB).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn originals_wait_in_a_bounded_queue_too() {
        let (budget, queue) = (Budget::new(20 * MIB), Queue::new(1, Duration::from_secs(5)));
        let held = budget.reserve_within(&queue, 20 * MIB, later()).await.expect("fits");
        let waiting = tokio::spawn({
            let (budget, queue) = (budget.clone(), queue.clone());
            async move { budget.reserve_within(&queue, MIB, later()).await.err() }
        });
        tokio::task::yield_now().await;
        assert_eq!(budget.reserve_within(&queue, MIB, later()).await.err(), Some(Refused::Full));
        assert_eq!(waiting.await.expect("no panic"), Some(Refused::TooLate));
        drop(held);
        assert!(budget.reserve_within(&queue, MIB, later()).await.is_ok());
    }

    #[tokio::test]
    async fn a_job_over_the_whole_budget_runs_alone() {
        let queue = Admission::new(2, 100 * MIB, Queue::new(8, Duration::from_secs(5)));
        let alone = queue.enter(500 * MIB, ANYONE, later()).await.expect("runs");
        assert!(queue.enter(MIB, ANYONE, Instant::now()).await.is_err());
        drop(alone);
    }
}
