//! Permits for workers, fair between those who wait: one of each client in rotation, whoever has how many in the queue.
//!
//! A client that asks for fifty pictures at once waits for them; the one that comes after it for its first does not wait for
//! all fifty. How many may wait is not decided here.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cuttle_contract::Client;
use tokio::sync::oneshot;

/// The queue. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct FairQueue(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    free: usize,
    next_ticket: u64,
    of: HashMap<Client, VecDeque<Ticket>>,
    /// Clients that have someone in the queue, the next one first.
    rotation: VecDeque<Client>,
}

#[derive(Debug)]
struct Ticket {
    number: u64,
    called: oneshot::Sender<Permit>,
}

/// The right to one worker; the next in the queue has it when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit(FairQueue);

/// A place in the queue, given up when dropped.
#[derive(Debug)]
pub(crate) struct Waiter {
    queue: FairQueue,
    client: Client,
    number: u64,
    called: oneshot::Receiver<Permit>,
}

impl FairQueue {
    /// For so many permits at a time.
    pub(crate) fn new(at_a_time: usize) -> Self {
        let state = State {
            free: at_a_time,
            next_ticket: 0,
            of: HashMap::new(),
            rotation: VecDeque::new(),
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// A permit now, if one is free. Nobody waits while one is.
    pub(crate) fn try_acquire(&self) -> Option<Permit> {
        let mut state = self.state();
        state.free = state.free.checked_sub(1)?;
        drop(state);
        Some(Permit(self.clone()))
    }

    /// A place behind those of the same client.
    pub(crate) fn enqueue(&self, client: Client) -> Waiter {
        let (called, place) = oneshot::channel();
        let mut state = self.state();
        let number = state.next_ticket;
        state.next_ticket += 1;
        let tickets = state.of.entry(client).or_default();
        tickets.push_back(Ticket { number, called });
        if tickets.len() == 1 {
            state.rotation.push_back(client);
        }
        let call = if state.free > 0 { state.next() } else { None };
        state.free -= usize::from(call.is_some());
        drop(state);
        self.give(call);
        Waiter { queue: self.clone(), client, number, called: place }
    }

    /// Who left meanwhile gives the permit back, and so to the next.
    fn give(&self, call: Option<oneshot::Sender<Permit>>) {
        if let Some(called) = call {
            let _ = called.send(Permit(self.clone()));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes the next one out of the queue.
    fn next(&mut self) -> Option<oneshot::Sender<Permit>> {
        let client = self.rotation.pop_front()?;
        let tickets = self.of.get_mut(&client)?;
        let next = tickets.pop_front();
        if tickets.is_empty() {
            self.of.remove(&client);
        } else {
            self.rotation.push_back(client);
        }
        next.map(|ticket| ticket.called)
    }

    fn leave(&mut self, client: Client, number: u64) {
        let Some(tickets) = self.of.get_mut(&client) else { return };
        tickets.retain(|ticket| ticket.number != number);
        if tickets.is_empty() {
            self.of.remove(&client);
            self.rotation.retain(|other| *other != client);
        }
    }
}

impl Waiter {
    /// Waits for the permit.
    pub(crate) async fn permit(&mut self) -> Option<Permit> {
        (&mut self.called).await.ok()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.queue.state().leave(self.client, self.number);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.0.state();
        let call = state.next();
        state.free += usize::from(call.is_none());
        drop(state);
        self.0.give(call);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn client(last: u8) -> Client {
        Client::at([10, 0, 0, last].into())
    }

    fn called(place: &mut Waiter) -> Option<Permit> {
        match pin!(place.permit()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(permit) => permit,
            Poll::Pending => None,
        }
    }

    #[test]
    fn clients_take_turns_whoever_has_how_many_in_line() {
        let queue = FairQueue::new(1);
        let mut working = queue.try_acquire();
        assert!(working.is_some() && queue.try_acquire().is_none());
        let greedy = (0..4).map(|_| (1, queue.enqueue(client(1)))).collect::<Vec<_>>();
        let modest = [(2, queue.enqueue(client(2))), (3, queue.enqueue(client(3)))];
        let mut places: Vec<_> = greedy.into_iter().chain(modest).collect();
        let mut order = Vec::new();
        while !places.is_empty() {
            drop(working.take());
            let permit =
                places.iter_mut().enumerate().find_map(|(n, (_, p))| Some((n, called(p)?)));
            let (n, permit) = permit.expect("someone is called");
            order.push(places.remove(n).0);
            working = Some(permit);
        }
        assert_eq!(order, [1, 2, 3, 1, 1, 1]);
        drop(working);
        assert!(queue.try_acquire().is_some());
    }

    #[test]
    fn who_leaves_the_queue_holds_nobody_up_and_keeps_nothing() {
        let queue = FairQueue::new(1);
        let working = queue.try_acquire();
        let (first, mut second) = (queue.enqueue(client(1)), queue.enqueue(client(1)));
        drop(first);
        drop(working);
        let permit = called(&mut second);
        assert!(permit.is_some());
        // Called, and gone before it looked.
        let third = queue.enqueue(client(2));
        drop(permit);
        drop(third);
        assert!(queue.try_acquire().is_some());
    }

    #[test]
    fn a_free_permit_is_not_waited_for() {
        let queue = FairQueue::new(1);
        let mut place = queue.enqueue(client(1));
        assert!(called(&mut place).is_some());
    }
}
