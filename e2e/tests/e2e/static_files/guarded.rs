//! What an application says about a file holds for the file's own address too, and no address leads out of its folders.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use cuttle_e2e::{Answer, Server, place};
use serde_json::{Value, json};

use super::{age, asked, copied, in_front, passed_on};
use crate::run::give_away;

/// As whoever is no reader of names in headers.
fn rewritten(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut manifest = serde_json::from_slice(&fs::read(path).expect("a manifest")).expect("JSON");
    change(&mut manifest);
    fs::write(path, manifest.to_string()).expect("a manifest");
}

#[test]
fn what_the_app_guards_it_answers_itself() {
    for version in [14, 15, 16] {
        let (app, _copy) = copied(version, "plain");
        let next = app.start();
        let server = in_front(app.folder(), &next);
        // What another spelling of a guarded path means is Next's to say, and 14 says otherwise.
        let spelled = if version == 14 { 200 } else { 401 };
        for (path, status) in [
            ("/private/secret.txt", 401),
            ("/%70rivate/secret.txt", spelled),
            ("/private/%73ecret.txt", 401),
            ("/members.jpg", 401),
            ("/moved.jpg", 307),
            ("/swapped.jpg", 200),
            ("/robots.txt/", 308),
            ("/none.txt", 404),
            ("/_next/static/chunks/none.js", 404),
            ("/_next/static", 404),
        ] {
            let (answer, passed) = passed_on(&server, || server.client.get(path));
            assert_eq!((answer.status, passed), (status, true), "Next {version}: {path}");
        }
        // Whoever is let in is sent it by the application.
        let open = [("cookie", "session=open")];
        let (answer, passed) =
            passed_on(&server, || server.client.send("GET", "/members.jpg", &open));
        assert_eq!((answer.status, passed), (200, true), "Next {version}");
        let other = fs::read(app.folder().join("public/other.jpg")).expect("the file");
        assert!(server.client.get("/swapped.jpg").body == other);
    }
}

#[test]
fn no_address_leads_out_of_the_folders_and_what_is_new_is_asked_for() {
    let (app, _copy) = copied(16, "plain");
    let (folder, public) = (app.folder(), app.folder().join("public"));
    place(folder, "secret.txt", b"a secret");
    // Not of a folder: Next follows links that lead in a ring until its memory is full.
    symlink("../secret.txt", public.join("out.txt")).expect("a link");
    age(folder);
    let next = app.start();
    let server = in_front(folder, &next);
    for path in [
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/../secret.txt",
        "/_next/static/..%2f..%2f..%2fsecret.txt",
        "/_next/static/../../../secret.txt",
        "/_next/static/%2e%2e/BUILD_ID",
        "/_next/static/..%5cBUILD_ID",
        "/_next/BUILD_ID",
        "/_next/server/middleware-manifest.json",
        "/out.txt",
        "/robots.txt%00",
    ] {
        let before = asked(&server);
        let answer = server.client.get(path);
        assert!(asked(&server) > before || answer.status == 400, "{path}: {answer:?}");
    }
    // It may be half of itself.
    place(&public, "new.txt", b"new");
    let (_, passed) = passed_on(&server, || server.client.get("/new.txt"));
    assert!(passed);
    age(&public);
    let (answer, passed) = passed_on(&server, || server.client.get("/new.txt"));
    assert_eq!((answer.text().as_str(), passed), ("new", false));
    // What is written anew is seen, as an image is, within a second.
    place(&public, "new.txt", b"newer");
    age(&public);
    cuttle_e2e::until("it is seen", || server.client.get("/new.txt").text() == "newer");
}

fn lines(answer: &Answer, names: &[&str]) -> Vec<(String, String)> {
    names.iter().map(|name| ((*name).to_owned(), answer.header(name).to_owned())).collect()
}

