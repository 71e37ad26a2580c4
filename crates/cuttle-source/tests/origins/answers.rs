//! What an origin may answer, and what becomes of it.

use std::io::Write as _;
use std::time::Duration;

use cuttle_contract::Failure;
use cuttle_source::{Freshness, Limits, LoadError, Outcome, Version};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use crate::origin::{Answer, ScriptedOrigin, answer, endless};
use crate::{LIMITS, Memory, Setting, loaded, open, refused, remote};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn raw_deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// One uncompressed meta-block that holds "a picture", written by hand (RFC 7932 §9.2).
const BROTLI: &[u8] = b"\x0f\x04\x80a picture\x03";

type Loading = Result<Outcome<Memory>, LoadError>;

/// An origin that always answers the same, and what came of a load from it.
async fn one(answer: impl Fn() -> Answer + Send + Sync + 'static) -> (ScriptedOrigin, Loading) {
    one_within(LIMITS, answer).await
}

async fn one_within(
    limits: Limits,
    answer: impl Fn() -> Answer + Send + Sync + 'static,
) -> (ScriptedOrigin, Loading) {
    let there = ScriptedOrigin::start(move |_, _| answer()).await;
    let setting = Setting { limits, ..Setting::default() };
    let outcome = setting.load(&open(), &remote(&there.url("/a.jpg?x=1#f")), None).await;
    (there, outcome)
}

