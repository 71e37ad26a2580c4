//! What a client gets: the right picture, under the right type, with headers that are true.

use std::path::Path;

use cuttle_demo::fixtures;
use cuttle_e2e::{Answer, Server, folder_with_a_photo, photo, place, size_of};

const NEXT: &str = "/_next/image?url=%2Fphoto.jpg&w=640&q=75";
const STRICT: &str = "/_cuttle/image?src=%2Fphoto.jpg&w=640";
const MODERN: &str = "image/avif,image/webp";

#[test]
fn a_browser_gets_avif_of_the_asked_width() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    for target in [NEXT, STRICT] {
        let answer = server.client.accepting(MODERN, target);
        assert_eq!((answer.status, answer.header("content-type")), (200, "image/avif"), "{target}");
        assert_eq!(size_of(&answer.body), (640, 480), "{target}");
        assert!(
            answer.body.len() < photo(800, 600, 1).len() / 2,
            "{target}: {} bytes",
            answer.body.len()
        );
    }
}

#[test]
fn every_header_of_a_picture_is_there_and_true() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    let table = [
        (
            NEXT,
            "public, max-age=14400, must-revalidate",
            "attachment; filename=\"photo.webp\"",
            "script-src 'none'; frame-src 'none'; sandbox;",
        ),
        (
            STRICT,
            "public, max-age=14400, stale-while-revalidate=604800",
            "inline; filename=\"photo.webp\"",
            "script-src 'none'; sandbox",
        ),
    ];
    for (target, cache_control, disposition, policy) in table {
        let answer = server.client.accepting("image/webp", target);
        assert_eq!(answer.status, 200);
        for (name, value) in [
            ("content-type", "image/webp"),
            ("cache-control", cache_control),
            ("content-disposition", disposition),
            ("content-security-policy", policy),
            ("vary", "Accept"),
            ("x-content-type-options", "nosniff"),
            ("cache-status", "cuttle; fwd=miss"),
            ("content-length", &answer.body.len().to_string()),
        ] {
            assert_eq!(answer.header(name), value, "{target}: {name}");
        }
        let tag = answer.header("etag");
        assert!(
            tag.len() > 20 && tag.starts_with('"') && tag.ends_with('"'),
            "strong and quoted: {tag}"
        );
        let again = server.client.accepting("image/webp", target);
        assert_eq!(again.header("cache-status"), "cuttle; hit", "{target}");
        assert_eq!((again.header("etag"), &again.body), (tag, &answer.body), "{target}");
    }
    assert_eq!(server.client.accepting("image/webp", NEXT).header("x-nextjs-cache"), "HIT");
}

#[test]
fn an_explicit_format_does_not_vary() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    for format in ["avif", "webp"] {
        let answer = server.client.accepting("image/png", &format!("{STRICT}&f={format}"));
        assert_eq!(answer.header("content-type"), format!("image/{format}"));
        assert_eq!(answer.header("vary"), "");
    }
}

#[test]
fn head_says_what_get_would_and_sends_no_body() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    for target in [NEXT, STRICT] {
        let head = server.client.send("HEAD", target, &[("accept", MODERN)]);
        let get = server.client.accepting(MODERN, target);
        assert_eq!((head.status, head.body.len()), (200, 0));
        for name in ["content-type", "content-length", "etag", "cache-control", "vary"] {
            assert_eq!(head.header(name), get.header(name), "{target}: {name}");
        }
    }
}

#[test]
fn a_copy_that_is_still_good_is_not_sent_again() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    for target in [NEXT, STRICT] {
        let tag = server.client.get(target).header("etag").to_owned();
        let with = |value: &str| server.client.send("GET", target, &[("if-none-match", value)]);
        for value in [tag.as_str(), &format!("\"x\", W/{tag}"), "*"] {
            let answer = with(value);
            assert_eq!((answer.status, answer.body.len()), (304, 0), "{value}");
            assert_eq!(answer.header("etag"), tag);
            assert_eq!(answer.header("vary"), "Accept");
            assert_ne!(answer.header("cache-control"), "");
            assert_eq!(answer.header("content-type"), "");
        }
        for value in ["\"other\"", tag.trim_matches('"')] {
            assert_eq!(with(value).status, 200, "{value}");
        }
    }
}

#[test]
fn next_sends_no_304_to_a_client_that_asks_past_its_caches() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    for (target, status) in [(NEXT, 200), (STRICT, 304)] {
        let tag = server.client.get(target).header("etag").to_owned();
        let headers = [("if-none-match", tag.as_str()), ("cache-control", "no-cache")];
        assert_eq!(server.client.send("GET", target, &headers).status, status, "{target}");
    }
}

