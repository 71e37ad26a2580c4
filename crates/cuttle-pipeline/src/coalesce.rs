//! One job per key, owned by the server.
//!
//! Whoever asks first starts the job and is then a waiter like everyone else, so a client that leaves
//! cancels nothing (next.js#98402: an aborted leader hung its URL until restart). Every waiter has
//! its own deadline, and a job that dies without an answer frees its key.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// The jobs in flight.
#[derive(Debug)]
pub(crate) struct Flights<K, V> {
    inner: Arc<Mutex<HashMap<K, watch::Receiver<Option<V>>>>>,
}

impl<K, V> Clone for Flights<K, V> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self { inner: Arc::default() }
    }
}

/// An answer, and whether this waiter's arrival started the job.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Landed<V> {
    pub(crate) value: V,
    pub(crate) led: bool,
}

/// Why a waiter got nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// Its own deadline passed; the job goes on for the others.
    Deadline,
    /// The job panicked.
    Lost,
}

impl<K, V> Flights<K, V>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Waits for the job of `key` until `deadline`, starting it if there is none.
    pub(crate) async fn join<F>(
        &self,
        key: K,
        deadline: Instant,
        job: impl FnOnce() -> F,
    ) -> Result<Landed<V>, Missed>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let (mut waiter, led) = self.board(key, job);
        let landed = timeout_at(deadline, waiter.wait_for(Option::is_some)).await;
        match landed {
            Err(_elapsed) => Err(Missed::Deadline),
            Ok(Err(_closed)) => Err(Missed::Lost),
            Ok(Ok(value)) => match value.as_ref() {
                Some(value) => Ok(Landed { value: value.clone(), led }),
                None => Err(Missed::Lost),
            },
        }
    }

    /// Starts the job of `key` unless it is under way; nobody waits for it.
    pub(crate) fn start<F>(&self, key: K, job: impl FnOnce() -> F)
    where
        F: Future<Output = V> + Send + 'static,
    {
        self.board(key, job);
    }

    /// Whether the job of `key` is under way.
    pub(crate) fn contains(&self, key: &K) -> bool {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key)
    }

    /// How many jobs are under way.
    pub(crate) fn len(&self) -> usize {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn board<F>(&self, key: K, job: impl FnOnce() -> F) -> (watch::Receiver<Option<V>>, bool)
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut flights = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiter) = flights.get(&key) {
            return (waiter.clone(), false);
        }
        let (sender, waiter) = watch::channel(None);
        flights.insert(key.clone(), waiter.clone());
        drop(flights);
        // The guard, not the end of the task, frees the key: it also runs when the job panics.
        let berth = Berth { flights: self.clone(), key: Some(key) };
        let job = job();
        cuttle_watchdog::spawn("job", async move {
            let value = job.await;
            // Freed before the answer goes out: whoever asks after that finds it in the store.
            drop(berth);
            let _ = sender.send(Some(value));
        });
        (waiter, true)
    }
}

/// A key's place among the flights, given up when dropped.
struct Berth<K: Hash + Eq, V> {
    flights: Flights<K, V>,
    key: Option<K>,
}

impl<K: Hash + Eq, V> Drop for Berth<K, V> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.flights.inner.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn one_job_answers_everyone_who_waits() {
        let flights = Flights::<u8, u32>::default();
        let runs = Arc::new(AtomicUsize::new(0));
        let (go, gate) = oneshot::channel::<()>();
        let mut gate = Some(gate);
        let mut waiters = Vec::new();
        for _ in 0..5 {
            let (flights, runs, gate) = (flights.clone(), Arc::clone(&runs), gate.take());
            waiters.push(tokio::spawn(async move {
                let job = || async move {
                    runs.fetch_add(1, Ordering::Relaxed);
                    gate.expect("only the first job runs").await.expect("opened");
                    7
                };
                flights.join(1, soon(), job).await
            }));
            tokio::task::yield_now().await;
        }
        go.send(()).expect("the job waits");
        let mut leaders = 0;
        for waiter in waiters {
            let landed = waiter.await.expect("no panic").expect("an answer");
            assert_eq!(landed.value, 7);
            leaders += usize::from(landed.led);
        }
        assert_eq!((runs.load(Ordering::Relaxed), leaders, flights.len()), (1, 1, 0));
    }

    #[tokio::test]
    async fn a_leader_that_leaves_takes_nothing_with_it() {
        let flights = Flights::<u8, u32>::default();
        let (go, gate) = oneshot::channel::<()>();
        {
            let leader = flights.join(1, soon(), || async {
                gate.await.expect("opened");
                7
            });
            tokio::pin!(leader);
            // Polled once, so that the job starts; then the client is gone.
            assert!(tokio::time::timeout(Duration::ZERO, &mut leader).await.is_err());
        }
        let follower = flights.join(1, soon(), || async { unreachable!("the job is under way") });
        go.send(()).expect("the job still waits");
        assert_eq!(follower.await, Ok(Landed { value: 7, led: false }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_ends_at_its_own_deadline_and_the_job_goes_on() {
        let flights = Flights::<u8, u32>::default();
        let (go, gate) = oneshot::channel::<()>();
        let impatient = Instant::now() + Duration::from_millis(5);
        let first = flights.join(1, impatient, || async {
            gate.await.expect("opened");
            7
        });
        assert_eq!(first.await, Err(Missed::Deadline));
        let second = flights.join(1, soon(), || async { unreachable!("the job is under way") });
        go.send(()).expect("the job still waits");
        assert_eq!(second.await, Ok(Landed { value: 7, led: false }));
    }

    #[tokio::test]
    async fn a_job_that_panics_frees_its_key() {
        let flights = Flights::<u8, u32>::default();
        let lost = flights.join(1, soon(), || async { panic!("on purpose") }).await;
        assert_eq!(lost, Err(Missed::Lost));
        let next = flights.join(1, soon(), || async { 7 }).await;
        assert_eq!(next, Ok(Landed { value: 7, led: true }));
    }
}
