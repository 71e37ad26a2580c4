//! One question to one server: over UDP, and over TCP if the answer does not fit.
//!
//! Each question has a socket of its own that is connected: the kernel gives it a port that nobody can guess and drops what
//! comes from elsewhere (RFC 5452 §9), and a server that does not listen is an error at once, not a time to wait.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use rustls::crypto::ring::default_provider;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::message::{Asked, Family, Said};

/// Answers over UDP have 512 bytes at most, as no more is offered (RFC 6891 §6.2.5). Some servers send more all the same.
const DATAGRAM: usize = 4096;

/// What `server` says of `name`. Waits for as long as the caller does.
pub(super) async fn ask(server: SocketAddr, name: &str, family: Family) -> io::Result<Said> {
    let asked = Asked::new(name, family, unguessable()?);
    let Some(question) = asked.bytes() else { return Ok(Said::Absent) };
    match by_datagram(server, asked, &question).await? {
        Said::Truncated => by_stream(server, asked, &question).await,
        said => Ok(said),
    }
}

async fn by_datagram(server: SocketAddr, asked: Asked<'_>, question: &[u8]) -> io::Result<Said> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let length = socket.recv(&mut buffer).await?;
        // SECURITY: a guess of somebody else must not end the wait for the true answer.
        if let Some(said) = asked.read(&buffer[..length]) {
            return Ok(said);
        }
    }
}

async fn by_stream(server: SocketAddr, asked: Asked<'_>, question: &[u8]) -> io::Result<Said> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    // In one piece: some servers read the length and the question with one call.
    stream.write_all(&[&length.to_be_bytes(), question].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    match asked.read(&answer) {
        None | Some(Said::Truncated) => Ok(Said::Failed),
        Some(said) => Ok(said),
    }
}

/// From the kernel's own randomness, as the rest of a connection's secrets.
fn unguessable() -> io::Result<u16> {
    let mut bytes = [0; 2];
    let filled = default_provider().secure_random.fill(&mut bytes);
    filled.map_err(|_| io::Error::other("no randomness"))?;
    Ok(u16::from_be_bytes(bytes))
}
