//! How serving ends: asked to leave, answers say `Connection: close`; then nothing new is accepted, and what is under way
//! has its time. A restart must not be an outage, so nobody's silence prolongs it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::connections::{Connections, LOOK_EVERY, until};
use super::places::Place;

/// A client may be sending its next request on a connection that it was told nothing about.
const IDLE: Duration = Duration::from_secs(1);
/// A tunnel or an event stream may last for days; clients of both connect again.
const STREAMS: Duration = Duration::from_secs(2);

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not begun.
    Serving,
    /// Both doors answer, and every answer closes its connection.
    Leaving,
    /// Nothing new is accepted.
    Closing {
        /// Connections that last longer are cut.
        within: Duration,
    },
}

/// What listeners know of it.
#[derive(Debug, Clone)]
pub struct Drain(pub watch::Receiver<Phase>);

impl Drain {
    /// Told to leave.
    pub(super) fn is_asked(&self) -> bool {
        *self.0.borrow() != Phase::Serving
    }

    /// Returns when nothing new is to be accepted, or when nobody is there to say so.
    pub(super) async fn begun(&mut self) {
        drop(self.0.wait_for(|phase| matches!(phase, Phase::Closing { .. })).await);
    }

    /// Returns when nothing new is accepted, and nothing has been asked on this connection for a while.
    pub(super) async fn idle(&mut self, place: &Place) {
        self.begun().await;
        sleep(IDLE).await;
        while place.idle_for().is_none_or(|idle| idle < IDLE) {
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits for what is under way, as long as it may last.
    pub(super) async fn finish(&self, connections: &Connections) {
        let within = match *self.0.borrow() {
            Phase::Closing { within } => within,
            Phase::Serving | Phase::Leaving => Duration::ZERO,
        };
        let finished = timeout(within, async {
            // Idle ones go by themselves in half of that, unless they are asked something once more.
            loop {
                until(|| connections.only_streams()).await;
                let gone = timeout(STREAMS, until(|| connections.none())).await;
                if gone.is_ok() || connections.only_streams() {
                    return;
                }
            }
        });
        if finished.await.is_err() {
            tracing::warn!("connections were cut: draining took too long");
        }
    }
}
