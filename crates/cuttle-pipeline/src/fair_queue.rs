//! Permits for workers, fair between those who wait: one of each application in rotation, and within an application one of
//! each client, whoever has how many in the queue.
//!
//! A client that asks for fifty pictures at once waits for them; the one that comes after it for its first does not wait for
//! all fifty, and no application waits for the visitors of another. How many may wait is not decided here.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cuttle_contract::Client;
use tokio::sync::oneshot;

/// For whom a job is done: those of one flow are served in the order in which they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Flow {
    /// The number of the application.
    pub(crate) application: u64,
    pub(crate) client: Client,
}

/// The queue. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct FairQueue(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    free: usize,
    next_ticket: u64,
    of: HashMap<Flow, VecDeque<Ticket>>,
    /// Applications that have someone in the queue, the next one first; and of each the clients that have, the next one first.
    rotation: VecDeque<(u64, VecDeque<Client>)>,
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
    flow: Flow,
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

    /// A place behind those of the same flow.
    pub(crate) fn enqueue(&self, flow: Flow) -> Waiter {
        let (called, place) = oneshot::channel();
        let mut state = self.state();
        let number = state.next_ticket;
        state.next_ticket += 1;
        let tickets = state.of.entry(flow).or_default();
        tickets.push_back(Ticket { number, called });
        if tickets.len() == 1 {
            state.add(flow);
        }
        let call = if state.free > 0 { state.next() } else { None };
        state.free -= usize::from(call.is_some());
        drop(state);
        self.give(call);
        Waiter { queue: self.clone(), flow, number, called: place }
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
    /// The last in the rotation of its application, which is the last if it had nobody in the queue.
    fn add(&mut self, flow: Flow) {
        let Flow { application, client } = flow;
        match self.rotation.iter_mut().find(|(known, _)| *known == application) {
            Some((_, clients)) => clients.push_back(client),
            None => self.rotation.push_back((application, [client].into())),
        }
    }

    /// Takes the next one out of the queue.
    fn next(&mut self) -> Option<oneshot::Sender<Permit>> {
        let (application, mut clients) = self.rotation.pop_front()?;
        let client = clients.pop_front()?;
        let flow = Flow { application, client };
        let tickets = self.of.get_mut(&flow)?;
        let next = tickets.pop_front();
        if tickets.is_empty() {
            self.of.remove(&flow);
        } else {
            clients.push_back(client);
        }
        if !clients.is_empty() {
            self.rotation.push_back((application, clients));
        }
        next.map(|ticket| ticket.called)
    }

    fn leave(&mut self, flow: Flow, number: u64) {
        let Some(tickets) = self.of.get_mut(&flow) else { return };
        tickets.retain(|ticket| ticket.number != number);
        if !tickets.is_empty() {
            return;
        }
        self.of.remove(&flow);
        for (_, clients) in self.rotation.iter_mut().filter(|(it, _)| *it == flow.application) {
            clients.retain(|other| *other != flow.client);
        }
        self.rotation.retain(|(_, clients)| !clients.is_empty());
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
        self.queue.state().leave(self.flow, self.number);
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

    fn flow(application: u64, last: u8) -> Flow {
        Flow { application, client: Client::at([10, 0, 0, last].into()) }
    }

    fn called(place: &mut Waiter) -> Option<Permit> {
        match pin!(place.permit()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(permit) => permit,
            Poll::Pending => None,
        }
    }

    /// In which order those who wait are called, one after the other.
    fn order(flows: &[(u64, u8)]) -> Vec<(u64, u8)> {
        let queue = FairQueue::new(1);
        let mut working = queue.try_acquire();
        assert!(working.is_some() && queue.try_acquire().is_none());
        let places = flows.iter().map(|&(it, last)| ((it, last), queue.enqueue(flow(it, last))));
        let mut places: Vec<_> = places.collect();
        let mut order = Vec::new();
        while !places.is_empty() {
            drop(working.take());
            let permit =
                places.iter_mut().enumerate().find_map(|(n, (_, p))| Some((n, called(p)?)));
            let (n, permit) = permit.expect("someone is called");
            order.push(places.remove(n).0);
            working = Some(permit);
        }
        drop(working);
        assert!(queue.try_acquire().is_some());
        order
    }

    #[test]
    fn clients_take_turns_whoever_has_how_many_in_line() {
        let flows = [1, 1, 1, 1, 2, 3].map(|client| (0, client));
        assert_eq!(order(&flows), [1, 2, 3, 1, 1, 1].map(|client| (0, client)));
    }

    #[test]
    fn applications_take_turns_first_however_many_clients_one_has() {
        // Five visitors of one application came before the only one of another, who asks for two pictures.
        let flows = [(7, 1), (7, 2), (7, 3), (7, 4), (7, 5), (8, 6), (8, 6)];
        let expected = [(7, 1), (8, 6), (7, 2), (8, 6), (7, 3), (7, 4), (7, 5)];
        assert_eq!(order(&flows), expected);
    }

    #[test]
    fn who_leaves_the_queue_holds_nobody_up_and_keeps_nothing() {
        let queue = FairQueue::new(1);
        let working = queue.try_acquire();
        let (first, mut second) = (queue.enqueue(flow(0, 1)), queue.enqueue(flow(0, 1)));
        drop(first);
        drop(working);
        let permit = called(&mut second);
        assert!(permit.is_some());
        // Called, and gone before it looked.
        let third = queue.enqueue(flow(0, 2));
        drop(permit);
        drop(third);
        assert!(queue.try_acquire().is_some());
    }

    #[test]
    fn a_free_permit_is_not_waited_for() {
        let queue = FairQueue::new(1);
        let mut place = queue.enqueue(flow(0, 1));
        assert!(called(&mut place).is_some());
    }
}
