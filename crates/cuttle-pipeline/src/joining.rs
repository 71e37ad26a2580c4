//! Who waits for a worker, by the original that they need.
//!
//! A page asks for many widths of one picture, and decoding it is work that they share. So whoever
//! is admitted takes those along who still wait for the same bytes and may know of each other. This is only the register: it
//! starts nothing, holds no memory, and never keeps anyone from their own place in the queue.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cuttle_worker::OriginalId;
use tokio::sync::oneshot;

/// Wishes `W` of those who wait, and seats `S` for those who are taken along.
#[derive(Debug)]
pub(crate) struct Waiting<W, S> {
    register: Mutex<Register<W, S>>,
}

#[derive(Debug)]
struct Register<W, S> {
    next: u64,
    /// In the order in which they came.
    by_original: HashMap<OriginalId, Vec<Entry<W, S>>>,
}

#[derive(Debug)]
struct Entry<W, S> {
    number: u64,
    wish: W,
    taken: oneshot::Sender<S>,
}

impl<W, S> Default for Waiting<W, S> {
    fn default() -> Self {
        Self { register: Mutex::new(Register { next: 0, by_original: HashMap::new() }) }
    }
}

impl<W, S> Waiting<W, S> {
    fn register(&self) -> MutexGuard<'_, Register<W, S>> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a wish until it is taken along or the guard is dropped.
    pub(crate) fn list(&self, original: OriginalId, wish: W) -> Listed<'_, W, S> {
        let (sender, taken) = oneshot::channel();
        let mut register = self.register();
        let number = register.next;
        register.next += 1;
        let entry = Entry { number, wish, taken: sender };
        register.by_original.entry(original).or_default().push(entry);
        Listed { waiting: self, original, number, taken }
    }

    /// Offers everyone who waits for `original` to `seat`, in the order in which they came. Who gets a
    /// seat there waits no longer.
    pub(crate) fn take_along(&self, original: &OriginalId, mut seat: impl FnMut(&W) -> Option<S>) {
        let mut register = self.register();
        let Some(entries) = register.by_original.remove(original) else { return };
        let mut left = Vec::new();
        for entry in entries {
            match seat(&entry.wish) {
                // Nobody unlists without the lock, so nobody is gone.
                Some(seat) => drop(entry.taken.send(seat)),
                None => left.push(entry),
            }
        }
        if !left.is_empty() {
            register.by_original.insert(*original, left);
        }
    }
}

/// One who waits.
#[derive(Debug)]
pub(crate) struct Listed<'a, W, S> {
    waiting: &'a Waiting<W, S>,
    original: OriginalId,
    number: u64,
    taken: oneshot::Receiver<S>,
}

impl<W, S> Listed<'_, W, S> {
    /// Resolves when somebody takes this one along.
    pub(crate) async fn taken(&mut self) -> S {
        match (&mut self.taken).await {
            Ok(seat) => seat,
            // Unlisted: nobody will.
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits no longer; the seat, if there was one at the last moment.
    pub(crate) fn withdraw(mut self) -> Option<S> {
        self.unlist();
        self.taken.try_recv().ok()
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

impl<W, S> Drop for Listed<'_, W, S> {
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
    async fn those_who_fit_are_taken_along_in_order_and_the_others_go_on_waiting() {
        let waiting = Waiting::<u32, u32>::default();
        let mut listed = [1, 2, 3, 4].map(|wish| waiting.list(original("a"), wish));
        let other = waiting.list(original("b"), 1);
        let mut room = 2;
        waiting.take_along(&original("a"), |wish| {
            let fits = *wish != 2 && room > 0;
            room -= u32::from(fits);
            fits.then_some(wish * 10)
        });
        assert_eq!((listed[0].taken().await, listed[2].taken().await), (10, 30));
        let [one, two, three, four] = listed;
        assert_eq!(
            (one.withdraw(), three.withdraw()),
            (None, None),
            "their seats were handed over"
        );
        assert_eq!((two.withdraw(), four.withdraw(), other.withdraw()), (None, None, None));
        assert!(waiting.register().by_original.is_empty());
    }

    #[tokio::test]
    async fn a_seat_at_the_last_moment_is_not_lost() {
        let waiting = Waiting::<u32, u32>::default();
        let listed = waiting.list(original("a"), 1);
        waiting.take_along(&original("a"), |_| Some(7));
        assert_eq!(listed.withdraw(), Some(7));
    }

    #[tokio::test]
    async fn who_leaves_is_not_taken_along() {
        let waiting = Waiting::<u32, u32>::default();
        drop(waiting.list(original("a"), 1));
        let stays = waiting.list(original("a"), 2);
        let mut offered = Vec::new();
        waiting.take_along(&original("a"), |wish| {
            offered.push(*wish);
            None
        });
        assert_eq!(offered, [2]);
        drop(stays);
        assert!(waiting.register().by_original.is_empty());
    }
}
