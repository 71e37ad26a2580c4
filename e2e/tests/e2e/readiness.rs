//! Ready means able: what cannot be done is said where operators look, and counted where it was done otherwise.

use std::process::Command;

use cuttle_e2e::{Application, Reply, Server, binary, folder_with_a_photo, photo};
use serde_json::{Value, json};

const PICTURE: &str = "/_next/image?url=%2Fphoto.jpg&w=64&q=75";
const CODECS: [&str; 4] = ["avif", "jpeg", "png", "webp"];
/// A limit that a service manager may well set, and that leaves no room for what a worker writes its result into. So every
/// worker starts, and every job fails.
const NO_CODEC: &str = "trap '' XFSZ; ulimit -f 8000";

fn stats(server: &Server, how: &str) -> String {
    let output = Command::new(binary())
        .args(["stats", how, "--state-dir"])
        .arg(server.state_dir())
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

fn told(server: &Server) -> Value {
    serde_json::from_str(&stats(server, "--json")).expect("JSON")
}

/// The number below a word of a heading, since the server began.
fn in_all(server: &Server, block: &str, word: &str) -> String {
    let table = stats(server, "--once");
    let mut lines = table.lines().skip_while(|line| !line.starts_with(block));
    let heading = lines.next().unwrap_or_else(|| panic!("no {block}: {table}"));
    let numbers = lines.next().expect("numbers").trim_start().strip_prefix("in all").expect(&table);
    let at = heading.split_whitespace().skip(1).position(|it| it == word).expect(&table);
    numbers.split_whitespace().nth(at).expect(&table).to_owned()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().filter_map(Value::as_str).collect()
}

fn codec(name: &str) -> String {
    format!("cuttle_codec_works{{codec=\"{name}\"}}")
}

#[test]
fn a_folder_without_a_codec_is_served_and_says_so_everywhere() {
    let folder = folder_with_a_photo();
    let path = folder.path().display().to_string();
    let server = Server::after(NO_CODEC, &[&path, "--workers", "1"]);
    let report = server.readiness();
    assert!(names(&report["degraded"]).contains(&"no codec"), "{report:#}");
    assert_eq!((&report["ready"], &report["reasons"]), (&json!(true), &json!([])));
    assert_eq!(server.admin.get("/readyz").status, 200);
    let said = server.event("the loss", |event| {
        event["message"].as_str().is_some_and(|text| text.starts_with("NO CODEC WORKS"))
    });
    assert_eq!(said["level"], "ERROR");

    let picture = server.client.get(PICTURE);
    assert_eq!((picture.status, picture.body), (200, photo(800, 600, 1)), "the original");
    let metrics = server.metrics();
    assert_eq!(CODECS.map(|name| metrics.get(&codec(name)).copied()), [Some(0.0); 4]);
    assert_eq!(in_all(&server, "answers", "fallbacks"), "1");
    assert_eq!(told(&server)["fallbacks"], 1);
}

#[test]
fn who_serves_nothing_but_pictures_is_not_ready_without_a_codec() {
    let application = Application::start(|_, _| Reply::good(&photo(64, 48, 1)));
    let args = ["--optimizer-only", "--fallback", &application.url(), "--workers", "1"];
    let server = Server::after(NO_CODEC, &args);
    let report = server.readiness();
    assert_eq!((&report["ready"], &report["reasons"]), (&json!(false), &json!(["no codec"])));
    assert_eq!(server.admin.get("/readyz").status, 503);
    assert_eq!(server.admin.get("/healthz").status, 200, "a restart would mend nothing");
}

#[test]
fn check_fails_where_nothing_works() {
    for (line, json, code) in
        [(NO_CODEC, "", 1), (NO_CODEC, "--json", 1), ("true", "", 0), ("true", "--json", 0)]
    {
        let output = Command::new("sh")
            .args(["-c", &format!("{line}; exec \"$0\" check {json}")])
            .arg(binary())
            .output()
            .expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{line} {json}: {text}");
        if json.is_empty() {
            assert_eq!(text.contains("TROUBLE: no image format works"), code == 1, "{text}");
        }
    }
}

#[test]
fn an_application_that_is_down_is_named_and_its_failures_are_counted() {
    let application = Application::start(|_, _| Reply::good(b"page"));
    let url = application.url();
    let pictures = Server::serving(&["--optimizer-only", "--fallback", &*url, "--workers", "1"]);
    let server = Server::serving(&["--upstream", &*url, "--workers", "1"]);
    for server in [&server, &pictures] {
        let report = server.readiness();
        assert_eq!(report["degraded"], json!([]), "all is well: {report:#}");
    }
    assert_eq!(server.client.get("/").status, 200);

    let address = url.strip_prefix("http://").expect("as it is written");
    drop(application);
    for server in [&server, &pictures] {
        server.wait_until("the application is missed", |report| {
            names(&report["degraded"]) == ["application down"]
        });
        assert_eq!(server.admin.get("/readyz").status, 200, "what is kept is still served");
    }
    assert_eq!(server.client.get("/").status, 502);
    assert_eq!(server.client.get("/about").status, 502);
    assert_eq!(in_all(&server, "answers", "proxied"), "3");
    assert_eq!(in_all(&server, "answers", "5xx"), "2");
    assert_eq!((&told(&server)["proxied"], &told(&server)["proxied_5xx"]), (&json!(3), &json!(2)));

    let _back = std::net::TcpListener::bind(address).expect("nobody took it meanwhile");
    server.wait_until("it is back", |report| report["degraded"] == json!([]));
    let metrics = server.metrics();
    assert_eq!(CODECS.map(|name| metrics.get(&codec(name)).copied()), [Some(1.0); 4]);
}
