//! A client's socket: patient with one that is silent, not with one that takes nothing, and able to say "this was not all".

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use cuttle_contract::Heads;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_io_timeout::TimeoutStream;

use super::HEADERS_WITHIN;
use super::unreadable::BEGINNING;

/// A client that takes nothing for so long while there is something to send has gone; what was set
/// aside for its answer is given back. Says nothing of streams that have nothing to send.
const TAKES_WITHIN: Duration = Duration::from_secs(30);
/// A client that vanished without a word (a phone out of reach) would keep its place for ever while a stream is silent.
const KEEP_ALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));

/// A connection to a client.
///
/// What hyper writes while no request is being answered is its own refusal of what it could not read: a status and no word. That
/// is held back, and [`Ending::say`] says something better in its place.
pub(super) struct Socket {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    ending: Ending,
    heads: Seen,
    wrote: bool,
    held_back: bool,
    /// How much of the beginning came.
    begun: usize,
    /// When the head that has begun must have come, while it is waited for.
    head_due: Option<Pin<Box<Sleep>>>,
}

/// The heads that come in on it.
pub(super) type Seen = Arc<Mutex<Heads>>;

/// How the socket ends when it is dropped: as it is, with a FIN, or with a reset.
///
/// To a client of HTTP/1.0 the end of an answer without a length *is* the end of the connection: an answer that breaks off
/// would look whole, and nginx, which speaks 1.0 to what is behind it unless told otherwise, would pass it on as whole.
#[derive(Debug, Clone, Default)]
pub(super) struct Ending(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    reset: AtomicBool,
    answering: AtomicUsize,
    /// Something was asked on it.
    asked: AtomicBool,
    /// Something of an answer is on its way to the socket, or may yet be.
    unsent: AtomicBool,
    beginning: Mutex<Vec<u8>>,
    last_words: Mutex<Option<String>>,
}

impl Ending {
    pub(super) fn reset(&self, reset: bool) {
        self.0.reset.store(reset, Ordering::Relaxed);
    }

    /// Until it is dropped and all is flushed, what is written is an answer of ours.
    pub(super) fn answering(&self) -> Answering {
        self.0.unsent.store(true, Ordering::Relaxed);
        self.0.asked.store(true, Ordering::Relaxed);
        self.0.answering.fetch_add(1, Ordering::Relaxed);
        Answering(self.clone())
    }

    /// hyper flushes its socket when it has nothing left to write to it.
    fn flushed(&self) {
        if self.0.answering.load(Ordering::Relaxed) == 0 {
            self.0.unsent.store(false, Ordering::Relaxed);
        }
    }

    fn has_begun(&self, first: &[u8]) {
        let mut beginning = self.0.beginning.lock().unwrap_or_else(PoisonError::into_inner);
        beginning.extend_from_slice(first);
    }

    /// The first bytes that came.
    pub(super) fn beginning(&self) -> Vec<u8> {
        self.0.beginning.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is sent in place of hyper's refusal, when the socket is dropped.
    pub(super) fn say(&self, last_words: String) {
        *self.0.last_words.lock().unwrap_or_else(PoisonError::into_inner) = Some(last_words);
    }
}

/// A request is being answered.
#[derive(Debug)]
pub(super) struct Answering(Ending);

impl Answering {
    /// Whatever comes from now on is not hyper's.
    pub(super) fn for_ever(self) {
        std::mem::forget(self);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.answering.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> (Self, Ending, Seen) {
        // Neither can fail on a TCP socket but for one that is closed already, which the first read tells.
        let _ = stream.set_nodelay(true);
        let _ = SockRef::from(&stream).set_tcp_keepalive(&KEEP_ALIVE);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(TAKES_WITHIN));
        let (ending, heads) = (Ending::default(), Seen::default());
        let socket = Self {
            stream: Box::pin(stream),
            ending: ending.clone(),
            heads: Arc::clone(&heads),
            wrote: false,
            held_back: false,
            begun: 0,
            head_due: None,
        };
        (socket, ending, heads)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let stream = self.stream.as_ref().get_ref().get_ref();
        let shared = &self.ending.0;
        let words = shared.last_words.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(words) = words.filter(|_| self.held_back || !self.wrote) {
            // All of it fits into the buffer of a socket that has nothing else to send.
            let _ = SockRef::from(stream).send(words.as_bytes());
        } else if shared.reset.load(Ordering::Relaxed) {
            let _ = stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = self.stream.as_mut().poll_read(cx, buffer);
        let came = &buffer.filled()[before..];
        if !came.is_empty() {
            let is_within = {
                let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
                heads.see(came);
                heads.is_within()
            };
            if !is_within {
                self.head_due = None;
            }
        }
        if self.begun < BEGINNING {
            let first = &came[..came.len().min(BEGINNING - self.begun)];
            self.begun += first.len();
            self.ending.has_begun(first);
        }
        match read {
            Poll::Pending => self.wait_for_head(cx).map(Err),
            Poll::Ready(read) => Poll::Ready(read),
        }
    }
}

impl Socket {
    /// Ready when a head that has begun, or the first of a connection, has not come in its time. hyper's own timer does not
    /// tell a head that is slow from a connection on which nobody asks anything.
    fn wait_for_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let is_within = self.heads.lock().unwrap_or_else(PoisonError::into_inner).is_within();
        let Shared { asked, answering, .. } = &*self.ending.0;
        let is_idle = !is_within && asked.load(Ordering::Relaxed);
        if is_idle || answering.load(Ordering::Relaxed) > 0 {
            self.head_due = None;
            return Poll::Pending;
        }
        let due = self.head_due.get_or_insert_with(|| Box::pin(sleep(HEADERS_WITHIN)));
        due.as_mut().poll(cx).map(|()| io::ErrorKind::TimedOut.into())
    }

    /// Whether what is to be written is hyper's own.
    fn holds_back(&mut self) -> bool {
        self.held_back |= !self.ending.0.unsent.load(Ordering::Relaxed);
        self.wrote |= !self.held_back;
        self.held_back
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.holds_back() {
            return Poll::Ready(Ok(bytes.len()));
        }
        self.stream.as_mut().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.holds_back() {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        self.stream.as_mut().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.stream.as_mut().poll_flush(cx);
        if flushed.is_ready() {
            self.ending.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.held_back {
            return Poll::Ready(Ok(()));
        }
        self.stream.as_mut().poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_client_that_vanished_is_asked_whether_it_is_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let _client = TcpStream::connect(listener.local_addr().expect("an address")).await;
        let (stream, _) = listener.accept().await.expect("a client");
        let (socket, ..) = Socket::new(stream);
        let stream = socket.stream.as_ref().get_ref().get_ref();
        assert!(SockRef::from(stream).keepalive().expect("a socket"));
        assert!(stream.nodelay().expect("a socket"));
    }
}
