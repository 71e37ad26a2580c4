//! A connection to an origin, and whether it is kept when its answer is over.
//!
//! The pool knows a limit for each host and none for all of them: who may name hosts (a pattern with a wildcard) makes us
//! hold eight descriptors for each, half a minute long. So there is a number of places for connections that are kept, over
//! all hosts; one that finds none serves its request and is closed.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// As many as a page of many hosts profits from, and few beside the descriptors that clients have.
const KEPT: usize = 128;

/// The places.
#[derive(Debug, Clone)]
pub struct KeptConnections(Arc<Semaphore>);

impl KeptConnections {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(KEPT)))
    }

    /// Connections that have one, and how many there are.
    #[must_use]
    pub fn taken(&self) -> (usize, usize) {
        (KEPT - self.0.available_permits(), KEPT)
    }

    pub(super) fn open(&self, stream: TokioIo<TcpStream>) -> OriginConnection {
        let kept = Arc::clone(&self.0).try_acquire_owned().ok();
        if kept.is_none() {
            tracing::debug!(
                limit = KEPT,
                "too many connections to image servers are open, so this one is closed after use"
            );
        }
        OriginConnection { stream, kept }
    }
}

/// To one origin, guarded or not.
#[derive(Debug)]
pub struct OriginConnection {
    stream: TokioIo<TcpStream>,
    kept: Option<OwnedSemaphorePermit>,
}

impl Connection for OriginConnection {
    fn connected(&self) -> Connected {
        let connected = self.stream.connected();
        if self.kept.is_none() {
            // The pool takes none back that is marked so.
            connected.poison();
        }
        connected
    }
}

impl Read for OriginConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl Write for OriginConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
