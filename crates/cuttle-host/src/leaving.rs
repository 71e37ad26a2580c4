//! The end of serving, in time: how long both doors still answer, and how long what is under way may take.
//!
//! With a socket that outlives it, a server that ends goes on accepting for 1.5 s, and answers under way then have as long
//! again. Whoever connects after that waits for both, and for the successor's start. Longer answers would need a handover
//! between two processes, which there is not.

use std::sync::Arc;
use std::time::Duration;

use cuttle_config::Server as Settings;
use cuttle_server::{Phase, Server};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::state::Note;

/// Where the socket is a supervisor's, whoever connects waits for the successor, which has to start as well: so for half of
/// the time that people accept we go on accepting ourselves, and then answers under way have the other half.
const GIVEN_ACCEPTS: Duration = Duration::from_millis(1500);
const GIVEN_ENDS: Duration = Duration::from_secs(3);

/// The two times.
#[derive(Debug)]
pub(crate) struct Leaving {
    delay: Duration,
    drain: Duration,
    /// The socket outlives us.
    given: bool,
}

impl Leaving {
    pub(crate) fn new(server: &Settings, given: bool) -> Self {
        Self { delay: server.drain_delay.duration(), drain: server.drain.duration(), given }
    }

    /// Sees `answering` to its end. The admin address and its note are free from the drain on.
    pub(crate) async fn leave(
        &self,
        server: &Arc<Server>,
        phase: &watch::Sender<Phase>,
        note: Option<Note>,
        answering: JoinHandle<()>,
    ) {
        let asked = Instant::now();
        server.drain();
        phase.send_replace(Phase::Leaving);
        if !self.delay.is_zero() {
            tracing::info!(
                "leaving: requests are still answered, and each answer closes its connection"
            );
            sleep_until(asked + self.delay).await;
        }
        if self.given {
            // Nobody waits for it longer than for what is under way.
            let _ = timeout_at(asked + GIVEN_ACCEPTS, server.quiet()).await;
        }
        let within = if self.given {
            let rest = (asked + self.delay.max(GIVEN_ACCEPTS) - GIVEN_ACCEPTS + GIVEN_ENDS)
                - Instant::now();
            self.drain.min(rest)
        } else {
            self.drain
        };
        tracing::info!(
            "draining: answers under way are finished, new connections are not accepted"
        );
        if !self.given {
            server.close();
        }
        drop(note);
        phase.send_replace(Phase::Closing { within });
        let _ = answering.await;
    }
}
