//! What clients can make a server keep: names as long as they may be, and failures. Memory and disk hold whatever is asked for.
#![expect(clippy::disallowed_macros, reason = "what a test says")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use cuttle_e2e::{Server, alone, photo, place};

const MIB: u64 = 1 << 20;
const MEMORY: u64 = 256 * MIB;
const DISK: u64 = 64 * MIB;
/// The longest name that is allowed, in bytes.
const LONGEST: usize = 3072;
/// One of so many is a picture of its own; the others are the same under other names.
const OWN: u32 = 40;

/// A name as long as it may be.
fn long(folder: &str, number: u32) -> String {
    let start = format!("/{folder}/{number:06}/");
    let rest = "x".repeat(LONGEST - start.len() - ".jpg".len());
    format!("{start}{rest}.jpg")
}

/// No longer than Next allows, which counts characters; 27 KB when they are encoded.
fn longer(folder: &str, number: u32) -> String {
    format!("/{folder}/{number:06}/{}.jpg", "%E7%B5%B5".repeat(3000))
}

/// An application that answers on connections that stay open: pictures, and 404 below `/none/`.
fn application() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let picture = Arc::new(photo(64, 48, 1));
    // Until the process ends: its last clients are the server's, which ends before.
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let picture = Arc::clone(&picture);
            thread::spawn(move || answer(stream, &picture).unwrap_or_default());
        }
    });
    format!("http://{address}")
}

fn answer(stream: TcpStream, picture: &[u8]) -> std::io::Result<()> {
    let mut requests = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut target = String::new();
        requests.read_line(&mut target)?;
        let mut line = String::from("-");
        while !line.trim().is_empty() {
            line.clear();
            if requests.read_line(&mut line)? == 0 {
                return Ok(());
            }
        }
        let mut body = picture.to_vec();
        let number: u32 = target.split('/').nth(2).and_then(|it| it.parse().ok()).unwrap_or(0);
        if number.is_multiple_of(OWN) {
            body.extend_from_slice(&number.to_le_bytes());
        }
        let status = if target.contains(" /none/") { "404 Not Found" } else { "200 OK" };
        let mut answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: image/jpeg\r\ncache-control: max-age=3600\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        answer.extend_from_slice(&body);
        stream.write_all(&answer)?;
    }
}

/// Asks for each on one connection; how many were pictures.
fn ask(address: &str, sources: impl Iterator<Item = String>) -> u32 {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
    let mut answers = BufReader::new(stream.try_clone().expect("a socket"));
    let mut pictures = 0;
    for source in sources {
        let url = source.replace('%', "%25").replace("%25E7%25B5%25B5", "%E7%B5%B5");
        let head =
            format!("GET /_next/image?url={url}&w=64&q=75 HTTP/1.1\r\nhost: {address}\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("the connection stays open");
        let (mut line, mut status, mut length) = (String::from("-"), String::new(), 0);
        while !line.trim().is_empty() {
            line.clear();
            assert!(answers.read_line(&mut line).expect("an answer") > 0, "closed");
            if status.is_empty() {
                status = line.split(' ').nth(1).expect("a status").to_owned();
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().expect("a number");
            }
        }
        let mut body = vec![0; length];
        answers.read_exact(&mut body).expect("all of it");
        pictures += u32::from(status == "200");
    }
    pictures
}

/// What a folder takes on the disk, as `du` counts it.
fn disk_usage(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => found.blocks() * 512 + disk_usage(&entry.path()),
            Ok(found) => found.blocks() * 512,
            // Gone meanwhile.
            Err(_) => 0,
        })
        .sum()
}

fn serve(application: &str) -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state").display().to_string();
    let toml = format!("[cache]\ndisk_bytes = \"{}MiB\"\n", DISK / MIB);
    place(folder.path(), "cuttle.toml", toml.as_bytes());
    let config = folder.path().join("cuttle.toml").display().to_string();
    let memory = format!("{}MiB", MEMORY / MIB);
    let args = ["--upstream", application, "--state-dir", &state, "--config", &config];
    let server = Server::serving(&[&args[..], &["--workers", "2", "--memory", &memory]].concat());
    (folder, server)
}

