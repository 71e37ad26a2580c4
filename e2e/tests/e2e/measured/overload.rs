//! More than can be done: what fits is answered, the rest is refused at once and costs nobody anything, and it passes.
//!
//! A worker stopped by SIGSTOP is busy for as long as a test wants, so nothing here depends on timing.
#![expect(clippy::disallowed_macros, reason = "what a test says")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;

use cuttle_e2e::{Answer, Application, Reply, Server, alone, photo, place, stopped};

const MIB: u64 = 1 << 20;
const WORKERS: usize = 2;
/// So many may wait, so that half of what is asked fits: two at work and eight behind them.
const QUEUE: usize = 8;
const FITS: usize = WORKERS + QUEUE;
const WARM: &str = "/_next/image?url=%2Fwarm.jpg&w=64&q=75";

/// An application of photographs, `/warm.jpg` and `/<number>.jpg`, and of one page.
fn application() -> Application {
    let pictures: Vec<_> = (0..3).map(|seed| photo(1600, 1200, seed)).collect();
    Application::start(move |_, asked| {
        let name = asked.target.trim_start_matches('/').trim_end_matches(".jpg");
        match (name, name.parse::<usize>()) {
            ("warm", _) => Reply::good(&pictures[0]),
            // Other bytes each, or the same picture by another URL would be one job.
            (_, Ok(number)) => {
                let mut bytes = pictures[number % pictures.len()].clone();
                bytes.extend_from_slice(&number.to_le_bytes());
                Reply::good(&bytes)
            }
            _ => Reply {
                headers: vec!["content-type: text/html".to_owned()],
                ..Reply::good(b"page")
            },
        }
    })
}

/// In front of `application`, with a queue that can be filled, and patience enough that only a full queue refuses.
fn in_front_of(application: &Application) -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().expect("a folder");
    let toml = format!(
        "[limits]\nqueue = {QUEUE}\nqueue_wait = \"60s\"\ntransform = \"60s\"\n[optimizer]\ntimeout = \"60s\"\n"
    );
    place(folder.path(), "cuttle.toml", toml.as_bytes());
    let config = folder.path().join("cuttle.toml").display().to_string();
    let workers = WORKERS.to_string();
    let server = Server::serving(&[
        "--upstream",
        &*application.url(),
        "--config",
        &config,
        "--workers",
        &workers,
        "--memory",
        "384MiB",
    ]);
    (folder, server)
}

fn path(number: usize) -> String {
    format!("/{number}.jpg")
}

/// A picture that was never asked for, by one of five clients behind a proxy.
fn cold(server: &Server, number: usize) -> Answer {
    let target = format!("/_next/image?url=%2F{number}.jpg&w=1080&q=75");
    let client = format!("198.51.100.{}", number % 5);
    server.client.send("GET", &target, &[("x-forwarded-for", &client), ("accept", "image/webp")])
}

fn is_refused(answer: &Answer) -> bool {
    let retry: Option<u32> = answer.header("retry-after").parse().ok();
    answer.status == 503 && retry.is_some_and(|seconds| seconds > 0)
}

#[test]
fn what_fits_is_answered_and_the_rest_refused_without_a_fetch_or_a_worker() {
    alone();
    let application = application();
    let (_folder, server) = in_front_of(&application);
    assert_eq!(server.client.get(WARM).status, 200);
    let plan = server.event("its memory plan", |event| event["message"] == "memory plan");
    let ceiling = plan["ceiling_mib"].as_u64().expect("a number") * MIB;
    let before = server.encodes();
    let asked = WORKERS * 10;
    let (mut refused, mut served) = (Vec::new(), Vec::new());
    let peak = server.peak_memory(|| {
        let busy: Vec<_> = server.fresh_workers().into_iter().map(stopped).collect();
        thread::scope(|scope| {
            let (answered, answers) = mpsc::channel();
            for number in 0..asked {
                let (server, answered) = (&server, answered.clone());
                scope.spawn(move || answered.send((number, cold(server, number))));
            }
            drop(answered);
            // No worker moves: whoever is answered now was refused, and all of them are.
            refused.extend(answers.iter().take(asked - FITS));
            for (number, answer) in &refused {
                assert!(is_refused(answer), "{number}: {} {}", answer.status, answer.text());
                assert_eq!(answer.header("x-cuttle-error"), "queue_full");
            }
            server.wait_until("all that fits under way", |report| report["queue"]["jobs"] == FITS);
            assert!(server.readiness()["degraded"].to_string().contains("image queue full"));
            assert_eq!(server.admin.get("/readyz").status, 200);
            for _ in 0..5 {
                let hit = server.client.get(WARM);
                assert_eq!((hit.status, hit.header("x-nextjs-cache")), (200, "HIT"));
                assert_eq!(server.client.get("/page").text(), "page");
            }
            drop(busy);
            served.extend(answers.iter());
        });
    });
    for (number, answer) in &served {
        assert_eq!(answer.status, 200, "{number}: {}", answer.text());
    }
    assert_eq!((served.len(), refused.len()), (FITS, asked - FITS));
    for (number, _) in &refused {
        assert!(application.seen_at(&path(*number)).is_empty(), "{number} was fetched");
    }
    assert_eq!(server.encodes() - before, FITS as u64, "no worker saw what was refused");
    assert!(peak < ceiling, "{} of {} MiB", peak / MIB, ceiling / MIB);
    println!("saturated: at most {} MiB of {}", peak / MIB, ceiling / MIB);
    // It passes by itself.
    thread::scope(|scope| {
        let server = &server;
        let ask = |number: usize| (number, scope.spawn(move || cold(server, number)));
        let again: Vec<_> = refused.iter().map(|(number, _)| ask(*number)).collect();
        for (number, answer) in again {
            assert_eq!(answer.join().expect("an answer").status, 200, "{number}, asked again");
        }
    });
    server.wait_until("calm", |report| {
        report["queue"]["jobs"] == 0 && report["degraded"][0].is_null()
    });
}