#[test]
fn what_one_client_may_get_instead_is_never_sent_to_another() {
    // A tiny WebP is smaller than any AVIF of it, so a client of both gets the original.
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    let small = server.client.get("/_cuttle/image?src=/photo.jpg&w=32&f=webp");
    place(folder.path(), "small.webp", &small.body);
    let ask = |accept: &str, query: &str| {
        let target = format!("/_cuttle/image?src=/small.webp&w=3840{query}");
        server.client.accepting(accept, &target).header("content-type").to_owned()
    };
    assert_eq!(ask("image/avif,image/webp", ""), "image/webp", "the original, passed through");
    assert_eq!(ask("*/*", "&f=avif"), "image/avif");
    assert_eq!(ask("image/avif", ""), "image/avif");
    assert!(["image/png", "image/jpeg"].contains(&ask("*/*", "").as_str()));
    assert_eq!(ask("image/avif,image/webp", ""), "image/webp", "and the first client still does");
}

#[test]
fn a_refusal_varies_like_the_answer_it_stands_for() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    for (target, vary) in [
        ("/_cuttle/image?src=/photo.jpg&w=641", "Accept"),
        ("/_cuttle/image?src=/photo.jpg&w=641&f=webp", ""),
        ("/_cuttle/image?src=/no.jpg&w=640", "Accept"),
        ("/_cuttle/image?src=/no.jpg&w=640&f=webp", ""),
    ] {
        let answer = server.client.get(target);
        assert!(answer.status >= 400);
        assert_eq!(answer.header("vary"), vary, "{target}");
    }
}

#[test]
fn only_get_and_head_are_answered() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FROBNICATE"] {
        for target in [NEXT, STRICT, "/", "/photo.jpg"] {
            let answer = server.client.send(method, target, &[]);
            assert_eq!(
                (answer.status, answer.header("allow")),
                (405, "GET, HEAD"),
                "{method} {target}"
            );
        }
    }
    assert_eq!(server.client.send("POST", NEXT, &[]).text(), "Method Not Allowed");
}

#[test]
fn a_request_that_came_through_ourselves_is_refused() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    for (value, status) in [
        ("cuttle, cuttle; id=1, cuttle; id=2", 508),
        ("cuttle", 200),
        ("cuttle; id=1, Cuttle; id=2", 200),
        ("cuttlefish, cuttlefish, cuttlefish", 200),
        ("fastly", 200),
    ] {
        let answer = server.client.send("GET", STRICT, &[("cdn-loop", value)]);
        assert_eq!(answer.status, status, "{value}");
    }
}

#[test]
fn our_prefix_is_ours_alone() {
    let folder = folder_with_a_photo();
    place(folder.path(), "_cuttle/photo.jpg", &photo(80, 60, 1));
    let server = Server::start(folder.path());
    for target in ["/%5Fcuttle/photo.jpg", "/./_cuttle/photo.jpg", "/x/../_cuttle/photo.jpg"] {
        assert_eq!(server.client.get(target).status, 404, "{target}");
    }
    for target in [
        "/_cuttle",
        "/_cuttle/",
        "/_cuttle/photo.jpg",
        "/_cuttle/images",
        "/_cuttle/gallery/x",
        "/_cuttle/image/x",
    ] {
        assert_eq!(server.client.get(target).status, 404, "{target}");
    }
    assert_eq!(server.client.get("/_cuttlefish").status, 404);
}

#[test]
fn every_fixture_comes_out_as_its_kind_demands() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let fixtures = fixtures::fixtures();
    assert!(fixtures.len() > 40, "the set was made");
    for fixture in &fixtures {
        place(folder.path(), fixture.name, &fixture.bytes);
    }
    let server = Server::start(folder.path());
    for fixture in &fixtures {
        let name = fixture.name;
        let strict = server.client.accepting(MODERN, &format!("/_cuttle/image?src=/{name}&w=3840"));
        if fixture.animated {
            // What becomes of these is said in animations.rs.
            assert_eq!(strict.status, 200, "{name}");
            let plain = server.client.get(&format!("/_next/image?url=/{name}&w=32&q=75"));
            honest(&plain, &fixture.bytes, name);
        } else if fixture.renderable {
            assert_eq!(strict.status, 200, "{name}");
            assert_eq!(
                size_of(&strict.body),
                (fixture.width, fixture.height),
                "{name}: never enlarged"
            );
            let rendered = strict.header("content-type") == "image/avif";
            assert!(
                rendered || strict.body == fixture.bytes,
                "{name}: AVIF, or the original where that is smaller"
            );
            assert!(strict.body.len() <= fixture.bytes.len() || rendered, "{name}");
            let small = server.client.get(&format!("/_next/image?url=/{name}&w=32&q=75"));
            assert_eq!(small.header("cache-status"), "cuttle; fwd=miss", "{name}: rendered");
            assert_eq!(size_of(&small.body).0, fixture.width.min(32), "{name}");
            let kind = small.header("content-type");
            assert!(
                kind == "image/jpeg" || kind == "image/png",
                "{name}: every client reads it: {kind}"
            );
        } else {
            honest(&strict, &fixture.bytes, name);
            honest(
                &server.client.get(&format!("/_next/image?url=/{name}&w=32&q=75")),
                &fixture.bytes,
                name,
            );
        }
    }
}

