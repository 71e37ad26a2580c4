//! Places for connections of one kind, and who has them.
//!
//! A place costs descriptors and some tens of kilobytes, so there is a number of them, and without shares whoever comes first
//! has them all: 57 KB of requests whose bodies never came kept everyone else out without end. While there is room anyone may
//! have what he takes. While more than three quarters are taken, one client may have a quarter. When all are taken, what has
//! been idle longest is closed, then what a client has beyond its share, and only then is somebody refused. Nobody waits.
//!
//! Every connection is accepted, then judged: one that waited in the backlog would be neither served nor refused, and nobody
//! would see it. Shares are by address (/64 of IPv6), or by whom a trusted proxy names; then requests under way count, as a
//! proxy's connections are nobody's. Three quarters are anyone's, so that one proxy that says nothing, or one office, works as
//! before until others need room. Event streams and tunnels have places of their own.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cuttle_contract::Client;
use tokio::sync::watch;

/// Said once in so long, however many are refused meanwhile.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// All places of one kind.
#[derive(Debug)]
pub(crate) struct Places {
    kind: &'static str,
    most: usize,
    table: Mutex<Table>,
    refused: AtomicU64,
    closed: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    /// In the order in which they were taken.
    taken: BTreeMap<u64, Taken>,
    of: HashMap<Client, usize>,
    told: Option<Instant>,
}

#[derive(Debug)]
struct Taken {
    client: Client,
    state: Arc<State>,
}

/// How things are, for metrics.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Occupancy {
    pub(crate) kind: &'static str,
    pub(crate) taken: usize,
    pub(crate) most: usize,
    /// Since the start.
    pub(crate) refused: u64,
    /// Since the start, so that others had a place.
    pub(crate) closed: u64,
}

impl Occupancy {
    /// Of those that follow, one client may have a quarter.
    pub(crate) fn is_scarce(&self) -> bool {
        4 * (self.taken + 1) > 3 * self.most
    }
}

impl Places {
    pub(crate) fn new(kind: &'static str, most: usize) -> Arc<Self> {
        Arc::new(Self {
            kind,
            most,
            table: Mutex::default(),
            refused: AtomicU64::new(0),
            closed: AtomicU64::new(0),
        })
    }

    /// A place for a connection of `client`, which asks nothing yet. `None` if there is none for it.
    pub(crate) fn take(self: &Arc<Self>, client: Client) -> Option<Place> {
        let state = Arc::new(State::idle());
        let number = self.seat(client, &state)?;
        let seat = Mutex::new((Arc::clone(self), number));
        Some(Place { own: client, state, seat })
    }

    pub(crate) fn occupancy(&self) -> Occupancy {
        Occupancy {
            kind: self.kind,
            taken: self.table().taken.len(),
            most: self.most,
            refused: self.refused.load(Ordering::Relaxed),
            closed: self.closed.load(Ordering::Relaxed),
        }
    }

    /// Connections with a request under way.
    pub(crate) fn under_way(&self) -> usize {
        let table = self.table();
        table.taken.values().filter(|taken| taken.state.idle_since().is_none()).count()
    }

    fn seat(&self, client: Client, state: &Arc<State>) -> Option<u64> {
        let mut table = self.table();
        if !self.make_room(&mut table, client) {
            self.refuse(&mut table);
            return None;
        }
        let number = table.next;
        table.next += 1;
        table.taken.insert(number, Taken { client, state: Arc::clone(state) });
        *table.of.entry(client).or_default() += 1;
        Some(number)
    }

    /// Room for one more of `client`.
    fn make_room(&self, table: &mut Table, client: Client) -> bool {
        let taken = table.taken.len();
        if self.is_over(table, client, taken + 1) {
            // Its own, so that a household with many idle tabs is not refused.
            return self.close(table, |taken| taken.client == client);
        }
        taken < self.most || self.close(table, |_| true) || self.cut(table)
    }

    /// Whether one more would be more than `client` may have while so many are taken.
    fn is_over(&self, table: &Table, client: Client, taken: usize) -> bool {
        let has = table.of.get(&client).copied().unwrap_or_default();
        client.is_known() && 4 * taken > 3 * self.most && 4 * (has + 1) > self.most
    }

    /// Closes what has been idle longest, of those that `may` go.
    fn close(&self, table: &mut Table, may: impl Fn(&Taken) -> bool) -> bool {
        loop {
            let candidates = table.taken.iter().filter(|(_, taken)| may(taken));
            let idle =
                candidates.filter_map(|(number, taken)| Some((taken.state.idle_since()?, *number)));
            let Some((since, number)) = idle.min() else { return false };
            // It may have been asked something in this moment: then it is not the one.
            if table.taken[&number].state.lose(since) {
                table.leave(number);
                self.closed.fetch_add(1, Ordering::Relaxed);
                self.tell(table);
                return true;
            }
        }
    }

