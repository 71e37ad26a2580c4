//! What is purged is gone: kept, on disk, being fetched, being made, and in another process; and the command says so.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use cuttle_e2e::{
    Application, Reply, Server, binary, folder_with_a_photo, photo, place, stopped, until,
};
use serde_json::Value;

/// An application whose picture has versions, and whose answers with one of them can be held up.
#[derive(Clone)]
struct Deploy(Arc<(Mutex<Versions>, Condvar)>);

struct Versions {
    now: u32,
    held: Option<u32>,
}

impl Deploy {
    fn of(now: u32) -> (Self, Application) {
        let deploy = Self(Arc::new((Mutex::new(Versions { now, held: None }), Condvar::new())));
        let told = deploy.clone();
        let application = Application::start(move |_, _| {
            let (versions, changed) = &*told.0;
            let versions = versions.lock().expect("no panic");
            // A slow answer is of the version that was there when it was begun.
            let version = versions.now;
            let is_held = |versions: &mut Versions| versions.held == Some(version);
            drop(changed.wait_while(versions, is_held).expect("no panic"));
            Reply::good(&photo(320, 240, version))
        });
        (deploy, application)
    }

    /// From now on.
    fn set(&self, now: u32, held: Option<u32>) {
        *self.0.0.lock().expect("no panic") = Versions { now, held };
        self.0.1.notify_all();
    }
}

fn target(path: &str) -> String {
    format!("/_next/image?url={}&w=64&q=75", path.replace('/', "%2F"))
}

fn serve(application: &Application, state: &Path) -> Server {
    let state = state.display().to_string();
    let url = application.url();
    Server::serving(&["--upstream", &url, "--state-dir", &state, "--workers", "1"])
}

fn purge(args: &[&str]) -> Output {
    Command::new(binary()).arg("purge").args(args).output().expect("the binary runs")
}

/// What the command says for programs.
fn purged(state: &Path, args: &[&str]) -> Value {
    let done = purge(&[args, &["--json", "--state-dir", &state.display().to_string()]].concat());
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).expect("JSON")
}

fn is_hit(server: &Server, path: &str) -> bool {
    let answer = server.client.get(&target(path));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.header("x-nextjs-cache") == "HIT"
}

/// Of what was being made when it came, by every way to purge it.
const WAYS: [&[&str]; 3] = [&["/a.jpg"], &["--prefix", "/a"], &["--all"]];

#[test]
fn a_picture_that_is_being_fetched_is_void() {
    for way in WAYS {
        let (deploy, application) = Deploy::of(1);
        let state = tempfile::tempdir().expect("a folder");
        let server = serve(&application, state.path());
        deploy.set(1, Some(1));
        let old = thread::scope(|scope| {
            let first = scope.spawn(|| server.client.get(&target("/a.jpg")));
            until("its original is asked for", || application.seen().len() == 1);
            purged(state.path(), way);
            deploy.set(2, Some(1));
            // Asked and answered while the old answer is still on its way, which then comes last.
            assert_eq!(server.client.get(&target("/a.jpg")).status, 200);
            deploy.set(2, None);
            first.join().expect("an answer")
        });
        shows(server, &application, state.path(), &old.body, way);
    }
}

#[test]
fn a_picture_that_is_being_made_is_void() {
    for way in WAYS {
        let (deploy, application) = Deploy::of(1);
        let state = tempfile::tempdir().expect("a folder");
        let server = serve(&application, state.path());
        let busy = stopped(server.workers()[0]);
        let old = thread::scope(|scope| {
            let first = scope.spawn(|| server.client.get(&target("/a.jpg")));
            server.wait_until("a job at work", |ready| ready["workers"]["jobs"] == 1);
            purged(state.path(), way);
            deploy.set(2, None);
            drop(busy);
            first.join().expect("an answer")
        });
        shows(server, &application, state.path(), &old.body, way);
    }
}

/// Whatever was begun before the purge, its picture is shown to nobody who comes after it, nor by the next process.
fn shows(server: Server, application: &Application, state: &Path, old: &[u8], way: &[&str]) {
    let new = server.client.get(&target("/a.jpg"));
    assert_eq!(new.status, 200, "{}", new.text());
    assert!(new.body != old, "{way:?}: the old picture outlives its purge");
    assert!(is_hit(&server, "/a.jpg"), "{way:?}");
    assert_eq!(application.seen().len(), 2, "{way:?}: it was asked for again, once");
    server.terminate();
    assert!(server.ended().0.success());
    let next = serve(application, state).client.get(&target("/a.jpg"));
    assert!(next.body == new.body && next.header("x-nextjs-cache") == "HIT", "{way:?}");
}

