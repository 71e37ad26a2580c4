//! What is counted is what happened.

use std::collections::BTreeMap;
use std::path::Path;

use cuttle_e2e::{Application, Reply, Server, folder_with_a_photo, photo, place};

const PICTURE: &str = "/_next/image?url=%2Fphoto.jpg&w=64&q=75";

/// Every series by its name and labels.
fn scrape(server: &Server) -> BTreeMap<String, f64> {
    let answer = server.admin.get("/metrics");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.header("content-type").starts_with("application/openmetrics-text;"));
    assert_eq!(answer.header("cache-control"), "private, no-store");
    server.metrics()
}

fn requests(endpoint: &str, outcome: &str) -> String {
    format!("cuttle_image_requests_total{{endpoint=\"{endpoint}\",outcome=\"{outcome}\"}}")
}

fn jobs(phase: &str) -> String {
    format!("cuttle_image_phase_seconds_count{{phase=\"{phase}\"}}")
}

#[test]
fn pictures_bytes_phases_and_refusals_are_counted() {
    let folder = folder_with_a_photo();
    place(folder.path(), "broken.jpg", &photo(640, 480, 3)[..4000]);
    let original = std::fs::metadata(folder.path().join("photo.jpg")).expect("a photo").len();
    let server = Server::start(folder.path());
    let before = scrape(&server);
    for outcome in ["hit", "stale", "miss", "collapsed", "refused"] {
        assert_eq!(before[&requests("next", outcome)], 0.0, "there before anything happened");
    }
    assert_eq!(before["cuttle_workers"], 2.0);

    let picture = server.client.get(PICTURE);
    assert_eq!((picture.status, server.client.get(PICTURE).status), (200, 200));
    let tag = picture.header("etag").to_owned();
    assert_eq!(server.client.send("GET", PICTURE, &[("if-none-match", &tag)]).status, 304);
    assert_eq!(server.client.send("HEAD", PICTURE, &[]).status, 200);
    assert_eq!(server.client.get("/_next/image?url=%2Fphoto.jpg&w=63&q=75").status, 400);
    assert_eq!(server.client.get("/_cuttle/image?src=/nothing.jpg&w=64").status, 404);
    let broken = server.client.get("/_next/image?url=%2Fbroken.jpg&w=64&q=75");
    assert_eq!((broken.status, broken.body.len()), (200, 4000), "the original");

    let now = scrape(&server);
    let sent = picture.body.len() as f64;
    for (series, expected) in [
        (requests("next", "hit"), 3.0),
        (requests("next", "miss"), 2.0),
        (requests("next", "refused"), 1.0),
        (requests("strict", "refused"), 1.0),
        (requests("strict", "miss"), 0.0),
        ("cuttle_image_refusals_total{code=\"source_not_found\"}".to_owned(), 1.0),
        ("cuttle_image_fallbacks_total{reason=\"undecodable\"}".to_owned(), 1.0),
        // Bodies only: neither the 304 nor HEAD has one.
        ("cuttle_image_sent_bytes_total".to_owned(), 2.0 * sent + 4000.0),
        ("cuttle_image_saved_bytes_total".to_owned(), 2.0 * (original as f64 - sent)),
        ("cuttle_source_bytes_total".to_owned(), original as f64 + 4000.0),
        (jobs("queue"), 2.0),
        (jobs("encode"), 2.0),
        ("cuttle_worker_jobs_total".to_owned(), 2.0),
        ("cuttle_jobs".to_owned(), 0.0),
        ("cuttle_cache_variants{tier=\"memory\"}".to_owned(), 1.0),
    ] {
        assert_eq!(now.get(&series), Some(&expected), "{series}: {now:#?}");
    }
    // One for each of the three that were loaded, and one more for each second that passed between two hits.
    assert!(now[&jobs("fetch")] >= 3.0, "{now:#?}");
    let seconds = now["cuttle_image_phase_seconds_sum{phase=\"encode\"}"];
    assert!(seconds > 0.0 && seconds < 30.0, "{seconds}");
    // SECURITY: nothing that a client chose is a label.
    assert!(now.keys().all(|series| !series.contains("jpg") && !series.contains("127.0.0.1")));
}

#[test]
fn what_is_passed_on_is_counted_by_the_class_of_its_status() {
    let application = Application::start(|_, asked| match asked.target.as_str() {
        "/missing" => Reply::bare(404),
        _ => Reply::good(b"page"),
    });
    let server = Server::serving(&["--upstream", &application.url(), "--workers", "1"]);
    for path in ["/", "/about", "/missing"] {
        let _ = server.client.get(path);
    }
    drop(application);
    assert_eq!(server.client.get("/").status, 502);
    let now = scrape(&server);
    let proxied =
        |class: &str| now[&format!("cuttle_proxied_requests_total{{status=\"{class}\"}}")];
    assert_eq!([proxied("2xx"), proxied("4xx"), proxied("5xx")], [2.0, 1.0, 1.0]);
}

#[test]
fn a_server_without_a_state_directory_serves_and_says_so() {
    let folder = folder_with_a_photo();
    let server = Server::with(folder.path(), &["--workers", "1", "--state-dir", "/proc/cuttle"]);
    assert_eq!(server.client.get(PICTURE).status, 200);
    let degraded = &server.readiness()["degraded"];
    assert!(
        degraded.as_array().is_some_and(|all| all.contains(&"no state directory".into())),
        "{degraded}"
    );
    let said = server.event("the loss", |event| event["level"] == "ERROR");
    assert!(said["error"].as_str().is_some_and(|error| error.contains("/proc/cuttle: ")), "{said}");
    assert!(!Path::new("/proc/cuttle").exists());
}
