//! Pictures that never come: whoever asks for them waits, and nobody else does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use cuttle_e2e::{Answer, Application, Reply, Server, photo};

/// Pictures that one client asks for, more than a host has places for.
const ASKED: usize = 40;
/// Of which its half of the eight places lets through.
const SHARE: usize = 4;

fn get(server: &Server, client: &str, path: &str) -> Answer {
    let target = format!("/_next/image?url=%2F{path}.jpg&w=64&q=75");
    server.client.send("GET", &target, &[("x-forwarded-for", client)])
}

#[test]
fn one_clients_hanging_pictures_hold_up_nobody_elses_of_the_same_host() {
    let picture = photo(64, 48, 1);
    let open = Arc::new(AtomicBool::new(false));
    let application = Application::start({
        let open = Arc::clone(&open);
        move |_, asked| {
            while asked.target.contains("hanging") && !open.load(Ordering::Relaxed) {
                thread::park_timeout(Duration::from_millis(10));
            }
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
        while application.seen().len() < SHARE {
            thread::yield_now();
        }
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
    assert_eq!(server.metrics()["cuttle_source_requests_waiting"], 0.0);
}
