//! Jobs belong to the server, workers are expendable, and a full house is an honest one.
//!
//! A worker stopped by SIGSTOP is a render that takes as long as the test wants, so nothing here
//! depends on timing.

use std::thread;

use cuttle_demo::fixtures::fixtures;
use cuttle_e2e::{Server, folder_with_a_photo, kill, photo, place, size_of, stopped};

const PICTURE: &str = "/_cuttle/image?src=%2Fphoto.jpg&w=640&f=webp";

fn jobs(server: &Server, n: u64) {
    server.wait_until(&format!("{n} jobs"), |report| report["queue"]["jobs"] == n);
}

#[test]
fn a_worker_killed_in_mid_job_costs_its_own_request_only() {
    let folder = folder_with_a_photo();
    place(folder.path(), "other.jpg", &photo(640, 480, 2));
    let server = Server::with(folder.path(), &["--workers", "1"]);
    let victim = server.workers()[0];
    let frozen = stopped(victim);
    let client = server.client;
    let unlucky = thread::spawn(move || client.get(PICTURE));
    // In the worker's hands: a job that is only on its way there would rightly go to its successor.
    server.wait_until("a job at work", |report| report["workers"]["jobs"] == 1);
    let waiting = thread::spawn(move || client.get("/_cuttle/image?src=/other.jpg&w=384&f=webp"));
    jobs(&server, 2);
    kill(victim);
    drop(frozen);

    let answer = unlucky.join().expect("an answer");
    assert_eq!((answer.status, answer.header("content-type")), (200, "image/jpeg"), "the original");
    assert_eq!(answer.body, photo(800, 600, 1));
    assert_eq!(answer.header("cache-control"), "private, no-store");
    assert!(
        answer.header("cache-status").contains("detail=fallback"),
        "{}",
        answer.header("cache-status")
    );
    let other = waiting.join().expect("an answer");
    assert_eq!((other.status, size_of(&other.body)), (200, (384, 288)), "untouched");
    let next = client.get("/_cuttle/image?src=/other.jpg&w=96&f=webp");
    assert_eq!((next.status, size_of(&next.body)), (200, (96, 72)));
    assert_ne!(server.workers(), [victim], "another worker took its place");
    let reasons: Vec<_> =
        server.log().into_iter().filter(|event| event["reason"] == "worker_crashed").collect();
    assert_eq!(reasons.len(), 1, "said once in the log");
}

/// rav1d 1.1.0 ends the process over some broken frames (memorysafety/rav1d#1497), as a panic cannot leave a C function.
#[test]
fn a_frame_that_its_decoder_does_not_survive_is_the_pictures_fault() {
    let folder = folder_with_a_photo();
    let whole = fixtures().into_iter().find(|fixture| fixture.name == "8-420.avif").unwrap().bytes;
    let stream = whole.windows(4).position(|name| name == b"mdat").unwrap() + 4;
    let server = Server::with(folder.path(), &["--workers", "1"]);
    // Behind the delimiter and the sequence header, the header of its frame: each bit of it once.
    for bit in 8 * 12..8 * 20 {
        let mut bytes = whole.clone();
        bytes[stream + bit / 8] ^= 1 << (bit % 8);
        let name = format!("bent-{bit}.avif");
        place(folder.path(), &name, &bytes);
        let answer = server.client.get(&format!("/_cuttle/image?src=/{name}&w=64&f=webp"));
        assert_eq!(answer.status, 200, "{name}");
        if answer.header("cache-status").contains("detail=fallback") {
            assert_eq!(answer.body, bytes, "{name}: the original");
        }
    }
    assert_eq!(size_of(&server.client.get(PICTURE).body), (640, 480), "the next one is served");
    let log = server.log();
    let said = |key: &str, words: &str| {
        log.iter()
            .filter(|event| event[key].as_str().is_some_and(|text| text.contains(words)))
            .count()
    };
    assert!(said("error", "the engine panicked") > 0, "none of them ended the process");
    assert_eq!(said("reason", "worker_crashed"), 0);
    assert!(said("reason", "undecodable") > 0);
}

