//! A restart is not an outage: what is open does not hold it up, and with a socket that outlives the server nobody is refused.
#![expect(clippy::disallowed_macros, reason = "what a test says")]

use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cuttle_e2e::{Server, place, until};

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// An application with a page, a download at `/download` that does not end, and a socket at `/ws` that says nothing.
fn application() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // Who leaves ends the thread with an error that nobody needs.
            thread::spawn(move || answer(stream).unwrap_or_default());
        }
    });
    url
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let head = read_head(&mut reader)?;
        match head.split(' ').nth(1).unwrap_or_default() {
            "/ws" => {
                let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello";
                stream.write_all(switch.as_bytes())?;
                return reader.read_to_end(&mut Vec::new()).map(|_| ());
            }
            "/download" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\nzzz")?;
                return reader.read_to_end(&mut Vec::new()).map(|_| ());
            }
            _ => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage")?,
        }
    }
}

fn read_head(reader: &mut impl io::BufRead) -> io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

/// One connection to the server, with `request` sent and `mark` read.
fn open(address: SocketAddr, path: &str, more: &str, mark: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let (mut read, mut byte) = (Vec::new(), [0]);
    while !read.ends_with(mark.as_bytes()) {
        stream.read_exact(&mut byte).expect("an answer");
        read.push(byte[0]);
    }
    stream
}

fn websocket(address: SocketAddr) -> TcpStream {
    open(address, "/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "hello")
}

/// How a browser asks: on one connection as long as it may. Each answer's time, or what went wrong.
fn ask_until(
    address: SocketAddr,
    done: &AtomicBool,
    answers: &AtomicU32,
) -> (Duration, Vec<String>) {
    let (mut longest, mut failed) = (Duration::ZERO, Vec::new());
    let mut kept = None;
    while !done.load(Ordering::Relaxed) {
        let began = Instant::now();
        match ask(address, &mut kept) {
            Ok(()) => drop(answers.fetch_add(1, Ordering::Relaxed)),
            Err(error) => failed.push(format!("{error} after {:?}", began.elapsed())),
        }
        longest = longest.max(began.elapsed());
    }
    (longest, failed)
}

fn ask(address: SocketAddr, kept: &mut Option<BufReader<TcpStream>>) -> io::Result<()> {
    let mut connection = match kept.take() {
        Some(connection) => connection,
        None => {
            let stream = TcpStream::connect(address)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            BufReader::new(stream)
        }
    };
    connection.get_mut().write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")?;
    let head = read_head(&mut connection)?.to_ascii_lowercase();
    connection.read_exact(&mut [0; 4])?;
    if !head.starts_with("http/1.1 200") {
        return Err(io::Error::other(head));
    }
    if !head.contains("connection: close") {
        *kept = Some(connection);
    }
    Ok(())
}

#[test]
fn with_a_socket_that_outlives_the_server_a_restart_refuses_nobody() {
    let upstream = application();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let arguments = ["--upstream", &*upstream, "--workers", "1", "--listen", "127.0.0.1:1"];
    let start = || Server::given(&listener, &arguments);
    let before = start();
    assert_eq!(before.address, address.to_string(), "it wins over --listen");
    let said = |event: &&serde_json::Value| event.to_string().contains("LISTEN_FDS");
    assert_eq!(before.log().iter().filter(said).count(), 1, "{:?}", before.log());
    is_not_passed_on(&before);
    let (_socket, _download) = (websocket(address), open(address, "/download", "", "zzz"));
    let (done, answers) = (AtomicBool::new(false), [const { AtomicU32::new(0) }; 8]);
    let so_far = || answers.each_ref().map(|of_one| of_one.load(Ordering::Relaxed));
    thread::scope(|scope| {
        let load = answers.each_ref().map(|own| scope.spawn(|| ask_until(address, &done, own)));
        // Each of them is answered by one server, and then by the other.
        until("answers", || so_far().iter().all(|answers| *answers > 10));
        before.terminate();
        let (status, _) = before.ended();
        let (after, before) = (start(), so_far());
        until("more answers", || so_far().iter().zip(before).all(|(now, then)| *now > then + 10));
        done.store(true, Ordering::Relaxed);
        assert!(status.success());
        for one in load {
            let (longest, failed) = one.join().expect("no panic");
            println!("the longest wait: {longest:?}");
            assert!(failed.is_empty(), "{failed:?}");
            assert!(longest <= Duration::from_secs(3), "{longest:?}");
        }
        drop(after);
    });
}

/// No worker has it: a hostile picture must not answer for the server.
fn is_not_passed_on(server: &Server) {
    let sockets = |pid: u32| {
        let open = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("it is there and ours");
        let links = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        links.filter(|to| to.to_string_lossy().starts_with("socket:")).collect::<Vec<_>>()
    };
    let listening =
        std::fs::read_link(format!("/proc/{}/fd/3", server.pid())).expect("it was given");
    assert!(sockets(server.pid()).contains(&listening));
    for worker in server.workers() {
        assert!(!sockets(worker).contains(&listening), "{worker}");
        let environment = std::fs::read_to_string(format!("/proc/{worker}/environ"));
        assert!(!environment.expect("text").contains("LISTEN_"), "{worker}");
    }
}

#[test]
fn what_is_given_must_be_a_socket_that_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let client = TcpStream::connect(listener.local_addr().expect("an address")).expect("connected");
    let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" serve";
    for (given, expected) in [
        (std::process::Stdio::from(std::os::fd::OwnedFd::from(client)), "does not listen"),
        (std::process::Stdio::null(), "not a socket"),
    ] {
        let output = std::process::Command::new("sh")
            .args(["-c", script])
            .arg(cuttle_e2e::binary())
            .stdin(given)
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(expected), "{said}");
    }
}