#[test]
fn a_storm_of_72_at_32_in_parallel_is_answered_in_less_than_250_mib() {
    alone();
    let folder = tempfile::tempdir().expect("a folder");
    let pictures: Vec<_> = (0..3).map(|seed| photo(2400, 1600, seed)).collect();
    for n in 0..12_u8 {
        let bytes = [&*pictures[usize::from(n % 3)], &[n]].concat();
        place(folder.path(), &format!("{n}.jpg"), &bytes);
    }
    let server = Server::with(folder.path(), &["--workers", "2"]);
    let widths = [384, 640, 828, 1080, 1200, 1920];
    let colds = (0..12)
        .flat_map(|n| widths.map(|width| format!("/_next/image?url=%2F{n}.jpg&w={width}&q=75")));
    let colds: Vec<_> = colds.collect();
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new([0, 0]);
    let peak = server.peak_memory(|| {
        thread::scope(|scope| {
            for _ in 0..32 {
                scope.spawn(|| {
                    while let Some(target) = colds.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let answer = server.client.accepting("image/avif,image/webp", target);
                        assert!(
                            answer.status == 200 || is_refused(&answer),
                            "{target}: {}",
                            answer.text()
                        );
                        outcomes.lock().expect("no panic")[usize::from(answer.status != 200)] += 1;
                    }
                });
            }
        });
    });
    let [served, refused] = *outcomes.lock().expect("no panic");
    println!(
        "72 at 32 in parallel: {served} served, {refused} refused, at most {} MiB",
        peak / MIB
    );
    assert_eq!(served + refused, colds.len());
    assert!(served > 0 && peak < 250_000_000, "{} MiB", peak / MIB);
    for target in &colds {
        assert_eq!(
            server.client.accepting("image/avif,image/webp", target).status,
            200,
            "{target}"
        );
    }
}

#[test]
fn a_drain_answers_all_that_waits_and_accepts_nothing_new() {
    alone();
    let application = application();
    let (_folder, server) = in_front_of(&application);
    // A connection that a browser keeps for what it may ask next.
    let mut idle = TcpStream::connect(&server.address).expect("connected");
    let ask = format!("GET /page HTTP/1.1\r\nhost: {}\r\n\r\n", server.address);
    idle.write_all(ask.as_bytes()).expect("sent");
    let mut head = [0; 12];
    idle.read_exact(&mut head).expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 200");
    let busy: Vec<_> = server.fresh_workers().into_iter().map(stopped).collect();
    thread::scope(|scope| {
        let asking = &server;
        let under_way: Vec<_> =
            (0..FITS).map(|number| scope.spawn(move || cold(asking, number))).collect();
        server.wait_until("all under way", |report| report["queue"]["jobs"] == FITS);
        server.terminate();
        let _ = server.event("the drain", |event| {
            event["message"].as_str().is_some_and(|message| message.starts_with("draining"))
        });
        // What it asks meanwhile is answered, and it is told not to ask again.
        idle.write_all(ask.as_bytes()).expect("it is open");
        let mut rest = Vec::new();
        idle.read_to_end(&mut rest).expect("closed after the answer");
        let rest = String::from_utf8_lossy(&rest);
        assert!(rest.contains("HTTP/1.1 200") && rest.contains("connection: close"), "{rest}");
        while server.client.ask("GET", WARM, &[]).is_ok() {}
        drop(busy);
        for answer in under_way {
            assert_eq!(answer.join().expect("an answer").status, 200);
        }
    });
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(0));
    assert!(
        log.iter().all(|event| event["message"] != "connections were cut: draining took too long"),
        "{log:?}"
    );
    assert!(application.seen_at("/warm.jpg").is_empty(), "nothing new was fetched");
}
