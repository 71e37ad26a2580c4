//! Originals of an application behind us: who waits for them, what is asked of them and how often, and that nothing of one
//! client reaches another.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use cuttle_e2e::{Answer, Application, Reply, Server, Watched, found, photo, size_of, until};
use tempfile::TempDir;

/// A server in front of `application`, configured by the lines of a file.
fn in_front_of(application: &Application, lines: &str) -> (Server, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cuttle.toml");
    std::fs::write(&file, lines).expect("a file");
    let (url, file) = (application.url(), file.to_str().expect("UTF-8").to_owned());
    (Server::serving(&["--upstream", &url, "--config", &file, "--workers", "2"]), folder)
}

fn next(path: &str, width: u32) -> String {
    format!("/_next/image?url={}&w={width}&q=75", path.replace('/', "%2F"))
}

fn strict(path: &str, width: u32) -> String {
    format!("/_cuttle/image?src={path}&w={width}")
}

const WIDTHS: [u32; 14] = [32, 48, 64, 96, 128, 256, 384, 640, 750, 828, 1080, 1200, 1920, 2048];

#[test]
fn a_client_that_leaves_takes_nothing_with_it() {
    let pictures: Vec<Vec<u8>> = (0..6).map(|seed| photo(640, 480, seed)).collect();
    let application = Application::start(move |_, asked| {
        let number = asked.target.trim_matches(|c: char| !c.is_ascii_digit());
        Reply::good(&pictures[number.parse::<usize>().expect("a number")])
    });
    let (server, _folder) = in_front_of(&application, "");
    let mut keys = Vec::new();
    for picture in 0..6 {
        keys.extend(WIDTHS.map(|width| next(&format!("/{picture}"), width)));
    }
    assert_eq!(keys.len(), 84);
    for (n, key) in keys.iter().enumerate() {
        let leaver = server.client.ask("GET", key, &[]).expect("a connection");
        leaver.set_nonblocking(true).expect("a socket");
        // Of every second key, only others wait when the first client goes.
        let followers: Vec<_> = (0..n % 2)
            .map(|_| {
                let (client, key) = (server.client, key.clone());
                thread::spawn(move || client.get(&key))
            })
            .collect();
        // Or it was faster than we look.
        until("all of them wait", || {
            let waiting = server.readiness()["queue"]["requests"].as_u64();
            waiting > Some(followers.len() as u64) || leaver.peek(&mut [0]).is_ok()
        });
        drop(leaver);
        let began = Instant::now();
        let answer = server.client.get(key);
        assert_eq!(answer.status, 200, "{key}: {}", answer.text());
        assert!(began.elapsed() < Duration::from_secs(6), "{key}: {:?}", began.elapsed());
        for follower in followers {
            assert_eq!(follower.join().expect("an answer").status, 200, "{key}");
        }
    }
    // Six pictures, of which each is fetched again at most as often as its seconds in the source cache are over.
    let fetched = application.seen().len();
    assert!((6..84).contains(&fetched), "{fetched}");
}

/// Holds everyone up until it is opened.
#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

impl Gate {
    fn open(&self) {
        *self.0.lock().expect("no panic") = true;
        self.1.notify_all();
    }

    fn pass(&self) {
        let opened = self.0.lock().expect("no panic");
        let _opened = self.1.wait_while(opened, |opened| !*opened).expect("no panic");
    }
}

#[test]
fn who_waits_for_a_hanging_origin_ends_at_a_deadline_of_its_own() {
    let gate = Arc::new(Gate::default());
    let application = Application::start({
        let gate = Arc::clone(&gate);
        move |_, _| {
            gate.pass();
            Reply::good(&photo(320, 240, 1))
        }
    });
    let (server, _folder) = in_front_of(&application, "[optimizer]\ntimeout = \"3s\"\n");
    let client = server.client;
    let timed = |client: cuttle_e2e::Client, key: String| {
        let began = Instant::now();
        (client.get(&key), began.elapsed())
    };
    // One of each endpoint, and others of the same pictures after half of their time.
    let keys = [next("/a", 64), strict("/b", 64)];
    let ask = || keys.clone().map(|key| thread::spawn(move || (timed(client, key.clone()), key)));
    let (began, first) = (Instant::now(), ask());
    until("half of the time", || began.elapsed() > Duration::from_millis(1500));
    for waiter in first.into_iter().chain(ask()) {
        let ((answer, took), key) = waiter.join().expect("an answer");
        assert_eq!(answer.status, 504, "{key}: {}", answer.text());
        let window = Duration::from_millis(2900)..Duration::from_millis(5000);
        assert!(window.contains(&took), "{key}: {took:?}");
    }
    gate.open();
    for key in keys {
        let answer = server.client.get(&key);
        assert_eq!(answer.status, 200, "{key}: {}", answer.text());
    }
}

