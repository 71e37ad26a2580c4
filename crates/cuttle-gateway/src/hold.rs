//! Requests that wait while an application that we run is started again: so many, and so long.
//!
//! Without it a crash is a 502 for whoever comes in the second that a start takes. What waits is a head and a connection whose body
//! nobody has read; a limit keeps a crash from holding every connection that there is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::error::ProxyError;

/// Since which start an application answers, by its number; `None`: not now.
pub type Available = watch::Receiver<Option<u64>>;

/// What waits, and for what.
#[derive(Debug, Clone)]
pub struct Hold {
    available: Available,
    places: Arc<Semaphore>,
    within: Duration,
}

/// Nobody waits any longer: there are too many, or it took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotBack;

impl From<NotBack> for ProxyError {
    fn from(NotBack: NotBack) -> Self {
        Self::Restarting
    }
}

impl Hold {
    /// At most `most` requests, each for `within`.
    #[must_use]
    pub fn new(available: Available, most: usize, within: Duration) -> Self {
        Self { available, places: Arc::new(Semaphore::new(most)), within }
    }

    /// The number of the start that answers, once there is one after `before`.
    pub(crate) async fn started_after(&self, before: Option<u64>) -> Result<u64, NotBack> {
        let mut available = self.available.clone();
        let is_later = |start: &Option<u64>| *start > before;
        if let Some(start) = available.borrow_and_update().filter(|start| is_later(&Some(*start))) {
            return Ok(start);
        }
        let _place = self.places.try_acquire().map_err(|_| NotBack)?;
        let waited = timeout(self.within, available.wait_for(is_later)).await;
        // Nobody starts it any more, or not in time.
        waited.ok().and_then(Result::ok).and_then(|start| *start).ok_or(NotBack)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_place_is_held_until_the_next_start_or_for_so_long() {
        let (told, available) = watch::channel(None);
        let hold = Hold::new(available, 1, Duration::from_secs(5));
        assert_eq!(hold.started_after(None).await, Err(NotBack), "not in five seconds");
        let waiting = tokio::spawn({
            let hold = hold.clone();
            async move { hold.started_after(None).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(hold.started_after(None).await, Err(NotBack), "every place is taken");
        told.send_replace(Some(1));
        assert_eq!(waiting.await.expect("no panic"), Ok(1));
        assert_eq!(hold.started_after(None).await, Ok(1));
        let next = tokio::spawn({
            let hold = hold.clone();
            async move { hold.started_after(Some(1)).await }
        });
        tokio::task::yield_now().await;
        told.send_replace(None);
        told.send_replace(Some(2));
        assert_eq!(next.await.expect("no panic"), Ok(2));
        drop(told);
        assert_eq!(hold.started_after(Some(2)).await, Err(NotBack));
    }
}
