//! One event for each request of an image endpoint, what to do about the first of a kind, and nothing secret in it.

use std::path::Path;

use cuttle_e2e::{Application, Reply, Server, folder_with_a_photo, photo, place};
use serde_json::Value;

const PICTURE: &str = "/_next/image?url=%2Fphoto.jpg&w=64&q=75";

fn is_picture(event: &Value) -> bool {
    event["target"] == "cuttle::image"
}

/// Serves the folder, telling of one in so many hits.
fn logging_hits(folder: &Path, log_hits: u64) -> Server {
    place(folder, "cuttle.toml", format!("[server]\nlog_hits = {log_hits}\n").as_bytes());
    let config = folder.join("cuttle.toml").display().to_string();
    Server::with(folder, &["--workers", "1", "--config", &config])
}

#[test]
fn a_request_is_told_once_with_its_outcome_its_phases_and_its_name() {
    let folder = folder_with_a_photo();
    place(folder.path(), "broken.jpg", &photo(640, 480, 3)[..4000]);
    let server = logging_hits(folder.path(), 1);
    let named = |id: &str, target: &str| {
        let answer = server.client.send("GET", target, &[("x-request-id", id)]);
        assert_eq!(answer.header("x-request-id"), id);
        answer
    };
    let picture = named("first.1_a-B", PICTURE);
    let _ = named("second", PICTURE);
    let _ = named("third", "/_next/image?url=%2Fbroken.jpg&w=64&q=75");
    let of = |id: &str| server.event(id, |event| event["request_id"] == id);

    let first = of("first.1_a-B");
    assert_eq!((&first["level"], &first["message"]), (&"INFO".into(), &"served".into()));
    assert_eq!((&first["outcome"], &first["endpoint"]), (&"miss".into(), &"next".into()));
    assert_eq!((&first["source"], &first["width"]), (&"/photo.jpg".into(), &64.into()));
    assert_eq!((&first["status"], &first["bytes"]), (&200.into(), &picture.body.len().into()));
    let ms = |name: &str| first[name].as_f64().unwrap_or_else(|| panic!("{name} of {first}"));
    assert!(ms("encode_ms") > 0.0 && ms("fetch_ms") > 0.0 && ms("queue_ms") >= 0.0);
    let phases = ms("encode_ms") + ms("fetch_ms") + ms("queue_ms");
    assert!(ms("milliseconds") >= phases, "{first}");

    let second = of("second");
    assert_eq!((&second["outcome"], &second["encode_ms"]), (&"hit".into(), &Value::Null));
    let third = of("third");
    assert_eq!((&third["level"], &third["reason"]), (&"WARN".into(), &"undecodable".into()));
    let told = |id: &str| server.log().iter().filter(|event| event["request_id"] == id).count();
    assert_eq!([told("first.1_a-B"), told("second"), told("third")], [1, 1, 1]);
    let access = server.log().into_iter().filter(|event| event["path"] == "/_next/image").count();
    assert_eq!(access, 0, "once is enough");

    for unusable in ["with space", "semi;colon", &"x".repeat(65), ""] {
        let answer = server.client.send("GET", PICTURE, &[("x-request-id", unusable)]);
        assert_eq!(answer.header("x-request-id").len(), 32, "one of ours for {unusable:?}");
    }
}