#[test]
fn each_original_has_a_process_of_its_own_whose_end_is_no_restart() {
    let folder = folder_with_a_photo();
    place(folder.path(), "other.jpg", &photo(640, 480, 2));
    let server = Server::with(folder.path(), &["--workers", "1"]);
    let first = server.workers();
    assert_eq!(server.client.get(PICTURE).status, 200);
    let other = server.client.get("/_cuttle/image?src=/other.jpg&w=384&f=webp");
    assert_eq!((other.status, size_of(&other.body)), (200, (384, 288)));
    assert!(!server.workers().contains(&first[0]), "it saw one original and then another");
    let report = server.readiness();
    assert_eq!(
        (&report["ready"], &report["degraded"], &report["workers"]["alive"]),
        (&true.into(), &serde_json::json!([]), &1.into())
    );
    let metrics = server.metrics();
    let counted =
        ["cuttle_worker_jobs_total", "cuttle_worker_restarts_total", "cuttle_workers_alive"];
    assert_eq!(counted.map(|name| metrics[name]), [2.0, 0.0, 1.0]);
    assert_eq!(server.fresh_workers().len(), 1, "nothing is left of either");
}

#[test]
fn when_the_leading_client_leaves_followers_and_later_clients_get_the_picture() {
    let folder = folder_with_a_photo();
    let server = Server::with(folder.path(), &["--workers", "1"]);
    let frozen = stopped(server.workers()[0]);
    let leader = server.client.ask("GET", PICTURE, &[]).expect("connected");
    jobs(&server, 1);
    let client = server.client;
    let followers: Vec<_> = (0..3).map(|_| thread::spawn(move || client.get(PICTURE))).collect();
    drop(leader);
    jobs(&server, 1);
    drop(frozen);
    for follower in followers {
        let answer = follower.join().expect("an answer");
        assert_eq!((answer.status, size_of(&answer.body)), (200, (640, 480)));
    }
    assert_eq!(client.get(PICTURE).header("cache-status"), "cuttle; hit");
}

#[test]
fn when_every_client_leaves_the_job_is_finished_and_kept() {
    let folder = folder_with_a_photo();
    let server = Server::with(folder.path(), &["--workers", "1"]);
    let frozen = stopped(server.workers()[0]);
    let leaving = server.client.ask("GET", PICTURE, &[]).expect("connected");
    jobs(&server, 1);
    drop(leaving);
    drop(frozen);
    jobs(&server, 0);
    assert_eq!(server.client.get(PICTURE).header("cache-status"), "cuttle; hit");
}

