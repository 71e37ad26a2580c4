//! The one question of HTTP that is asked here: does the app answer, and below 500?
//!
//! A redirect, a page that needs a login and a 404 are answers of an app that works. kamal-proxy wants 2xx from `/up`, and its
//! users' most frequent trouble is an app that is healthy and has none.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// For connecting, asking and the first line of the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Heads before the answer's own are few.
const LONGEST: usize = 16 << 10;
const SERVER_ERROR: u16 = 500;

/// What is asked: a path, with a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    path: String,
    host: String,
}

/// Why something cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot be asked for: a health path begins with `/`, and neither it nor the host has spaces or control characters"
)]
pub struct NotAHealthQuestion(String);

/// Why an app is not healthy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unhealthy {
    #[error("{path} was answered with {status}")]
    Status { path: String, status: u16 },
    #[error("{0} was not answered within {s} s", s = PATIENCE.as_secs())]
    Silent(String),
    #[error("{0} was not answered in HTTP/1.1")]
    NotHttp(String),
    #[error("{path} cannot be asked for: {error}")]
    Io { path: String, error: std::io::Error },
}

impl Health {
    /// # Errors
    /// One of them cannot stand in a request.
    pub fn new(path: &str, host: &str) -> Result<Self, NotAHealthQuestion> {
        // SECURITY: a line break in either would be another header, or another request.
        let clean = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if !path.starts_with('/') || !clean(path) {
            return Err(NotAHealthQuestion(path.to_owned()));
        }
        if host.is_empty() || !clean(host) {
            return Err(NotAHealthQuestion(host.to_owned()));
        }
        Ok(Self { path: path.to_owned(), host: host.to_owned() })
    }

    pub(crate) async fn ask(&self, address: SocketAddr) -> Result<(), Unhealthy> {
        let path = || self.path.clone();
        let status = timeout(PATIENCE, self.status(address));
        match status.await.map_err(|_| Unhealthy::Silent(path()))? {
            Ok(Some(status)) if status < SERVER_ERROR => Ok(()),
            Ok(Some(status)) => Err(Unhealthy::Status { path: path(), status }),
            Ok(None) => Err(Unhealthy::NotHttp(path())),
            Err(error) => Err(Unhealthy::Io { path: path(), error }),
        }
    }

    async fn status(&self, address: SocketAddr) -> std::io::Result<Option<u16>> {
        let Self { path, host } = self;
        let question = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Cuttle health\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        );
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(question.as_bytes()).await?;
        let mut answer = Vec::new();
        let mut buffer = [0; 1024];
        loop {
            if let Some(status) = final_status(&answer) {
                return Ok(status);
            }
            match stream.read(&mut buffer).await? {
                0 => return Ok(None),
                _ if answer.len() > LONGEST => return Ok(None),
                length => answer.extend(&buffer[..length]),
            }
        }
    }
}

/// The status of the first head that is no interim one (`103 Early Hints`); none as long as more must be read.
#[expect(clippy::option_option, reason = "nothing yet, or nothing that is HTTP")]
fn final_status(answer: &[u8]) -> Option<Option<u16>> {
    const LINE: &[u8] = b"HTTP/1.x 200";
    let mut rest = answer;
    loop {
        if rest.len() < LINE.len() {
            return None;
        }
        let Some(status) = rest.strip_prefix(b"HTTP/1.").and_then(|line| {
            let digits = line.get(2..5).filter(|_| line[1] == b' ')?;
            std::str::from_utf8(digits).ok()?.parse::<u16>().ok()
        }) else {
            return Some(None);
        };
        if status >= 200 {
            return Some(Some(status));
        }
        let end = rest.windows(4).position(|four| four == b"\r\n\r\n")?;
        rest = &rest[end + 4..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_from_the_head_that_counts() {
        for (answer, status) in [
            ("", None),
            ("HTTP/1.1 20", None),
            ("HTTP/1.1 200", Some(Some(200))),
            ("HTTP/1.0 404 Not Found\r\n", Some(Some(404))),
            ("HTTP/1.1 103 Early Hints\r\nLink: x\r\n", None),
            ("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 500 No", Some(Some(500))),
            ("SSH-2.0-OpenSSH_9.2", Some(None)),
            ("HTTP/1.1 abc Hello", Some(None)),
            ("HTTP/1.1x200 Hello", Some(None)),
        ] {
            assert_eq!(final_status(answer.as_bytes()), status, "{answer:?}");
        }
    }

    #[test]
    fn what_would_be_another_request_is_refused() {
        assert!(Health::new("/api/health?a=b", "shop.example:8080").is_ok());
        for (path, host) in
            [("up", "a"), ("", "a"), ("/a b", "a"), ("/\r\nX: y", "a"), ("/", ""), ("/", "a\nb")]
        {
            assert!(Health::new(path, host).is_err(), "{path:?} {host:?}");
        }
    }
}
