//! Pictures that are older than their origin said: what is served meanwhile, what is asked, and what is made anew.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use cuttle_e2e::{Answer, Application, Reply, Server, Watched, found, photo, place, until};
use serde_json::Value;

const PICTURE: &str = "/_next/image?url=%2Fa.jpg&w=64&q=75";

/// A server whose pictures are fresh for a second, in front of an application that answers what it is told.
struct Setting {
    server: Server,
    application: Application,
    reply: Arc<Mutex<Reply>>,
    folder: tempfile::TempDir,
}

impl Setting {
    fn new(reply: Reply) -> Self {
        let reply = Arc::new(Mutex::new(reply));
        let told = Arc::clone(&reply);
        let application = Application::start(move |_, asked| {
            let reply = told.lock().expect("no panic").clone();
            let tag = reply.headers.iter().find_map(|line| line.strip_prefix("etag: "));
            if tag.is_some_and(|tag| asked.header("if-none-match") == tag) {
                return Reply { status: 304, body: Vec::new(), ..reply };
            }
            reply
        });
        let folder = tempfile::tempdir().expect("a folder");
        place(folder.path(), "cuttle.toml", b"[images]\nmin_ttl = \"1s\"\n");
        let server = Self::serve(&application, &folder);
        Self { server, application, reply, folder }
    }

    fn serve(application: &Application, folder: &tempfile::TempDir) -> Server {
        let inside = |name: &str| folder.path().join(name).display().to_string();
        let (config, state) = (inside("cuttle.toml"), inside("state"));
        let common = ["--config", &config, "--state-dir", &state, "--workers", "1"];
        Server::serving(&[&common[..], &["--upstream", &application.url()]].concat())
    }

    /// Ends the server, which writes down what it holds, and starts another.
    fn restarted(self) -> Self {
        let Self { server, application, reply, folder } = self;
        server.terminate();
        assert!(server.ended().0.success());
        let server = Self::serve(&application, &folder);
        Self { server, application, reply, folder }
    }

    fn tell(&self, reply: Reply) {
        *self.reply.lock().expect("no panic") = reply;
    }

    fn get(&self) -> Answer {
        self.server.client.accepting("image/webp", PICTURE)
    }

    /// Lets the picture grow old, and says what is served then and what once it was asked about.
    fn refreshed(&self) -> [Answer; 2] {
        let asked = self.application.seen().len();
        let stale = grown_old(|| self.get());
        until("the origin is asked again", || self.application.seen().len() > asked);
        // The refresh is behind: it is over when nothing is under way.
        self.server.wait_until("the refresh is over", |readiness| readiness["queue"]["jobs"] == 0);
        [stale, self.get()]
    }
}

/// The first answer that is no longer fresh, which is within a second.
fn grown_old(get: impl Fn() -> Answer) -> Answer {
    found("a picture that is old", || Some(get()).filter(|answer| state(answer) != "HIT"))
}

fn state(answer: &Answer) -> &str {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.header("x-nextjs-cache")
}

#[test]
fn a_changed_picture_is_shown_after_one_refresh_and_one_render() {
    let setting = Setting::new(Reply::good(&photo(320, 240, 1)));
    let first = setting.get();
    assert_eq!(state(&first), "MISS");
    assert_eq!(state(&setting.get()), "HIT");
    setting.tell(Reply::good(&photo(320, 240, 2)));
    let encodes = setting.server.encodes();
    let [stale, fresh] = setting.refreshed();
    assert_eq!((state(&stale), &stale.body), ("STALE", &first.body));
    assert_eq!(stale.header("cache-status"), "cuttle; hit; detail=stale");
    assert_eq!(state(&fresh), "HIT");
    assert_ne!(fresh.body, first.body);
    assert_eq!(setting.server.encodes(), encodes + 1);
}

#[test]
fn an_unchanged_picture_costs_a_question_and_no_render() {
    let tagged = Reply::good(&photo(320, 240, 1)).with("etag: \"v1\"");
    for reply in [tagged, Reply::good(&photo(320, 240, 1))] {
        let setting = Setting::new(reply);
        let first = setting.get();
        let encodes = setting.server.encodes();
        for _ in 0..2 {
            let [stale, fresh] = setting.refreshed();
            assert_eq!((state(&stale), state(&fresh)), ("STALE", "HIT"));
            assert_eq!((&stale.body, &fresh.body), (&first.body, &first.body));
        }
        assert_eq!(setting.server.encodes(), encodes);
        assert_eq!(setting.application.seen().len(), 3);
    }
}