#[test]
fn refusals_name_their_source_without_its_query() {
    let application = Application::start(|_, asked| match asked.target.as_str() {
        "/broken.jpg" => Reply::bare(500),
        _ => Reply::bare(404),
    });
    let server = Server::serving(&["--optimizer-only", "--fallback", &application.url()]);
    let ask = |id: &str, target: &str| {
        let answer = server.client.send("GET", target, &[("x-request-id", id)]);
        assert!(answer.status >= 400, "{target}");
        assert_eq!(answer.header("x-request-id"), id, "a refusal has its name as well");
    };
    ask("query", "/_next/image?url=%2Fphoto.jpg%3Ftoken%3Dsecret&w=64&q=75");
    ask("unknown", "/_cuttle/image?src=/photo.jpg&w=64&token=secret");
    ask("missing", "/_cuttle/image?src=/missing.jpg&w=64");
    ask("origin", "/_cuttle/image?src=/broken.jpg&w=64");
    let event = server.event("the origin's fault", |event| event["request_id"] == "origin");
    assert_eq!((&event["level"], &event["reason"]), (&"WARN".into(), &"source_failed".into()));
    assert_eq!((&event["outcome"], &event["source"]), (&"refused".into(), &"/broken.jpg".into()));
    assert!(event["fetch_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{event}");
    assert!(!format!("{:?}", server.log()).contains("secret"), "{:#?}", server.log());
}

#[test]
fn a_site_with_every_picture_refused_has_a_line_for_each_reason_and_host_with_the_remedy() {
    let application = Application::start(|_, _| Reply::bare(404));
    let folder = tempfile::tempdir().expect("a folder");
    let lines = "[images]\nremote_patterns = [\"http://127.0.0.1:9/**\", \"http://10.0.0.7/**\"]\n";
    place(folder.path(), "cuttle.toml", lines.as_bytes());
    let config = folder.path().join("cuttle.toml").display().to_string();
    let server = Server::serving(&["--upstream", &application.url(), "--config", &config]);
    let next = |url: &str| format!("/_next/image?url={}&w=64&q=75", url.replace('&', "%26"));
    let rows = [
        ("source_not_allowed", "https://a.example/1.jpg?sig=secret", "images.remotePatterns"),
        ("source_not_allowed", "https://b.example/1.jpg", "images.remotePatterns"),
        ("address_not_allowed", "http://127.0.0.1:9/1.jpg", "[images] allow_addresses"),
        ("address_not_allowed", "http://10.0.0.7/1.jpg", "dangerouslyAllowLocalIP"),
        ("source_not_found", "/missing.jpg", "whether the original is there"),
    ];
    for _ in 0..5 {
        for (reason, url, _) in rows {
            let answer = server.client.get(&next(url));
            assert_eq!(answer.header("x-cuttle-error"), reason, "{url}");
        }
        assert_eq!(server.client.get("/_next/image?url=%2Fa.jpg&w=7&q=75").status, 400);
    }
    // The last to be logged, so all are there that will be.
    assert_eq!(server.client.send("POST", &next("/a.jpg"), &[]).status, 405);
    let _ = server.event("the last", |event| event["reason"] == "method_not_allowed");
    let log = server.log();
    let told = |reason: &str, source: &Value| {
        let fits = |event: &&Value| event["reason"] == reason && event["source"] == *source;
        let events: Vec<_> = log.iter().filter(fits).collect();
        let [event] = events[..] else { panic!("{reason} {source}: {events:#?}") };
        assert_eq!((&event["level"], &event["untold"]), (&"WARN".into(), &Value::Null), "{event}");
        event
    };
    for (reason, url, remedy) in rows {
        let event = told(reason, &url.split('?').next().into());
        assert!(event["remedy"].as_str().is_some_and(|text| text.contains(remedy)), "{event}");
    }
    let pattern = told("source_not_allowed", &"https://a.example/1.jpg".into());
    assert_eq!(pattern["detail"], "no remote pattern allows it");
    let address = told("address_not_allowed", &"http://10.0.0.7/1.jpg".into());
    assert_eq!(address["detail"], "10.0.0.7 is a private address");
    let width = told("invalid_width", &Value::Null);
    assert!(width["remedy"].as_str().is_some_and(|text| text.contains("images.deviceSizes")));
    assert!(!format!("{log:?}").contains("secret"), "{log:#?}");
}

#[test]
fn a_name_that_is_not_answered_for_is_told_of_with_the_flag_that_opens_it() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    for _ in 0..3 {
        assert_eq!(server.client.send_as("shop.example", PICTURE).status, 421);
    }
    let event = server.event("the name", |event| event["reason"] == "wrong_host");
    assert_eq!((&event["level"], &event["host"]), (&"WARN".into(), &"shop.example".into()));
    assert!(event["remedy"].as_str().is_some_and(|text| text.contains("--host")), "{event}");
    assert_eq!(server.client.send("POST", PICTURE, &[]).status, 405);
    let _ = server.event("the last", |event| event["reason"] == "method_not_allowed");
    assert_eq!(server.log().iter().filter(|event| event["reason"] == "wrong_host").count(), 1);
}

#[test]
fn hits_are_told_in_part_or_not_at_all() {
    for (log_hits, expected) in [(None, 0), (Some(0), 0), (Some(1), 9), (Some(3), 3)] {
        let folder = folder_with_a_photo();
        let server = match log_hits {
            None => Server::start(folder.path()),
            Some(log_hits) => logging_hits(folder.path(), log_hits),
        };
        let outcomes: Vec<_> = (0..10).map(|_| server.client.get(PICTURE)).collect();
        let hits =
            outcomes.iter().filter(|answer| answer.header("x-nextjs-cache") == "HIT").count();
        assert_eq!(hits, 9);
        // The last to be logged, so all are there that will be.
        assert_eq!(server.client.get("/photo.jpg").status, 200);
        let _ = server.event("the file", |event| event["path"] == "/photo.jpg");
        let told: Vec<_> = server.log().into_iter().filter(is_picture).collect();
        let of = |outcome: &str| told.iter().filter(|event| event["outcome"] == outcome).count();
        assert_eq!((of("miss"), of("hit")), (1, expected), "{log_hits:?}: {told:#?}");
        assert!(!server.log().iter().any(|event| event.to_string().contains("has no effect")));
    }
}
