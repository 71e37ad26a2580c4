//! Turns at a worker, fair between those who wait: one of each client in rotation, whoever has how many in line.
//!
//! A client that asks for fifty pictures at once waits for them; the one that comes after it for its first does not wait for
//! all fifty. How many may wait is not decided here.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cuttle_contract::Client;
use tokio::sync::oneshot;

/// The line. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Turns(Arc<Mutex<Line>>);

#[derive(Debug)]
struct Line {
    free: usize,
    next_ticket: u64,
    of: HashMap<Client, VecDeque<Ticket>>,
    /// Who has someone in line, the next one first.
    rotation: VecDeque<Client>,
}

#[derive(Debug)]
struct Ticket {
    number: u64,
    called: oneshot::Sender<Turn>,
}

/// One turn; the next in line has it when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Turns);

/// A place in line, given up when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    turns: Turns,
    client: Client,
    number: u64,
    called: oneshot::Receiver<Turn>,
}

impl Turns {
    /// So many at a time.
    pub(crate) fn new(at_a_time: usize) -> Self {
        let line =
            Line { free: at_a_time, next_ticket: 0, of: HashMap::new(), rotation: VecDeque::new() };
        Self(Arc::new(Mutex::new(line)))
    }

    /// A turn now, if one is free. Nobody waits while one is.
    pub(crate) fn try_take(&self) -> Option<Turn> {
        let mut line = self.line();
        line.free = line.free.checked_sub(1)?;
        drop(line);
        Some(Turn(self.clone()))
    }

    /// Lines up.
    pub(crate) fn line_up(&self, client: Client) -> Place {
        let (called, place) = oneshot::channel();
        let mut line = self.line();
        let number = line.next_ticket;
        line.next_ticket += 1;
        let tickets = line.of.entry(client).or_default();
        tickets.push_back(Ticket { number, called });
        if tickets.len() == 1 {
            line.rotation.push_back(client);
        }
        let call = if line.free > 0 { line.call() } else { None };
        line.free -= usize::from(call.is_some());
        drop(line);
        self.give(call);
        Place { turns: self.clone(), client, number, called: place }
    }

    /// Who left meanwhile gives the turn back, and so to the next.
    fn give(&self, call: Option<oneshot::Sender<Turn>>) {
        if let Some(called) = call {
            let _ = called.send(Turn(self.clone()));
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// The next in line, out of it.
    fn call(&mut self) -> Option<oneshot::Sender<Turn>> {
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

impl Place {
    /// Waits to be called.
    pub(crate) async fn turn(&mut self) -> Option<Turn> {
        (&mut self.called).await.ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.turns.line().leave(self.client, self.number);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut line = self.0.line();
        let call = line.call();
        line.free += usize::from(call.is_none());
        drop(line);
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

    fn called(place: &mut Place) -> Option<Turn> {
        match pin!(place.turn()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => turn,
            Poll::Pending => None,
        }
    }

    #[test]
    fn clients_take_turns_whoever_has_how_many_in_line() {
        let turns = Turns::new(1);
        let mut working = turns.try_take();
        assert!(working.is_some() && turns.try_take().is_none());
        let greedy = (0..4).map(|_| (1, turns.line_up(client(1)))).collect::<Vec<_>>();
        let modest = [(2, turns.line_up(client(2))), (3, turns.line_up(client(3)))];
        let mut places: Vec<_> = greedy.into_iter().chain(modest).collect();
        let mut order = Vec::new();
        while !places.is_empty() {
            drop(working.take());
            let turn = places.iter_mut().enumerate().find_map(|(n, (_, p))| Some((n, called(p)?)));
            let (n, turn) = turn.expect("someone is called");
            order.push(places.remove(n).0);
            working = Some(turn);
        }
        assert_eq!(order, [1, 2, 3, 1, 1, 1]);
        drop(working);
        assert!(turns.try_take().is_some());
    }

    #[test]
    fn who_leaves_the_line_holds_nobody_up_and_keeps_nothing() {
        let turns = Turns::new(1);
        let working = turns.try_take();
        let (first, mut second) = (turns.line_up(client(1)), turns.line_up(client(1)));
        drop(first);
        drop(working);
        let turn = called(&mut second);
        assert!(turn.is_some());
        // Called, and gone before it looked.
        let third = turns.line_up(client(2));
        drop(turn);
        drop(third);
        assert!(turns.try_take().is_some());
    }

    #[test]
    fn a_free_turn_is_not_waited_for() {
        let turns = Turns::new(1);
        let mut place = turns.line_up(client(1));
        assert!(called(&mut place).is_some());
    }
}
