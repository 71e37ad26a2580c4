//! A share for each client: who holds as many connections as there are, one after the other in every way that holds one,
//! keeps nobody else out. From one address of another network namespace, and through a local proxy that names one client.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use cuttle_e2e::{Network, Server, alone, connect_from, place};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than there are places by default.
const MANY: usize = 1040;
const SOON: Duration = Duration::from_secs(1);

/// An application that says nothing to whoever uploads, streams at `/events`, and else has a page that says who asked.
fn application() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        let held: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        for stream in listener.incoming().map_while(Result::ok) {
            let held = Arc::clone(&held);
            thread::spawn(move || {
                let stream = answered(stream).ok();
                held.lock().expect("no panic").extend(stream);
            });
        }
    });
    url
}

fn answered(mut stream: TcpStream) -> io::Result<TcpStream> {
    let head = head(&mut stream)?;
    let told = head.lines().find(|line| line.starts_with("x-forwarded-proto"));
    if head.starts_with("GET /events ") {
        let stream_of_events =
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";
        stream.write_all(stream_of_events.as_bytes())?;
    } else if !head.starts_with("POST ") {
        let body = told.unwrap_or_default();
        let length = body.len();
        let answer =
            format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        let body = if head.starts_with("HEAD ") { "" } else { body };
        stream.write_all((answer + body).as_bytes())?;
    }
    Ok(stream)
}

/// Up to the empty line.
fn head(stream: &mut TcpStream) -> io::Result<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// One way to hold a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// A body of ten bytes is announced and does not come.
    Upload,
    /// Kept alive by asking now and then.
    Idle,
    /// A visitor that listens.
    Events,
}

impl Hold {
    fn request(self, line: &str) -> String {
        let (first, more) = match self {
            Self::Upload => ("POST /", "Content-Length: 10\r\n"),
            Self::Idle => ("HEAD /", ""),
            Self::Events => ("GET /events", "Accept: text/event-stream\r\n"),
        };
        format!("{first} HTTP/1.1\r\nHost: 127.0.0.1\r\n{line}{more}\r\n")
    }

    fn kind(self) -> &'static str {
        if self == Self::Events { "stream" } else { "request" }
    }
}

/// What is answered within `patience`, if it is that there is no place.
fn refusal(stream: &mut TcpStream, patience: Duration) -> Option<String> {
    stream.set_read_timeout(Some(patience)).expect("a socket");
    head(stream).ok().filter(|said| said.starts_with("HTTP/1.1 503"))
}

/// As many as it gets, and what was answered to whoever got none.
fn hold(
    hold: Hold,
    line: &str,
    connect: impl Fn() -> io::Result<TcpStream>,
) -> (Vec<TcpStream>, Vec<String>) {
    let request = hold.request(line);
    let (mut held, mut refused) = (Vec::new(), Vec::new());
    let ask = || {
        let mut stream = connect().expect("the system's backlog has room");
        stream.write_all(request.as_bytes()).expect("sent");
        stream
    };
    // Those that upload hear nothing while they have a place; a refusal is there within milliseconds. That paces them, too: of a
    // burst the application's backlog (128) loses some, and their places are free again when connecting to it took too long.
    let patience = if hold == Hold::Upload { SOON / 400 } else { SOON };
    for _ in 0..MANY {
        let mut stream = ask();
        refused.extend(refusal(&mut stream, patience));
        held.push(stream);
    }
    // A head that was not read yet gives way before anybody is refused. So more are sent until somebody is.
    let began = Instant::now();
    while hold == Hold::Upload && refused.is_empty() && began.elapsed() < 10 * SOON {
        let mut stream = ask();
        refused.extend(refusal(&mut stream, SOON / 10));
        held.push(stream);
    }
    (held, refused)
}