#[test]
fn what_may_pass_is_asked_again_and_what_may_not_is_remembered() {
    let application = Application::start(|_, asked| match asked.target.as_str() {
        "/gone" => Reply::bare(404),
        "/page" => Reply::good(b"<!doctype html><title>Not a picture</title>"),
        "/guarded" => Reply::bare(401),
        "/down" => Reply::bare(503),
        _ => Reply::good(&photo(320, 240, 1)),
    });
    let (server, _folder) = in_front_of(&application, "[optimizer]\nmax_attempts = 3\n");
    for (path, at_next, at_strict, requests) in [
        ("/gone", (404, "internal response is invalid"), (404, "source_not_found"), 1),
        ("/page", (400, "isn't a valid image"), (415, "unsupported_source"), 1),
        ("/guarded", (401, "internal response is invalid"), (401, "source_failed"), 1),
    ] {
        for _ in 0..3 {
            let answer = server.client.get(&next(path, 64));
            assert_eq!(answer.status, at_next.0, "{path}");
            assert!(answer.text().contains(at_next.1), "{path}: {}", answer.text());
            let answer = server.client.get(&strict(path, 64));
            assert_eq!((answer.status, answer.header("x-cuttle-error")), at_strict, "{path}");
            // Of another width, but the same original.
            let _ = server.client.get(&next(path, 128));
        }
        // One from each endpoint: what one of them may load, the other may not.
        assert_eq!(application.seen_at(path).len(), 2 * requests, "{path}");
    }
    assert_eq!(server.client.get(&next("/down", 64)).status, 503);
    assert_eq!(application.seen_at("/down").len(), 3);
}

#[test]
fn an_origin_that_fails_twice_is_asked_a_third_time_after_growing_gaps() {
    let application = Application::start(|number, _| match number {
        0 | 1 => Reply::bare(503),
        _ => Reply::good(&photo(320, 240, 1)),
    });
    let (server, _folder) = in_front_of(&application, "");
    let answer = server.client.get(&next("/a", 64));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let times: Vec<Instant> = application.seen().iter().map(|asked| asked.at).collect();
    assert_eq!(times.len(), 3);
    let (first, second) = (times[1] - times[0], times[2] - times[1]);
    assert!(first > Duration::from_millis(100) && second > first, "{first:?}, then {second:?}");
}

/// A word that a clean load never carries.
const EVIL: &str = "evil";

