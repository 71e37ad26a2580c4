//! Answers of an origin that are small on the wire and endless to decode, against the built binary: what does not concern them
//! goes on, they are refused, and the server still ends when it is told to.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, available_parallelism};
use std::time::{Duration, Instant};

use cuttle_e2e::{Client, Server, alone, photo};
use flate2::{Compress, Compression, FlushCompress};

/// Bombs that are asked for on each thread meanwhile, at least.
const KINDS: usize = 3;
/// And hits.
const HITS: usize = 200;
/// Of `/_next/image`.
const FETCH_LIMIT: Duration = Duration::from_secs(7);

/// Of a gzip member whose end never comes (RFC 1952 §2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Raw DEFLATE that can be repeated, as it refers to nothing before it.
fn segment(plain: &[u8]) -> Vec<u8> {
    let mut compressed = Vec::with_capacity(plain.len() + 1024);
    Compress::new(Compression::best(), false)
        .compress_vec(plain, &mut compressed, FlushCompress::Full)
        .expect("there is room");
    compressed
}

/// A megabyte of empty stored blocks (RFC 1951 §3.2.4), of which raw DEFLATE never brings a byte, a thousandth as long.
fn stored() -> Vec<u8> {
    segment(&[0, 0, 0, 0xff, 0xff].repeat(200_000))
}

/// What is coded twice: hundreds of them.
fn twice() -> Vec<u8> {
    [&HEADER[..], &stored().repeat(500)].concat()
}

/// What is coded three times: twenty thousand of them, in some tens of kilobytes.
fn three_times() -> Vec<u8> {
    let many = stored().repeat(1000);
    let first = segment(&[&HEADER[..], &many].concat());
    [&HEADER[..], &first, &segment(&many).repeat(20)].concat()
}

/// Hundreds of megabytes of empty metadata blocks of brotli (RFC 7932 §9.2).
fn metadata() -> Vec<u8> {
    [&HEADER[..], &segment(&[0x0c]), &segment(&[0x06; 1 << 20]).repeat(500)].concat()
}

/// An application with a picture, and bombs by name.
fn application() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        let bodies = [
            ("stored", "deflate, gzip", twice()),
            ("three", "deflate, gzip, gzip", three_times()),
            ("brotli", "br, gzip", metadata()),
            ("photo", "identity", photo(64, 48, 1)),
        ];
        let bodies = Arc::new(bodies);
        for stream in listener.incoming().map_while(Result::ok) {
            let bodies = Arc::clone(&bodies);
            thread::spawn(move || {
                let mut stream = stream;
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let asked = bodies.iter().find(|(name, ..)| head.contains(&format!("/{name}")));
                let Some((_, coding, body)) = asked else { return };
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nCache-Control: max-age=600\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n"
                );
                // A client that has seen enough hangs up.
                let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.write_all(body));
            });
        }
    });
    url
}

fn image(name: &str) -> String {
    format!("/_next/image?url=%2F{name}.jpg&w=64&q=75")
}

/// Asks for one bomb after the other until there is no server. When, status and time of each answer.
fn keep_asking(
    client: Client,
    number: usize,
    asked: &AtomicUsize,
) -> Vec<(Instant, u16, Duration)> {
    let one = |name: String| {
        asked.fetch_add(1, Ordering::Relaxed);
        let began = Instant::now();
        let answer = client.try_send("GET", &image(&name), &[]).ok()?;
        Some((began, answer.status, began.elapsed()))
    };
    let names = (0..).zip(["stored", "brotli", "three"].iter().cycle());
    names.map_while(|(time, name)| one(format!("{name}-{number}-{time}"))).collect()
}

#[test]
fn what_is_endless_to_decode_stops_nothing_else_and_no_end() {
    alone();
    let server = Server::serving(&["--upstream", &application()]);
    let client = server.client;
    assert_eq!(client.get(&image("photo")).status, 200);
    // On each thread that the reactor has.
    let threads = available_parallelism().map_or(1, usize::from);
    let asked = Arc::new(AtomicUsize::new(0));
    let bombs: Vec<_> = (0..threads)
        .map(|number| {
            let asked = Arc::clone(&asked);
            thread::spawn(move || keep_asking(client, number, &asked))
        })
        .collect();
    let mut hits = Vec::new();
    // Each of these would wait for its thread until the client gives up.
    while hits.len() < HITS || asked.load(Ordering::Relaxed) < KINDS * threads {
        let began = Instant::now();
        assert_eq!(client.get(&image("photo")).status, 200);
        hits.push(began.elapsed());
        assert_eq!(server.admin.get("/healthz").status, 200);
    }
    hits.sort_unstable();
    let p99 = hits[hits.len() - 1 - hits.len() / 100];
    assert!(p99 < Duration::from_millis(50), "{p99:?}");
    let told = Instant::now();
    server.terminate();
    assert!(server.ended().0.success());
    assert!(told.elapsed() < FETCH_LIMIT, "{:?}", told.elapsed());
    for bombs in bombs {
        let answers = bombs.join().expect("no panic");
        assert!(!answers.is_empty(), "it was asked while bombs were");
        for (began, status, took) in answers {
            // Next's status for too many codings, and for what cannot be read; of a server that ends, 503.
            let fits = matches!(status, 400 | 502) || (status == 503 && began + took > told);
            assert!(fits, "{status}");
            assert!(took < FETCH_LIMIT, "{took:?}");
        }
    }
}
