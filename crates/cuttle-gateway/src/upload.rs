//! The body of a client's request on its way to the application, and whose turn it is meanwhile.
//!
//! A client may upload slowly, but not fall silent: 57 bytes a connection would hold it, and one to the application, for ever.
//! Nor may an application that takes nothing, or has everything and says nothing. And a client that waits for `100 Continue` gets it when the application gave it, so that a refusal by the
//! application comes before gigabytes that nobody wants.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout, timeout_at};

/// An application that knows nothing of `100 Continue` (HTTP/1.0) is sent the body after so long, as RFC 9110 §10.1.1
/// has clients do.
const CONTINUE_WITHIN: Duration = Duration::from_secs(1);

/// A body that is passed on as it comes.
pub(crate) struct Upload {
    /// `None` when there is none.
    body: Option<Incoming>,
    gate: Option<Gate>,
    permitted: Option<Pin<Box<dyn Future<Output = bool> + Send>>>,
    since: watch::Sender<Option<Instant>>,
    silence: Duration,
    /// From the last that came on, while more is waited for.
    silent: Option<Pin<Box<Sleep>>>,
}

/// Lets a body pass that waits for its `100 Continue`, or keeps it where it is: told of an answer, it waits for the answer's
/// end, which is when the last clone is dropped, and breaks the upload off.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<watch::Sender<Heard>>);

/// What the application said to a client that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Nothing,
    Continue,
    Answer,
}

/// Since when it is the application's turn, or `None` while the client's is.
#[derive(Debug)]
pub(crate) struct Turn(watch::Receiver<Option<Instant>>);

impl Upload {
    /// A body of which something comes at least once in `silence`.
    pub(crate) fn new(body: Incoming, waits_for_continue: bool, silence: Duration) -> (Self, Turn) {
        let (since, turn) = watch::channel(Some(Instant::now()));
        let (gate, permitted) = if waits_for_continue {
            let (gate, heard) = watch::channel(Heard::Nothing);
            (Some(Gate(Arc::new(gate))), Some(Box::pin(permitted(heard)) as Pin<Box<_>>))
        } else {
            (None, None)
        };
        let body = Some(body).filter(|body| !body.is_end_stream());
        (Self { body, gate, permitted, since, silence, silent: None }, Turn(turn))
    }

    /// Nothing, in place of a body that was nothing.
    pub(crate) fn nothing() -> Self {
        Self {
            body: None,
            gate: None,
            permitted: None,
            since: watch::Sender::new(None),
            silence: Duration::MAX,
            silent: None,
        }
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.body.is_none()
    }

    /// Taken from the body, which would else hold itself back for ever.
    pub(crate) fn take_gate(&mut self) -> Option<Gate> {
        self.gate.take()
    }
}

impl Gate {
    pub(crate) fn open(&self) {
        self.0.send_replace(Heard::Continue);
    }

    /// The application answered. Unless the way is open already it wants no body.
    pub(crate) fn answered(&self) {
        self.0.send_if_modified(|heard| {
            let unasked = *heard == Heard::Nothing;
            if unasked {
                *heard = Heard::Answer;
            }
            unasked
        });
    }
}

/// Whether the body may pass, once that is known.
async fn permitted(mut heard: watch::Receiver<Heard>) -> bool {
    let first = heard.wait_for(|heard| *heard != Heard::Nothing);
    match timeout(CONTINUE_WITHIN, first).await.map(|first| first.map(|heard| *heard)) {
        Err(_elapsed) => return true,
        Ok(Ok(Heard::Continue)) => return true,
        Ok(_) => {}
    }
    while heard.changed().await.is_ok() {}
    false
}

impl Turn {
    /// Ends when the application let its turn of `within` pass.
    pub(crate) async fn overdue(mut self, within: Duration) {
        loop {
            let since = *self.0.borrow_and_update();
            let changed = match since {
                Some(since) => match timeout_at(due(since, within), self.0.changed()).await {
                    Err(_elapsed) => return,
                    Ok(changed) => changed,
                },
                None => self.0.changed().await,
            };
            if changed.is_err() {
                // Everything was sent, or will never be: from now on it is the application's turn.
                let since = self.0.borrow().unwrap_or_else(Instant::now);
                return sleep_until(due(since, within)).await;
            }
        }
    }
}

/// A clock has an end, and an operator who wants no limit writes a number beyond it.
fn due(since: Instant, within: Duration) -> Instant {
    const A_YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    since + within.min(A_YEAR)
}

impl Body for Upload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(permitted) = &mut self.permitted {
            let permitted = ready!(permitted.as_mut().poll(cx));
            self.permitted = None;
            if !permitted {
                return Poll::Ready(Some(Err(io::Error::other("answered without it"))));
            }
        }
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(cx);
        if frame.is_pending() {
            self.since.send_if_modified(|since| since.take().is_some());
            let silence = self.silence;
            let silent = self.silent.get_or_insert_with(|| Box::pin(sleep(silence)));
            ready!(silent.as_mut().poll(cx));
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        }
        self.silent = None;
        self.since.send_replace(Some(Instant::now()));
        frame.map_err(io::Error::other)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}