#[test]
fn what_is_being_made_of_another_source_is_kept() {
    let (_deploy, application) = Deploy::of(1);
    let state = tempfile::tempdir().expect("a folder");
    let server = serve(&application, state.path());
    let busy = stopped(server.workers()[0]);
    thread::scope(|scope| {
        let first = scope.spawn(|| server.client.get(&target("/a.jpg")));
        server.wait_until("a job at work", |ready| ready["workers"]["jobs"] == 1);
        purged(state.path(), &["/b.jpg"]);
        purged(state.path(), &["--prefix", "/a.jpg/"]);
        drop(busy);
        assert_eq!(first.join().expect("an answer").status, 200);
    });
    assert!(is_hit(&server, "/a.jpg"));
    assert_eq!(application.seen().len(), 1);
}

#[test]
fn another_process_on_the_same_folder_hears_of_a_purge_within_a_second() {
    for way in WAYS {
        let (_deploy, application) = Deploy::of(1);
        let state = tempfile::tempdir().expect("a folder");
        let other = serve(&application, state.path());
        let asked = serve(&application, state.path());
        assert!(!is_hit(&asked, "/a.jpg"));
        asked.wait_until("it is on disk", |ready| ready["store"]["disk"]["requests"] == 1);
        // From the disk, then from its own memory.
        assert!(is_hit(&other, "/a.jpg") && is_hit(&other, "/a.jpg"), "{way:?}");
        assert_eq!(other.readiness()["store"]["memory"]["requests"], 1);
        assert_eq!(application.seen().len(), 1);
        purged(state.path(), way);
        let began = Instant::now();
        until("the other hears of it", || !is_hit(&other, "/a.jpg"));
        assert!(began.elapsed() < Duration::from_secs(1), "{way:?}: served still, a second later");
        assert_eq!(application.seen().len(), 2, "{way:?}: its original is asked for again");
    }
}

#[test]
fn the_command_says_what_it_did_and_what_to_do_where_it_could_not() {
    let (_deploy, application) = Deploy::of(1);
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state");
    let server = serve(&application, &state);
    let state = state.display().to_string();
    for path in ["/a.jpg", "/b/1.jpg", "/b/2.jpg"] {
        assert!(!is_hit(&server, path));
    }
    let (none, address) = (folder.path().join("none").display().to_string(), "127.0.0.1:9");
    let admin = std::fs::read_to_string(Path::new(&state).join("admin")).expect("it is noted");
    place(folder.path(), "token.toml", b"[server]\nadmin_token = \"open sesame\"\n");
    let token = folder.path().join("token.toml").display().to_string();
    let guarded = Server::serving(&["--upstream", &application.url(), "--config", &token]);
    let guarded_state = guarded.state_dir().display().to_string();
    let guarded = std::fs::read_to_string(guarded.state_dir().join("admin")).expect("it is noted");
    place(folder.path(), "wrong.toml", b"[server]\nadmin_token = \"sesame\"\n");
    let wrong = folder.path().join("wrong.toml").display().to_string();
    let public = &*server.address;
    let here = ["--state-dir", &state];
    for (args, code, expected) in [
        (
            &["/nothing.jpg", here[0], here[1]][..],
            0,
            format!("{admin}: nothing was kept of /nothing.jpg\n"),
        ),
        (
            &["--prefix", "/c/", here[0], here[1]],
            0,
            format!("{admin}: nothing was kept of any source that begins with /c/\n"),
        ),
        (
            &["/a.jpg", here[0], here[1]],
            0,
            format!("{admin}: forgot 1 request, and no image: other requests use it\n"),
        ),
        (
            &["--prefix", "/b/", here[0], here[1]],
            0,
            format!("{admin}: forgot 2 requests and 1 image ("),
        ),
        (&["--all", here[0], here[1]], 0, format!("{admin}: nothing was kept\n")),
        (
            &["a.jpg", here[0], here[1]],
            1,
            format!("cuttle: {admin}: A source is a path that starts with /, or a URL.\n"),
        ),
        (
            &["--all", "--admin", address, "--state-dir", &none],
            1,
            format!(
                "cuttle: no server at {address}: connection refused; start one, or name another with --admin\n"
            ),
        ),
        (
            &["--all", "--admin", public, "--state-dir", &none],
            1,
            format!(
                "cuttle: {public}: this is no admin address (200 OK); name another with --admin\n"
            ),
        ),
        (
            &["--all", "--admin", &guarded, "--state-dir", &none],
            1,
            format!("cuttle: {guarded}: it needs its admin token: set CUTTLE_SERVER_ADMIN_TOKEN\n"),
        ),
        (
            &["--all", "--admin", &guarded, "--state-dir", &none, "--config", &wrong],
            1,
            format!(
                "cuttle: {guarded}: its admin token is a different one: check CUTTLE_SERVER_ADMIN_TOKEN and --config\n"
            ),
        ),
        (&["--all", "--state-dir", &guarded_state], 0, format!("{guarded}: nothing was kept\n")),
        (&["/a.jpg", "--all"], 2, "error: the argument '[SOURCE]' cannot be used with".to_owned()),
        (&[], 2, "error: the following required arguments were not provided".to_owned()),
    ] {
        let done = purge(args);
        let (said, silent) = match code {
            0 => (&done.stdout, &done.stderr),
            _ => (&done.stderr, &done.stdout),
        };
        assert_eq!(done.status.code(), Some(code), "{args:?}: {done:?}");
        assert!(String::from_utf8_lossy(said).starts_with(&expected), "{args:?}: {done:?}");
        assert!(silent.is_empty(), "{args:?}: {done:?}");
    }
}

