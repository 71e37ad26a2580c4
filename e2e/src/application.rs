//! A server whose answers the test decides on, and that remembers what it was asked.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// What one request was.
#[derive(Debug, Clone)]
pub struct Asked {
    /// When its head was there.
    pub at: Instant,
    /// Path and query, as they were sent.
    pub target: String,
    /// Header lines in order, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Asked {
    /// A header's value; empty where it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Header lines, `name: value`; the length too where it is not the body's.
    pub headers: Vec<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// 200 with a body of this type.
    #[must_use]
    pub fn good(body: &[u8]) -> Self {
        Self {
            status: 200,
            headers: vec!["content-type: image/jpeg".to_owned()],
            body: body.to_vec(),
        }
    }

    /// A status and nothing to look at.
    #[must_use]
    pub fn bare(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: b"no picture".to_vec() }
    }

    /// With one more header line.
    #[must_use]
    pub fn with(mut self, line: &str) -> Self {
        self.headers.push(line.to_owned());
        self
    }

    /// With an end that never comes.
    #[must_use]
    pub fn hanging(self) -> Self {
        let length = self.body.len() + 1;
        self.with(&format!("content-length: {length}"))
    }
}

/// Decides on an answer; the number is that of the request, from 0. It may block.
type Decide = dyn Fn(usize, &Asked) -> Reply + Send + Sync;

/// A running application, stopped when it is dropped.
#[derive(Debug)]
pub struct Application {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Asked>>>,
    stopped: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Application {
    /// On a free port of loopback.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn start(decide: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0", decide)
    }

    /// At an address of this machine, or namespace.
    ///
    /// # Panics
    /// When somebody is there.
    #[must_use]
    pub fn start_at(
        address: &str,
        decide: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let decide: Arc<Decide> = Arc::new(decide);
        let (seen, stopped) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::<AtomicBool>::default());
        let listener = thread::spawn({
            let (seen, stopped) = (Arc::clone(&seen), Arc::clone(&stopped));
            move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    if stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    let (seen, decide) = (Arc::clone(&seen), Arc::clone(&decide));
                    // Who leaves ends the thread with an error that nobody needs.
                    thread::spawn(move || answer(stream, &seen, &*decide).unwrap_or_default());
                }
            }
        });
        Self { address, seen, stopped, listener: Some(listener) }
    }

    /// `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, in the order in which their heads came.
    ///
    /// # Panics
    /// Never, unless a thread of it did.
    #[must_use]
    pub fn seen(&self) -> Vec<Asked> {
        self.seen.lock().expect("no thread panics").clone()
    }

    /// Those for one path, whatever the query.
    #[must_use]
    pub fn seen_at(&self, path: &str) -> Vec<Asked> {
        let is_it = |asked: &Asked| asked.target.split('?').next() == Some(path);
        self.seen().into_iter().filter(is_it).collect()
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

fn answer(mut stream: TcpStream, seen: &Mutex<Vec<Asked>>, decide: &Decide) -> io::Result<()> {
    let asked = read(&mut stream)?;
    let number = {
        let mut seen = seen.lock().expect("no thread panics");
        seen.push(asked.clone());
        seen.len() - 1
    };
    let Reply { status, mut headers, body } = decide(number, &asked);
    let hangs = headers.iter().any(|line| line.starts_with("content-length: "));
    if !hangs {
        headers.push(format!("content-length: {}", body.len()));
    }
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let head = format!("HTTP/1.1 {status} Decided\r\nconnection: close\r\n{lines}\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)?;
    if hangs {
        io::copy(&mut stream, &mut io::sink())?;
    }
    Ok(())
}

fn read(stream: &mut TcpStream) -> io::Result<Asked> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut lines = text.lines();
    let target = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    let asked = Asked { at: Instant::now(), target: target.to_owned(), headers: headers.collect() };
    // Left unread, it would turn the end of the connection into a reset.
    if let Ok(length) = asked.header("content-length").parse() {
        io::copy(&mut stream.take(length), &mut io::sink())?;
    }
    let chunked = asked.header("transfer-encoding") == "chunked";
    let mut body = Vec::new();
    while chunked && !body.ends_with(b"0\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        body.push(byte[0]);
    }
    Ok(asked)
}
