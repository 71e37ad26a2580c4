//! Routes and methods of applications, and an optimizer in a process of its own behind a gateway.

use std::process::Command;

use cuttle_e2e::{Application, Reply, Server, binary, photo, place};

use crate::apps::{Gateway, app};

/// An application that says its name and how it was asked.
fn named(name: &'static str) -> Application {
    Application::start(move |_, asked| Reply {
        headers: vec!["content-type: text/plain".to_owned()],
        ..Reply::good(format!("{name} {}", asked.target).as_bytes())
    })
}

#[test]
fn the_most_particular_route_wins_and_methods_fall_through() {
    let (a, b, c, web) = (named("a"), named("b"), named("c"), named("web"));
    // Against the order in which they win.
    let toml = [
        app("web", &web, ""),
        app("c", &c, "routes = [\"/first/*\"]\nmethods = [\"DELETE\"]"),
        app("b", &b, "routes = [\"/first/:id\", \"/b.xml\"]\nmethods = [\"POST\", \"GET\"]"),
        app("a", &a, "routes = [\"/first/x\"]\nmethods = [\"GET\"]"),
    ];
    let gateway = Gateway::new(&toml.concat(), &[]);
    let client = &gateway.server.client;
    for (method, path, expected) in [
        ("GET", "/first/x", "a"),
        ("GET", "/first/x?y=/b.xml", "a"),
        ("POST", "/first/x", "b"),
        ("DELETE", "/first/x", "c"),
        ("PUT", "/first/x", "web"),
        ("GET", "/first/y", "b"),
        ("GET", "/first/y/z", "web"),
        ("DELETE", "/first/y/z", "c"),
        ("GET", "/b.xml", "b"),
        ("GET", "/%62.xml", "web"),
        ("GET", "/first", "web"),
    ] {
        let answer = client.send(method, path, &[]);
        assert_eq!(answer.text(), format!("{expected} {path}"), "{method} {path}");
    }
}

#[test]
fn a_path_that_is_answered_by_other_methods_only_is_405_and_one_of_nobody_404() {
    let (api, docs) = (named("api"), named("docs"));
    let toml = [
        app(
            "api",
            &api,
            "host = \"a.example\"\nroutes = [\"/v1/*\"]\nmethods = [\"GET\", \"PUT\"]",
        ),
        app("docs", &docs, "host = \"b.example\""),
    ];
    let gateway = Gateway::new(&toml.concat(), &[]);
    let ask = |method, path| gateway.server.client.send(method, path, &[("host", "a.example")]);
    assert_eq!(ask("GET", "/v1/x").text(), "api /v1/x");
    let refused = ask("POST", "/v1/x");
    assert_eq!((refused.status, refused.header("allow")), (405, "GET, PUT"));
    assert_eq!(ask("GET", "/v2/x").status, 404);
    assert_eq!(ask("TRACE", "/v1/x").status, 405);
    assert_eq!(api.seen().len(), 1);
}

#[test]
fn what_nothing_tells_apart_and_what_is_outside_of_the_prefix_is_refused_at_load() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = |id: &str, more: &str| {
        format!("[[apps]]\nid = \"{id}\"\nupstream = \"http://127.0.0.1:9\"\n{more}\n")
    };
    for (first, second, expected) in [
        (
            "routes = [\"/a/:id\"]",
            "routes = [\"/b\", \"/a/:name\"]",
            "the applications \"one\" and \"two\" both answer every name/a/:name",
        ),
        (
            "host = \"x.example\"\nmethods = [\"GET\", \"POST\"]",
            "hosts = [\"x.example\"]\nmethods = [\"POST\"]",
            "the applications \"one\" and \"two\" both answer POST x.example",
        ),
        (
            "",
            "prefix = \"/docs\"\nroutes = [\"/api/*\"]",
            "the route /api/* of the application \"two\" is not below its prefix /docs; write /docs/api/*",
        ),
        ("routes = [\"/a/*/b\"]", "", "is \"/a/*/b\", which is no route: write `/api/*`"),
        ("methods = [\"get\"]", "", "is \"get\", which is no method: write `GET`"),
    ] {
        let toml = app("one", first) + &app("two", second);
        place(folder.path(), "cuttle.toml", toml.as_bytes());
        let mut command = Command::new(binary());
        command.args(["check", "--config"]).arg(folder.path().join("cuttle.toml"));
        let checked = command.output().expect("the binary runs");
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(!checked.status.success() && said.contains(expected), "{expected}: {said}");
        assert!(said.contains("cuttle.toml:"), "the place: {said}");
    }
}

/// The second way to run: images in a process that is scaled apart from pages, behind a gateway that makes none.
#[test]
fn a_gateway_hands_images_to_an_optimizer_and_everything_else_to_the_app() {
    let picture = photo(800, 600, 1);
    let web = Application::start(move |_, asked| match asked.target.ends_with(".jpg") {
        true => Reply::good(&picture),
        false => Reply::good(format!("page {}", asked.target).as_bytes()),
    });
    let remote = photo(640, 480, 2);
    let media = Application::start(move |_, _| Reply::good(&remote));
    let config = tempfile::tempdir().expect("a folder");
    let toml = format!(
        "[images]\nremote_patterns = [\"{}/**\"]\nallow_addresses = [\"127.0.0.1\"]\n",
        media.url()
    );
    place(config.path(), "cuttle.toml", toml.as_bytes());
    let config = config.path().join("cuttle.toml").display().to_string();
    let optimizer =
        Server::serving(&["--optimizer-only", "--fallback", &web.url(), "--config", &config]);
    let toml = format!(
        "[[apps]]\nid = \"web\"\nupstream = \"{}\"\n\
         [[apps]]\nid = \"optimizer\"\nupstream = \"http://{}\"\nroutes = [\"/_next/image\"]\nmethods = [\"GET\"]\n",
        web.url(),
        optimizer.address,
    );
    let gateway = Gateway::new(&toml, &[]);
    let client = &gateway.server.client;
    assert_eq!(client.get("/about").text(), "page /about");
    let absolute = format!("{}/photo.jpg", media.url()).replace(':', "%3A").replace('/', "%2F");
    for source in ["%2Fa.jpg", &absolute] {
        let path = format!("/_next/image?url={source}&w=640&q=75");
        let answer = client.accepting("image/webp", &path);
        assert_eq!((answer.status, answer.header("content-type")), (200, "image/webp"), "{path}");
        assert_eq!(answer.header("x-nextjs-cache"), "MISS");
        assert_eq!(client.accepting("image/webp", &path).header("x-nextjs-cache"), "HIT");
        assert_eq!(client.send("HEAD", &path, &[("accept", "image/webp")]).status, 200);
    }
    assert_eq!((gateway.server.encodes(), optimizer.encodes()), (0, 2));
    // By another method it is the other application's path, and so its endpoint.
    assert_eq!(client.send("DELETE", "/_next/image", &[]).status, 405);
    // Its own endpoint is where nobody names it.
    assert_eq!(client.get("/_cuttle/image?src=/a.jpg&w=640").status, 200);
    assert_eq!((gateway.server.encodes(), optimizer.encodes()), (1, 2));
}
