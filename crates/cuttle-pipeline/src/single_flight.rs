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

/// The jobs under way, by key. Clones share them.
#[derive(Debug)]
pub(crate) struct SingleFlight<K, V> {
    inner: Arc<Mutex<HashMap<K, watch::Receiver<Option<V>>>>>,
}

impl<K, V> Clone for SingleFlight<K, V> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<K, V> Default for SingleFlight<K, V> {
    fn default() -> Self {
        Self { inner: Arc::default() }
    }
}

/// An answer, and whether this waiter's arrival started the job.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Joined<V> {
    pub(crate) value: V,
    pub(crate) leader: bool,
}

/// Why a waiter got nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum JoinError {
    /// Its own deadline passed; the job goes on for the others.
    Deadline,
    /// The job panicked.
    Lost,
}

impl<K, V> SingleFlight<K, V>
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
    ) -> Result<Joined<V>, JoinError>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let (mut waiter, leader) = self.enter(key, job);
        let joined = timeout_at(deadline, waiter.wait_for(Option::is_some)).await;
        match joined {
            Err(_elapsed) => Err(JoinError::Deadline),
            Ok(Err(_closed)) => Err(JoinError::Lost),
            Ok(Ok(value)) => match value.as_ref() {
                Some(value) => Ok(Joined { value: value.clone(), leader }),
                None => Err(JoinError::Lost),
            },
        }
    }

    /// Starts the job of `key` unless it is under way; nobody waits for it.
    pub(crate) fn start<F>(&self, key: K, job: impl FnOnce() -> F)
    where
        F: Future<Output = V> + Send + 'static,
    {
        self.enter(key, job);
    }

    /// Whether the job of `key` is under way.
    pub(crate) fn contains(&self, key: &K) -> bool {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key)
    }

    /// How many jobs are under way.
    pub(crate) fn len(&self) -> usize {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn enter<F>(&self, key: K, job: impl FnOnce() -> F) -> (watch::Receiver<Option<V>>, bool)
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut jobs = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiter) = jobs.get(&key) {
            return (waiter.clone(), false);
        }
        let (sender, waiter) = watch::channel(None);
        jobs.insert(key.clone(), waiter.clone());
        drop(jobs);
        // The guard, not the end of the task, frees the key: it also runs when the job panics.
        let guard = KeyGuard { jobs: self.clone(), key: Some(key) };
        let job = job();
        cuttle_watchdog::spawn("job", async move {
            let value = job.await;
            // Freed before the answer goes out: whoever asks after that finds it in the store.
            drop(guard);
            let _ = sender.send(Some(value));
        });
        (waiter, true)
    }
}

/// Frees its key when dropped.
struct KeyGuard<K: Hash + Eq, V> {
    jobs: SingleFlight<K, V>,
    key: Option<K>,
}

impl<K: Hash + Eq, V> Drop for KeyGuard<K, V> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.jobs.inner.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
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
        let jobs = SingleFlight::<u8, u32>::default();
        let runs = Arc::new(AtomicUsize::new(0));
        let (go, gate) = oneshot::channel::<()>();
        let mut gate = Some(gate);
        let mut waiters = Vec::new();
        for _ in 0..5 {
            let (jobs, runs, gate) = (jobs.clone(), Arc::clone(&runs), gate.take());
            waiters.push(tokio::spawn(async move {
                let job = || async move {
                    runs.fetch_add(1, Ordering::Relaxed);
                    gate.expect("only the first job runs").await.expect("opened");
                    7
                };
                jobs.join(1, soon(), job).await
            }));
            tokio::task::yield_now().await;
        }
        go.send(()).expect("the job waits");
        let mut leaders = 0;
        for waiter in waiters {
            let joined = waiter.await.expect("no panic").expect("an answer");
            assert_eq!(joined.value, 7);
            leaders += usize::from(joined.leader);
        }
        assert_eq!((runs.load(Ordering::Relaxed), leaders, jobs.len()), (1, 1, 0));
    }

    #[tokio::test]
    async fn a_leader_that_leaves_takes_nothing_with_it() {
        let jobs = SingleFlight::<u8, u32>::default();
        let (go, gate) = oneshot::channel::<()>();
        {
            let first = jobs.join(1, soon(), || async {
                gate.await.expect("opened");
                7
            });
            tokio::pin!(first);
            // Polled once, so that the job starts; then the client is gone.
            assert!(tokio::time::timeout(Duration::ZERO, &mut first).await.is_err());
        }
        let follower = jobs.join(1, soon(), || async { unreachable!("the job is under way") });
        go.send(()).expect("the job still waits");
        assert_eq!(follower.await, Ok(Joined { value: 7, leader: false }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_ends_at_its_own_deadline_and_the_job_goes_on() {
        let jobs = SingleFlight::<u8, u32>::default();
        let (go, gate) = oneshot::channel::<()>();
        let impatient = Instant::now() + Duration::from_millis(5);
        let first = jobs.join(1, impatient, || async {
            gate.await.expect("opened");
            7
        });
        assert_eq!(first.await, Err(JoinError::Deadline));
        let second = jobs.join(1, soon(), || async { unreachable!("the job is under way") });
        go.send(()).expect("the job still waits");
        assert_eq!(second.await, Ok(Joined { value: 7, leader: false }));
    }

    #[tokio::test]
    async fn a_job_that_panics_frees_its_key() {
        let jobs = SingleFlight::<u8, u32>::default();
        let lost = jobs.join(1, soon(), || async { panic!("on purpose") }).await;
        assert_eq!(lost, Err(JoinError::Lost));
        let next = jobs.join(1, soon(), || async { 7 }).await;
        assert_eq!(next, Ok(Joined { value: 7, leader: true }));
    }
}
