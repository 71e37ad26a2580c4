//! Threads that undo content codings: so many for the machine, and half of them at most for one host, or for one client.
//!
//! A body that comes slowly holds one for as long as its fetch may last, and of threads that may block there are five hundred for
//! everything, files and the cache on disk among it. Waiting has no end here; deadlines are the caller's.

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use cuttle_contract::Client;

use super::fair_limit::{FairLimit, Permit};
use super::per_host_limit::PerHostLimit;

/// With what is slow these may be four times as many, which then wait for their origins.
const PER_CORE: usize = 4;
/// A client has a quarter of them at one host: not less than two.
const FEWEST: usize = 8;

/// The threads.
#[derive(Debug)]
pub(super) struct Decoders {
    all: Arc<FairLimit>,
    of_host: PerHostLimit,
}

/// One of them. Given back when dropped.
#[derive(Debug)]
pub(super) struct Decoder {
    of_host: Permit,
    of_all: Permit,
}

impl Decoders {
    pub(super) fn of_this_machine() -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        Self::new((cores * PER_CORE).max(FEWEST))
    }

    fn new(most: usize) -> Self {
        Self {
            all: FairLimit::new("decoders", most),
            of_host: PerHostLimit::new("decoders for", most / 2),
        }
    }

    /// Waits for one.
    pub(super) async fn acquire(&self, host: &str, client: Client) -> Decoder {
        // In this order: who waits for its own host keeps nobody else waiting.
        let of_host = self.of_host.acquire(host, client).await;
        let of_all = self.all.acquire(client).await;
        Decoder { of_host, of_all }
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.of_host.waiting() + self.all.waiting()
    }

    /// How many are at work.
    pub(super) fn taken(&self) -> usize {
        self.all.taken()
    }

    /// How many there are.
    pub(super) fn most(&self) -> usize {
        self.all.most()
    }
}

impl Decoder {
    /// Does the work that it is for.
    pub(super) async fn held_for<F: Future>(self, work: F) -> F::Output {
        self.of_host.held_for(self.of_all.held_for(work)).await
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn taken(decoders: &Decoders, host: &str, client: u8) -> Option<Decoder> {
        let client = Client::at([192, 0, 2, client].into());
        let acquiring = pin!(decoders.acquire(host, client));
        match acquiring.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(decoder) => Some(decoder),
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn neither_one_host_nor_one_client_has_more_than_half() {
        let decoders = Decoders::new(8);
        let by_many: Vec<_> = (0..40).filter_map(|n| taken(&decoders, "bad", n)).collect();
        assert_eq!(by_many.len(), 4);
        let elsewhere = |client| (0..9).map(move |n| (n.to_string(), client));
        let of_one: Vec<_> =
            elsewhere(50).filter_map(|(host, client)| taken(&decoders, &host, client)).collect();
        assert_eq!(of_one.len(), 4);
        assert!(taken(&decoders, "good", 60).is_none(), "that is all");
        drop(by_many);
        assert_eq!((decoders.taken(), decoders.waiting()), (4, 0));
        assert!(taken(&decoders, "good", 60).is_some());
        assert!(taken(&decoders, "good", 50).is_none(), "it has its half");
    }
}