#[test]
fn nothing_of_one_client_reaches_another() {
    let (clean, poisoned) = (photo(320, 240, 1), photo(240, 320, 666));
    let application = Application::start({
        let (clean, poisoned) = (clean.clone(), poisoned.clone());
        move |_, asked| {
            let spoiled = asked.headers.iter().any(|(_, value)| value.contains(EVIL))
                || asked.target.contains(EVIL);
            Reply::good(if spoiled { &poisoned } else { &clean })
        }
    });
    let (server, _folder) = in_front_of(&application, "");
    let webp = ("accept", "image/webp");
    let headers: &[(&str, &str)] = &[
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-for", "evil"),
        ("x-forwarded-proto", "evil"),
        ("x-forwarded-port", "evil"),
        ("x-forwarded-prefix", "/evil"),
        ("x-original-url", "/evil"),
        ("x-rewrite-url", "/evil"),
        ("x-http-method-override", "evil"),
        ("forwarded", "host=evil.example"),
        ("cookie", "session=evil"),
        ("authorization", "Bearer evil"),
        ("proxy-authorization", "Basic evil"),
        ("user-agent", "evil"),
        ("referer", "http://evil.example/"),
        ("origin", "http://evil.example"),
        ("accept-language", "evil"),
        ("accept-encoding", "evil, gzip"),
        ("accept", "image/webp, image/evil"),
        ("accept", "image/webp;evil"),
        ("range", "bytes=0-9, evil"),
        ("if-none-match", "\"evil\""),
        ("if-modified-since", "evil"),
        ("cache-control", "no-cache, evil"),
        ("x-middleware-subrequest", "evil"),
        ("x-nextjs-data", "evil"),
        ("rsc", "evil"),
        ("next-router-prefetch", "evil"),
        ("via", "1.1 evil"),
        ("cdn-loop", "evil"),
        ("connection", "close, evil"),
        ("te", "evil"),
        ("transfer-encoding", "chunked"),
        ("content-type", "text/evil"),
    ];
    let width = 64;
    for (n, (name, value)) in headers.iter().enumerate() {
        for target in [next, strict] {
            let target = target(&format!("/header-{n}"), width);
            let mut sent = vec![(*name, *value)];
            if *name != "accept" {
                sent.push(webp);
            }
            // Whatever the attacker gets: what counts is what it leaves behind.
            let _ = server.client.try_send("GET", &target, &sent);
            let victim = server.client.send("GET", &target, &[webp]);
            assert_eq!(victim.status, 200, "{name}: {value}: {}", victim.text());
            assert_eq!(size_of(&victim.body), (64, 48), "{name}: {value}");
            assert_eq!(victim.header("content-type"), "image/webp", "{name}: {value}");
        }
    }
    for (attack, clean) in [
        ("/_next/image?url=%2Fq-1&w=64&q=75&evil=1", "/_next/image?url=%2Fq-1&w=64&q=75"),
        ("/_next/image?url=%2Fq-2&w=64&q=75&dpl=evil", "/_next/image?url=%2Fq-2&w=64&q=75"),
        ("/_next/image?url=%2Fq-3%23evil&w=64&q=75", "/_next/image?url=%2Fq-3&w=64&q=75"),
        ("/_next/image?url=%2Fq-4%3Fevil&w=64&q=75", "/_next/image?url=%2Fq-4&w=64&q=75"),
        ("/_next/image?url=%2Fevil%2F..%2Fq-5&w=64&q=75", "/_next/image?url=%2Fq-5&w=64&q=75"),
        ("/_next/image?url=%2Fq%252D6&w=64&q=75", "/_next/image?url=%2Fq-6&w=64&q=75"),
        ("/_cuttle/image?src=/q-7&w=64&v=evil", "/_cuttle/image?src=/q-7&w=64"),
        ("/_cuttle/image?src=/q-8&w=64&evil=1", "/_cuttle/image?src=/q-8&w=64"),
        ("/_cuttle/image?src=/q-9&w=64&w=64", "/_cuttle/image?src=/q-9&w=64"),
    ] {
        let _ = server.client.send("GET", attack, &[webp]);
        let victim = server.client.send("GET", clean, &[webp]);
        assert_eq!(victim.status, 200, "{attack}: {}", victim.text());
        assert_eq!(size_of(&victim.body), (64, 48), "{attack}");
        assert!(!victim.header("cache-control").contains("immutable"), "{attack}");
    }
    let own = application.url();
    let own = own.trim_start_matches("http://");
    for asked in application.seen() {
        assert!(!format!("{asked:?}").contains(EVIL), "{asked:?}");
        assert_eq!(asked.header("host"), own);
    }
}

#[test]
fn an_original_is_shared_by_widths_formats_and_clients() {
    let application = Application::start(|_, _| Reply::good(&photo(1280, 960, 1)));
    let (server, _folder) = in_front_of(&application, "");
    let asking: Vec<_> = [32, 64, 128, 256, 384, 640, 750, 828]
        .into_iter()
        .flat_map(|width| ["image/webp", "*/*"].map(|accept| (width, accept)))
        .map(|(width, accept)| {
            let client = server.client;
            thread::spawn(move || client.accepting(accept, &next("/photo.jpg", width)).status)
        })
        .collect();
    for answer in asking {
        assert_eq!(answer.join().expect("an answer"), 200);
    }
    assert_eq!(application.seen().len(), 1);
}

