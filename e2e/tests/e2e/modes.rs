//! In front of an application, beside it, and alone: who answers what.

use cuttle_e2e::{Application, NextApp, Reply, Server, folder_with_a_photo, photo, place};

const PICTURE: &str = "/_next/image?url=%2Fmodes.jpg&w=64&q=75";

#[test]
fn in_front_of_an_application_everything_else_is_its_own() {
    let (app, _copy) = NextApp::built(16, "plain").copied();
    place(&app.folder().join("public"), "modes.jpg", &photo(320, 240, 1));
    let next = app.start();
    let (folder, upstream) =
        (app.folder().display().to_string(), format!("http://{}", next.address));
    let server = Server::serving(&["--next", &folder, "--upstream", &upstream, "--workers", "1"]);
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/gallery"),
        ("HEAD", "/gallery"),
        ("GET", "/modes.jpg"),
        ("GET", "/source/plain"),
        ("GET", "/source/418"),
        ("GET", "/private/x.jpg"),
        ("GET", "/moved.jpg"),
        ("GET", "/nothing/here"),
        ("POST", "/source/plain"),
    ] {
        let theirs = next.client.send(method, path, &[]);
        let ours = server.client.send(method, path, &[]);
        assert_eq!(ours.status, theirs.status, "{method} {path}");
        for name in ["content-type", "content-length", "cache-control", "etag", "vary", "location"]
        {
            assert_eq!(ours.header(name), theirs.header(name), "{method} {path}: {name}");
        }
        if !theirs.header("content-type").starts_with("text/html") {
            assert_eq!(ours.body, theirs.body, "{method} {path}");
        }
    }
    let page = server.client.get("/").text();
    let src = page.split("src=\"").filter_map(|rest| rest.split('"').next());
    let mut pictures =
        src.map(|src| src.replace("&amp;", "&")).filter(|s| s.contains("_next/image"));
    let first = pictures.next().expect("the page shows a picture");
    let answer = server.client.accepting("image/webp", &first);
    assert_eq!(answer.status, 200, "{first}: {}", answer.text());
    assert!(!answer.header("cache-status").is_empty(), "it is ours: {first}");
    assert_eq!(server.client.get(PICTURE).status, 200);
    // Ours alone, also where the application would have something.
    for path in ["/_cuttle", "/_cuttle/nothing", "/%5Fcuttle/nothing", "/x/../_cuttle/nothing"] {
        let answer = server.client.get(path);
        assert_eq!((answer.status, answer.header("x-cuttle-error")), (404, "not_found"), "{path}");
    }
    drop(next);
    assert_eq!(server.client.get("/gallery").status, 502);
    assert_eq!(server.client.get(PICTURE).status, 200, "it needs no application");
}

#[test]
fn an_optimizer_alone_has_the_image_endpoints_and_nothing_else() {
    let application = Application::start(|_, asked| match asked.target.as_str() {
        "/modes.jpg" => Reply::good(&photo(320, 240, 1)),
        _ => Reply::bare(404),
    });
    let server =
        Server::serving(&["--optimizer-only", "--fallback", &application.url(), "--workers", "1"]);
    assert_eq!(server.client.get(PICTURE).status, 200);
    assert_eq!(server.client.get(&PICTURE.replace('?', "/?")).status, 200);
    assert_eq!(server.client.get("/_cuttle/image?src=/modes.jpg&w=64").status, 200);
    for path in ["/", "/modes.jpg", "/_next/image/x", "/_next/static/x.js", "/_cuttle", "/healthz"]
    {
        for method in ["GET", "POST", "DELETE"] {
            assert_eq!(server.client.send(method, path, &[]).status, 404, "{method} {path}");
        }
    }
    assert_eq!(server.client.send("POST", PICTURE, &[]).status, 405);
    // One original of each endpoint's, and nothing that a client asked for.
    assert!(application.seen().iter().all(|asked| asked.target == "/modes.jpg"));
}

#[test]
fn a_picture_that_comes_back_to_us_is_refused() {
    let server = Server::serving(&[
        "--optimizer-only",
        "--fallback",
        "http://127.0.0.1:9",
        "--workers",
        "1",
    ]);
    for value in ["cuttle, cuttle, cuttle", "other, Cuttle; v=1, cuttle;id=1, cuttle; id=2"] {
        for target in [PICTURE, "/_cuttle/image?src=/modes.jpg&w=64"] {
            let answer = server.client.send("GET", target, &[("cdn-loop", value)]);
            assert_eq!((answer.status, answer.header("x-cuttle-error")), (508, "loop_detected"));
        }
    }
}

#[test]
fn what_next_says_to_itself_is_not_passed_on_nor_is_trace() {
    let application = Application::start(|_, _| Reply::bare(200));
    let server = Server::serving(&["--upstream", &application.url(), "--workers", "1"]);
    let internal = [
        "x-middleware-subrequest",
        "x-middleware-subrequest-id",
        "x-middleware-rewrite",
        "x-middleware-redirect",
        "x-middleware-set-cookie",
        "x-middleware-skip",
        "x-middleware-override-headers",
        "x-middleware-next",
        "x-now-route-matches",
        "x-matched-path",
    ];
    let browsers = ["x-nextjs-data", "x-middleware-prefetch"];
    let sent: Vec<_> = internal.iter().chain(&browsers).map(|name| (*name, "1")).collect();
    assert_eq!(server.client.send("GET", "/page", &sent).status, 200);
    let [asked] = &application.seen_at("/page")[..] else { panic!("asked once") };
    for name in internal {
        assert_eq!(asked.header(name), "", "{name}");
    }
    for name in browsers {
        assert_eq!(asked.header(name), "1", "{name}");
    }
    assert_eq!(server.client.send("TRACE", "/traced", &[]).status, 501);
    assert!(application.seen_at("/traced").is_empty());
}

#[test]
fn a_request_names_one_host_in_ascii() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    let name = server.address.as_str();
    let both = [(&server.client, "/photo.jpg"), (&server.client, "/"), (&server.admin, "/readyz")];
    let picture = "/_next/image?url=%2Fphoto.jpg&w=64&q=75";
    for (client, target) in both.into_iter().chain([(&server.client, picture)]) {
        for hosts in [&[("host", name), ("host", name)][..], &[("host", "127.0.0.1\u{e9}")]] {
            assert_eq!(client.send("GET", target, hosts).status, 400, "{target} {hosts:?}");
        }
        let hosts = if target == "/readyz" { &[][..] } else { &[("host", name)] };
        assert_eq!(client.send("GET", target, hosts).status, 200, "{target}");
    }
}