/// What each share of the memory plan holds, where it is said.
fn shares_hold(server: &Server) {
    let metrics = server.metrics();
    let held = |name: &str| metrics.get(&format!("cuttle_memory_held_bytes{{share=\"{name}\"}}"));
    let most = |name: &str| metrics.get(&format!("cuttle_memory_share_bytes{{share=\"{name}\"}}"));
    for name in ["originals", "renders", "variants", "personal", "index", "queue", "failures"] {
        let (held, most) = (held(name).expect(name), most(name).expect(name));
        assert!(held <= most && *most > 0.0, "{name}: {held} of {most}");
    }
}

#[test]
fn forty_thousand_long_names_cost_neither_more_memory_nor_more_disk_than_is_allowed() {
    alone();
    let (folder, server) = serve(&application());
    let state = folder.path().join("state");
    let (done, most_disk) = (AtomicBool::new(false), AtomicU64::new(0));
    let peak = server.peak_memory(|| {
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    most_disk.fetch_max(disk_usage(&state), Ordering::Relaxed);
                    thread::park_timeout(Duration::from_millis(100));
                }
            });
            let askers = [0, 1].map(|half| {
                let address = &server.address;
                scope.spawn(move || {
                    let mine = (0..20_000_u32).map(|n| n * 2 + half);
                    let sources = mine.flat_map(|n| {
                        // Those that are too long are refused, or there would be no bound at all.
                        let refused = n.is_multiple_of(4).then(|| longer("a", n));
                        refused.into_iter().chain([long("a", n)])
                    });
                    ask(address, sources)
                })
            });
            let pictures: u32 = askers.map(|asker| asker.join().expect("answers")).iter().sum();
            done.store(true, Ordering::Relaxed);
            assert!(pictures >= 40_000, "{pictures}");
        });
    });
    let (disk, most_disk) = (disk_usage(&state), most_disk.into_inner());
    eprintln!(
        "at most {} MiB of memory and {} MiB of disk, {} in the end",
        peak / MIB,
        most_disk / MIB,
        disk / MIB
    );
    assert!(peak <= MEMORY, "{} MiB of memory", peak / MIB);
    assert!(most_disk.max(disk) <= DISK, "{} MiB of disk", most_disk / MIB);
    shares_hold(&server);
    let metrics = server.metrics();
    assert!(metrics["cuttle_cache_entries{tier=\"memory\"}"] > 1000.0, "some are kept");
    assert!(metrics["cuttle_disk_evictions_total"] > 1000.0, "and others went");
    eprintln!("{} writes dropped", metrics["cuttle_disk_dropped_writes_total"]);
    let last = server.client.get(&format!("/_next/image?url={}&w=64&q=75", long("a", 39_999)));
    assert_eq!((last.status, last.header("x-nextjs-cache")), (200, "HIT"));
}

#[test]
fn ten_thousand_failures_weigh_what_they_hold() {
    alone();
    let (_folder, server) = serve(&application());
    ask(&server.address, (0..100).map(|n| long("a", n)));
    let before = server.memory();
    let sources = (0..10_000_u32).flat_map(|n| {
        let refused = n.is_multiple_of(4).then(|| longer("none", n));
        refused.into_iter().chain([long("none", n)])
    });
    assert_eq!(ask(&server.address, sources), 0);
    let grown = server.memory().saturating_sub(before);
    eprintln!("{} KiB more memory", grown >> 10);
    assert!(grown < 16 * MIB, "{} MiB more memory", grown / MIB);
    shares_hold(&server);
    let held = server.metrics()["cuttle_memory_held_bytes{share=\"failures\"}"];
    assert!(held > 5_000_000.0, "{held} bytes: they are remembered");
}