#[test]
fn while_the_origin_fails_the_picture_is_served_and_the_origin_left_alone() {
    let setting = Setting::new(Reply::good(&photo(320, 240, 1)));
    let first = setting.get();
    setting.tell(Reply::bare(503));
    let before = setting.application.seen().len();
    let old = grown_old(|| setting.get());
    assert_eq!((state(&old), &old.body), ("STALE", &first.body));
    let asked = || setting.application.seen().split_off(before);
    let mut resting = 0;
    // A refresh of three attempts, a second of rest, and a second refresh.
    until("a second refresh", || {
        let answer = setting.get();
        assert_eq!((state(&answer), &answer.body), ("STALE", &first.body));
        // Once it is known that the origin fails, caches are told when it is asked again: within a second, which no fresh
        // answer says here.
        resting += usize::from(answer.header("cache-control").contains("max-age=0"));
        asked().len() > 3
    });
    assert!(resting > 5, "{resting}");
    let asked = asked();
    assert!((4..=6).contains(&asked.len()), "{asked:?}");
    let rest = asked[3].at - asked[2].at;
    assert!(rest > Duration::from_millis(900), "{rest:?}");
    assert_eq!(setting.server.admin.get("/readyz").status, 200);
    setting.tell(Reply::good(&photo(320, 240, 2)));
    until("the new picture", || setting.get().body != first.body);
}

#[test]
fn a_picture_that_the_origin_took_away_is_gone_after_the_refresh() {
    for (status, expected) in [(404, 404), (410, 410), (401, 401), (403, 403)] {
        let setting = Setting::new(Reply::good(&photo(320, 240, 1)));
        assert_eq!(state(&setting.get()), "MISS");
        setting.tell(Reply::bare(status));
        let [stale, gone] = setting.refreshed();
        assert_eq!(state(&stale), "STALE");
        assert_eq!(gone.status, expected, "{}", gone.text());
        let disk = |ready: &Value| ready["store"]["disk"]["variants"] == 0;
        setting.server.wait_until("its bytes are gone", disk);
        let setting = setting.restarted();
        assert_eq!(setting.get().status, expected, "after a restart");
    }
}

#[test]
fn a_picture_that_was_made_private_is_kept_no_longer() {
    let setting = Setting::new(Reply::good(&photo(320, 240, 1)));
    assert_eq!(state(&setting.get()), "MISS");
    setting.tell(Reply::good(&photo(320, 240, 1)).with("cache-control: private"));
    let [stale, private] = setting.refreshed();
    assert_eq!(state(&stale), "STALE");
    for answer in [private, setting.get()] {
        assert_eq!(state(&answer), "MISS");
        assert_eq!(answer.header("cache-control"), "private, no-store");
    }
    let setting = setting.restarted();
    let encodes = setting.server.encodes();
    assert_eq!(state(&setting.get()), "MISS", "after a restart");
    assert_eq!(setting.server.encodes(), encodes + 1, "made for this client alone");
}

#[test]
fn while_the_origin_is_down_a_restarted_server_serves_what_it_has() {
    let setting = Setting::new(Reply::good(&photo(320, 240, 1)));
    let first = setting.get();
    assert_eq!(state(&first), "MISS");
    let Setting { server, application, folder, .. } = setting.restarted();
    let url = application.url();
    drop(application);
    // One that is asked about behind, one while that fails, one after it.
    for _ in 0..3 {
        let answer = grown_old(|| server.client.accepting("image/webp", PICTURE));
        assert_eq!((state(&answer), &answer.body), ("STALE", &first.body));
        server.wait_until("the refresh is over", |ready| ready["queue"]["jobs"] == 0);
    }
    assert_eq!(server.client.get("/page").status, 502, "{url} is down");
    let ready = server.admin.get("/readyz");
    assert_eq!((ready.status, server.readiness()["ready"].as_bool()), (200, Some(true)));
    assert_eq!(server.encodes(), 0);
    drop(folder);
}

#[test]
fn a_redeploy_with_the_same_bytes_costs_no_encode() {
    // Behind an application: another tag, another date, another name.
    let tagged = |tag: &str| Reply::good(&photo(320, 240, 1)).with(&format!("etag: \"{tag}\""));
    let setting = Setting::new(tagged("v1"));
    let first = setting.get();
    let encodes = setting.server.encodes();
    setting.tell(tagged("v2").with("last-modified: Sat, 21 Nov 2026 12:00:00 GMT"));
    let [stale, fresh] = setting.refreshed();
    assert_eq!((state(&stale), state(&fresh)), ("STALE", "HIT"));
    let renamed = [
        "/_next/image?url=%2F_next%2Fstatic%2Fmedia%2Fa.0f3c.jpg&w=64&q=75",
        &*PICTURE.replace("a.jpg", "b.jpg"),
    ]
    .map(|target| setting.server.client.accepting("image/webp", target));
    for answer in [&stale, &fresh].into_iter().chain(&renamed) {
        assert_eq!((answer.status, &answer.body), (200, &first.body), "{}", answer.text());
        assert_eq!(answer.header("etag"), first.header("etag"));
    }
    assert_eq!(setting.server.encodes(), encodes);
    // The next process knows the picture by its content too.
    let setting = setting.restarted();
    let elsewhere =
        setting.server.client.accepting("image/webp", &PICTURE.replace("a.jpg", "c.jpg"));
    assert_eq!((state(&elsewhere), &elsewhere.body), ("MISS", &first.body));
    assert_eq!(setting.server.encodes(), 0);

    // In a folder: written anew, by another file.
    let folder = tempfile::tempdir().expect("a folder");
    place(folder.path(), "a.jpg", &photo(320, 240, 1));
    let server = Server::with(folder.path(), &["--workers", "1"]);
    let versions = ["", "&v=one", "&v=two"];
    let strict = |version: &str| {
        server.client.get(&format!("/_cuttle/image?src=/a.jpg&w=64&f=webp{version}"))
    };
    let first = strict("");
    for version in versions {
        place(folder.path(), "a.jpg", &photo(320, 240, 1));
        let file = Watched::new(&folder.path().join("a.jpg"));
        until("the new file is looked at", || {
            let again = strict(version);
            assert_eq!((again.status, &again.body), (200, &first.body));
            file.was_opened()
        });
        assert_eq!(server.encodes(), 1, "{version}");
    }
    place(folder.path(), "a.jpg", &photo(320, 240, 2));
    let file = Watched::new(&folder.path().join("a.jpg"));
    let shown = found("a look", || Some(strict("").body).filter(|_| file.was_opened()));
    assert_ne!(shown, first.body, "a redeploy shows at once");
    assert_eq!(server.encodes(), 2);
}

