//! What signals mean. SIGTERM (a supervisor) or SIGINT (a person) drains, a second one ends at once. SIGHUP is what a terminal
//! that closes sends; where there is none, it is the old way to ask a server to reload.

use std::future::pending;
use std::io::{self, IsTerminal as _};

use cuttle_server::Reload;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals, listened to from the moment this exists.
#[derive(Debug)]
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
    /// Where standard input was a terminal at start.
    closed: Option<Signal>,
    /// Where it was not.
    pub(crate) hangup: Option<Hangup>,
}

/// Asks to reload.
#[derive(Debug)]
pub struct Hangup(Signal);

impl Stop {
    /// # Errors
    /// The system gives no handler.
    pub fn listen() -> io::Result<Self> {
        let hangup = signal(SignalKind::hangup())?;
        let (closed, hangup) = match io::stdin().is_terminal() {
            true => (Some(hangup), None),
            false => (None, Some(Hangup(hangup))),
        };
        let (terminate, interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt, closed, hangup })
    }

    /// Returns at the next of them.
    pub async fn asked(&mut self) {
        let closed = async {
            match &mut self.closed {
                Some(closed) => closed.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            // Once: a shell passes on what the terminal says, and nobody asked twice.
            _ = closed => self.closed = None,
        }
    }
}

impl Hangup {
    /// For as long as we serve. What came of it is in the log.
    pub(crate) async fn reload(mut self, reload: Reload) {
        while self.0.recv().await.is_some() {
            if let Err(why) = reload.ask().await {
                tracing::error!(why, "the reload failed");
            }
        }
    }
}