    /// Cuts off what the client with the most began last, if that is more than its share.
    fn cut(&self, table: &mut Table) -> bool {
        let over =
            table.of.iter().filter(|(client, has)| client.is_known() && 4 * **has > self.most);
        let Some((client, _)) = over.max_by_key(|(_, has)| **has) else { return false };
        let its = table.taken.iter().rev().find(|(_, taken)| taken.client == *client);
        let Some((&number, taken)) = its else { return false };
        taken.state.cut();
        table.leave(number);
        self.closed.fetch_add(1, Ordering::Relaxed);
        self.tell(table);
        true
    }

    /// The place is `client`'s from now on, unless that is more than it may have.
    fn hand(&self, number: u64, client: Client) -> bool {
        let mut table = self.table();
        let Some(before) = table.taken.get(&number).map(|taken| taken.client) else { return false };
        if self.is_over(&table, client, table.taken.len()) {
            self.refuse(&mut table);
            return false;
        }
        table.uncount(before);
        *table.of.entry(client).or_default() += 1;
        if let Some(taken) = table.taken.get_mut(&number) {
            taken.client = client;
        }
        true
    }

    fn refuse(&self, table: &mut Table) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.tell(table);
    }

    fn tell(&self, table: &mut Table) {
        if table.told.is_some_and(|told| told.elapsed() < TOLD_EVERY) {
            return;
        }
        table.told = Some(Instant::now());
        let most = table.of.iter().filter(|(client, _)| client.is_known()).max_by_key(|(_, n)| **n);
        let (client, has) = most.map_or((Client::unknown(), 0), |(client, has)| (*client, *has));
        tracing::warn!(
            kind = self.kind,
            limit = self.most,
            taken = table.taken.len(),
            %client,
            has,
            "connections are scarce: idle ones are closed, and one client may have a quarter of them at most"
        );
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn leave(&mut self, number: u64) {
        if let Some(taken) = self.taken.remove(&number) {
            self.uncount(taken.client);
        }
    }

    fn uncount(&mut self, client: Client) {
        if let Some(has) = self.of.get_mut(&client) {
            *has -= 1;
            if *has == 0 {
                self.of.remove(&client);
            }
        }
    }
}

/// What a connection does, as those see it who need its place: two stores a request, without a lock.
#[derive(Debug)]
struct State {
    since: AtomicU64,
    lost: watch::Sender<bool>,
}

const UNDER_WAY: u64 = 0;
const LOST: u64 = u64::MAX;

/// Of this process, never 0.
fn now() -> u64 {
    static BEGAN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    u64::try_from(BEGAN.elapsed().as_micros()).unwrap_or(LOST - 2) + 1
}

impl State {
    fn idle() -> Self {
        Self { since: AtomicU64::new(now()), lost: watch::Sender::new(false) }
    }

    /// Since when nothing has been asked, in microseconds.
    fn idle_since(&self) -> Option<u64> {
        Some(self.since.load(Ordering::Relaxed)).filter(|since| ![UNDER_WAY, LOST].contains(since))
    }

    fn set(&self, to: u64) -> bool {
        let not_lost = |since| (since != LOST).then_some(to);
        self.since.fetch_update(Ordering::Relaxed, Ordering::Relaxed, not_lost).is_ok()
    }

    /// If it is idle since then and still is.
    fn lose(&self, since: u64) -> bool {
        let lost = self.since.compare_exchange(since, LOST, Ordering::Relaxed, Ordering::Relaxed);
        if lost.is_ok() {
            self.lost.send_replace(true);
        }
        lost.is_ok()
    }

    fn cut(&self) {
        self.since.store(LOST, Ordering::Relaxed);
        self.lost.send_replace(true);
    }
}

/// The place of one connection, for as long as it lasts.
#[derive(Debug)]
pub(crate) struct Place {
    /// Whose it is while nothing is asked.
    own: Client,
    state: Arc<State>,
    seat: Mutex<(Arc<Places>, u64)>,
}

impl Place {
    /// A request of `client` begins. `None` if it has too many under way, or the place is lost.
    pub(crate) fn begin(self: &Arc<Self>, client: Client) -> Option<UnderWay> {
        let (places, number) = &*self.seat();
        let may = client == self.own || places.hand(*number, client);
        (may && self.state.set(UNDER_WAY)).then(|| UnderWay { place: Arc::clone(self), client })
    }

