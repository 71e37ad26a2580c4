//! A client that sends exactly the bytes it is given: no normalisation, no redirects, no retries.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::connect_from;

/// Longer than any deadline of the server: a test that waits this long has found a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// Talks to one address.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    address: SocketAddr,
    own: Option<Ipv4Addr>,
}

/// One answer.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Header lines in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, decoded from its framing.
    pub body: Vec<u8>,
}

impl Client {
    /// For a server's address.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address, own: None }
    }

    /// The same, from this address of ours.
    #[must_use]
    pub fn from(own: Ipv4Addr, address: SocketAddr) -> Self {
        Self { address, own: Some(own) }
    }

    /// `GET target`.
    ///
    /// # Panics
    /// When the server gives no HTTP answer.
    #[must_use]
    pub fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[])
    }

    /// `GET target` with an `Accept` header.
    ///
    /// # Panics
    /// As [`Client::get`].
    #[must_use]
    pub fn accepting(&self, accept: &str, target: &str) -> Answer {
        self.send("GET", target, &[("accept", accept)])
    }

    /// Any request without a body.
    ///
    /// # Panics
    /// As [`Client::get`].
    #[must_use]
    pub fn send(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.try_send(method, target, headers)
            .unwrap_or_else(|error| panic!("no answer to {method} {target}: {error}"))
    }

    /// `GET target` under another name of the server.
    ///
    /// # Panics
    /// As [`Client::get`].
    #[must_use]
    pub fn send_as(&self, host: &str, target: &str) -> Answer {
        self.send("GET", target, &[("host", host)])
    }

    /// `POST target` with a body.
    ///
    /// # Panics
    /// As [`Client::get`].
    #[must_use]
    pub fn post(&self, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let length = body.len().to_string();
        let headers = [headers, &[("content-length", &length)]].concat();
        let mut raw = Vec::new();
        // In one piece: of a body that comes after a refusal, the server's system makes a reset that overtakes the answer.
        let request = self.head("POST", target, &headers) + body;
        let answered = self.write(&request).and_then(|mut stream| stream.read_to_end(&mut raw));
        let parsed = answered.ok().and_then(|_| parse(&raw, false));
        parsed.unwrap_or_else(|| {
            panic!("no answer to POST {target}: {}", String::from_utf8_lossy(&raw))
        })
    }

    /// Any request without a body, where no answer is one of the outcomes.
    ///
    /// # Errors
    /// Connection refused, reset, cut short, or no answer within a minute.
    pub fn try_send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
    ) -> io::Result<Answer> {
        let mut stream = self.ask(method, target, headers)?;
        let mut raw = Vec::new();
        stream.read_to_end(&mut raw)?;
        parse(&raw, method == "HEAD").ok_or_else(|| io::Error::other("not a complete HTTP answer"))
    }

    /// Sends a request and gives the connection back without reading: dropping it is a client that
    /// leaves.
    ///
    /// # Errors
    /// Connection refused.
    pub fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
    ) -> io::Result<TcpStream> {
        self.write(&self.head(method, target, headers))
    }

    fn write(&self, request: &str) -> io::Result<TcpStream> {
        let mut stream = match self.own {
            Some(own) => connect_from(own, self.address),
            None => TcpStream::connect(self.address),
        }?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(request.as_bytes())?;
        Ok(stream)
    }

    fn head(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> String {
        let mut head = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
        if headers.iter().all(|(name, _)| *name != "host") {
            head.push_str(&format!("host: {}\r\n", self.address));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head
    }
}

impl Answer {
    /// A header's value; empty where it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The answer in `raw`, if it is complete by its own framing.
fn parse(raw: &[u8], head_only: bool) -> Option<Answer> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(end) = response.parse(raw).ok()? else { return None };
    let headers: Vec<(String, String)> = response
        .headers
        .iter()
        .map(|field| {
            (field.name.to_ascii_lowercase(), String::from_utf8_lossy(field.value).into_owned())
        })
        .collect();
    let status = response.code?;
    let rest = &raw[end..];
    let find = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
    let body = if head_only || status == 304 {
        if !rest.is_empty() {
            return None;
        }
        Vec::new()
    } else if find("transfer-encoding").is_some_and(|coding| coding == "chunked") {
        unchunk(rest)?
    } else if let Some(length) = find("content-length") {
        let length: usize = length.parse().ok()?;
        if rest.len() != length {
            return None;
        }
        rest.to_vec()
    } else {
        rest.to_vec()
    };
    Some(Answer { status, headers, body })
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let httparse::Status::Complete((start, length)) = httparse::parse_chunk_size(rest).ok()?
        else {
            return None;
        };
        let length = usize::try_from(length).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(start..start + length)?);
        rest = rest.get(start + length + 2..)?;
    }
}
