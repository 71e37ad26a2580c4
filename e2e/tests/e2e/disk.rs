//! A state directory that is full, read-only or no directory at all: served all the same, and said once.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use cuttle_e2e::{Application, Reply, Server, photo, until};
use cuttle_testing::Disk;
use serde_json::Value;

fn state(disk: &Disk) -> String {
    disk.path().join("state").display().to_string()
}

fn target(number: u32) -> String {
    format!("/_next/image?url=%2F{number}.jpg&w=640&q=75")
}

fn application() -> Application {
    Application::start(|_, asked| {
        let number = asked.target.trim_matches(|c: char| !c.is_ascii_digit());
        Reply::good(&photo(640, 480, number.parse().expect("a number")))
    })
}

fn serve(application: &Application, state: &str) -> Server {
    Server::serving(&["--upstream", &application.url(), "--state-dir", state, "--workers", "1"])
}

/// Made, then kept in memory at least.
fn is_served(server: &Server, number: u32) {
    let [made, kept] = [(); 2].map(|()| server.client.get(&target(number)));
    assert_eq!((made.status, made.header("x-nextjs-cache")), (200, "MISS"), "{}", made.text());
    assert_eq!((kept.status, kept.header("x-nextjs-cache")), (200, "HIT"), "{}", kept.text());
    assert_eq!(made.body, kept.body);
}

/// Ready, and open about what is wrong.
fn is_degraded(ready: &Value, what: &str) -> bool {
    let reasons = ready["degraded"].as_array().expect("a list");
    ready["ready"] == true
        && reasons.iter().any(|it| it.as_str().is_some_and(|it| it.starts_with(what)))
}

fn said(server: &Server, message: &str) -> usize {
    server.log().iter().filter(|event| event["message"] == message).count()
}

/// Twice more, each of which could have been told.
fn is_tried_in_vain(server: &Server) {
    let tries = || said(server, "the disk cache still cannot be used");
    let before = tries();
    until("the disk cache still cannot be used", || tries() > before + 1);
}

#[test]
fn a_full_disk_is_said_once_and_used_again_when_there_is_room() {
    let Some(disk) = Disk::new(4) else { return };
    let (application, state) = (application(), state(&disk));
    let server = serve(&application, &state);
    is_served(&server, 0);
    server.wait_until("it is on disk", |ready| ready["store"]["disk"]["variants"] == 1);
    let ballast = disk.fill();
    for number in 1..5 {
        is_served(&server, number);
    }
    server.wait_until("degraded", |ready| is_degraded(ready, "disk cache: the disk is full"));
    assert_eq!(server.admin.get("/readyz").status, 200);
    is_tried_in_vain(&server);
    is_served(&server, 5);
    assert_eq!(
        said(&server, "the disk cache cannot be used: images are cached in memory only"),
        1,
        "{:#?}",
        server.log()
    );

    fs::remove_file(ballast).expect("ours");
    server
        .wait_until("whole again", |ready| ready["degraded"].as_array().is_some_and(Vec::is_empty));
    is_served(&server, 6);
    assert_eq!(said(&server, "the disk cache is used again"), 1);
    // Which writes down what it holds.
    server.terminate();
    assert!(server.ended().0.success());
    let server = serve(&application, &state);
    assert_eq!(
        server.client.get(&target(6)).header("x-nextjs-cache"),
        "HIT",
        "by the next process"
    );
}

#[test]
fn a_disk_without_inodes_is_told_from_one_without_room() {
    let Some(disk) = Disk::with("size=64m,nr_inodes=400") else { return };
    let (application, state) = (application(), state(&disk));
    let server = serve(&application, &state);
    is_served(&server, 0);
    server.wait_until("it is on disk", |ready| ready["store"]["disk"]["variants"] == 1);
    let taken = disk.path().join("taken");
    fs::create_dir(&taken).expect("room for one");
    while fs::write(taken.join(next_name(&taken)), "").is_ok() {}
    is_served(&server, 1);
    server.wait_until("degraded", |ready| {
        is_degraded(ready, "disk cache: the disk is full, or out of inodes")
    });
}

/// A name that is not there yet.
fn next_name(folder: &Path) -> String {
    fs::read_dir(folder).expect("ours").count().to_string()
}

#[test]
fn a_read_only_disk_is_said_once_and_used_again_when_it_can_be_written() {
    let Some(disk) = Disk::new(4) else { return };
    let (application, state) = (application(), state(&disk));
    let server = serve(&application, &state);
    is_served(&server, 0);
    server.wait_until("it is on disk", |ready| ready["store"]["disk"]["variants"] == 1);
    drop(server);
    disk.writable(false);
    let server = serve(&application, &state);
    for number in [0, 1] {
        assert_eq!(server.client.get(&target(number)).status, 200);
        assert_eq!(server.client.get(&target(number)).header("x-nextjs-cache"), "HIT");
    }
    assert!(is_degraded(&server.readiness(), "disk cache: "), "{:#}", server.readiness());
    assert_eq!(server.admin.get("/readyz").status, 200);
    is_tried_in_vain(&server);
    assert_eq!(
        said(&server, "the disk cache cannot be used: images are cached in memory only"),
        1,
        "{:#?}",
        server.log()
    );
    disk.writable(true);
    server.wait_until("whole again", |ready| !is_degraded(ready, "disk cache"));
    is_served(&server, 2);
    assert_eq!(said(&server, "the disk cache is used again"), 1);
}

#[test]
fn a_state_directory_that_cannot_be_one_is_said_and_served_without() {
    let application = application();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "no folder").expect("a file");
    let server = serve(&application, &file.join("state").display().to_string());
    is_served(&server, 0);
    assert!(is_degraded(&server.readiness(), "disk cache: "), "{:#}", server.readiness());
}

/// Where this version keeps its index.
fn layout(pictures: &Path) -> PathBuf {
    let mut folders =
        fs::read_dir(pictures).expect("it is there").map(|it| it.expect("one").path());
    folders.find(|path| path.is_dir()).expect("the layout of this version")
}

#[test]
fn the_index_is_its_user_s_alone_to_read() {
    let application = application();
    let state = tempfile::tempdir().expect("a folder");
    let pictures = state.path().join("pictures");
    let private = |number: u32| {
        let server = serve(&application, &state.path().display().to_string());
        is_served(&server, number);
        server.wait_until("it is on disk", |ready| ready["store"]["disk"]["variants"] == number);
        let files =
            fs::read_dir(layout(&pictures)).expect("it is there").map(|file| file.expect("one"));
        let index =
            files.filter(|file| file.file_name().as_encoded_bytes().starts_with(b"index.sqlite"));
        let modes: Vec<_> = index
            .map(|file| (file.path(), file.metadata().expect("ours").permissions().mode() & 0o777))
            .collect();
        assert!(!modes.is_empty() && modes.iter().all(|(_, mode)| *mode == 0o600), "{modes:?}");
    };
    private(1);
    // As older versions left it.
    let index = layout(&pictures).join("index.sqlite");
    fs::set_permissions(&index, fs::Permissions::from_mode(0o644)).expect("ours");
    private(2);
}
