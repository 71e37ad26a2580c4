//! Who may ask on the admin address, when it says that it wants no traffic, and who is shown what it counts.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, Output};
use std::sync::{Arc, Condvar, Mutex};

use cuttle_e2e::{Application, Reply, Server, binary, folder_with_a_photo, photo, place};
use serde_json::Value;

const PICTURE: &str = "/_next/image?url=%2Fphoto.jpg&w=64&q=75";

fn stats(args: &[&str]) -> Output {
    Command::new(binary()).arg("stats").args(args).output().expect("the binary runs")
}

/// A server of a photo with this configuration.
fn configured(toml: &str) -> (tempfile::TempDir, Server) {
    let folder = folder_with_a_photo();
    place(folder.path(), "cuttle.toml", toml.as_bytes());
    let config = folder.path().join("cuttle.toml").display().to_string();
    let server = Server::with(folder.path(), &["--workers", "1", "--config", &config]);
    (folder, server)
}

#[test]
fn a_stranger_s_page_reaches_nothing() {
    let (_folder, server) = configured("[server]\nadmin_hosts = [\"metrics.example\"]\n");
    for path in ["/metrics", "/healthz", "/readyz", "/purge"] {
        // DNS rebinding: the browser believes that we are the attacker's server.
        let rebound = server.admin.send_as("attacker.example:4001", path);
        assert_eq!(
            (rebound.status, rebound.header("x-cuttle-error")),
            (421, "wrong_host"),
            "{path}"
        );
        // A form or a script that posts across sites.
        let json = ("content-type", "application/json");
        let posted =
            server.admin.send("POST", path, &[("origin", "https://attacker.example"), json]);
        assert_eq!((posted.status, posted.header("x-cuttle-error")), (403, "cross_site"), "{path}");
    }
    for host in ["metrics.example", "localhost:4001", "127.0.0.1"] {
        assert_eq!(server.admin.send_as(host, "/metrics").status, 200, "{host}");
    }
    assert_eq!(server.client.get("/metrics").status, 404, "not on the public address");
}

#[test]
fn with_a_token_only_health_is_for_everyone() {
    let (_folder, server) = configured("[server]\nadmin_token = \"open sesame\"\n");
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.admin.get(path).status, 200, "{path}");
    }
    let with = |token: &str| server.admin.send("GET", "/metrics", &[("authorization", token)]);
    let refused = server.admin.get("/metrics");
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, "Bearer"));
    assert_eq!(with("Bearer open sesam").status, 401);
    assert_eq!(with("Bearer open sesame").status, 200);

    let file = server.state_dir().join("admin-token");
    assert_eq!(file.metadata().expect("it is noted").permissions().mode() & 0o777, 0o600);
    let state = server.state_dir().display().to_string();
    let shown = stats(&["--json", "--state-dir", &state]);
    assert!(shown.status.success(), "{shown:?}");
    // Without the note: at an address that is typed, a token of elsewhere is shown to nobody.
    let address = std::fs::read_to_string(server.state_dir().join("admin")).expect("it is noted");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let empty = elsewhere.path().display().to_string();
    let refused = stats(&["--json", "--admin", &address, "--state-dir", &empty]);
    assert!(!refused.status.success());
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("wants its admin token"),
        "{refused:?}"
    );
}

#[test]
fn stats_finds_the_server_and_says_what_it_did() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    let picture = server.client.get(PICTURE);
    let _ = server.client.get(PICTURE);
    let state = server.state_dir().display().to_string();
    let output = stats(&["--json", "--state-dir", &state]);
    let shown: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!((&shown["requests"]["hit"], &shown["requests"]["miss"]), (&1.into(), &1.into()));
    assert_eq!((&shown["hit_ratio"], &shown["workers"]["places"]), (&0.5.into(), &2.into()));
    assert_eq!(shown["bytes"]["out"], 2 * picture.body.len());
    assert!(
        shown["phases"]["encode"]["p95_seconds"].as_f64().is_some_and(|it| it > 0.0),
        "{shown}"
    );
    // No terminal: once, as with --once.
    for args in [vec!["--state-dir", &*state], vec!["--state-dir", &*state, "--once"]] {
        let table = String::from_utf8(stats(&args).stdout).expect("text");
        for part in ["hit ratio", "50.0 %", "encode", "workers", "saved"] {
            assert!(table.contains(part), "{part}: {table}");
        }
        assert!(!table.contains('\x1b'), "{table:?}");
    }
    server.terminate();
    let (status, _) = server.ended();
    assert!(status.success());
    let gone = stats(&["--json", "--state-dir", &state, "--admin", "127.0.0.1:9"]);
    assert!(!gone.status.success());
    assert!(String::from_utf8_lossy(&gone.stderr).contains("no server at 127.0.0.1:9"), "{gone:?}");
}

