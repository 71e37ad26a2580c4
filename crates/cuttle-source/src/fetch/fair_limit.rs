//! At most so many of something at a time, shared between the clients that they are for.
//!
//! Forty pictures that never come once made everyone else wait half a minute for theirs. So a client has half of the places at
//! most, whoever has the fewest is next, and what has lasted a second counts a quarter: what hangs makes room, and there
//! is never more than four times the limit. Waiting has no end here; deadlines are the caller's.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cuttle_contract::Client;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

/// What a place counts for, and what it counts for once it is slow.
const COST: usize = 4;
const SLOW_COST: usize = 1;
/// Most pictures are there by then.
const SLOW_AFTER: Duration = Duration::from_secs(1);
/// Said once in so long, however many wait meanwhile.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// The places.
#[derive(Debug)]
pub(crate) struct FairLimit {
    /// For the log.
    name: Box<str>,
    most: usize,
    places: Mutex<Places>,
}

/// One of them. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    limit: Arc<FairLimit>,
    client: Client,
    cost: usize,
}

#[derive(Debug)]
struct Places {
    free: usize,
    taken: usize,
    /// What the places of one client may cost together.
    share: usize,
    /// What they cost now. Clients that cannot be told apart are not counted as one.
    held: HashMap<Client, usize>,
    /// In the order in which they came.
    waiting: Vec<Waiting>,
    next_number: u64,
    told: Option<Instant>,
}

#[derive(Debug)]
struct Waiting {
    client: Client,
    number: u64,
    called: oneshot::Sender<Permit>,
}

/// Someone who waits, until it is called or leaves.
struct InLine<'a> {
    limit: &'a FairLimit,
    number: u64,
}

impl FairLimit {
    pub(crate) fn new(name: &str, most: usize) -> Arc<Self> {
        let places = Mutex::new(Places {
            free: most.saturating_mul(COST),
            taken: 0,
            share: (most / 2).max(1).saturating_mul(COST),
            held: HashMap::new(),
            waiting: Vec::new(),
            next_number: 0,
            told: None,
        });
        Arc::new(Self { name: name.into(), most, places })
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.places().waiting.len()
    }

    /// How many have a place.
    pub(crate) fn taken(&self) -> usize {
        self.places().taken
    }

    /// How many there are.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Waits for a place.
    pub(crate) async fn acquire(self: &Arc<Self>, client: Client) -> Permit {
        let (called, mut call) = oneshot::channel();
        let number = self.places().line_up(client, called);
        let _in_line = InLine { limit: self, number };
        self.call();
        if let Ok(permit) = call.try_recv() {
            return permit;
        }
        let permit = tokio::select! {
            biased;
            permit = &mut call => permit,
            // A page of a hundred pictures waits too, but for less.
            () = sleep(SLOW_AFTER) => {
                self.tell();
                call.await
            }
        };
        permit.expect("who is in line is called")
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        let mut places = self.places();
        if places.told.is_some_and(|told| told.elapsed() < TOLD_EVERY) {
            return;
        }
        places.told = Some(Instant::now());
        let (taken, waiting) = (places.taken, places.waiting.len());
        let most = places.held.iter().max_by_key(|(_, cost)| **cost);
        let client = most.map_or(Client::unknown(), |(client, _)| *client);
        drop(places);
        tracing::warn!(
            limit = %self.name,
            places = self.most,
            taken,
            waiting,
            %client,
            "many originals are being loaded, so others wait: one client may have half of the places at most"
        );
    }

    /// Gives what is free to those who wait.
    fn call(self: &Arc<Self>) {
        loop {
            // Alone in its statement: a permit that nobody takes any more is dropped below, which locks again.
            let next = self.places().next();
            let Some(Waiting { client, called, .. }) = next else { return };
            let _ = called.send(Permit { limit: Arc::clone(self), client, cost: COST });
        }
    }
}

impl Permit {
    /// Does the work that the place is for.
    pub(crate) async fn held_for<F: Future>(mut self, work: F) -> F::Output {
        let mut work = pin!(work);
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = sleep(SLOW_AFTER) => {}
        }
        self.becomes_slow();
        work.await
    }

    fn becomes_slow(&mut self) {
        self.limit.places().give_back(self.client, self.cost - SLOW_COST);
        self.cost = SLOW_COST;
        self.limit.call();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut places = self.limit.places();
        places.give_back(self.client, self.cost);
        places.taken -= 1;
        drop(places);
        self.limit.call();
    }
}

