//! What is said at start, by `check` and by `config print`: what is served, in the same words, and what is missing.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use cuttle_e2e::{Application, Reply, Server, binary, photo, place};

const BUILD: &str =
    include_str!("../../../crates/cuttle-contract/tests/builds/next-16.4.6-plain.json");
const ROUTES: &str = r#"{ "version": 3, "redirects": [], "rewrites": [], "headers": [] }"#;
/// As Next 16 writes it for a `proxy.ts` with one matcher.
const FUNCTIONS: &str = r#"{ "functions": { "/_middleware": { "runtime": "nodejs", "matchers": [
    { "regexp": "^\\/photo2\\.jpg$", "originalSource": "/photo2.jpg" } ] } } }"#;

/// A built application of this version of Next, with three images, one of which its proxy guards.
fn project(version: &str) -> tempfile::TempDir {
    let project = tempfile::tempdir().expect("a folder");
    let mut build: serde_json::Value = serde_json::from_str(BUILD).expect("JSON");
    let patterns = serde_json::json!([
        { "protocol": "https", "hostname": "cdn.example", "pathname": "/img/**" },
        { "hostname": "**.shop.example", "port": "8443", "search": "" },
    ]);
    build["config"]["images"]["remotePatterns"] = patterns;
    let framework = format!(r#"{{ "name": "Next.js", "version": "{version}" }}"#);
    for (path, text) in [
        (".next/required-server-files.json", build.to_string().as_str()),
        (".next/routes-manifest.json", ROUTES),
        (".next/server/middleware-manifest.json", r#"{ "middleware": {} }"#),
        (".next/server/functions-config-manifest.json", FUNCTIONS),
        (".next/BUILD_ID", "one"),
        (".next/diagnostics/framework.json", &framework),
    ] {
        place(project.path(), path, text.as_bytes());
    }
    for name in ["public/photo1.jpg", "public/photo2.jpg", "public/below/photo2.jpg"] {
        place(project.path(), name, &photo(64, 64, 1));
    }
    project
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn cuttle(args: &[&str]) -> Output {
    Command::new(binary()).args(args).output().expect("the binary runs")
}

/// Where nothing listens.
fn nowhere() -> String {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", free.local_addr().expect("an address"))
}

#[test]
fn the_first_line_of_the_log_says_what_is_served_and_check_and_config_print_say_the_same() {
    let application = Application::start(|_, _| Reply::bare(404));
    let project = project("16.4.6");
    let layers = ["--next", text(project.path()), "--upstream", &application.url()];
    let server = Server::serving(&layers);
    let first = server.event("anything", |_| true);
    let said = [
        format!("in front of {} (answers)", application.url()),
        "Next 16.4.6 build one".to_owned(),
        "WebP".to_owned(),
        "2 remote patterns: https://cdn.example/img/**, http(s)://**.shop.example:8443/** without a query".to_owned(),
        "1 image of public/ asked of the app because of the matcher /photo2.jpg of `proxy.ts` or `middleware.ts`".to_owned(),
    ];
    assert_eq!((&first["level"], &first["message"]), (&"INFO".into(), &said.join(" · ").into()));
    assert_eq!(application.seen().len(), 0, "a connection and no request");

    let check = cuttle(&[&["check"], &layers[..]].concat());
    assert!(check.status.success(), "{check:?}");
    let check = String::from_utf8_lossy(&check.stdout).into_owned();
    let (_, served) = check.split_once("What is served\n").expect("a section");
    let served: Vec<_> = served.lines().take_while(|line| !line.is_empty()).collect();
    assert!(served.len() > 8, "{served:#?}");
    for part in ["https://cdn.example/img/**", "Next 16.4.6 build one", "matcher /photo2.jpg"] {
        assert!(served.iter().any(|line| line.contains(part)), "{part}: {served:#?}");
    }
    let printed = cuttle(&[&["config", "print"], &layers[..]].concat());
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    let of_build = "  # the Next build, at /_next/image";
    for line in [
        "# remote_patterns = [{ protocol = \"https\", hostname = \"cdn.example\", pathname = \"/img/**\" }, { hostname = \"**.shop.example\", port = \"8443\", search = \"\" }]",
        "# max_redirects = 3",
    ] {
        assert!(printed.contains(&format!("{line}{of_build}")), "{line}: {printed}");
    }
    for line in served {
        // What is tried is not printed.
        let line = format!("#{}", line.trim_end_matches(" (answers)"));
        assert!(printed.lines().any(|printed| printed == line), "{line}: {printed}");
    }
}

#[test]
fn where_nothing_listens_the_log_says_so_and_check_fails() {
    let url = nowhere();
    let server = Server::serving(&["--upstream", &url]);
    let trouble = format!("nothing listens at {url}: start the app, or correct --upstream");
    let event = server.event("the trouble", |event| event["message"] == *trouble);
    assert_eq!(event["level"], "WARN");
    let check = cuttle(&["check", "--upstream", &url]);
    assert_eq!(check.status.code(), Some(1));
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(said.contains(&format!("TROUBLE: {trouble}")), "{said}");
}

#[test]
fn a_build_without_an_app_and_one_that_is_too_old_are_named() {
    let built = project("16.4.6");
    let server = Server::serving(&["--next", text(built.path())]);
    let alone = |text: &str| text.contains("no app to ask") && text.contains("--upstream http");
    let _ = server.event("what is missing", |event| {
        event["level"] == "WARN" && alone(&event["warning"].to_string())
    });
    let check = cuttle(&["check", "--next", text(built.path())]);
    assert!(alone(&String::from_utf8_lossy(&check.stdout)), "{check:?}");

    for (file, version) in [
        (".next/diagnostics/framework.json", "13.5.6"),
        ("node_modules/next/package.json", "13.0.0"),
    ] {
        let old = project("16.4.6");
        fs::remove_dir_all(old.path().join(".next/diagnostics")).expect("it is there");
        place(old.path(), file, format!(r#"{{ "version": "{version}" }}"#).as_bytes());
        let serve = cuttle(&["serve", "--next", text(old.path())]);
        let said = String::from_utf8_lossy(&serve.stderr).into_owned();
        assert_eq!(serve.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("is a build of Next {version}")), "{said}");
    }
}

#[test]
fn the_sandbox_is_one_line_unless_it_lacks_something() {
    let check = cuttle(&["check"]);
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    let report = cuttle(&["check", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).expect("JSON");
    let layers = report["sandbox"]["layers"].as_array().expect("layers");
    let acts = report["sandbox"]["acts"].as_array().expect("acts");
    let whole = layers.iter().all(|layer| layer["active"] == true)
        && acts.iter().all(|act| act["verdict"] == "denied" || act["verdict"] == "Denied");
    assert_eq!(said.contains("The sandbox is complete ("), whole, "{said}");
    assert_eq!(said.contains("Attempts to break out"), !whole, "{said}");
}