#[tokio::test]
async fn a_request_says_who_asks_and_nothing_else() {
    let (there, outcome) =
        one(|| answer(200, &[("content-type", "image/jpeg")], b"a picture")).await;
    let loaded = loaded(outcome);
    assert_eq!(loaded.intake.bytes, b"a picture");
    assert_eq!(loaded.intake.reserved, [9]);
    assert_eq!(loaded.declared_type.as_deref(), Some("image/jpeg"));
    assert_eq!(loaded.state.digest, *blake3::hash(b"a picture").as_bytes());
    let seen = &there.seen()[0];
    assert_eq!(seen.target, "/a.jpg?x=1");
    let agent = concat!("Cuttle/", env!("CARGO_PKG_VERSION"));
    let host = there.address.to_string();
    let mut headers = seen.headers.clone();
    headers.sort();
    let expected = [
        ("accept", "*/*"),
        ("accept-encoding", "br, gzip, deflate"),
        ("cdn-loop", "cuttle; id=af1349b9f5f9a1a6"),
        ("host", &host),
        ("user-agent", agent),
    ];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn every_coding_is_undone() {
    let picture = b"a picture";
    for (coding, body) in [
        ("identity", picture.to_vec()),
        ("gzip", gzip(picture)),
        ("x-gzip", gzip(picture)),
        ("deflate", zlib(picture)),
        ("deflate", raw_deflate(picture)),
        ("br", BROTLI.to_vec()),
        ("gzip, deflate", zlib(&gzip(picture))),
        ("br, gzip", gzip(BROTLI)),
    ] {
        for with_length in [true, false] {
            let body = body.clone();
            let (_there, outcome) = one(move || match with_length {
                true => answer(200, &[("content-encoding", coding)], &body),
                false => endless(&[("content-encoding", coding)], &body),
            })
            .await;
            let loaded = loaded(outcome);
            assert_eq!(loaded.intake.bytes, picture, "{coding}, with length: {with_length}");
        }
    }
    // As in Next: the bytes are kept as they are, and found to be no picture later.
    let (_there, outcome) = one(|| answer(200, &[("content-encoding", "zstd")], b"whatever")).await;
    assert_eq!(loaded(outcome).intake.bytes, b"whatever");
}

#[tokio::test]
async fn the_limit_counts_decoded_bytes() {
    let limits = Limits { bytes: 1000, ..LIMITS };
    for (size, fits) in [(1000, true), (1001, false), (5_000_000, false)] {
        let picture = vec![7; size];
        let (plain, coded) = (picture.clone(), gzip(&picture));
        let (_a, as_it_is) = one_within(limits, move || endless(&[], &plain)).await;
        let coding = [("content-encoding", "gzip")];
        let (_b, bomb) = one_within(limits, move || endless(&coding, &coded)).await;
        for outcome in [as_it_is, bomb] {
            match fits {
                true => assert_eq!(loaded(outcome).intake.bytes, picture),
                false => assert_eq!(refused(outcome).failure(), Failure::SourceTooLarge),
            }
        }
    }
}

#[tokio::test]
async fn a_declared_length_over_the_limit_is_refused_before_the_body() {
    let there = ScriptedOrigin::start(|_, _| {
        Answer::Stall(b"HTTP/1.1 200 x\r\ncontent-length: 1000001\r\n\r\n".to_vec())
    })
    .await;
    let outcome = Setting::default().load(&open(), &remote(&there.url("/a")), None).await;
    assert!(matches!(refused(outcome), LoadError::TooLarge { limit: 1_000_000 }));
}

/// An origin that falls silent after what cannot be decoded must not keep its place until the deadline.
#[tokio::test]
async fn what_cannot_be_decoded_is_refused_although_the_origin_says_no_more() {
    let (_there, outcome) = one(|| {
        let head = b"HTTP/1.1 200 x\r\ncontent-encoding: gzip\r\ncontent-length: 1000\r\n\r\n";
        Answer::Stall([&head[..], b"not gzip at all, not at all"].concat())
    })
    .await;
    let error = refused(outcome);
    assert!(matches!(error, LoadError::Encoding(_)), "{error}");
}

#[tokio::test]
async fn what_is_no_picture_is_refused_once_and_by_whose_fault() {
    for (status, failure) in [
        (200, Failure::SourceEmpty),
        (204, Failure::SourceEmpty),
        // A promise, a part and a difference.
        (202, Failure::SourceFailed { status: None }),
        (206, Failure::SourceFailed { status: None }),
        (226, Failure::SourceFailed { status: None }),
        (300, Failure::SourceFailed { status: Some(300) }),
        (302, Failure::SourceFailed { status: Some(302) }),
        (304, Failure::SourceFailed { status: Some(304) }),
        (400, Failure::SourceFailed { status: Some(400) }),
        (401, Failure::SourceFailed { status: Some(401) }),
        (403, Failure::SourceFailed { status: Some(403) }),
        (404, Failure::SourceNotFound),
        (410, Failure::SourceFailed { status: Some(410) }),
    ] {
        let (there, outcome) = one(move || {
            Answer::Bytes(format!("HTTP/1.1 {status} x\r\nconnection: close\r\n\r\n").into_bytes())
        })
        .await;
        let error = refused(outcome);
        assert_eq!(error.failure(), failure, "{status}: {error}");
        assert_eq!(error.is_gone(), matches!(status, 401 | 403 | 404 | 410), "{status}");
        assert_eq!(there.connections(), 1, "{status} is asked for once");
    }
    let codings = [("content-encoding", "gzip,gzip,gzip")];
    let (there, outcome) = one(move || answer(200, &codings, b"x")).await;
    assert_eq!(refused(outcome).failure(), Failure::SourceFailed { status: Some(400) });
    assert_eq!(there.connections(), 1);
    for (coding, body) in [
        ("gzip", b"not gzip at all, not at all".to_vec()),
        ("gzip", gzip(&[7; 1000])[..20].to_vec()),
        ("deflate", b"\x78\x9cgarbage".to_vec()),
        ("br", b"\xff\xff\xff\xff\xff".to_vec()),
    ] {
        let shown = body.clone();
        let (there, outcome) =
            one(move || answer(200, &[("content-encoding", coding)], &body)).await;
        let error = refused(outcome);
        assert!(matches!(error, LoadError::Encoding(_)), "{coding} {shown:?}: {error}");
        assert_eq!(there.connections(), 1);
    }
}

#[tokio::test]
async fn an_origin_that_fails_twice_and_then_answers_is_asked_three_times() {
    for failing in [
        b"HTTP/1.1 503 x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".as_slice(),
        b"HTTP/1.1 429 x\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        b"HTTP/1.1 200 x\r\ncontent-length: 100\r\n\r\nonly so many",
        b"",
    ] {
        let there = ScriptedOrigin::start(move |number, _| match number {
            0 | 1 => Answer::Bytes(failing.to_vec()),
            _ => answer(200, &[], b"a picture"),
        })
        .await;
        let outcome = Setting::default().load(&open(), &remote(&there.url("/a")), None).await;
        let loaded = loaded(outcome);
        assert_eq!(loaded.intake.bytes, b"a picture", "nothing of the broken attempts is left");
        assert_eq!(loaded.state.digest, *blake3::hash(b"a picture").as_bytes());
        assert_eq!(there.seen().len(), 3);
    }
}

#[tokio::test]
async fn the_third_failure_is_the_answer() {
    let (there, outcome) = one(|| answer(500, &[], b"sorry")).await;
    assert_eq!(refused(outcome).failure(), Failure::SourceFailed { status: Some(500) });
    assert_eq!(there.seen().len(), 3);
}

#[tokio::test]
async fn every_wait_has_an_end() {
    let short = Duration::from_millis(50);
    let head = b"HTTP/1.1 200 x\r\ncontent-length: 100\r\n\r\nthe first".to_vec();
    for (limits, sent) in [
        (Limits { first_byte: short, ..LIMITS }, Vec::new()),
        (Limits { hop: short, ..LIMITS }, Vec::new()),
        (Limits { hop: short, ..LIMITS }, head.clone()),
    ] {
        let (there, outcome) = one_within(limits, move || Answer::Stall(sent.clone())).await;
        assert_eq!(refused(outcome).failure(), Failure::SourceTimeout);
        assert_eq!(there.connections(), 1, "a slow origin is not asked again");
    }
    let there = ScriptedOrigin::start(move |_, _| Answer::Stall(head.clone())).await;
    let setting = Setting { budget: short, ..Setting::default() };
    let outcome = setting.load(&open(), &remote(&there.url("/a")), None).await;
    assert_eq!(refused(outcome).failure(), Failure::SourceTimeout);
}

#[tokio::test]
async fn a_known_state_is_asked_about_and_confirmed() {
    let date = "Sat, 21 Nov 2026 11:00:00 GMT";
    let there = ScriptedOrigin::start(move |number, seen| match number {
        0 => {
            let headers =
                [("etag", "W/\"a\""), ("last-modified", date), ("cache-control", "max-age=60")];
            answer(200, &headers, b"a picture")
        }
        1 | 2 => {
            assert_eq!(seen.header("if-none-match"), Some("W/\"a\""));
            assert_eq!(seen.header("if-modified-since"), Some(date));
            let again = [("cache-control", "max-age=90")];
            let said: &[_] = if number == 1 { &[] } else { &again };
            let mut head = "HTTP/1.1 304 x\r\nconnection: close\r\n".to_owned();
            for (name, value) in said {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            Answer::Bytes(format!("{head}\r\n").into_bytes())
        }
        _ => answer(200, &[("cache-control", "private")], b"another"),
    })
    .await;
    let (origins, source) = (open(), remote(&there.url("/a")));
    let mut state = loaded(Setting::default().load(&origins, &source, None).await).state;
    let etag = Some("W/\"a\"".into());
    assert_eq!(state.version, Version::Http { etag, last_modified: Some(date.into()) });
    let stored = postcard::to_stdvec(&state).expect("memory");
    assert_eq!(postcard::from_bytes::<cuttle_source::State>(&stored).as_ref(), Ok(&state));
    for seconds in [60, 90] {
        let outcome = Setting::default().load(&origins, &source, Some(&state)).await;
        let Ok(Outcome::NotModified(now)) = outcome else { panic!("{outcome:?}") };
        assert_eq!((now.digest, &now.version), (state.digest, &state.version));
        assert!(now.checked_at >= state.checked_at);
        assert_eq!(now.freshness.max_age, Duration::from_secs(seconds));
        state = now;
    }
    let changed = loaded(Setting::default().load(&origins, &source, Some(&state)).await);
    assert_eq!(changed.intake.bytes, b"another");
    assert_eq!(changed.state.freshness, Freshness { max_age: Duration::ZERO, private: true });
    assert_ne!(changed.state.digest, state.digest);
    assert_eq!(changed.state.version, Version::Http { etag: None, last_modified: None });
}

#[test]
fn fresh_is_the_longer_of_two_lifetimes() {
    let checked_at = std::time::SystemTime::UNIX_EPOCH;
    let seconds = Duration::from_secs;
    for (max_age, min_ttl, expected) in [(60, 10, 60), (10, 60, 60), (u64::MAX, 0, 0)] {
        let state = cuttle_source::State {
            version: Version::Http { etag: None, last_modified: None },
            digest: [0; 32],
            bytes: 1,
            checked_at,
            freshness: Freshness { max_age: seconds(max_age), private: false },
        };
        assert_eq!(state.fresh_until(seconds(min_ttl)), checked_at + seconds(expected));
    }
}
