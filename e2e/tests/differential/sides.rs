//! The two servers, and one request to both.

use std::path::Path;
use std::thread;

use cuttle_e2e::{Answer, Client, NextApp, NextServer, Origin, Server};

use crate::public::Sources;
use crate::requests::{Case, ORIGIN, PORTED, TAG, rich};
use crate::seen::Seen;

/// Each with an origin of its own, so that its requests can be counted.
pub(crate) struct Sides {
    next: Side,
    ours: Side,
    _next: NextServer,
    _ours: Server,
    _state: tempfile::TempDir,
}

struct Side {
    client: Client,
    origin: Origin,
    ported: Origin,
}

/// What both answered.
pub(crate) struct Pair {
    pub(crate) next: Seen,
    pub(crate) ours: Seen,
    /// The bodies as they were meant, without any coding.
    pub(crate) bodies: [Vec<u8>; 2],
}

/// The port that a pattern of `rich.config.mjs` names. Each server asks another address of loopback for it.
const PORT: u16 = 8480;

impl Sides {
    pub(crate) fn start(app: &NextApp, sources: &Sources) -> Self {
        let photo = || sources["photo.jpg"].bytes.clone();
        let side = |client, last: u8| Side {
            client,
            origin: Origin::start("127.0.0.1:0", photo()),
            ported: Origin::start(&format!("127.0.0.{last}:{PORT}"), photo()),
        };
        // Both configurations run at a time.
        let ported = if rich(app) { 73 } else { 71 };
        let next = app.start();
        let state = tempfile::tempdir().expect("a temporary folder");
        let ours = cuttle(app, &next.address, state.path());
        Self {
            next: side(next.client, ported),
            ours: side(ours.client, ported + 1),
            _next: next,
            _ours: ours,
            _state: state,
        }
    }

    /// The status under which the application has the source itself, where that is its own and its URL can be sent
    /// as it is.
    pub(crate) fn direct(&self, case: &Case) -> Option<u16> {
        let url = case.url.split('#').next()?;
        let sendable = url.starts_with('/')
            && url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
            && !["//", "/./", "/../", "%2"].iter().any(|odd| url.contains(odd))
            && !url.ends_with("/.")
            && !url.ends_with("/..");
        let asked = case.asks_for_an_image() && sendable;
        let answer = asked.then(|| self.next.client.try_send("GET", url, &[]).ok())??;
        Some(answer.status)
    }

    pub(crate) fn ask(&self, case: &Case) -> Pair {
        let ((next, body), (ours, our_body)) = thread::scope(|scope| {
            let next = scope.spawn(|| self.next.ask(case));
            let ours = self.ours.ask(case);
            (next.join().expect("asking does not panic"), ours)
        });
        Pair { next, ours, bodies: [body, our_body] }
    }
}

/// The scripted origin may be reached; like Next, ours asks once and waits for seven seconds.
const CONFIG: &str = r#"
[images]
allow_addresses = ["127.0.0.0/8"]
[optimizer]
max_attempts = 1
[limits]
fetch = "7s"
"#;

fn cuttle(app: &NextApp, upstream: &str, state: &Path) -> Server {
    let config = state.join("cuttle.toml");
    std::fs::write(&config, CONFIG).expect("a file in the test's folder");
    Server::serving(&[
        "--config".as_ref(),
        config.as_os_str(),
        "--next".as_ref(),
        app.folder().as_os_str(),
        "--upstream".as_ref(),
        format!("http://{upstream}").as_ref(),
        "--state-dir".as_ref(),
        state.as_os_str(),
        "--workers".as_ref(),
        "2".as_ref(),
    ])
}

impl Side {
    fn ask(&self, case: &Case) -> (Seen, Vec<u8>) {
        let before = self.asked();
        let answer = self.send(case);
        let seen = Seen::of(case, answer.as_ref(), self.asked() - before);
        let body = answer.as_ref().map(crate::seen::plain_body).unwrap_or_default();
        (seen, body)
    }

    fn send(&self, case: &Case) -> Option<Answer> {
        let tag = if case.headers.iter().any(|(_, value)| value.contains(TAG)) {
            let answer = self.client.try_send("GET", &self.here(&case.target), &[]).ok()?;
            answer.header("etag").trim_start_matches("W/").trim_matches('"').to_owned()
        } else {
            String::new()
        };
        let headers: Vec<(&str, String)> =
            case.headers.iter().map(|(name, value)| (*name, value.replace(TAG, &tag))).collect();
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, &**value)).collect();
        self.client.try_send(case.method, &self.here(&case.target), &headers).ok()
    }

    fn here(&self, target: &str) -> String {
        target.replace(ORIGIN, &self.origin.address()).replace(PORTED, &self.ported.address())
    }

    fn asked(&self) -> u32 {
        self.origin.requests() + self.ported.requests()
    }
}
