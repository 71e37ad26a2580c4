//! At most so many requests at a time to one host, shared fairly between the clients that they are made for.
//!
//! A page of a hundred pictures is a hundred requests to one server that may be small, and our retries would come on top. The
//! others wait here, within their own deadlines, instead of there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cuttle_contract::Client;

use super::fair_limit::{FairLimit, Permit};

/// So many hosts without a request are tolerated before they are swept out.
const SWEEP_ABOVE: usize = 256;

/// The limit of each host.
#[derive(Debug)]
pub(crate) struct PerHostLimit {
    /// For the log, before the host.
    name: &'static str,
    places: usize,
    hosts: Mutex<HashMap<Box<str>, Weak<FairLimit>>>,
}

impl PerHostLimit {
    pub(crate) fn new(name: &'static str, places: usize) -> Self {
        Self { name, places: places.max(1), hosts: Mutex::default() }
    }

    /// Waits for a place at `host`.
    pub(crate) async fn acquire(&self, host: &str, client: Client) -> Permit {
        let limit = self.of(host);
        limit.acquire(client).await
    }

    /// How many wait, of all hosts.
    pub(crate) fn waiting(&self) -> usize {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.values().filter_map(Weak::upgrade).map(|limit| limit.waiting()).sum()
    }

    fn of(&self, host: &str) -> Arc<FairLimit> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = hosts.get(host).and_then(Weak::upgrade) {
            return found;
        }
        if hosts.len() > SWEEP_ABOVE {
            hosts.retain(|_, limit| limit.strong_count() > 0);
        }
        let new = FairLimit::new(&format!("{} {host}", self.name), self.places);
        hosts.insert(host.into(), Arc::downgrade(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn taken(limit: &PerHostLimit, host: &str) -> Permit {
        match poll(pin!(limit.acquire(host, Client::unknown()))) {
            Poll::Ready(permit) => permit,
            Poll::Pending => panic!("no place at {host}"),
        }
    }

    #[tokio::test]
    async fn a_full_host_waits_and_the_others_do_not() {
        let limit = PerHostLimit::new("test", 2);
        let (first, _second) = (taken(&limit, "a"), taken(&limit, "a"));
        let mut third = Box::pin(limit.acquire("a", Client::unknown()));
        assert!(poll(third.as_mut()).is_pending());
        assert_eq!(limit.waiting(), 1);
        drop(taken(&limit, "b"));
        drop(first);
        assert!(poll(third.as_mut()).is_ready());
        assert_eq!(limit.waiting(), 0);
    }

    #[test]
    fn hosts_without_a_request_are_forgotten() {
        let limit = PerHostLimit::new("test", 1);
        let _held = taken(&limit, "held");
        for n in 0..10 * SWEEP_ABOVE {
            drop(taken(&limit, &n.to_string()));
        }
        let hosts = limit.hosts.lock().expect("not poisoned");
        assert!(hosts.len() <= SWEEP_ABOVE + 1);
        assert!(hosts.contains_key("held"));
    }
}