/// What a directory that is named by mistake stands for is no server, however many others run.
#[test]
fn a_purge_of_a_server_that_is_not_there_reaches_no_other() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    let path = "/_next/image?url=%2Fphoto.jpg&w=64&q=75";
    let is_hit = || server.client.get(path).header("cache-status") == "cuttle; hit";
    assert!([is_hit(), is_hit()][1], "kept");
    let admin = std::fs::read_to_string(server.state_dir().join("admin")).expect("it is noted");
    let typo = folder.path().join("sate").display().to_string();
    let all = || {
        let mut purge = Command::new(binary());
        // Where whoever names no directory would be asked.
        purge.args(["purge", "--all", "--json"]).env("CUTTLE_ADMIN", &admin);
        purge.env_remove("XDG_STATE_HOME").env_remove("STATE_DIRECTORY").env("HOME", folder.path());
        purge
    };
    let by_flag = all().args(["--state-dir", &typo]).output().expect("the binary runs");
    let by_variable = all().env("CUTTLE_STATE_DIR", &typo).output().expect("the binary runs");
    for done in [by_flag, by_variable] {
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "{done:?}");
        assert!(
            said.contains(&format!("no server runs with the state directory {typo};")),
            "{said}"
        );
        assert!(is_hit(), "it was purged");
    }
    let done = all().output().expect("the binary runs");
    let told: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"));
    assert_eq!((&told["server"], &told["requests"]), (&admin.into(), &1.into()), "whom it asked");
    assert!(!is_hit());
}

#[test]
fn the_first_server_of_a_state_directory_is_the_one_that_is_meant() {
    let folder = folder_with_a_photo();
    let first = Server::with(folder.path(), &["--workers", "1"]);
    let state = first.state_dir().display().to_string();
    let note = || std::fs::read_to_string(first.state_dir().join("admin")).expect("it is noted");
    let admin = note();
    let second = Server::with(folder.path(), &["--workers", "1", "--state-dir", &state]);
    let said = second.event("that it is the second", |event| {
        event["message"].as_str().is_some_and(|text| text.starts_with("another server runs"))
    });
    assert_eq!((note(), &said["level"]), (admin.clone(), &"WARN".into()));
    second.terminate();
    let (status, _) = second.ended();
    assert!(status.success() && note() == admin, "it takes nothing along when it goes");
    assert_eq!(purged(first.state_dir(), &["--all"])["server"], admin);
}

#[test]
fn a_purge_forgets_what_it_means_on_disk_too_and_nothing_else() {
    let (_deploy, application) = Deploy::of(1);
    let state = tempfile::tempdir().expect("a folder");
    let server = serve(&application, state.path());
    let paths = ["/a.jpg", "/blog/b.jpg", "/blog/c.jpg", "/blogs/d.jpg"];
    let hits = |server: &Server| paths.map(|path| is_hit(server, path));
    let purge = |way: &[&str]| purged(state.path(), way)["requests"].clone();
    assert_eq!(hits(&server), [false; 4]);
    assert_eq!(hits(&server), [true; 4]);
    server.wait_until("all is on disk", |ready| ready["store"]["disk"]["requests"] == 4);
    let seen = application.seen().len();
    assert_eq!(purge(&["--prefix", "/blog/"]), 2);
    assert_eq!(hits(&server), [true, false, false, true]);
    assert_eq!(application.seen().len(), seen + 2, "their originals are asked for again");
    assert_eq!(purge(&["/x/../a.jpg"]), 1);
    assert_eq!(hits(&server), [false, true, true, true]);
    server.wait_until("all is on disk", |ready| ready["store"]["disk"]["requests"] == 4);
    assert_eq!(purge(&["--all"]), 4);
    drop(server);
    assert_eq!(hits(&serve(&application, state.path())), [false; 4]);
}