#[test]
fn a_full_queue_refuses_at_once_while_hits_and_files_go_on() {
    let folder = folder_with_a_photo();
    for n in 0..70 {
        place(folder.path(), &format!("{n}.jpg"), &photo(64, 48, n));
    }
    let server = Server::with(folder.path(), &["--workers", "1"]);
    assert_eq!(server.client.get(PICTURE).status, 200);
    let frozen = stopped(server.fresh_workers()[0]);
    // One at work and sixty-four waiting: these clients never read, so nothing here waits for them.
    let ask =
        |n: u32| server.client.ask("GET", &format!("/_cuttle/image?src=/{n}.jpg&w=32&f=webp"), &[]);
    let _crowd: Vec<_> = (0..65).map(|n| ask(n).expect("connected")).collect();
    server.wait_until("a full queue", |report| report["queue"]["waiting"] == 64);
    let report = server.readiness();
    assert_eq!(
        (&report["ready"], &report["degraded"][0]),
        (&true.into(), &"image queue full".into())
    );

    let next = server.client.get("/_next/image?url=/66.jpg&w=32&q=75");
    assert_eq!(
        (next.status, next.text().as_str()),
        (503, "\"url\" parameter is valid but the server is busy")
    );
    assert!(next.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    let strict = server.client.get("/_cuttle/image?src=/66.jpg&w=32");
    assert_eq!((strict.status, strict.header("x-cuttle-error")), (503, "queue_full"));
    assert_eq!(server.client.get(PICTURE).header("cache-status"), "cuttle; hit");
    assert_eq!(server.client.get("/photo.jpg").status, 200);
    drop(frozen);
    jobs(&server, 0);
    assert_eq!(
        server.client.get("/_cuttle/image?src=/66.jpg&w=32").status,
        200,
        "and it recovers by itself"
    );
}

#[test]
fn large_originals_wait_in_a_queue_that_is_as_honest() {
    let folder = folder_with_a_photo();
    // Each fills the whole share of originals (a ceiling of 128 MiB leaves one of 20 MB at a time).
    for n in 0..70 {
        let mut bytes = photo(64, 48, n);
        bytes.resize(19_000_000, 0);
        place(folder.path(), &format!("{n}.jpg"), &bytes);
    }
    let server = Server::with(folder.path(), &["--workers", "1", "--memory", "128MiB"]);
    let frozen = stopped(server.workers()[0]);
    let ask = |n: u32| server.client.ask("GET", &format!("/_cuttle/image?src=/{n}.jpg&w=32"), &[]);
    let _crowd: Vec<_> = (0..65).map(|n| ask(n).expect("connected")).collect();
    server.wait_until("a full queue", |report| report["degraded"][0] == "image queue full");
    let refused = server.client.get("/_cuttle/image?src=/66.jpg&w=32");
    assert_eq!((refused.status, refused.header("x-cuttle-error")), (503, "queue_full"));
    assert!(server.memory() < 128 << 20, "{} MiB", server.memory() >> 20);
    drop(frozen);
    jobs(&server, 0);
    assert_eq!(server.client.get("/_cuttle/image?src=/66.jpg&w=32").status, 200);
}

#[test]
fn clients_that_do_not_read_cost_no_memory() {
    let folder = folder_with_a_photo();
    // Over the pixel limit: Next's contract sends the original, all 19 MB of it.
    let mut huge = photo(64, 48, 1);
    let frame = huge.windows(2).position(|pair| pair == [0xFF, 0xC0]).expect("a frame header");
    huge[frame + 5..frame + 9].copy_from_slice(&[0x60, 0, 0x60, 0]);
    huge.resize(19_000_000, 0);
    place(folder.path(), "huge.jpg", &huge);
    let server = Server::with(folder.path(), &["--workers", "1", "--memory", "256MiB"]);
    let target = "/_next/image?url=/huge.jpg&w=64&q=75";
    let idle: Vec<_> =
        (0..40).map(|_| server.client.ask("GET", target, &[]).expect("connected")).collect();
    server.wait_until("answers under way", |report| report["queue"]["requests"] == 0);
    assert!(server.memory() < 60 << 20, "{} MiB for {} clients", server.memory() >> 20, idle.len());
    assert_eq!(server.client.get(PICTURE).status, 200, "others are served");
    let whole = server.client.get(target);
    assert_eq!((whole.status, whole.body == huge), (200, true), "and whoever reads gets all of it");
}

#[test]
fn a_drain_finishes_what_is_under_way_and_exits_with_0() {
    let folder = folder_with_a_photo();
    let server = Server::with(folder.path(), &["--workers", "1"]);
    let frozen = stopped(server.workers()[0]);
    let client = server.client;
    let under_way = thread::spawn(move || client.get(PICTURE));
    jobs(&server, 1);
    server.terminate();
    let _ = server.event("the drain", |event| {
        event["message"].as_str().is_some_and(|message| message.starts_with("draining"))
    });
    while client.ask("GET", "/photo.jpg", &[]).is_ok() {}
    assert!(client.try_send("GET", "/photo.jpg", &[]).is_err(), "no new connection is accepted");
    drop(frozen);
    let answer = under_way.join().expect("an answer");
    assert_eq!((answer.status, size_of(&answer.body)), (200, (640, 480)));
    let (status, _) = server.ended();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn workers_end_with_a_server_that_is_killed() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    let workers = server.workers();
    assert_eq!(workers.len(), 2);
    drop(server);
    let gone = |pid: &u32| {
        // A zombie of another reaper is gone too: it has no memory and runs nothing.
        std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .map_or(true, |stat| stat.contains(") Z "))
    };
    let ended = (0..1_000_000).any(|_| workers.iter().all(gone));
    assert!(ended, "workers {workers:?} outlive their server");
}