#[test]
fn an_open_socket_delays_a_restart_by_two_seconds_and_the_admin_address_is_free_at_once() {
    let upstream = application();
    let server = Server::serving(&["--upstream", &upstream, "--workers", "1"]);
    let address = server.address.parse().expect("an address");
    let mut socket = websocket(address);
    let mut idle = open(address, "/", "", "page");
    let began = Instant::now();
    server.terminate();
    let _ = server.event("the drain", |event| {
        event["message"].as_str().is_some_and(|message| message.starts_with("draining"))
    });
    // The successor's.
    while server.admin.try_send("GET", "/healthz", &[]).is_ok() {
        assert!(began.elapsed() < Duration::from_secs(1), "the admin address is held");
    }
    // What a browser kept open is answered once more, and told that it is closed.
    idle.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").expect("it is open");
    let mut rest = String::new();
    idle.read_to_string(&mut rest).expect("text");
    assert!(rest.starts_with("HTTP/1.1 200") && rest.contains("connection: close"), "{rest}");
    let (status, log) = server.ended();
    assert!(status.success());
    let took = began.elapsed();
    assert!((2..=4).contains(&took.as_secs()), "{took:?}");
    assert!(
        log.iter().all(|event| event["message"] != "connections were cut: draining took too long")
    );
    assert_eq!(socket.read_to_end(&mut Vec::new()).unwrap_or_default(), 0);
}

#[test]
fn before_the_drain_both_addresses_answer_for_as_long_as_is_set() {
    let folder = tempfile::tempdir().expect("a folder");
    place(folder.path(), "cuttle.toml", b"[server]\ndrain_delay = \"1s\"\n");
    let config = folder.path().join("cuttle.toml").display().to_string();
    let upstream = application();
    let server =
        Server::serving(&["--upstream", &*upstream, "--workers", "1", "--config", &config]);
    let address: SocketAddr = server.address.parse().expect("an address");
    server.terminate();
    server.wait_until("draining", |report| report["reasons"][0] == "draining");
    assert_eq!(server.admin.get("/readyz").status, 503);
    let mut stream = TcpStream::connect(address).expect("it still accepts");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    assert!(server.ended().0.success());
}
