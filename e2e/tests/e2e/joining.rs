//! Who waits for the same picture is served by one job, and is no worse off for it.
//!
//! A worker stopped by SIGSTOP holds everyone back until the test has them where it wants them.

use std::path::Path;
use std::thread::{self, JoinHandle};

use cuttle_e2e::{Answer, Server, photo, place, size_of, stopped};

const WIDTHS: [u32; 3] = [1080, 640, 384];

fn target(name: &str, width: u32) -> String {
    format!("/_cuttle/image?src=/{name}.jpg&w={width}&f=webp")
}

/// What a server of its own makes of each width, one after the other.
fn alone(folder: &Path, name: &str) -> Vec<Vec<u8>> {
    let server = Server::with(folder, &["--workers", "1"]);
    let bodies = WIDTHS.map(|width| server.client.get(&target(name, width)).body);
    server.wait_until("a job for each", |report| report["workers"]["jobs"] == 3);
    bodies.into()
}

/// Three widths of one picture that wait behind the job of another.
struct Scene {
    blocker: JoinHandle<Answer>,
    waiting: Vec<JoinHandle<Answer>>,
}

/// The worker must be stopped.
fn queue(server: &Server, name: &str) -> Scene {
    let client = server.client;
    let blocker = thread::spawn(move || client.get(&target("blocker", 96)));
    server.wait_until("a job at work", |report| report["workers"]["jobs"] == 1);
    let ask = |width| {
        let target = target(name, width);
        thread::spawn(move || client.get(&target))
    };
    let waiting = WIDTHS.map(ask).into();
    server.wait_until("three who wait", |report| report["queue"]["waiting"] == 3);
    Scene { blocker, waiting }
}

fn right(answers: Vec<JoinHandle<Answer>>, expected: &[Vec<u8>]) {
    assert_eq!(answers.len(), WIDTHS.len());
    for ((answer, width), expected) in answers.into_iter().zip(WIDTHS).zip(expected) {
        let answer = answer.join().expect("an answer");
        assert_eq!((answer.status, answer.header("content-type")), (200, "image/webp"), "{width}");
        assert_eq!(size_of(&answer.body).0, width);
        assert!(answer.body == *expected, "{width}: not what it is alone");
    }
}

#[test]
fn three_widths_that_wait_are_one_job_and_each_is_what_it_is_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    place(folder.path(), "blocker.jpg", &photo(320, 240, 1));
    place(folder.path(), "picture.jpg", &photo(1600, 1200, 2));
    let expected = alone(folder.path(), "picture");
    let server = Server::with(folder.path(), &["--workers", "1"]);
    let frozen = stopped(server.workers()[0]);
    let scene = queue(&server, "picture");
    drop(frozen);
    assert_eq!(size_of(&scene.blocker.join().expect("an answer").body), (96, 72));
    right(scene.waiting, &expected);
    assert_eq!(server.readiness()["workers"]["jobs"], 2, "one for the blocker, one for all three");
    assert_eq!(server.readiness()["queue"]["waiting"], 0);
    for width in WIDTHS {
        let again = server.client.get(&target("picture", width));
        assert_eq!(again.header("cache-status"), "cuttle; hit");
    }
}

#[test]
fn other_pictures_are_not_joined() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    place(folder.path(), "blocker.jpg", &photo(320, 240, 1));
    place(folder.path(), "picture.jpg", &photo(800, 600, 2));
    place(folder.path(), "other.jpg", &photo(800, 600, 3));
    let server = Server::with(folder.path(), &["--workers", "1"]);
    let frozen = stopped(server.workers()[0]);
    let scene = queue(&server, "picture");
    let client = server.client;
    let other = thread::spawn(move || client.get(&target("other", 384)));
    server.wait_until("four who wait", |report| report["queue"]["waiting"] == 4);
    drop(frozen);
    let other = other.join().expect("an answer");
    assert_eq!(size_of(&other.body), (384, 288));
    scene.waiting.into_iter().for_each(|answer| drop(answer.join().expect("an answer")));
    drop(scene.blocker);
    server.wait_until("three jobs", |report| report["workers"]["jobs"] == 3);
}

#[test]
fn a_worker_killed_over_several_renditions_costs_none_of_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    place(folder.path(), "blocker.jpg", &photo(320, 240, 1));
    // Large, so that its job is still under way when the test sees that it began.
    place(folder.path(), "picture.jpg", &photo(6000, 4000, 2));
    let expected = alone(folder.path(), "picture");
    // A worker may be done before it is killed, on a busy machine; not every time.
    let in_mid_job = (0..8).any(|_| {
        let server = Server::with(folder.path(), &["--workers", "1"]);
        let frozen = stopped(server.workers()[0]);
        let scene = queue(&server, "picture");
        drop(frozen);
        server.wait_until("the job of all three", |report| report["workers"]["jobs"] == 2);
        // The spare too: nothing is lost by that.
        server.kill_workers();
        right(scene.waiting, &expected);
        let jobs = server.readiness()["workers"]["jobs"].as_u64().expect("a number");
        assert!(
            server.log().iter().all(|event| event["reason"] != "worker_crashed"),
            "nobody got the original instead"
        );
        assert!(jobs <= 5, "at most one for each that the lost job still owed, not {jobs}");
        jobs > 2
    });
    assert!(in_mid_job, "the worker was always done before it was killed");
}
