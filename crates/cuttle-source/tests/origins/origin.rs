//! A server that answers by script, byte for byte, so that it can also be wrong.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What is sent for one request.
pub(crate) enum Answer {
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, then nothing.
    Stall(Vec<u8>),
}

/// A request as it came, head only.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(seen, _)| seen == name).map(|(_, value)| value.as_str())
    }
}

type Script = Arc<dyn Fn(usize, &Seen) -> Answer + Send + Sync>;

#[derive(Debug, Default)]
struct Log {
    connections: usize,
    seen: Vec<Seen>,
}

/// A listening origin. Its task ends with the test's runtime.
pub(crate) struct ScriptedOrigin {
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<Log>>,
    script: Script,
}

impl ScriptedOrigin {
    /// On 127.0.0.1; `script` gets the number of the request, from 0, and the request.
    pub(crate) async fn start(
        script: impl Fn(usize, &Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start_on("127.0.0.1:0", script).await
    }

    pub(crate) async fn start_on(
        address: &str,
        script: impl Fn(usize, &Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let (this, listener) = Self::listen(address, Arc::new(script)).await;
        let (log, script) = (Arc::clone(&this.log), Arc::clone(&this.script));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                log.lock().expect("not poisoned").connections += 1;
                tokio::spawn(converse(socket, Arc::clone(&log), Arc::clone(&script)));
            }
        });
        this
    }

    /// The same behind TLS.
    pub(crate) async fn start_tls(
        acceptor: tokio_rustls::TlsAcceptor,
        script: impl Fn(usize, &Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let (this, listener) = Self::listen("127.0.0.1:0", Arc::new(script)).await;
        let (log, script) = (Arc::clone(&this.log), Arc::clone(&this.script));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                log.lock().expect("not poisoned").connections += 1;
                let (acceptor, log, script) =
                    (acceptor.clone(), Arc::clone(&log), Arc::clone(&script));
                tokio::spawn(async move {
                    if let Ok(socket) = acceptor.accept(socket).await {
                        converse(socket, log, script).await;
                    }
                });
            }
        });
        this
    }

    async fn listen(address: &str, script: Script) -> (Self, TcpListener) {
        let listener = TcpListener::bind(address).await.expect("a loopback address");
        let address = listener.local_addr().expect("a bound address");
        (Self { address, log: Arc::default(), script }, listener)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// By a name for the same port.
    pub(crate) fn named(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.address.port())
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.log.lock().expect("not poisoned").seen.clone()
    }

    /// Connections that were accepted. A refused address never makes one.
    pub(crate) fn connections(&self) -> usize {
        self.log.lock().expect("not poisoned").connections
    }
}

async fn converse(
    mut socket: impl AsyncRead + AsyncWrite + Unpin,
    log: Arc<Mutex<Log>>,
    script: Script,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_gone) => return,
        }
    }
    let head = String::from_utf8(head).expect("a head in ASCII");
    let mut lines = head.lines();
    let request = lines.next().expect("a request line");
    assert!(request.starts_with("GET ") && request.ends_with(" HTTP/1.1"), "{request}");
    let target = request.split(' ').nth(1).expect("a target").to_owned();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let seen = Seen { target, headers: headers.collect() };
    let number = {
        let mut log = log.lock().expect("not poisoned");
        log.seen.push(seen.clone());
        log.seen.len() - 1
    };
    match script(number, &seen) {
        Answer::Bytes(bytes) => {
            let _ = socket.write_all(&bytes).await;
            let _ = socket.shutdown().await;
        }
        Answer::Stall(bytes) => {
            let _ = socket.write_all(&bytes).await;
            std::future::pending::<()>().await;
        }
    }
}

/// A whole answer with a length.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut bytes = head(status, headers);
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    Answer::Bytes(bytes)
}

/// A body that ends with the connection.
pub(crate) fn endless(headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut bytes = head(200, headers);
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    Answer::Bytes(bytes)
}

pub(crate) fn redirect(status: u16, location: &str) -> Answer {
    answer(status, &[("location", location)], b"moved")
}

fn head(status: u16, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} x\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.into_bytes()
}