#[test]
fn what_the_source_says_about_keeping_it_is_heard() {
    let fetches = Arc::new(AtomicBool::new(false));
    let application = Application::start({
        let changed = Arc::clone(&fetches);
        move |_, asked| {
            let picture = photo(320, 240, u32::from(changed.load(Ordering::Relaxed)));
            let said = match asked.target.as_str() {
                "/private" => "private, max-age=60",
                "/no-store" => "no-store",
                "/long" => "public, max-age=100000",
                "/shared" => "max-age=5, s-maxage=200000",
                _ => "max-age=0, no-cache",
            };
            Reply::good(&picture).with(&format!("cache-control: {said}"))
        }
    });
    let (server, _folder) = in_front_of(&application, "");
    for (path, at_next, at_strict) in [
        ("/private", "private, no-store", "private, no-store"),
        ("/no-store", "private, no-store", "private, no-store"),
        (
            "/long",
            "public, max-age=100000, must-revalidate",
            "public, max-age=100000, stale-while-revalidate=604800",
        ),
        (
            "/shared",
            "public, max-age=200000, must-revalidate",
            "public, max-age=200000, stale-while-revalidate=604800",
        ),
        (
            "/none",
            "public, max-age=14400, must-revalidate",
            "public, max-age=14400, stale-while-revalidate=604800",
        ),
    ] {
        for (target, expected) in [(next(path, 64), at_next), (strict(path, 64), at_strict)] {
            for _ in 0..2 {
                let answer = server.client.get(&target);
                assert_eq!(answer.header("cache-control"), expected, "{target}");
            }
        }
    }
    // What is private is loaded for each anew, and nothing of the last one is left.
    fetches.store(true, Ordering::Relaxed);
    let before = server.client.get(&next("/none", 64)).body;
    for path in ["/private", "/no-store"] {
        let seen = application.seen_at(path).len();
        assert_eq!(seen, 4, "{path}");
        assert_ne!(server.client.get(&next(path, 64)).body, before, "{path}");
    }
}

#[test]
fn under_a_forwarded_path_every_client_has_its_own() {
    let application = Application::start(|_, asked| match asked.header("cookie") {
        "session=ann" => Reply::good(&photo(320, 240, 1)),
        "session=bob" => Reply::good(&photo(240, 320, 2)),
        "" => Reply::bare(401),
        other => panic!("no more than was named: {other}"),
    });
    let lines = r#"
[[apps]]
[[apps.forward]]
paths = ["/members/**"]
cookies = ["session"]
"#;
    let (server, _folder) = in_front_of(&application, lines);
    for target in [next("/members/a.jpg", 64), strict("/members/a.jpg", 64)] {
        let as_client = |cookie: &str| {
            server.client.send("GET", &target, &[("cookie", cookie), ("accept", "image/webp")])
        };
        for _ in 0..2 {
            for (cookie, size) in
                [("theme=dark; session=ann", (64, 48)), ("session=bob; theme=dark", (64, 85))]
            {
                let answer = as_client(cookie);
                assert_eq!(answer.status, 200, "{target}: {}", answer.text());
                assert_eq!(size_of(&answer.body), size, "{target} {cookie}");
                let keep = answer.header("cache-control");
                assert_eq!(keep, "private, max-age=0, must-revalidate", "{target}");
            }
            assert_eq!(as_client("theme=dark").status, 401, "{target}");
        }
        let etag = as_client("session=ann").header("etag").to_owned();
        let known = [("cookie", "session=ann"), ("if-none-match", &etag), ("accept", "image/webp")];
        assert_eq!(server.client.send("GET", &target, &known).status, 304);
    }
    // Each client's original, once for each endpoint; and no cookie where none was named.
    let loads: Vec<String> = application.seen().iter().map(|a| a.header("cookie").into()).collect();
    assert_eq!(loads.len(), 6, "{loads:?}");
    assert_eq!(loads.iter().collect::<HashSet<_>>().len(), 3);
    let _ = server.client.send("GET", &next("/other/a.jpg", 64), &[("cookie", "session=ann")]);
    assert_eq!(application.seen().last().expect("a load").header("cookie"), "");
}