/// A page for somebody else, within a second.
fn is_served(connect: impl Fn() -> io::Result<TcpStream>, line: &str) {
    let began = Instant::now();
    let mut stream = connect().expect("the system's backlog has room");
    stream.set_read_timeout(Some(SOON)).expect("a socket");
    let request = format!("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n{line}\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let answer = head(&mut stream).expect("an answer within a second");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

fn many_files() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("up to it");
}

/// Operators see it too.
fn is_told(server: &Server, hold: Hold, refused: &[String]) {
    if hold == Hold::Idle {
        assert!(refused.is_empty(), "its own idle ones give way: {}", refused[0]);
    } else {
        assert!(!refused.is_empty(), "nobody was refused");
        let degraded = server.readiness()["degraded"].to_string();
        assert!(degraded.contains("connections are scarce"), "{degraded}");
    }
    for answer in refused {
        assert!(
            answer.contains("retry-after: 1") && answer.contains("connection: close"),
            "{answer}"
        );
        assert!(answer.contains("x-cuttle-error: too_many_connections"), "{answer}");
    }
    let metrics = server.metrics();
    let series =
        |name: &str| metrics[&format!("cuttle_connections{name}{{kind=\"{}\"}}", hold.kind())];
    assert_eq!(series("_limit"), 1024.0);
    assert!((700.0..=1024.0).contains(&series("")), "{}", series(""));
    assert!(series("_refused_total") + series("_closed_total") > 0.0);
    let scarce = |event: &&serde_json::Value| {
        event["message"].as_str().is_some_and(|it| it.starts_with("connections are scarce"))
    };
    assert_eq!(server.log().iter().filter(scarce).count(), 1, "said once");
}

#[test]
fn one_address_keeps_no_other_out() {
    alone();
    let Some(network) = Network::new() else { return };
    many_files();
    let upstream = application();
    for kind in [Hold::Upload, Hold::Idle, Hold::Events] {
        let listen = format!("{}:0", network.server);
        let server =
            Server::serving(&["--upstream", &upstream, "--listen", &listen, "--workers", "1"]);
        let address: SocketAddr = server.address.parse().expect("an address");
        let from = |own: Ipv4Addr| move || connect_from(own, address);
        let [greedy, other] = network.clients;
        let (_held, refused) = network.enter(|| {
            let taken = hold(kind, "", from(greedy));
            is_served(from(other), "");
            taken
        });
        is_told(&server, kind, &refused);
    }
}

#[test]
fn one_client_that_a_proxy_names_keeps_no_other_out() {
    alone();
    many_files();
    let upstream = application();
    for kind in [Hold::Upload, Hold::Idle, Hold::Events] {
        let server = Server::serving(&["--upstream", &upstream, "--workers", "1"]);
        let address: SocketAddr = server.address.parse().expect("an address");
        let connect = || TcpStream::connect(address);
        let (_held, refused) = hold(kind, "X-Forwarded-For: 203.0.113.9\r\n", connect);
        is_served(connect, "X-Forwarded-For: 203.0.113.10\r\n");
        is_told(&server, kind, &refused);
    }
}

#[test]
fn a_proxy_of_another_machine_is_believed_where_it_is_listed() {
    alone();
    let Some(network) = Network::new() else { return };
    let upstream = application();
    let [proxy, stranger] = network.clients;
    let folder = tempfile::tempdir().expect("a folder");
    let toml = format!("[server]\ntrusted_proxies = [\"{proxy}\"]\n");
    place(folder.path(), "cuttle.toml", toml.as_bytes());
    let config = folder.path().join("cuttle.toml").display().to_string();
    let listen = format!("{}:0", network.server);
    let arguments = ["--upstream", &upstream, "--listen", &listen, "--config", &config];
    let server = Server::serving(&arguments);
    let address: SocketAddr = server.address.parse().expect("an address");
    network.enter(|| {
        for (own, expected) in [(proxy, "https"), (stranger, "http")] {
            let mut stream = connect_from(own, address).expect("connected");
            let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Forwarded-Proto: https\r\n\r\n";
            stream.write_all(request.as_bytes()).expect("sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("text");
            assert!(answer.ends_with(&format!("x-forwarded-proto: {expected}")), "{own}: {answer}");
        }
    });
}
