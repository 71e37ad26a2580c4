//! Several applications in one process: whose a request is, whose pictures are whose, one queue for all, and a table of them
//! that is replaced while it is used.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use cuttle_e2e::{Answer, Application, NextApp, Reply, Server, binary, photo, place, stopped};
use serde_json::{Value, json};

/// A process with a configuration of its own.
pub(crate) struct Gateway {
    folder: tempfile::TempDir,
    pub(crate) server: Server,
}

impl Gateway {
    pub(crate) fn new(toml: &str, args: &[&str]) -> Self {
        Self::in_folder(tempfile::tempdir().expect("a folder"), toml, args)
    }

    /// The same in a folder with more in it, which is where it runs.
    pub(crate) fn in_folder(folder: tempfile::TempDir, toml: &str, args: &[&str]) -> Self {
        place(folder.path(), "cuttle.toml", toml.as_bytes());
        let config = folder.path().join("cuttle.toml").display().to_string();
        let state = folder.path().join("state").display().to_string();
        let own = ["--config", &config, "--state-dir", &state, "--workers", "2"];
        let server = Server::serving(&[&own[..], args].concat());
        Self { folder, server }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Another command about this server.
    pub(crate) fn command(&self, args: &[&str]) -> Output {
        let state = self.path("state");
        let config = self.path("cuttle.toml");
        let mut command = Command::new(binary());
        command.args(args).arg("--state-dir").arg(state).arg("--config").arg(config);
        command.output().expect("the binary runs")
    }

    fn purged(&self, args: &[&str]) -> Value {
        let done = self.command(&[&["purge", "--json"], args].concat());
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice(&done.stdout).expect("JSON")
    }

    /// An optimized image, and whether it was there.
    fn image(&self, host: &str, path: &str, source: &str) -> (Vec<u8>, bool) {
        let answer = self.ask(host, path, source);
        assert_eq!(answer.status, 200, "{host}{path} {source}: {}", answer.text());
        let hit = answer.header("x-nextjs-cache") == "HIT";
        (answer.body, hit)
    }

    fn ask(&self, host: &str, path: &str, source: &str) -> Answer {
        let url = source.replace('/', "%2F");
        self.server.client.send_as(host, &format!("{path}/_next/image?url={url}&w=640&q=75"))
    }
}

/// An application whose only picture, at every path of `.jpg`, and whose only page are its own.
fn application(seed: u32) -> Application {
    let picture = photo(800, 600, seed);
    Application::start(move |_, asked| match asked.target.ends_with(".jpg") {
        true => Reply::good(&picture).with("cache-control: max-age=3600"),
        false => Reply {
            headers: vec!["content-type: text/plain".to_owned()],
            ..Reply::good(format!("page of {seed}").as_bytes())
        },
    })
}

pub(crate) fn app(id: &str, upstream: &Application, more: &str) -> String {
    format!("[[apps]]\nid = \"{id}\"\nupstream = \"{}\"\n{more}\n", upstream.url())
}

const SHOP: &str = "hosts = [\"shop.example\", \"*.shop.example\"]";
const DOCS: &str = "host = \"shop.example\"\nprefix = \"/docs\"";

#[test]
fn a_request_is_for_the_application_that_its_host_and_path_fit_best() {
    let (shop, docs) = (application(1), application(2));
    let toml = [
        app("shop", &shop, SHOP),
        app("docs", &docs, DOCS),
        "[apps.images]\nsizes = [200]\n[images]\nsizes = [100, 640]\n".to_owned(),
    ];
    let gateway = Gateway::new(&toml.concat(), &[]);
    let client = &gateway.server.client;
    for (host, path, page) in [
        ("shop.example", "/", "page of 1"),
        ("SHOP.example:4000", "/", "page of 1"),
        ("de.shop.example", "/docs/a", "page of 1"),
        ("shop.example", "/docs", "page of 2"),
        ("shop.example", "/docs/a", "page of 2"),
        ("shop.example", "/docsearch", "page of 1"),
    ] {
        assert_eq!(client.send_as(host, path).text(), page, "{host}{path}");
    }
    for host in ["other.example", "example", "evilshop.example", "127.0.0.1"] {
        let answer = client.send_as(host, "/");
        assert_eq!(answer.status, 421, "{host}: {}", answer.text());
    }
    // What is below our prefix is ours in each of them, and nobody's else.
    let strict = |path: &str| client.send_as("shop.example", path);
    assert_eq!(strict("/_cuttle/image?src=/a.jpg&w=100").status, 200);
    assert_eq!(strict("/docs/_cuttle/image?src=/docs/a.jpg&w=200").status, 200);
    let other = strict("/docs/_cuttle/image?src=/docs/a.jpg&w=100");
    assert_eq!(other.status, 400, "a width of [images] that [apps.images] replaced");
    assert_eq!(strict("/docs/_cuttle/x").status, 404);
    assert!(docs.seen_at("/docs/_cuttle/x").is_empty());
    assert_eq!(docs.seen_at("/docs/a.jpg").len(), 1);
    assert!(shop.seen_at("/docs/a.jpg").is_empty() && docs.seen_at("/a.jpg").is_empty());
}

#[test]
fn a_picture_is_its_application_s_alone_and_so_is_a_purge() {
    let (shop, blog) = (application(1), application(2));
    let toml = [app("shop", &shop, SHOP), app("blog", &blog, "")].concat();
    let gateway = Gateway::new(&toml, &[]);
    let (of_shop, of_blog) = (
        || gateway.image("shop.example", "", "/a.jpg"),
        || gateway.image("b.example", "", "/a.jpg"),
    );
    let (first, second) = (of_shop().0, of_blog().0);
    assert_ne!(first, second);
    assert_eq!([of_shop(), of_blog()], [(first.clone(), true), (second.clone(), true)]);

    let purged = gateway.purged(&["/a.jpg", "--app", "shop"]);
    assert_eq!(purged["apps"], json!({ "shop": 1 }), "{purged}");
    assert_eq!(of_blog(), (second.clone(), true));
    assert_eq!(of_shop(), (first.clone(), false));
    let purged = gateway.purged(&["--prefix", "/a"]);
    assert_eq!(purged["apps"], json!({ "shop": 1, "blog": 1 }), "{purged}");
    assert_eq!([of_shop(), of_blog()], [(first.clone(), false), (second.clone(), false)]);
    let purged = gateway.purged(&["--all", "--app", "blog"]);
    assert_eq!((&purged["apps"], &purged["requests"]), (&json!({ "blog": 1 }), &json!(1)));
    assert!(of_shop().1 && !of_blog().1);
    let unknown = gateway.command(&["purge", "--all", "--app", "shp"]);
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(!unknown.status.success() && said.contains("shop, blog"), "{said}");

    // From the disk too: what one has there is not found for the other.
    drop(gateway.server);
    let config = gateway.folder.path().join("cuttle.toml").display().to_string();
    let state = gateway.folder.path().join("state").display().to_string();
    let again = Server::serving(&["--config", &config, "--state-dir", &state, "--workers", "2"]);
    let gateway = Gateway { folder: gateway.folder, server: again };
    assert_eq!(gateway.image("shop.example", "", "/a.jpg"), (first, true));
    assert_eq!(gateway.image("b.example", "", "/a.jpg"), (second, true));
    assert_eq!(gateway.server.encodes(), 0);

    // Counted and logged by application.
    let metrics = gateway.server.admin.get("/metrics").text();
    for id in ["shop", "blog"] {
        let hits = format!(
            "cuttle_image_requests_total{{app=\"{id}\",endpoint=\"next\",outcome=\"hit\"}} 1\n"
        );
        assert!(metrics.contains(&hits), "{metrics}");
    }
    assert_eq!(gateway.ask("b.example", "", "https://stranger.example/a.jpg").status, 400);
    let refused = gateway.server.event("a refusal", |event| event["outcome"] == "refused");
    assert_eq!(refused["app"], "blog", "{refused}");
}

#[test]
fn two_real_builds_by_host_and_by_prefix() {
    let (plain, _plain) = NextApp::built(16, "plain").copied();
    let (rich, _rich) = NextApp::built(15, "rich").copied();
    for (app, seed) in [(&plain, 1), (&rich, 2)] {
        place(app.folder(), "public/both.jpg", &photo(800, 600, seed));
    }
    let (first, second) = (plain.start(), rich.start());
    let of = |app: &NextApp, upstream: &str, more: &str| {
        let next = app.folder().display();
        format!("[[apps]]\nupstream = \"http://{upstream}\"\nnext = \"{next}\"\n{more}\n")
    };
    let toml = [
        of(&plain, &first.address, &format!("id = \"shop\"\n{SHOP}")),
        of(&rich, &second.address, &format!("id = \"docs\"\n{DOCS}")),
    ];
    let gateway = Gateway::new(&toml.concat(), &[]);
    let (shop, shop_hit) = gateway.image("shop.example", "", "/both.jpg");
    let (docs, docs_hit) = gateway.image("shop.example", "/docs", "/docs/both.jpg");
    assert!(shop != docs && !shop_hit && !docs_hit);
    // The rich build has other widths than the plain one, in each case its own.
    assert_eq!(
        gateway
            .server
            .client
            .send_as("shop.example", "/docs/_next/image?url=%2Fdocs%2Fboth.jpg&w=828&q=75")
            .status,
        400
    );
    assert_eq!(
        gateway
            .server
            .client
            .send_as("shop.example", "/_next/image?url=%2Fboth.jpg&w=828&q=75")
            .status,
        200
    );
    for (path, server) in [("/", &first), ("/docs/", &second)] {
        let through = gateway.server.client.send_as("shop.example", path);
        let direct = server.client.get(path);
        assert_eq!((through.status, direct.status), (200, 200), "{path}");
        let title = |answer: &Answer| {
            answer.text().split("<title>").nth(1).map(|it| it[..20.min(it.len())].to_owned())
        };
        assert_eq!(title(&through), title(&direct), "{path}");
    }
    let purged = gateway.purged(&["/both.jpg"]);
    assert_eq!(purged["apps"], json!({ "shop": 2, "docs": 0 }), "{purged}");
    assert_eq!(gateway.image("shop.example", "/docs", "/docs/both.jpg"), (docs, true));
}

const MIB: u64 = 1 << 20;

#[test]
fn there_is_one_queue_and_one_ceiling_and_no_application_has_all_of_it() {
    const FITS: usize = 2 + 8;
    /// Three quarters of it.
    const OF_ONE: usize = FITS / 4 * 3;
    let (shop, docs) = (application(1), application(2));
    let limits = "[limits]\nqueue = 8\nqueue_wait = \"60s\"\ntransform = \"60s\"\n[optimizer]\ntimeout = \"60s\"\n";
    let toml = [limits.to_owned(), app("shop", &shop, SHOP), app("blog", &docs, "")].concat();
    let gateway = Gateway::new(&toml, &["--memory", "384MiB"]);
    let server = &gateway.server;
    let plan = server.event("its memory plan", |event| event["message"] == "memory plan");
    let ceiling = plan["ceiling_mib"].as_u64().expect("a number") * MIB;
    for host in ["shop.example", "b.example"] {
        assert_eq!(
            server.client.send_as(host, "/_next/image?url=%2Fwarm.jpg&w=64&q=75").status,
            200
        );
    }
    let cold = |host: &str, number: usize| {
        let target = format!("/_next/image?url=%2F{number}.jpg&w=1080&q=75");
        let client = format!("198.51.100.{}", number % 8);
        let headers = [("host", host), ("x-forwarded-for", &*client)];
        server.client.send("GET", &target, &headers)
    };
    let (served, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let peak = server.peak_memory(|| {
        let busy: Vec<_> = server.fresh_workers().into_iter().map(stopped).collect();
        thread::scope(|scope| {
            let ask = |host: &'static str, number| {
                let (served, refused, cold) = (&served, &refused, &cold);
                scope.spawn(move || {
                    let answer = cold(host, number);
                    let counted = if answer.status == 200 { served } else { refused };
                    assert!(matches!(answer.status, 200 | 503), "{}", answer.text());
                    counted.fetch_add(1, Ordering::SeqCst);
                });
            };
            // No worker moves: the visitors of one application fill what it may have, and the rest are refused.
            (0..2 * FITS).for_each(|number| ask("shop.example", number));
            server.wait_until("the share of one", |report| {
                report["queue"]["jobs"] == OF_ONE
                    && refused.load(Ordering::SeqCst) == 2 * FITS - OF_ONE
            });
            // Of the other the rest find their place.
            (100..100 + FITS - OF_ONE).for_each(|number| ask("b.example", number));
            server.wait_until("all of it", |report| report["queue"]["jobs"] == FITS);
            assert_eq!(cold("b.example", 200).status, 503, "one queue for both");
            drop(busy);
        });
    });
    assert_eq!(served.load(Ordering::SeqCst), FITS);
    assert!(peak < ceiling, "{} of {} MiB", peak / MIB, ceiling / MIB);
}

#[test]
fn the_table_is_replaced_under_load_and_no_request_fails() {
    let (shop, docs, blog) = (application(1), application(2), application(3));
    let two = [app("shop", &shop, SHOP), app("docs", &docs, DOCS)].concat();
    let three = [&*two, &app("blog", &blog, "")].concat();
    let gateway = Gateway::new(&two, &[]);
    let (kept, _) = gateway.image("shop.example", "", "/a.jpg");
    gateway.image("shop.example", "/docs", "/docs/a.jpg");
    let encodes = gateway.server.encodes();
    let (over, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for client in 0..50 {
            let (gateway, kept, over, asked) = (&gateway, &kept, &over, &asked);
            scope.spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    if client % 2 == 0 {
                        assert!(gateway.image("shop.example", "", "/a.jpg").0 == *kept);
                    } else {
                        gateway.image("shop.example", "/docs", "/docs/a.jpg");
                    }
                    asked.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for (toml, status) in [(&three, 200), (&two, 421), (&three, 200)] {
            let before = asked.load(Ordering::SeqCst);
            place(gateway.folder.path(), "cuttle.toml", toml.as_bytes());
            let done = gateway.command(&["reload"]);
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            assert_eq!(gateway.server.client.send_as("b.example", "/").status, status);
            // Each table answers some.
            while asked.load(Ordering::SeqCst) < before + 100 {
                thread::yield_now();
            }
        }
        over.store(true, Ordering::SeqCst);
    });
    assert_eq!(gateway.server.encodes(), encodes, "what was warm stayed warm");
    // What cannot change while it runs is said, and nothing is changed.
    let other = format!("[limits]\nqueue = 9\n{two}");
    place(gateway.folder.path(), "cuttle.toml", other.as_bytes());
    let refused = gateway.command(&["reload"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("[limits]") && said.contains("restart"),
        "{said}"
    );
    assert_eq!(gateway.server.client.send_as("b.example", "/").status, 200);
}

#[test]
fn a_folder_does_not_become_an_application_while_it_is_served_nor_the_other_way_round() {
    let shop = application(1);
    for (before, after) in [("", app("shop", &shop, "")), (&app("shop", &shop, ""), String::new())]
    {
        let pictures = tempfile::tempdir().expect("a folder");
        place(pictures.path(), "a.jpg", &photo(800, 600, 2));
        let pictures = pictures.path().display().to_string();
        let args: &[&str] = if before.is_empty() { &[&pictures] } else { &[] };
        let gateway = Gateway::new(before, args);
        let (kept, _) = gateway.image("127.0.0.1", "", "/a.jpg");
        place(gateway.folder.path(), "cuttle.toml", after.as_bytes());
        let refused = gateway.command(&["reload"]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("needs a restart"), "{said}");
        assert_eq!(gateway.image("127.0.0.1", "", "/a.jpg").0, kept);
    }
}

#[test]
fn applications_that_nothing_tells_apart_are_refused_with_their_names() {
    let refused = |toml: &str, args: &[&str]| {
        let folder = tempfile::tempdir().expect("a folder");
        place(folder.path(), "cuttle.toml", toml.as_bytes());
        let config = folder.path().join("cuttle.toml");
        let mut command = Command::new(binary());
        command.arg("check").arg("--config").arg(Path::new(&config)).args(args);
        let done = command.output().expect("the binary runs");
        assert!(!done.status.success(), "{toml}");
        String::from_utf8_lossy(&done.stderr).into_owned()
    };
    let app = |id: &str, more: &str| {
        format!("[[apps]]\nid = \"{id}\"\nupstream = \"http://127.0.0.1:1\"\n{more}\n")
    };
    for (toml, expected) in [
        (
            [app("a", SHOP), app("b", "host = \"Shop.example\"")].concat(),
            &["\"a\" and \"b\" both answer shop.example;", "cuttle.toml:"][..],
        ),
        (
            [app("a", "prefix = \"/x\""), app("b", "prefix = \"/x/\"")].concat(),
            &["\"a\" and \"b\" both answer every name/x;"],
        ),
        ([app("a", ""), app("a", SHOP)].concat(), &["two applications with the id \"a\""]),
        (
            [app("a", ""), "[[apps]]\nid = \"b\"\nhost = \"b.example\"\n".to_owned()].concat(),
            &["the application \"b\" has no `upstream`", "cuttle.toml:"],
        ),
        (app("a", "hosts = [\"https://a.example\"]"), &["`apps.hosts`", "is no host name"]),
        (app("a", "prefix = \"docs\""), &["`apps.prefix`", "is no beginning of a path"]),
        (app("a", "host = \"a.example\"\nhosts = []"), &["the same key"]),
    ] {
        let said = refused(&toml, &[]);
        assert!(expected.iter().all(|part| said.contains(part)), "{toml}\n{said}");
    }
    let several = [app("a", ""), app("b", SHOP)].concat();
    let said = refused(&several, &["--upstream", "http://127.0.0.1:2"]);
    assert!(said.contains("`--upstream` speaks of one application, and the file has 2"), "{said}");
}