#[test]
fn one_client_never_has_all_of_the_queue() {
    let slow = photo(1600, 1200, 1);
    let application = Application::start(move |_, asked| {
        let number = asked.target.trim_matches(|c: char| !c.is_ascii_digit());
        // Other bytes each: the same picture by another name would be one job.
        Reply::good(&[&*slow, number.as_bytes()].concat())
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cuttle.toml");
    std::fs::write(&file, "[limits]\nqueue = 12\n").expect("a file");
    let (url, file) = (application.url(), file.to_str().expect("UTF-8").to_owned());
    let server = Server::serving(&["--upstream", &url, "--config", &file, "--workers", "1"]);
    let ask = |client: &'static str, number: usize| {
        let door = server.client;
        thread::spawn(move || {
            let target = format!("/_next/image?url=%2F{number}&w=1200&q=75");
            let headers = [("x-forwarded-for", client), ("accept", "image/avif")];
            let answer = door.send("GET", &target, &headers);
            (answer.status, answer.header("retry-after").to_owned())
        })
    };
    let greedy: Vec<_> = (0..20).map(|number| ask("198.51.100.1", number)).collect();
    server.wait_until("the greedy one has its share", |readiness| readiness["queue"]["jobs"] == 6);
    let modest: Vec<_> = (20..24).map(|number| ask("198.51.100.2", number)).collect();
    for answer in modest {
        assert_eq!(answer.join().expect("an answer").0, 200);
    }
    let greedy: Vec<_> =
        greedy.into_iter().map(|asking| asking.join().expect("an answer")).collect();
    let served = greedy.iter().filter(|(status, _)| *status == 200).count();
    let refused =
        greedy.iter().filter(|(status, retry)| *status == 503 && !retry.is_empty()).count();
    assert_eq!((served + refused, served), (20, 6), "{greedy:?}");
}

#[test]
fn what_was_made_outlives_the_process_however_it_ends() {
    let application = Application::start(|_, _| Reply::good(&photo(320, 240, 1)));
    let state = tempfile::tempdir().expect("a folder");
    let state = state.path().join("made/by/cuttle");
    let start = || {
        let state = state.to_str().expect("UTF-8");
        Server::serving(&["--upstream", &application.url(), "--state-dir", state, "--workers", "1"])
    };
    let targets =
        [PICTURE, "/_cuttle/image?src=/a.jpg&w=128", "/_next/image?url=%2Fb.jpg&w=64&q=75"];
    let server = start();
    let made = targets.map(|target| server.client.get(target));
    assert!(made.iter().all(|answer| answer.status == 200));
    server.wait_until("all is on disk", |ready| ready["store"]["disk"]["requests"] == 3);
    // Of two paths with the same bytes, one picture.
    assert_eq!(server.readiness()["store"]["disk"]["variants"], 2);
    let seen = application.seen().len();
    let mut server = server;
    for end in ["kill", "terminate", "kill"] {
        if end == "terminate" {
            server.terminate();
            assert!(server.ended().0.success());
        } else {
            drop(server);
        }
        server = start();
        for (target, first) in targets.iter().zip(&made) {
            let answer = server.client.get(target);
            assert!(answer.header("cache-status").starts_with("cuttle; hit"), "{end}: {target}");
            assert_eq!(answer.body, first.body, "{end}: {target}");
            assert_eq!(answer.header("etag"), first.header("etag"), "{end}: {target}");
        }
        assert_eq!(server.readiness()["workers"]["jobs"], 0, "{end}");
    }
    assert_eq!(application.seen().len(), seen, "the origin was not asked");
}
