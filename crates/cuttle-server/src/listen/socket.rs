//! A client's socket: patient with one that is silent, not with one that takes nothing, and able to say "this was not all".

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use cuttle_contract::Heads;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;

/// A client that takes nothing for so long while there is something to send has gone; what was set
/// aside for its answer is given back. Says nothing of streams that have nothing to send.
const TAKES_WITHIN: Duration = Duration::from_secs(30);
/// A client that vanished without a word (a phone out of reach) would keep its place for ever while a stream is silent.
const KEEP_ALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));

/// A connection to a client.
pub(super) struct Socket {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    ending: Ending,
    heads: Seen,
}

/// The heads that come in on it.
pub(super) type Seen = Arc<Mutex<Heads>>;

/// How the socket ends when it is dropped: as it is, with a FIN, or with a reset.
///
/// To a client of HTTP/1.0 the end of an answer without a length *is* the end of the connection: an answer that breaks off
/// would look whole, and nginx, which speaks 1.0 to what is behind it unless told otherwise, would pass it on as whole.
#[derive(Debug, Clone, Default)]
pub(super) struct Ending(Arc<AtomicBool>);

impl Ending {
    pub(super) fn reset(&self, reset: bool) {
        self.0.store(reset, Ordering::Relaxed);
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
        let socket =
            Self { stream: Box::pin(stream), ending: ending.clone(), heads: Arc::clone(&heads) };
        (socket, ending, heads)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.ending.0.load(Ordering::Relaxed) {
            let _ = self.stream.as_ref().get_ref().get_ref().set_zero_linger();
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
            self.heads.lock().unwrap_or_else(PoisonError::into_inner).see(came);
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
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