impl Places {
    fn line_up(&mut self, client: Client, called: oneshot::Sender<Permit>) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.waiting.push(Waiting { client, number, called });
        number
    }

    /// The first of those who have the fewest places and may have another, which is then taken.
    fn next(&mut self) -> Option<Waiting> {
        let left = self.free.checked_sub(COST)?;
        let held = |waiting: &Waiting| self.held.get(&waiting.client).copied().unwrap_or(0);
        let may = self.waiting.iter().enumerate().filter(|(_, it)| held(it) + COST <= self.share);
        let (index, _) = may.min_by_key(|(_, waiting)| held(waiting))?;
        let next = self.waiting.remove(index);
        self.free = left;
        self.taken += 1;
        if next.client.is_known() {
            *self.held.entry(next.client).or_default() += COST;
        }
        Some(next)
    }

    fn give_back(&mut self, client: Client, cost: usize) {
        self.free += cost;
        if let Some(held) = self.held.get_mut(&client) {
            *held -= cost;
            if *held == 0 {
                self.held.remove(&client);
            }
        }
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.limit.places().waiting.retain(|waiting| waiting.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn client(last: u8) -> Client {
        Client::at([192, 0, 2, last].into())
    }

    /// A place that is free.
    fn taken(limit: &Arc<FairLimit>, client: Client) -> Permit {
        match poll(pin!(limit.acquire(client))) {
            Poll::Ready(permit) => permit,
            Poll::Pending => panic!("no place for {client}"),
        }
    }

    fn is_full(limit: &Arc<FairLimit>, client: Client) -> bool {
        poll(pin!(limit.acquire(client))).is_pending()
    }

    #[tokio::test]
    async fn who_finds_no_place_is_called_when_there_is_one() {
        let limit = FairLimit::new("test", 1);
        let first = taken(&limit, client(1));
        let mut second = Box::pin(limit.acquire(client(2)));
        let mut third = Box::pin(limit.acquire(client(3)));
        assert!(poll(second.as_mut()).is_pending() && poll(third.as_mut()).is_pending());
        assert_eq!(limit.waiting(), 2);
        // Called, and gone before it looked.
        drop(first);
        drop(second);
        assert!(poll(third.as_mut()).is_ready());
        drop(third);
        assert_eq!((limit.waiting(), limit.taken(), limit.places().free), (0, 0, COST));
    }

    #[tokio::test]
    async fn no_client_has_more_than_half() {
        let limit = FairLimit::new("test", 8);
        let mut greedy: Vec<_> = (0..4).map(|_| taken(&limit, client(1))).collect();
        let mut more: Vec<_> = (0..40).map(|_| Box::pin(limit.acquire(client(1)))).collect();
        assert!(more.iter_mut().all(|waiting| poll(waiting.as_mut()).is_pending()));
        let strangers: Vec<_> = (2..6).map(|last| taken(&limit, client(last))).collect();
        // Who has none comes before those who wait for one more.
        let mut last = Box::pin(limit.acquire(client(6)));
        assert!(poll(last.as_mut()).is_pending());
        drop(greedy.pop());
        assert!(poll(last.as_mut()).is_ready());
        drop(strangers);
    }

    #[tokio::test]
    async fn who_cannot_be_told_apart_is_not_held_to_a_share() {
        let limit = FairLimit::new("test", 8);
        let all: Vec<_> = (0..8).map(|_| taken(&limit, Client::unknown())).collect();
        assert!(is_full(&limit, Client::unknown()));
        drop(all);
    }

    #[tokio::test(start_paused = true)]
    async fn what_hangs_makes_room_up_to_four_times_the_limit() {
        let limit = FairLimit::new("test", 4);
        let hanging: Vec<_> = (0..100)
            .map(|last| {
                let limit = Arc::clone(&limit);
                tokio::spawn(async move {
                    let permit = limit.acquire(client(last)).await;
                    permit.held_for(std::future::pending::<()>()).await;
                })
            })
            .collect();
        sleep(20 * SLOW_AFTER).await;
        // Thirteen quarters leave no whole place of sixteen.
        assert_eq!((limit.taken(), limit.waiting()), (13, 100 - 13));
        assert!(is_full(&limit, client(200)));
        for task in &hanging {
            task.abort();
        }
        for task in hanging {
            assert!(task.await.is_err());
        }
        assert_eq!(limit.places().free, 4 * COST);
        assert!(limit.places().held.is_empty());
    }
}