/// What is not rendered is passed through whole under its own type, or refused with a sentence.
fn honest(answer: &Answer, original: &[u8], name: &str) {
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{name}");
    if answer.status == 200 {
        assert_eq!(answer.body, original, "{name}: whole");
        let cache_status = answer.header("cache-status");
        assert!(
            cache_status.contains("detail=passthrough") || cache_status.contains("detail=fallback"),
            "{name}: {cache_status}"
        );
        assert!(
            answer.header("content-type").starts_with("image/"),
            "{name}: {}",
            answer.header("content-type")
        );
        assert!(!name.ends_with(".html") && !name.ends_with(".txt"), "{name} is no picture");
    } else {
        assert!(
            (400..500).contains(&answer.status) || answer.status == 502,
            "{name}: {}",
            answer.status
        );
        assert!(!answer.body.is_empty(), "{name}");
    }
}

#[test]
fn a_changed_file_shows_at_once() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    let before = server.client.get(STRICT);
    place(folder.path(), "photo.jpg", &photo(800, 600, 7));
    // A file is looked at again at most once a second; waiting for the clock is the behaviour itself.
    let changed =
        (0..200_000).any(|_| server.client.get(STRICT).header("etag") != before.header("etag"));
    assert!(changed, "the new picture was never served");
}

#[test]
fn a_deleted_file_is_gone_for_good() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    assert_eq!(server.client.get(STRICT).status, 200);
    std::fs::remove_file(folder.path().join("photo.jpg")).expect("deleted");
    let gone = (0..200_000).any(|_| server.client.get(STRICT).status == 404);
    assert!(gone, "it is served on");
    let after: Vec<u16> = (0..50).map(|_| server.client.get(STRICT).status).collect();
    assert_eq!(after, [404; 50]);
}

#[test]
fn on_loopback_only_names_of_this_machine_are_answered() {
    let folder = folder_with_a_photo();
    let server = Server::with(folder.path(), &["--workers", "1", "--host", "pictures.example"]);
    for target in ["/", "/photo.jpg", NEXT, STRICT] {
        let asked_as = |host: &str| server.client.send_as(host, target).status;
        assert_eq!(asked_as("attacker.example"), 421, "{target}");
        assert_eq!(asked_as("localhost:1234"), 200, "{target}");
        assert_eq!(asked_as("Pictures.example"), 200, "{target}");
    }
}

#[test]
fn the_same_bytes_under_another_name_cost_no_render() {
    let folder = folder_with_a_photo();
    place(folder.path(), "copy.jpg", &photo(800, 600, 1));
    let server = Server::start(folder.path());
    let first = server.client.get(STRICT);
    let jobs = |server: &Server| server.readiness()["workers"]["jobs"].as_u64();
    let before = jobs(&server);
    assert_eq!(before, Some(1), "the first was rendered");
    let copy = server.client.get("/_cuttle/image?src=%2Fcopy.jpg&w=640");
    assert_eq!(first.header("etag"), copy.header("etag"));
    assert_eq!(before, jobs(&server), "no worker was asked again");
}

#[test]
fn a_true_version_is_immutable_and_any_other_changes_nothing() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    let ordinary = "public, max-age=14400, stale-while-revalidate=604800";
    let digest = blake3::hash(&photo(800, 600, 1)).to_hex();
    for (version, expected) in [
        (&digest[..12], "public, max-age=31536000, immutable"),
        (&digest[..], "public, max-age=31536000, immutable"),
        (&digest[..11], ordinary),
        ("2026-11-21", ordinary),
    ] {
        let answer = server.client.get(&format!("{STRICT}&v={version}"));
        assert_eq!((answer.status, answer.header("cache-control")), (200, expected), "{version}");
    }
}

#[test]
fn nothing_of_the_camera_leaves() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let fixtures = fixtures::fixtures();
    let turned = fixtures
        .iter()
        .find(|f| f.bytes.windows(6).any(|w| w == b"Exif\0\0"))
        .expect("one with EXIF");
    place(folder.path(), turned.name, &turned.bytes);
    let server = Server::start(folder.path());
    for accept in ["image/avif", "image/webp", "*/*"] {
        let answer =
            server.client.accepting(accept, &format!("/_cuttle/image?src=/{}&w=96", turned.name));
        assert_eq!(answer.status, 200);
        for trace in [&b"Exif"[..], b"EXIF", b"XMP ", b"adobe.com/xap", b"ICCP", b"ICC_PROFILE"] {
            let found = answer.body.windows(trace.len()).any(|window| window == trace);
            assert!(!found, "{accept}: {}", String::from_utf8_lossy(trace));
        }
    }
}

#[test]
fn a_missing_picture_is_a_404_in_each_language() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    let next = server.client.get("/_next/image?url=%2Fno.jpg&w=640&q=75");
    assert_eq!(
        (next.status, next.text().as_str()),
        (404, "\"url\" parameter is valid but internal response is invalid")
    );
    let strict = server.client.get("/_cuttle/image?src=%2Fno.jpg&w=640");
    assert_eq!((strict.status, strict.header("x-cuttle-error")), (404, "source_not_found"));
    assert!(
        !strict.text().contains(&*Path::new(folder.path()).to_string_lossy()),
        "no path of the machine"
    );
}
