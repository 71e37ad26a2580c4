//! Who may ask on the admin address, when it says that it wants no traffic, and who is shown what it counts.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, Output};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use cuttle_e2e::{Application, Reply, Server, binary, folder_with_a_photo, photo, place, visited};
use serde_json::Value;

const PICTURE: &str = "/_next/image?url=%2Fphoto.jpg&w=64&q=75";
const JSON: (&str, &str) = ("content-type", "application/json");
const ALL: &str = r#"{"all": true}"#;

fn stats(args: &[&str]) -> Output {
    run("stats", args)
}

fn run(command: &str, args: &[&str]) -> Output {
    Command::new(binary()).arg(command).args(args).output().expect("the binary runs")
}

fn is_hit(server: &Server, target: &str) -> bool {
    let answer = server.client.get(target);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.header("x-nextjs-cache") == "HIT"
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
        let posted = server.admin.post(path, &[("origin", "https://attacker.example"), JSON], ALL);
        assert_eq!((posted.status, posted.header("x-cuttle-error")), (403, "cross_site"), "{path}");
        let rebound = server.admin.post(path, &[("host", "attacker.example:4001"), JSON], ALL);
        assert_eq!(rebound.status, 421, "{path}");
    }
    for host in ["metrics.example", "localhost:4001", "127.0.0.1"] {
        assert_eq!(server.admin.send_as(host, "/metrics").status, 200, "{host}");
    }
    assert_eq!(server.client.get("/metrics").status, 404, "not on the public address");
}

/// What a page may try: what needs no leave of ours, what a browser asks our leave for first, and a form whose text is JSON.
const ATTACK: &str = r#"<!doctype html><title>Kittens</title><body>
<img src=/until-all-is-tried>
<form method=post enctype=text/plain target=hole action="http://ADMIN/purge">
  <input name='{"source":"/a' value='b.jpg"}'>
</form>
<iframe name=hole></iframe>
<script type=module>
const url = "http://ADMIN/purge", body = '{"all": true}', method = "POST";
const of = type => ({ "content-type": type });
for (const how of [
  { mode: "no-cors" },
  { headers: of("text/plain") },
  { headers: of("application/json") },
  { mode: "no-cors", headers: of("application/x-www-form-urlencoded"), credentials: "include" },
]) await fetch(url, { method, body, ...how }).catch(() => {});
for (const type of ["text/plain", "application/json"])
  navigator.sendBeacon(url, new Blob([body], { type }));
const hole = document.querySelector("iframe");
await new Promise(loaded => { hole.onload = loaded; document.forms[0].submit(); });
await fetch("/tried");
</script>"#;

#[test]
fn a_page_of_another_site_in_a_real_browser_purges_nothing() {
    let attack = Arc::new(Mutex::new(String::new()));
    let tried = Arc::new((Mutex::new(false), Condvar::new()));
    let application = Application::start({
        let (attack, tried) = (Arc::clone(&attack), Arc::clone(&tried));
        move |_, asked| match asked.target.as_str() {
            "/attack" => {
                let page = attack.lock().expect("no panic").clone().into_bytes();
                Reply { headers: vec!["content-type: text/html".to_owned()], ..Reply::good(&page) }
            }
            "/tried" => {
                *tried.0.lock().expect("no panic") = true;
                tried.1.notify_all();
                Reply::bare(200)
            }
            // A page is not loaded before its pictures are, and no browser leaves it before.
            "/until-all-is-tried" => {
                let done = tried.0.lock().expect("no panic");
                let patience = Duration::from_secs(60);
                drop(tried.1.wait_timeout_while(done, patience, |done| !*done));
                Reply::bare(404)
            }
            _ => Reply::good(&photo(320, 240, 1)),
        }
    });
    let server = Server::serving(&["--upstream", &application.url(), "--workers", "1"]);
    // The form's text has a `=` that no page can leave out: this is the source that it names.
    let picture = "/_next/image?url=%2Fa%3Db.jpg&w=64&q=75";
    assert_eq!([is_hit(&server, picture), is_hit(&server, picture)], [false, true]);
    let state = server.state_dir().display().to_string();
    let admin = std::fs::read_to_string(server.state_dir().join("admin")).expect("it is noted");
    *attack.lock().expect("no panic") = ATTACK.replace("ADMIN", &admin);

    // Another site than 127.0.0.1, and one that a browser takes for ours.
    let elsewhere = application.url().replace("127.0.0.1", "localhost");
    let document = visited(&format!("{elsewhere}/attack"), &[]);
    assert_eq!(application.seen_at("/tried").len(), 1, "{document}");
    let came = |method: &str| {
        let log = server.log().into_iter();
        let events = log.filter(|event| event["path"] == "/purge" && event["method"] == method);
        events.map(|event| event["status"].as_u64().expect("a status")).collect::<Vec<_>>()
    };
    // Two fetches and one with cookies, a beacon, a form; what is JSON is asked about first, and gets no leave.
    let _ = server.event("the form, which is last", |_| {
        came("POST").len() >= 5 && came("OPTIONS").len() >= 2
    });
    assert!(came("POST").iter().all(|status| *status == 403), "{:?}", came("POST"));
    assert!(came("OPTIONS").iter().all(|status| *status == 405), "{:?}", came("OPTIONS"));
    assert!(is_hit(&server, picture), "it was purged");

    // The browser believes that the attacker's name is this address.
    let port = admin.rsplit_once(':').expect("a port").1;
    let rebound = visited(
        &format!("http://attacker.example:{port}/metrics"),
        &["--host-resolver-rules=MAP attacker.example 127.0.0.1"],
    );
    assert!(rebound.contains("does not answer to this host name"), "{rebound}");
    // And a tool is not refused.
    assert!(run("purge", &["/a=b.jpg", "--state-dir", &state]).status.success());
    assert!(!is_hit(&server, picture));
}