    /// From now on it is one of `places`. `false` if there is none for `client`, and everything is as it was.
    pub(crate) fn move_to(&self, places: &Arc<Places>, client: Client) -> bool {
        let Some(number) = places.seat(client, &self.state) else { return false };
        let (before, its) = std::mem::replace(&mut *self.seat(), (Arc::clone(places), number));
        before.table().leave(its);
        true
    }

    /// For how long nothing has been asked.
    pub(crate) fn idle_for(&self) -> Option<Duration> {
        self.state.idle_since().map(|since| Duration::from_micros(now().saturating_sub(since)))
    }

    /// Returns when somebody else has the place.
    pub(crate) async fn lost(&self) {
        // The sender is in the state, which is not gone before this is.
        let _ = self.state.lost.subscribe().wait_for(|lost| *lost).await;
    }

    fn seat(&self) -> MutexGuard<'_, (Arc<Places>, u64)> {
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (places, number) = &*self.seat();
        places.table().leave(*number);
    }
}

/// A request under way, until this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay {
    place: Arc<Place>,
    client: Client,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.place.state.set(now());
        if self.client != self.place.own {
            let (places, number) = &*self.place.seat();
            // To nobody in particular, for whom there is no share to be over.
            places.hand(*number, self.place.own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> Client {
        Client::at([192, 0, 2, last].into())
    }

    /// As many connections of `client` as there are places for, of `number`, each with a request under way.
    fn asking(places: &Arc<Places>, client: Client, number: usize) -> Vec<UnderWay> {
        let place = |_| places.take(client).and_then(|place| Arc::new(place).begin(client));
        (0..number).filter_map(place).collect()
    }

    fn idle(places: &Arc<Places>, client: Client, number: usize) -> Vec<Arc<Place>> {
        (0..number).filter_map(|_| places.take(client).map(Arc::new)).collect()
    }

    fn is_lost(place: &Place) -> bool {
        *place.state.lost.borrow()
    }

    #[test]
    fn one_client_has_three_quarters_at_most_and_others_the_rest() {
        let places = Places::new("test", 16);
        let ann = asking(&places, client(1), 16);
        assert_eq!(ann.len(), 12);
        assert_eq!(asking(&places, client(2), 16).len(), 4);
        let bob = idle(&places, client(2), 5);
        assert_eq!(
            bob.iter().map(|place| is_lost(place)).collect::<Vec<_>>(),
            [true, false, false, false, false]
        );
        assert_eq!(places.occupancy().taken, 16);
        drop((ann, bob));
        assert_eq!(places.occupancy().taken, 0);
        assert!(places.table().of.is_empty());
    }

    #[test]
    fn when_all_are_taken_what_is_idle_longest_goes() {
        let places = Places::new("test", 16);
        let unknown = idle(&places, Client::unknown(), 16);
        let asked = unknown[0].begin(Client::unknown());
        assert!(places.take(client(1)).is_some());
        assert!(!is_lost(&unknown[0]), "it was asked something");
        assert_eq!(unknown.iter().filter(|place| is_lost(place)).count(), 1);
        assert!(
            unknown.iter().filter(|place| place.begin(Client::unknown()).is_none()).count() == 1
        );
        drop(asked);
    }

    #[test]
    fn when_none_is_idle_what_is_beyond_a_share_goes_and_then_nothing() {
        let places = Places::new("test", 16);
        let mut held = vec![asking(&places, client(1), 12), asking(&places, client(2), 4)];
        for who in 3..=6 {
            held.push(asking(&places, client(who), 2));
        }
        assert_eq!(places.table().of[&client(1)], 4);
        assert_eq!(places.table().of[&client(3)], 2);
        let before = places.occupancy().refused;
        assert!(places.take(client(7)).is_none());
        assert_eq!(places.occupancy().refused, before + 1);
    }

    #[test]
    fn behind_a_proxy_requests_count_and_not_its_connections() {
        let places = Places::new("test", 16);
        let proxy = idle(&places, Client::unknown(), 16);
        let ask =
            |who| proxy.iter().filter_map(|place| place.begin(client(who))).collect::<Vec<_>>();
        let ann = ask(1);
        assert_eq!(ann.len(), 4, "all places are taken, so one client has a quarter");
        drop(ann);
        assert_eq!(places.table().of.len(), 1);
        assert_eq!(ask(2).len(), 4);
    }

    #[test]
    fn a_stream_is_counted_apart() {
        let (requests, streams) = (Places::new("request", 16), Places::new("stream", 8));
        let held = asking(&requests, client(1), 12);
        let moved = held.iter().filter(|it| it.place.move_to(&streams, client(1)));
        assert_eq!(moved.count(), 6);
        assert_eq!((requests.occupancy().taken, streams.occupancy().taken), (6, 6));
        drop(held);
        assert_eq!((requests.occupancy().taken, streams.occupancy().taken), (0, 0));
    }
}
