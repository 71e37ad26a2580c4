//! One app, as whoever runs it sees it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::{mpsc, watch};

use crate::{
    output::{Line, Output},
    run::{App, Stop},
    spec::{Spec, State},
};

/// An app that runs. It ends when this is dropped; [`Supervised::stop`] waits for that.
#[derive(Debug)]
pub struct Supervised {
    state: watch::Receiver<State>,
    stop: watch::Sender<bool>,
    lines: Option<mpsc::Receiver<Line>>,
    dropped: Arc<AtomicU64>,
}

impl Supervised {
    /// Starts it. Why it could not is in its state, and it is tried again.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[must_use]
    pub fn start(spec: Spec) -> Self {
        let (output, lines, dropped) = Output::new();
        let (state, seen) = watch::channel(State::Starting);
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(App::new(spec, output, state, Stop(stopped)).run());
        Self { state: seen, stop, lines: Some(lines), dropped }
    }

    /// How it is, and how it will be.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// What it prints, for the first who asks. What is not taken in time is dropped.
    pub fn lines(&mut self) -> Option<mpsc::Receiver<Line>> {
        self.lines.take()
    }

    /// How many lines were dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Ends it, and returns when nothing of it is left.
    pub async fn stop(&self) {
        let _ = self.stop.send(true);
        let mut state = self.state.clone();
        // An error is the end of its task, which is the same.
        let _ = state.wait_for(|state| *state == State::Stopped).await;
    }
}
