//! Requests that wait for a worker, by the original that they need.
//!
//! A page asks for many widths of one picture, and decoding it is work that they share. So whoever
//! is admitted renders those too that still wait for the same bytes and may know of each other. This is only the register: it
//! starts nothing, holds no memory, and never keeps anyone from their own place in the queue.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cuttle_worker::OriginalId;
use tokio::sync::oneshot;

/// Requests `Q` that wait, and replies `R` for those that join another's job.
#[derive(Debug)]
pub(crate) struct Waiting<Q, R> {
    register: Mutex<Register<Q, R>>,
}

#[derive(Debug)]
struct Register<Q, R> {
    next: u64,
    /// In the order in which they came.
    by_original: HashMap<OriginalId, Vec<Entry<Q, R>>>,
}

#[derive(Debug)]
struct Entry<Q, R> {
    number: u64,
    request: Q,
    joined: oneshot::Sender<R>,
}

impl<Q, R> Default for Waiting<Q, R> {
    fn default() -> Self {
        Self { register: Mutex::new(Register { next: 0, by_original: HashMap::new() }) }
    }
}

impl<Q, R> Waiting<Q, R> {
    fn register(&self) -> MutexGuard<'_, Register<Q, R>> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a request until it joins a job or the guard is dropped.
    pub(crate) fn list(&self, original: OriginalId, request: Q) -> Listed<'_, Q, R> {
        let (sender, joined) = oneshot::channel();
        let mut register = self.register();
        let number = register.next;
        register.next += 1;
        let entry = Entry { number, request, joined: sender };
        register.by_original.entry(original).or_default().push(entry);
        Listed { waiting: self, original, number, joined }
    }

    /// Offers every request that waits for `original` to `join`, in the order in which they came. Which gets a reply there
    /// waits no longer.
    pub(crate) fn drain_same_source(
        &self,
        original: &OriginalId,
        mut join: impl FnMut(&Q) -> Option<R>,
    ) {
        let mut register = self.register();
        let Some(entries) = register.by_original.remove(original) else { return };
        let mut left = Vec::new();
        for entry in entries {
            match join(&entry.request) {
                // Nobody unlists without the lock, so nobody is gone.
                Some(reply) => drop(entry.joined.send(reply)),
                None => left.push(entry),
            }
        }
        if !left.is_empty() {
            register.by_original.insert(*original, left);
        }
    }
}

/// A request that waits.
#[derive(Debug)]
pub(crate) struct Listed<'a, Q, R> {
    waiting: &'a Waiting<Q, R>,
    original: OriginalId,
    number: u64,
    joined: oneshot::Receiver<R>,
}

impl<Q, R> Listed<'_, Q, R> {
    /// Resolves when it has joined a job.
    pub(crate) async fn joined(&mut self) -> R {
        match (&mut self.joined).await {
            Ok(reply) => reply,
            // Unlisted: nobody will.
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits no longer; the reply, if it joined a job at the last moment.
    pub(crate) fn withdraw(mut self) -> Option<R> {
        self.unlist();
        self.joined.try_recv().ok()
    }

    fn unlist(&self) {
        let mut register = self.waiting.register();
        if let Some(entries) = register.by_original.get_mut(&self.original) {
            entries.retain(|entry| entry.number != self.number);
            if entries.is_empty() {
                register.by_original.remove(&self.original);
            }
        }
    }
}

impl<Q, R> Drop for Listed<'_, Q, R> {
    fn drop(&mut self) {
        self.unlist();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn original(name: &str) -> OriginalId {
        OriginalId(*blake3::hash(name.as_bytes()).as_bytes())
    }

    #[tokio::test]
    async fn those_that_fit_join_in_order_and_the_others_go_on_waiting() {
        let waiting = Waiting::<u32, u32>::default();
        let mut listed = [1, 2, 3, 4].map(|request| waiting.list(original("a"), request));
        let other = waiting.list(original("b"), 1);
        let mut room = 2;
        waiting.drain_same_source(&original("a"), |request| {
            let fits = *request != 2 && room > 0;
            room -= u32::from(fits);
            fits.then_some(request * 10)
        });
        assert_eq!((listed[0].joined().await, listed[2].joined().await), (10, 30));
        let [one, two, three, four] = listed;
        assert_eq!(
            (one.withdraw(), three.withdraw()),
            (None, None),
            "their replies were handed over"
        );
        assert_eq!((two.withdraw(), four.withdraw(), other.withdraw()), (None, None, None));
        assert!(waiting.register().by_original.is_empty());
    }

    #[tokio::test]
    async fn a_reply_at_the_last_moment_is_not_lost() {
        let waiting = Waiting::<u32, u32>::default();
        let listed = waiting.list(original("a"), 1);
        waiting.drain_same_source(&original("a"), |_| Some(7));
        assert_eq!(listed.withdraw(), Some(7));
    }

    #[tokio::test]
    async fn who_leaves_joins_nothing() {
        let waiting = Waiting::<u32, u32>::default();
        drop(waiting.list(original("a"), 1));
        let stays = waiting.list(original("a"), 2);
        let mut offered = Vec::new();
        waiting.drain_same_source(&original("a"), |request| {
            offered.push(*request);
            None
        });
        assert_eq!(offered, [2]);
        drop(stays);
        assert!(waiting.register().by_original.is_empty());
    }
}
