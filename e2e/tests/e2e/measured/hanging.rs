//! Pictures that never come: whoever asks for them waits, and nobody else does.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use cuttle_e2e::{Answer, Application, Reply, Server, alone, photo, until};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Pictures that one client asks for, more than a host has places for.
const ASKED: usize = 40;
/// Of which its half of the eight places lets through.
const SHARE: usize = 4;
/// Of which a quarter of the decoders of the smallest machine lets through.
const DECODING: f64 = 2.0;

fn get(server: &Server, client: &str, path: &str) -> Answer {
    let target = format!("/_next/image?url=%2F{path}.jpg&w=64&q=75");
    server.client.send("GET", &target, &[("x-forwarded-for", client)])
}

#[test]
fn one_clients_hanging_pictures_hold_up_nobody_elses_of_the_same_host() {
    alone();
    let picture = photo(64, 48, 1);
    let open = Arc::new(AtomicBool::new(false));
    let application = Application::start({
        let open = Arc::clone(&open);
        move |_, asked| {
            until("it may go on", || {
                !asked.target.contains("hanging") || open.load(Ordering::Relaxed)
            });
            Reply::good(&picture)
        }
    });
    let server = Server::serving(&["--upstream", &*application.url(), "--workers", "2"]);
    let begin = Barrier::new(ASKED + 1);
    thread::scope(|scope| {
        for number in 0..ASKED {
            let (server, begin) = (&server, &begin);
            scope.spawn(move || {
                begin.wait();
                get(server, "198.51.100.1", &format!("hanging{number}"))
            });
        }
        begin.wait();
        // All that they ever get at once; the rest of the forty wait behind them.
        until("its share is asked for", || application.seen().len() >= SHARE);
        for stranger in 2..6 {
            let began = Instant::now();
            let answer =
                get(&server, &format!("198.51.100.{stranger}"), &format!("good{stranger}"));
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        }
        open.store(true, Ordering::Relaxed);
    });
    server.wait_until("all of it over", |report| report["queue"]["jobs"] == 0);
    assert_eq!(server.metrics()[r#"cuttle_fetches_waiting{for="host"}"#], 0.0);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("to memory");
    encoder.finish().expect("to memory")
}

#[test]
fn one_clients_coded_pictures_that_never_end_leave_decoders_for_others() {
    alone();
    let picture = gzip(&photo(64, 48, 1));
    let application = Application::start(move |_, asked| {
        let coded = Reply::good(&picture).with("content-encoding: gzip");
        if asked.target.contains("hanging") { coded.hanging() } else { coded }
    });
    let server = Server::serving(&["--upstream", &*application.url(), "--workers", "2"]);
    let metric = |name: &str| server.metrics()[name];
    let target = |number| format!("/_next/image?url=%2Fhanging{number}.jpg&w=64&q=75");
    let hanging: Vec<_> = (0..ASKED)
        .map(|number| {
            let client = [("x-forwarded-for", "198.51.100.1")];
            server.client.ask("GET", &target(number), &client).expect("a connection")
        })
        .collect();
    until("its share is decoded", || metric("cuttle_source_decoders") >= DECODING);
    for stranger in 2..6 {
        let began = Instant::now();
        let answer = get(&server, &format!("198.51.100.{stranger}"), &format!("good{stranger}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
    let told = server.event("who waits, and for whom", |event| event["waiting"].is_u64());
    assert_eq!(told["client"], "198.51.100.1", "{told}");
    drop(hanging);
}
