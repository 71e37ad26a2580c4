//! Both ends of the socket between server and worker: whole messages, and descriptors beside them.
//!
//! The server's end is asynchronous; the worker's is plain blocking reads, because a worker has
//! nothing else to do. Who speaks out of turn is told apart from who is gone.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    cmsg_space,
    io::{Errno, retry_on_intr},
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, SendAncillaryBuffer, SendAncillaryMessage,
        SendFlags, recvmsg, sendmsg,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::UnixStream,
};

use crate::{
    Platform, ProtocolError, Reply, decode_reply,
    protocol::{self, HEADER, MAX_REPLY, MAX_REQUEST, Request},
};

/// Descriptors that come with a job: its source and its result.
const DESCRIPTORS: usize = 2;

/// Why the other side did not answer.
#[derive(Debug)]
pub(crate) enum Silence {
    /// It closed its end: a worker does so only by dying.
    Gone,
    /// It said something else.
    Protocol(ProtocolError),
}

impl From<ProtocolError> for Silence {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl From<io::Error> for Silence {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// The server's end.
#[derive(Debug)]
pub(crate) struct ServerEnd(pub(crate) UnixStream);

impl ServerEnd {
    /// Sends a request, with a job's descriptors or none.
    pub(crate) async fn send(
        &mut self,
        request: &Request,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), Silence> {
        let frame = protocol::encode(request);
        let stream = self.0.as_fd();
        let send = || {
            let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(DESCRIPTORS))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            if !descriptors.is_empty() {
                ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
            }
            Ok(sendmsg(stream, &[IoSlice::new(&frame)], &mut ancillary, SendFlags::empty())?)
        };
        let sent = self.0.async_io(Interest::WRITABLE, send).await?;
        // The descriptors went with the first byte.
        Ok(self.0.write_all(&frame[sent..]).await?)
    }

    /// Waits for a reply.
    pub(crate) async fn receive(&mut self) -> Result<Reply, Silence> {
        let mut header = [0; HEADER];
        self.0.read_exact(&mut header).await?;
        let mut message = vec![0; protocol::message_len(header, MAX_REPLY)?];
        self.0.read_exact(&mut message).await?;
        Ok(decode_reply(&message)?)
    }

    /// Resolves when a worker that was asked nothing dies or speaks. Loses nothing when dropped.
    pub(crate) async fn interrupted(&self) -> Silence {
        loop {
            if self.0.readable().await.is_err() {
                return Silence::Gone;
            }
            match self.0.try_read(&mut [0]) {
                Ok(0) => return Silence::Gone,
                Ok(_) => return Silence::Protocol(ProtocolError::Unexpected),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Silence::Gone,
            }
        }
    }
}

/// The worker's end: its standard input.
#[derive(Debug)]
pub(crate) struct WorkerEnd<'fd>(pub(crate) BorrowedFd<'fd>);

impl WorkerEnd<'_> {
    /// Waits for a request and its descriptors; `None` when the server is gone.
    pub(crate) fn receive(&self) -> io::Result<Option<(Request, Vec<OwnedFd>)>> {
        let mut header = [0; HEADER];
        let mut descriptors = Vec::with_capacity(DESCRIPTORS);
        let mut read = self.receive_start(&mut header, &mut descriptors)?;
        if read == 0 {
            return Ok(None);
        }
        while read < HEADER {
            read += self.read_some(&mut header[read..])?;
        }
        let len = protocol::message_len(header, MAX_REQUEST).map_err(io::Error::other)?;
        let mut message = vec![0; len];
        let mut read = 0;
        while read < len {
            read += self.read_some(&mut message[read..])?;
        }
        let request = protocol::decode(&message).map_err(io::Error::other)?;
        Ok(Some((request, descriptors)))
    }

    /// Reads the first bytes of a message, which are those that descriptors travel with.
    fn receive_start(&self, buf: &mut [u8], taken: &mut Vec<OwnedFd>) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = retry_on_intr(|| {
            recvmsg(self.0, &mut [IoSliceMut::new(buf)], &mut ancillary, Platform::RECEIVE)
        })?;
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                taken.extend(descriptors);
            }
        }
        Ok(received.bytes)
    }

    fn read_some(&self, buf: &mut [u8]) -> io::Result<usize> {
        match retry_on_intr(|| rustix::io::read(self.0, &mut *buf))? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }

    /// Answers.
    pub(crate) fn send(&self, reply: &Reply) -> io::Result<()> {
        let frame = protocol::encode(reply);
        let mut rest = frame.as_slice();
        while !rest.is_empty() {
            match rustix::io::write(self.0, rest) {
                Ok(written) => rest = &rest[written..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
