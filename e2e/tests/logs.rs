//! One event for each request of an image endpoint, as loud as its fault, and nothing secret in it.

use cuttle_e2e::{Application, Reply, Server, folder_with_a_photo, photo, place};
use serde_json::Value;

const PICTURE: &str = "/_next/image?url=%2Fphoto.jpg&w=64&q=75";

fn is_picture(event: &Value) -> bool {
    event["target"] == "cuttle::image"
}

#[test]
fn a_request_is_told_once_with_its_outcome_its_phases_and_its_name() {
    let folder = folder_with_a_photo();
    place(folder.path(), "broken.jpg", &photo(640, 480, 3)[..4000]);
    let server = Server::start(folder.path());
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
fn refusals_are_as_loud_as_their_fault_and_queries_are_not_told() {
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
    ask("theirs", "/_next/image?url=%2Fphoto.jpg%3Ftoken%3Dsecret&w=64&q=75");
    ask("theirs", "/_cuttle/image?src=/photo.jpg&w=64&token=secret");
    ask("theirs", "/_cuttle/image?src=/missing.jpg&w=64");
    ask("origin", "/_cuttle/image?src=/broken.jpg&w=64");
    let event = server.event("the origin's fault", |event| event["request_id"] == "origin");
    assert_eq!((&event["level"], &event["reason"]), (&"WARN".into(), &"source_failed".into()));
    assert_eq!((&event["outcome"], &event["source"]), (&"refused".into(), &"/broken.jpg".into()));
    assert!(event["fetch_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{event}");
    let log = server.log();
    assert!(log.iter().all(|event| event["request_id"] != "theirs"), "a client fills no log");
    assert!(!format!("{log:?}").contains("secret"), "{log:#?}");
}

#[test]
fn hits_are_told_in_part_or_not_at_all() {
    for (log_hits, expected) in [(0, 0), (1, 9), (3, 3)] {
        let folder = folder_with_a_photo();
        place(
            folder.path(),
            "cuttle.toml",
            format!("[server]\nlog_hits = {log_hits}\n").as_bytes(),
        );
        let config = folder.path().join("cuttle.toml").display().to_string();
        let server = Server::with(folder.path(), &["--workers", "1", "--config", &config]);
        let outcomes: Vec<_> = (0..10).map(|_| server.client.get(PICTURE)).collect();
        let hits =
            outcomes.iter().filter(|answer| answer.header("x-nextjs-cache") == "HIT").count();
        assert_eq!(hits, 9);
        // The last to be logged, so all are there that will be.
        assert_eq!(server.client.get("/photo.jpg").status, 200);
        let _ = server.event("the file", |event| event["path"] == "/photo.jpg");
        let told: Vec<_> = server.log().into_iter().filter(is_picture).collect();
        let of = |outcome: &str| told.iter().filter(|event| event["outcome"] == outcome).count();
        assert_eq!((of("miss"), of("hit")), (1, expected), "{log_hits}: {told:#?}");
        assert!(!server.log().iter().any(|event| event.to_string().contains("has no effect")));
    }
}