#[test]
fn headers_that_hold_whoever_asks_are_sent_with_the_file_and_tags_can_be_off() {
    let (app, _copy) = copied(16, "plain");
    let everywhere = "^(?:/(.*))(?:/)?$";
    rewritten(&app.folder().join(".next/routes-manifest.json"), |manifest| {
        manifest["headers"] = json!([
            { "source": "/(.*)", "regex": everywhere, "headers": [
                { "key": "X-Frame-Options", "value": "DENY" },
                { "key": "Vary", "value": "Accept-Language" },
                { "key": "Cache-Control", "value": "max-age=5" } ] },
            { "source": "/robots.txt", "regex": "^/robots\\.txt(?:/)?$", "headers": [
                { "key": "content-type", "value": "text/plain" },
                { "key": "cache-control", "value": "max-age=6" } ] },
            { "source": "/lines.txt", "regex": "^/lines\\.txt(?:/)?$",
              "has": [{ "type": "header", "key": "x-asked" }],
              "headers": [{ "key": "X-Asked", "value": "yes" }] },
            { "source": "/deep/:path*", "regex": "^/deep(?:/((?:[^/]+?)(?:/(?:[^/]+?))*))?(?:/)?$",
              "headers": [{ "key": "X-Path", "value": "/:path*" }] },
        ]);
    });
    rewritten(&app.folder().join(".next/required-server-files.json"), |manifest| {
        manifest["config"]["generateEtags"] = json!(false);
    });
    let config = app.folder().join("next.config.mjs");
    let text = fs::read_to_string(&config).expect("the configuration");
    fs::write(config, text.replace("...rules,", "...rules, generateEtags: false,")).expect("it");
    age(app.folder());
    let next = app.start();
    let server = in_front(app.folder(), &next);
    let chunk = super::below(&app.folder().join(".next/static")).swap_remove(0);
    let chunk = format!("/_next/static/{}", super::escaped(&chunk));
    let names = ["x-frame-options", "x-asked", "x-path", "cache-control", "content-type", "etag"];
    for (path, is_asked) in [
        ("/photo.jpg", false),
        ("/robots.txt", false),
        (chunk.as_str(), false),
        ("/lines.txt", true),
        ("/deep/er/drawing.svg", true),
    ] {
        for headers in [&[][..], &[("x-asked", "1")]] {
            let (ours, passed) = passed_on(&server, || server.client.send("GET", path, headers));
            let theirs = next.client.send("GET", path, headers);
            assert_eq!((ours.status, passed), (200, is_asked), "{path}");
            assert_eq!(lines(&ours, &names), lines(&theirs, &names), "{path}");
            assert_eq!(ours.header("x-frame-options"), "DENY", "{path}");
            assert_eq!(ours.header("etag"), "", "{path}");
            assert!(ours.body == theirs.body, "{path}");
        }
    }
    let vary = server.client.get("/robots.txt");
    let vary: Vec<_> = vary.headers.iter().filter(|(name, _)| name == "vary").collect();
    assert!(vary.len() == 2 && vary.iter().any(|(_, it)| it == "Accept-Language"), "{vary:?}");
}

#[test]
fn files_of_an_app_that_we_run_are_ours_and_those_of_an_upstream_only_if_it_is_said() {
    let (app, _copy) = copied(16, "plain");
    give_away(app.folder());
    let asks = |server: &Server| passed_on(server, || server.client.get("/robots.txt"));
    let server = Server::running(app.folder(), &[], &[]);
    let (answer, passed) = asks(&server);
    assert_eq!((answer.status, passed), (200, false));
    assert!(answer.header("etag").starts_with('"'), "{answer:?}");
    drop(server);
    let next = app.start();
    let (project, url) =
        (app.folder().to_str().expect("UTF-8"), format!("http://{}", next.address));
    let server = Server::serving(&["--next", project, "--upstream", &url, "--workers", "1"]);
    let (answer, passed) = asks(&server);
    assert_eq!((answer.status, passed), (200, true));
    assert!(answer.header("etag").starts_with("W/"), "{answer:?}");
}
