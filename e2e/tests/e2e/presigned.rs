//! Presigned URLs: what they showed outlives them, and nothing else outlives a refusal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use cuttle_e2e::{Answer, Application, Reply, Server, photo, place, until};

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// How many seconds until a URL ends, which must have shown its picture by then: more for a machine that was too slow.
const SECONDS: [u64; 4] = [2, 4, 8, 30];

/// A bucket that can be shut, and a server for which everything of it is due at once.
struct Setting {
    bucket: Application,
    shut: Arc<AtomicBool>,
    server: Server,
    _folder: tempfile::TempDir,
}

impl Setting {
    fn start(stale_if_error: &str) -> Self {
        let shut = Arc::<AtomicBool>::default();
        let (is_shut, picture) = (Arc::clone(&shut), photo(320, 240, 1));
        let bucket = Application::start(move |_, _| match is_shut.load(Ordering::Relaxed) {
            true => Reply::bare(403),
            false => Reply::good(&picture),
        });
        let folder = tempfile::tempdir().expect("a folder");
        let lines = format!(
            "[images]\nremote_patterns = [\"{}/**?*\"]\nallow_addresses = [\"127.0.0.1\"]\nmin_ttl = \"0s\"\nstale_while_revalidate = \"0s\"\nstale_if_error = \"{stale_if_error}\"\n[cache]\nsource_ttl = \"0s\"\n",
            bucket.url()
        );
        place(folder.path(), "cuttle.toml", lines.as_bytes());
        let config = folder.path().join("cuttle.toml").display().to_string();
        let server = Server::serving(&["--upstream", &bucket.url(), "--config", &config]);
        Self { bucket, shut, server, _folder: folder }
    }

    fn ask(&self, query: &str) -> Answer {
        let url = format!("{}/p.jpg?{query}", self.bucket.url());
        let url = url.replace('&', "%26").replace('=', "%3D");
        self.server.client.get(&format!("/_next/image?url={url}&w=64&q=75"))
    }

    /// Shows the pictures of `queries`, which name a second that is soon, and shuts the bucket before it. The second is over when
    /// this returns.
    fn shown_until_soon<const N: usize>(
        &self,
        queries: impl Fn(u64) -> [String; N],
        while_shut: impl Fn(),
    ) -> [String; N] {
        let shown = SECONDS.into_iter().find_map(|seconds| {
            let soon = now() + seconds;
            let queries = queries(soon);
            for query in &queries {
                let answer = self.ask(query);
                assert_eq!(answer.status, 200, "{query}: {}", answer.text());
            }
            (now() < soon).then_some((queries, soon))
        });
        let (queries, soon) = shown.expect("this machine is too slow for this test");
        self.shut.store(true, Ordering::Relaxed);
        while_shut();
        until("the second that the URLs name", || now() >= soon);
        queries
    }
}

#[test]
fn what_a_presigned_url_showed_outlives_it_and_a_refusal_before_its_time_does_not() {
    let setting = Setting::start("1h");
    let later = now() + 1000;
    let revoked = [format!("exp={later}"), format!("Expires={later}"), "v=1".to_owned()];
    for query in &revoked {
        let answer = setting.ask(query);
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    }
    let queries = |soon| {
        [
            format!("X-Amz-Signature=a&exp={soon}"),
            format!("Expires={soon}&Signature=a"),
            // Of these the time was over before they were fetched, or nobody knows which time it is.
            "Expires=1".to_owned(),
            format!("exp={soon}&Expires=1"),
            format!("exp={soon}&exp=1"),
        ]
    };
    let queries = setting.shown_until_soon(queries, || {
        for query in &revoked {
            assert_eq!(setting.ask(query).status, 403, "{query}");
        }
    });
    let (ends, appended) = queries.split_at(2);
    for query in ends {
        let answer = setting.ask(query);
        assert_eq!((answer.status, answer.header("x-nextjs-cache")), (200, "STALE"), "{query}");
        assert_eq!(setting.ask(query).status, 200, "and again");
    }
    for query in appended {
        assert_eq!(setting.ask(query).status, 403, "{query}");
    }
}

#[test]
fn it_does_not_outlive_it_for_longer_than_stale_if_error() {
    let setting = Setting::start("0s");
    let [query] = setting.shown_until_soon(|soon| [format!("exp={soon}")], || {});
    assert_eq!(setting.ask(&query).status, 403);
}
