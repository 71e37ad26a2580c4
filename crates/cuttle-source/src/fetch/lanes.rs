//! At most so many requests at a time to one origin.
//!
//! A page of a hundred pictures is a hundred requests to one server that may be small, and our retries would come on top. The
//! others wait here, within their own deadlines, instead of there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many origins without a request are tolerated before they are swept out.
const SWEEP_ABOVE: usize = 256;

/// One set of lanes for each origin.
#[derive(Debug)]
pub(crate) struct Lanes {
    each: usize,
    origins: Mutex<HashMap<Box<str>, Weak<Semaphore>>>,
}

/// The right to one request. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Lane {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Lanes {
    pub(crate) fn new(each: usize) -> Self {
        Self { each: each.max(1), origins: Mutex::default() }
    }

    /// Waits for a lane to `origin`, first come first served.
    pub(crate) async fn enter(&self, origin: &str) -> Lane {
        // The semaphore is never closed, so the only outcome is a permit. The permit holds the semaphore.
        Lane { _permit: self.of(origin).acquire_owned().await.ok() }
    }

    fn of(&self, origin: &str) -> Arc<Semaphore> {
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lanes) = origins.get(origin).and_then(Weak::upgrade) {
            return lanes;
        }
        if origins.len() > SWEEP_ABOVE {
            origins.retain(|_, lanes| lanes.strong_count() > 0);
        }
        let lanes = Arc::new(Semaphore::new(self.each));
        origins.insert(origin.into(), Arc::downgrade(&lanes));
        lanes
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

    #[test]
    fn a_full_origin_waits_and_the_others_do_not() {
        let lanes = Lanes::new(2);
        let Poll::Ready(first) = poll(pin!(lanes.enter("a"))) else { panic!("a lane") };
        let Poll::Ready(_second) = poll(pin!(lanes.enter("a"))) else { panic!("a lane") };
        let mut third = pin!(lanes.enter("a"));
        assert!(poll(third.as_mut()).is_pending());
        assert!(poll(pin!(lanes.enter("b"))).is_ready());
        drop(first);
        assert!(poll(third.as_mut()).is_ready());
    }

    #[test]
    fn origins_without_a_request_are_forgotten() {
        let lanes = Lanes::new(1);
        let Poll::Ready(_held) = poll(pin!(lanes.enter("held"))) else { panic!("a lane") };
        for n in 0..10 * SWEEP_ABOVE {
            assert!(poll(pin!(lanes.enter(&n.to_string()))).is_ready());
        }
        let origins = lanes.origins.lock().expect("not poisoned");
        assert!(origins.len() <= SWEEP_ABOVE + 1);
        assert!(origins.contains_key("held"));
    }
}