#[test]
fn a_purge_says_exactly_what_or_purges_nothing() {
    let folder = folder_with_a_photo();
    let server = Server::with(folder.path(), &["--workers", "1"]);
    assert_eq!([is_hit(&server, PICTURE), is_hit(&server, PICTURE)], [false, true]);
    let long = format!(r#"{{"prefix": "/{}"}}"#, "x".repeat(17 << 10));
    for body in [
        "",
        "all",
        "{}",
        "[]",
        "null",
        r#""all""#,
        r#"{"all": false}"#,
        r#"{"all": "true"}"#,
        r#"{"everything": true}"#,
        r#"{"source": "/photo.jpg", "all": true}"#,
        r#"{"prefix": ""}"#,
        r#"{"source": "photo.jpg"}"#,
        r#"{"source": ["/photo.jpg"]}"#,
        r#"{"all": true} x"#,
        &long,
    ] {
        let answer = server.admin.post("/purge", &[JSON], body);
        let code = answer.header("x-cuttle-error");
        assert_eq!((answer.status, code), (400, "invalid_purge"), "{body:.60}");
    }
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        let answer = server.admin.post("/purge", &[("content-type", media_type)], ALL);
        assert_eq!((answer.status, answer.header("x-cuttle-error")), (415, "json_needed"));
    }
    assert_eq!(server.admin.get("/purge").status, 404, "a link purges nothing");
    assert_eq!(server.client.post("/purge", &[JSON], ALL).status, 405, "nor the public address");
    assert!(is_hit(&server, PICTURE));
    assert_eq!(server.admin.post("/purge", &[JSON], ALL).status, 200);
    assert!(!is_hit(&server, PICTURE));
}

#[test]
fn away_from_loopback_nothing_is_purged_without_a_token() {
    let folder = folder_with_a_photo();
    let everywhere = ["--workers", "1", "--admin", "0.0.0.0:0"];
    let server = Server::with(folder.path(), &everywhere);
    let state = server.state_dir().display().to_string();
    assert_eq!([is_hit(&server, PICTURE), is_hit(&server, PICTURE)], [false, true]);
    let refused = server.admin.post("/purge", &[JSON], ALL);
    assert_eq!((refused.status, refused.header("x-cuttle-error")), (403, "token_needed"));
    let purge = run("purge", &["--all", "--state-dir", &state]);
    let said = String::from_utf8_lossy(&purge.stderr).into_owned();
    assert_eq!(purge.status.code(), Some(1));
    for part in ["server.admin_token", "--admin 127.0.0.1"] {
        assert!(refused.text().contains(part) && said.contains(part), "what to do: {said}");
    }
    assert!(is_hit(&server, PICTURE), "it was purged");
    // It was said at the start as well; to look is free.
    let _ = server.event("the danger", |event| {
        event["level"] == "WARN" && event.to_string().contains("admin_token")
    });
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(server.admin.get(path).status, 200, "{path}");
    }
    assert!(stats(&["--json", "--state-dir", &state]).status.success());

    place(folder.path(), "cuttle.toml", b"[server]\nadmin_token = \"open sesame\"\n");
    let config = folder.path().join("cuttle.toml").display().to_string();
    let server = Server::with(folder.path(), &[&everywhere[..], &["--config", &config]].concat());
    let state = server.state_dir().display().to_string();
    assert_eq!([is_hit(&server, PICTURE), is_hit(&server, PICTURE)], [false, true]);
    assert_eq!(server.admin.post("/purge", &[JSON], ALL).status, 401);
    assert!(is_hit(&server, PICTURE), "it was purged");
    let purge = run("purge", &["--all", "--state-dir", &state]);
    assert!(purge.status.success(), "{purge:?}");
    assert!(!is_hit(&server, PICTURE));
    assert!(server.log().iter().all(|event| !event.to_string().contains("purging is off")));
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
        String::from_utf8_lossy(&refused.stderr).contains("needs its admin token"),
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
    assert_eq!(shown["cache"]["memory"]["variants"], 1, "once, wherever else it is kept");
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
