//! While a deploy is under way, pages of both builds find their scripts, and nothing is sent that is not whole.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use cuttle_e2e::{NextApp, Server, free_port, place, until};

use super::{age, copied, passed_on};

/// The same application with another name and a script of its own.
fn release(app: &NextApp, id: &str) {
    let built = app.folder().join(".next");
    fs::write(built.join("BUILD_ID"), id).expect("the name of a build");
    place(&built, &format!("static/chunks/only-{id}.js"), id.as_bytes());
    // As with a `deploymentId`, which makes the name of a build the same in each.
    place(&built, "static/constant/_buildManifest.js", id.as_bytes());
    place(&app.folder().join("public"), "robots.txt", id.as_bytes());
    age(app.folder());
}

/// `current` leads there, from one moment to the next.
fn switch(beside: &Path, to: &Path) {
    let next = beside.join("next");
    symlink(to, &next).expect("a link");
    fs::rename(next, beside.join("current")).expect("it is moved");
}

#[test]
fn scripts_of_both_builds_are_there_during_a_deploy() {
    let ((one, _one), (two, _two)) = (copied(16, "plain"), copied(16, "plain"));
    release(&one, "one");
    release(&two, "two");
    let beside = tempfile::tempdir().expect("a folder");
    switch(beside.path(), one.folder());
    let port = free_port();
    let next = one.start_at(port);
    let (url, current) = (format!("http://127.0.0.1:{port}"), beside.path().join("current"));
    let args = ["--upstream", &url, "--static-files", "--workers", "1", "--next"];
    let server = Server::serving(&[&args[..], &[current.to_str().expect("UTF-8")]].concat());
    let script = |id: &str| {
        let path = format!("/_next/static/chunks/only-{id}.js");
        passed_on(&server, || server.client.get(&path))
    };
    let robots = || passed_on(&server, || server.client.get("/robots.txt"));
    let ours = |(answer, passed): (cuttle_e2e::Answer, bool), text: &str| {
        assert_eq!((answer.status, answer.text().as_str(), passed), (200, text, false));
    };
    let manifest =
        || passed_on(&server, || server.client.get("/_next/static/constant/_buildManifest.js"));
    ours(script("one"), "one");
    ours(robots(), "one");
    ours(manifest(), "one");
    assert_eq!(script("two").0.status, 404);

    switch(beside.path(), two.folder());
    let _ = server.event("the new build", |event| {
        event["message"].as_str().is_some_and(|it| it.starts_with("there is a new build"))
    });
    until("both are there", || script("two").0.status == 200);
    ours(script("one"), "one");
    ours(script("two"), "two");
    // Nobody knows yet whose these are.
    for (answer, passed) in [robots(), manifest()] {
        assert_eq!((answer.text().as_str(), passed), ("one", true));
    }

    drop(next);
    // Seen by whoever is passed on.
    assert_eq!(server.client.get("/").status, 502);
    let _ =
        server.event("the app runs it", |event| event["message"] == "the app runs the new build");
    let _next = two.start_at(port);
    until("it is ours again", || !robots().1);
    ours(robots(), "two");
    ours(manifest(), "two");
    assert_eq!(script("one").0.status, 404);
}

#[test]
fn while_a_build_is_written_the_app_is_asked() {
    let (app, _copy) = copied(16, "plain");
    let next = app.start();
    let server = super::in_front(app.folder(), &next);
    let robots = || passed_on(&server, || server.client.get("/robots.txt")).1;
    assert!(!robots());
    let manifest = app.folder().join(".next/routes-manifest.json");
    fs::remove_file(&manifest).expect("a file");
    until("it is seen", robots);
}
