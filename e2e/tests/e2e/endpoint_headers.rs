//! What an application's `headers()` say of `/_next/image` is said there too, as far as it holds whoever asks.

use std::process::Command;

use cuttle_e2e::{Application, Reply, Server, binary, photo, place};

const BUILD: &str =
    include_str!("../../../crates/cuttle-contract/tests/builds/next-16.4.6-plain.json");
const ROUTES: &str = r#"{ "version": 3, "redirects": [], "rewrites": [], "headers": [
    { "source": "/:path*", "regex": "^(?:/((?:[^/]+?)(?:/(?:[^/]+?))*))?(?:/)?$", "headers": [
        { "key": "Access-Control-Allow-Origin", "value": "*" },
        { "key": "Cross-Origin-Resource-Policy", "value": "cross-origin" },
        { "key": "Cache-Control", "value": "max-age=1" },
        { "key": "X-Frame-Options", "value": "DENY" } ] },
    { "source": "/:path*", "regex": "^(?:/((?:[^/]+?)(?:/(?:[^/]+?))*))?(?:/)?$",
      "has": [{ "type": "header", "key": "origin" }],
      "headers": [{ "key": "Timing-Allow-Origin", "value": "*" }] } ] }"#;

#[test]
fn headers_that_say_who_may_use_an_image_are_on_every_answer() {
    let picture = photo(320, 240, 1);
    let application = Application::start(move |_, _| Reply::good(&picture));
    let project = tempfile::tempdir().expect("a folder");
    place(project.path(), ".next/required-server-files.json", BUILD.as_bytes());
    place(project.path(), ".next/routes-manifest.json", ROUTES.as_bytes());
    place(project.path(), ".next/server/middleware-manifest.json", br#"{ "middleware": {} }"#);
    place(project.path(), ".next/server/functions-config-manifest.json", br#"{ "functions": {} }"#);
    place(project.path(), ".next/BUILD_ID", b"one");
    let folder = project.path().to_str().expect("UTF-8");
    let args = ["--next", folder, "--upstream", &application.url()];
    let server = Server::serving(&args);
    let target = "/_next/image?url=%2Fphoto.jpg&w=640&q=75";
    let first = server.client.get(target);
    let validator = [("if-none-match", first.header("etag"))];
    let with_origin = [("origin", "https://other.example")];
    for (answer, status) in [
        (server.client.send("GET", target, &with_origin), 200),
        (server.client.send("HEAD", target, &[]), 200),
        (server.client.send("GET", target, &validator), 304),
        (server.client.get("/_next/image?url=%2Fphoto.jpg&w=641&q=75"), 400),
        (server.client.send("POST", target, &[]), 405),
        (first, 200),
    ] {
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{status}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin", "{status}");
        assert_ne!(answer.header("cache-control"), "max-age=1", "{status}");
        assert_eq!(answer.header("x-frame-options"), "", "{status}");
        assert_eq!(answer.header("timing-allow-origin"), "", "{status}");
    }
    let strict = server.client.get("/_cuttle/image?src=/photo.jpg&w=640");
    assert_eq!((strict.status, strict.header("access-control-allow-origin")), (200, ""));

    let check = Command::new(binary()).arg("check").args(args).output().expect("it runs");
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(said.contains("access-control-allow-origin cross-origin-resource-policy"), "{said}");
    for left_out in
        ["X-Frame-Options of /:path*", "Timing-Allow-Origin of /:path*", "Cache-Control of /:path*"]
    {
        assert!(said.contains(left_out), "{said}");
        let warned = |event: &serde_json::Value| {
            event["level"] == "WARN" && event.to_string().contains(left_out)
        };
        let _ = server.event(left_out, warned);
    }
}
