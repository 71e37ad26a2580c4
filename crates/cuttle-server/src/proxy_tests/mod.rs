//! A client and an application that speak bytes, with the real listener and the real proxy between them.

mod answers;
mod bodies;
mod lifetimes;
mod requests;
mod tls;
mod tunnels;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

use cuttle_gateway::{Proxy, ProxySettings};
use cuttle_net::{Peer, TrustedProxies};

use crate::listen::{ConnectionLimits, Connections, Drain, Phase, accept};
use crate::route;

/// What hangs fails, it does not wait for ever.
const SOON: Duration = Duration::from_secs(10);

async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, work).await.expect("nothing happened")
}

/// One end of a connection.
struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Wire {
    async fn connect(to: SocketAddr) -> Self {
        Self::from(TcpStream::connect(to).await.expect("a listener"))
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.stream.write_all(bytes.as_ref())).await.expect("a reader");
    }

    /// Reads on until `mark` was read; what is behind it stays for later.
    async fn until(&mut self, mark: &str) -> String {
        loop {
            let found =
                (0..=self.read.len()).find(|&at| self.read[at..].starts_with(mark.as_bytes()));
            if let Some(at) = found {
                let rest = self.read.split_off(at + mark.len());
                let seen = std::mem::replace(&mut self.read, rest);
                return String::from_utf8(seen).expect("text");
            }
            let read = soon(self.stream.read_buf(&mut self.read)).await.expect("a writer");
            assert!(read > 0, "ended before {mark:?}: {}", String::from_utf8_lossy(&self.read));
        }
    }

    /// A head in lower case, but for its first line, without the date.
    async fn head(&mut self) -> Vec<String> {
        let head = self.until("\r\n\r\n").await;
        let mut lines = head.trim_end().split("\r\n");
        let first = lines.next().expect("a first line").to_owned();
        let mut fields: Vec<_> =
            lines.map(str::to_ascii_lowercase).filter(|line| !line.starts_with("date:")).collect();
        fields.sort();
        fields.insert(0, first);
        fields
    }

    /// Everything up to the end of the stream, or its reset.
    async fn rest(mut self) -> (String, io::Result<()>) {
        let ended = loop {
            match soon(self.stream.read_buf(&mut self.read)).await {
                Ok(0) => break Ok(()),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
        };
        (String::from_utf8(self.read).expect("text"), ended)
    }
}

impl From<TcpStream> for Wire {
    fn from(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a socket");
        Self { stream, read: Vec::new() }
    }
}

/// The proxy, before an application that the test plays.
struct Stage {
    app: TcpListener,
    front: SocketAddr,
    drain: watch::Sender<Phase>,
    serving: JoinHandle<()>,
}

/// How long a drain waits here: much longer than a test that need not wait for it.
const GRACE: Duration = Duration::from_secs(120);

impl Stage {
    async fn new() -> Self {
        Self::with(ProxySettings::default()).await
    }

    async fn with(settings: ProxySettings) -> Self {
        Self::at("http", "127.0.0.1", settings, TrustedProxies::default()).await
    }

    async fn at(
        scheme: &str,
        name: &str,
        settings: ProxySettings,
        trusted: TrustedProxies,
    ) -> Self {
        let app = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = app.local_addr().expect("an address").port();
        let origin = format!("{scheme}://{name}:{port}");
        let origin = Url::parse(&origin).expect("an origin");
        let proxy = Proxy::new(&origin, settings).expect("an origin");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let front = listener.local_addr().expect("an address");
        let (drain, phase) = watch::channel(Phase::Serving);
        let places =
            Connections::new(ConnectionLimits { connections: 64, streams: 64, idle: SOON });
        let serving = accept(listener, places, trusted, Drain(phase), move |request| {
            let proxy = proxy.clone();
            let peer: Peer = *request.extensions().get().expect("the listener knows the peer");
            async move { route::passed_on(&proxy, request, peer).await }
        });
        Self { app, front, drain, serving: tokio::spawn(serving) }
    }

    /// Begins the drain.
    fn close(&self) {
        self.drain.send(Phase::Closing { within: GRACE }).expect("a listener");
    }

    async fn client(&self) -> Wire {
        Wire::connect(self.front).await
    }

    /// The next connection that the proxy opens.
    async fn app(&self) -> Wire {
        let (stream, _) = soon(self.app.accept()).await.expect("a connection");
        Wire::from(stream)
    }

    /// A client that sent `request`, and the application that was connected to.
    async fn asked(&self, request: impl AsRef<[u8]>) -> (Wire, Wire) {
        let mut client = self.client().await;
        client.send(request).await;
        (client, self.app().await)
    }

    /// The answer of ours to a request that must not reach the application.
    async fn refused(&self, request: impl AsRef<[u8]>) -> String {
        let mut client = self.client().await;
        client.send(request).await;
        let head = client.head().await;
        let reached = tokio::time::timeout(Duration::ZERO, self.app.accept()).await;
        assert!(reached.is_err(), "the application was asked");
        head[0].clone()
    }
}

/// Lets five minutes pass at once, then time go on as before. Timers that were due have fired when this returns.
async fn five_minutes_later() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(300)).await;
    tokio::time::resume();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
