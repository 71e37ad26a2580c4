//! What a new build guards is guarded when it goes live, and what an old one allows is allowed while its pages are open.

use std::fs;
use std::time::{Duration, Instant};

use cuttle_e2e::{Application, NextApp, Reply, Server, free_port, photo, place};

use super::build::{Build, SERVER_FILES, build, write};
use super::{assert_both, assert_in_the_end, both, followed, settled, writing};

const GUARDED: [&str; 2] = ["/members.jpg", "/source/max-age"];

fn deploys_of(version: u32) {
    let (app, _copy) = NextApp::built(version, "plain").copied();
    let built = app.folder().join(".next");
    for name in ["photo.jpg", "members.jpg"] {
        place(&app.folder().join("public"), name, &photo(320, 240, 1));
    }
    let manifests = Build::read(&built);
    build(&built, &manifests.files("one", &[], &[75]));
    let port = free_port();
    let next = app.start_at(port);
    let project = app.folder().to_str().expect("UTF-8");
    let upstream = format!("http://127.0.0.1:{port}");
    let server = Server::serving(&["--next", project, "--upstream", &upstream, "--workers", "1"]);
    for path in GUARDED {
        assert_both(&server, path, 75, 200);
        let again = assert_both(&server, path, 75, 200);
        assert_eq!(again[0].header("x-nextjs-cache"), "HIT", "{path}");
    }
    assert_both(&server, "/photo.jpg", 50, 400);

    // A guard and a quality are added. The old application does not know of them yet.
    build(&built, &manifests.files("two", &GUARDED, &[50, 75]));
    followed(&server, "two");
    for path in GUARDED {
        assert_both(&server, path, 75, 200);
    }
    assert_both(&server, "/photo.jpg", 50, 200);
    let named = server.client.get("/_cuttle/image?src=/photo.jpg&w=64&q=75&v=two");
    assert!(!named.header("cache-control").contains("immutable"), "{named:?}");
    drop(next);
    // What is asked of the application while it restarts has no answer: neither an original of a moment ago, nor a file, nor
    // what is kept.
    assert_eq!(server.client.get("/_cuttle/image?src=/source/max-age&w=96&q=75").status, 502);
    for path in GUARDED {
        assert_both(&server, path, 75, 502);
    }
    settled(&server, "two");
    let next = app.start_at(port);
    for path in GUARDED {
        assert_in_the_end(&server, path, 401);
    }
    let named = server.client.get("/_cuttle/image?src=/photo.jpg&w=64&q=75&v=two");
    assert!(named.header("cache-control").contains("immutable"), "{named:?}");

    // Both are taken away, and the old application still has them.
    build(&built, &manifests.files("three", &[], &[75]));
    followed(&server, "three");
    for path in GUARDED {
        assert_both(&server, path, 75, 401);
    }
    assert_both(&server, "/photo.jpg", 50, 200);
    drop(next);
    // Seen by whoever is passed on, too.
    assert_eq!(server.client.get("/").status, 502);
    settled(&server, "three");
    let next = app.start_at(port);
    for path in GUARDED {
        assert_in_the_end(&server, path, 200);
    }
    assert_both(&server, "/photo.jpg", 50, 400);

    // A build that fails half-way changes nothing but whom is asked.
    let aside = app.folder().join("aside");
    fs::rename(&built, &aside).expect("a folder");
    let half = manifests.files("four", &[], &[50, 75]);
    write(&built, &half[3..5]);
    writing(&server, 3);
    assert_both(&server, "/members.jpg", 75, 200);
    assert_both(&server, "/photo.jpg", 50, 400);
    drop(next);
    for path in ["/photo.jpg", "/members.jpg"] {
        assert_both(&server, path, 75, 502);
    }
    fs::remove_dir_all(&built).expect("a folder");
    fs::rename(&aside, &built).expect("a folder");
    let _ = server.event("it is there again", |event| {
        event["message"] == "the build on disk is the one from before again"
    });
    assert_in_the_end(&server, "/members.jpg", 200);
}

#[test]
fn a_deploy_of_next_14_is_followed() {
    deploys_of(14);
}

#[test]
fn a_deploy_of_next_15_is_followed() {
    deploys_of(15);
}

#[test]
fn a_deploy_of_next_16_is_followed() {
    deploys_of(16);
}

#[test]
fn a_standalone_folder_may_be_copied_file_by_file() {
    let manifests = Build::read(&NextApp::built(16, "plain").folder().join(".next"));
    let folder = tempfile::tempdir().expect("a folder");
    let built = folder.path().join(".next");
    let standalone = |id, guarded: &[&str]| {
        let files = manifests.files(id, guarded, &[75]);
        // There is no marker in one.
        files.into_iter().filter(|(name, _)| *name != "export-marker.json").collect::<Vec<_>>()
    };
    write(&built, &standalone("one", &[]));
    for name in ["photo.jpg", "members.jpg"] {
        place(&folder.path().join("public"), name, &photo(320, 240, 1));
    }
    let application = Application::start(|_, _| Reply::bare(401));
    let project = folder.path().to_str().expect("UTF-8");
    let server =
        Server::serving(&["--next", project, "--upstream", &application.url(), "--workers", "1"]);
    assert_both(&server, "/members.jpg", 75, 200);

    let mut files = standalone("two", &["/members.jpg"]);
    files.reverse();
    let (first, rest) = files.split_at(2);
    assert!(first.iter().all(|(name, _)| ["BUILD_ID", SERVER_FILES].contains(name)));
    write(&built, first);
    writing(&server, 1);
    // A new name over old rules: whichever application runs has no others.
    assert_both(&server, "/members.jpg", 75, 200);
    let (guards, last) = rest.split_at(1);
    write(&built, guards);
    let patience = Instant::now() + Duration::from_secs(10);
    while server.client.get(&both("/members.jpg", 75)[0]).status != 401 {
        assert!(Instant::now() < patience, "the guard is not seen");
    }
    for file in last {
        write(&built, std::slice::from_ref(file));
        assert_both(&server, "/members.jpg", 75, 401);
    }
    followed(&server, "two");
    assert_both(&server, "/members.jpg", 75, 401);
    assert_both(&server, "/photo.jpg", 75, 200);
    assert!(application.seen_at("/photo.jpg").is_empty());
}