#[test]
fn refusals_can_be_objects() {
    let application = Application::start(|_, _| Reply::bare(404));
    let (server, _folder) = in_front_of(&application, "[optimizer]\nerrors = \"json\"\n");
    for (target, status, reason, code) in [
        (next("/a", 64), 404, "Not Found", "source_not_found"),
        (next("/a", 65), 400, "Bad Request", "invalid_width"),
        (strict("/a", 64), 404, "Not Found", "source_not_found"),
    ] {
        let answer = server.client.get(&target);
        assert_eq!(answer.header("content-type"), "application/json");
        let object: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!(answer.status, status);
        assert_eq!(object["statusCode"], status);
        assert_eq!(object["error"], reason);
        assert_eq!(object["cause"]["code"], code);
        assert!(object["message"].as_str().is_some_and(|text| !text.is_empty()));
    }
}

#[test]
fn a_remote_server_on_a_private_address_needs_an_exception() {
    let there = Application::start(|_, _| Reply::good(&photo(320, 240, 1)));
    let application = Application::start(|_, _| Reply::bare(404));
    let port = there.url().rsplit(':').next().expect("a port").to_owned();
    let lines = |exceptions: &str| {
        format!(
            "[images]\nremote_patterns = [\"http://127.0.0.1:{port}/**\", \"http://localhost:{port}/**\"]\n{exceptions}\n"
        )
    };
    let (shut, _folder) = in_front_of(&application, &lines(""));
    let (open, _folder) = in_front_of(&application, &lines("allow_addresses = [\"127.0.0.0/8\"]"));
    let (named, _folder) = in_front_of(&application, &lines("allow_addresses = [\"localhost\"]"));
    let by_address = format!("http://127.0.0.1:{port}/a.jpg");
    let by_name = format!("http://localhost:{port}/a.jpg");
    for url in [&by_address, &by_name] {
        let answer = shut.client.get(&next(&url.replace(':', "%3A"), 64));
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (400, "\"url\" parameter is not allowed")
        );
        let answer = shut.client.get(&strict(url, 64));
        assert_eq!((answer.status, answer.header("x-cuttle-error")), (403, "address_not_allowed"));
        assert!(!answer.text().contains("127."), "{}", answer.text());
    }
    assert_eq!(there.seen().len(), 0);
    assert_eq!(open.client.get(&strict(&by_address, 64)).status, 200);
    assert_eq!(open.client.get(&strict(&by_name, 64)).status, 403);
    assert_eq!(named.client.get(&strict(&by_name, 64)).status, 200);
    assert_eq!(named.client.get(&strict(&by_address, 64)).status, 403);
}

#[test]
fn heights_are_allowed_once_they_are_listed() {
    let application = Application::start(|_, _| Reply::good(&photo(320, 240, 1)));
    let (server, _folder) = in_front_of(&application, "[images]\nheights = [64, 100]\n");
    for (tail, outcome) in [
        ("h=64", Ok((64, 64))),
        ("h=64&fit=contain", Ok((64, 48))),
        ("h=64&crop=smart", Ok((64, 64))),
        ("h=64&fit=cover&crop=center", Ok((64, 64))),
        ("h=65", Err("invalid_height")),
        ("fit=cover", Err("invalid_fit")),
    ] {
        let answer = server.client.get(&format!("{}&{tail}", strict("/a.jpg", 64)));
        match outcome {
            Ok(size) => assert_eq!(size_of(&answer.body), size, "{tail}"),
            Err(code) => assert_eq!(answer.header("x-cuttle-error"), code, "{tail}"),
        }
    }
}

#[test]
fn a_file_that_is_looked_at_again_is_still_a_hit() {
    let folder = cuttle_e2e::folder_with_a_photo();
    let server = Server::start(folder.path());
    let target = next("/photo.jpg", 64);
    assert_eq!(server.client.get(&target).header("x-nextjs-cache"), "MISS");
    let file = Watched::new(&folder.path().join("photo.jpg"));
    // Each second, for less than the original is held.
    for _ in 0..3 {
        until("it is looked at again", || {
            assert_eq!(server.client.get(&target).header("x-nextjs-cache"), "HIT");
            file.was_opened()
        });
    }
    let before = server.client.get(&target).body;
    cuttle_e2e::place(folder.path(), "photo.jpg", &photo(800, 600, 2));
    let changed = |answer: &Answer| answer.header("x-nextjs-cache") != "HIT";
    let answer = found("a change", || Some(server.client.get(&target)).filter(changed));
    assert_eq!(answer.header("x-nextjs-cache"), "MISS");
    assert_ne!(answer.body, before);
}