#[test]
fn the_admin_address_can_be_a_socket_of_this_user_s() {
    let folder = folder_with_a_photo();
    let path = folder.path().join("admin.sock");
    let admin = format!("unix:{}", path.display());
    // Left behind by a server that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    let server = Server::with(folder.path(), &["--workers", "1", "--admin", &admin]);
    assert_eq!(path.metadata().expect("it is there").permissions().mode() & 0o777, 0o600);
    let mut stream = UnixStream::connect(&path).expect("somebody listens");
    let request = "GET /healthz HTTP/1.1\r\nhost: any\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("\"alive\":true"), "{answer}");
    let state = server.state_dir().display().to_string();
    let shown = stats(&["--once", "--state-dir", &state]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains(&admin), "{shown:?}");
    // One that somebody answers on is not taken from him.
    let root = folder.path().display().to_string();
    let second = Command::new(binary())
        .args(["serve", &root, "--listen", "127.0.0.1:0", "--admin", &admin])
        .output()
        .expect("the binary runs");
    assert!(!second.status.success());
    assert!(
        String::from_utf8_lossy(&second.stderr).contains("cannot listen on unix:"),
        "{second:?}"
    );
}

#[test]
fn only_an_optimizer_that_stays_full_wants_no_traffic() {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let application = Application::start({
        let gate = Arc::clone(&gate);
        move |_, _| {
            let (open, opened) = &*gate;
            let open = open.lock().expect("no test panics");
            drop(opened.wait_while(open, |open| !*open).expect("no test panics"));
            Reply::good(&photo(320, 240, 1))
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let toml = "[limits]\nqueue = 1\nfetch = \"60s\"\n[optimizer]\ntimeout = \"60s\"\n";
    place(folder.path(), "cuttle.toml", toml.as_bytes());
    let config = folder.path().join("cuttle.toml").display().to_string();
    let url = application.url();
    let common = ["--config", &*config, "--workers", "1"];
    let alone =
        Server::serving(&[&common[..], &["--optimizer-only", "--fallback", &*url]].concat());
    let gateway = Server::serving(&[&common[..], &["--upstream", &*url]].concat());
    let said = |report: &Value, list: &str, what: &str| {
        report[list].as_array().is_some_and(|all| all.iter().any(|it| it == what))
    };
    std::thread::scope(|scope| {
        let mut asking = Vec::new();
        for server in [&alone, &gateway] {
            for n in 0..2 {
                let target = format!("/_cuttle/image?src=/{n}.jpg&w=64");
                asking.push(scope.spawn(move || server.client.get(&target).status));
            }
        }
        for server in [&alone, &gateway] {
            server.wait_until("full", |report| said(report, "degraded", "image queue full"));
            assert_eq!(server.admin.get("/readyz").status, 200, "not for a moment's sake");
        }
        alone.wait_until("saturated", |report| said(report, "reasons", "saturated"));
        assert_eq!(alone.admin.get("/readyz").status, 503);
        let report = gateway.readiness();
        assert!(said(&report, "degraded", "image queue full"), "{report}");
        assert_eq!(gateway.admin.get("/readyz").status, 200, "its pages go on");
        *gate.0.lock().expect("no test panics") = true;
        gate.1.notify_all();
        for asked in asking {
            assert_eq!(asked.join().expect("an answer"), 200);
        }
    });
    alone.wait_until("ready again", |report| report["ready"] == true);
}
