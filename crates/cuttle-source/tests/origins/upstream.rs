//! The application behind us: its own origin, its own headers, nothing of whoever asked.

use std::sync::Arc;

use cuttle_contract::Failure;
use cuttle_net::SystemResolver;
use cuttle_source::{Forwarded, LoadError, Origins, Upstream};
use http::{HeaderName, HeaderValue};
use url::Url;

use crate::origin::{Answer, ScriptedOrigin, answer, redirect};
use crate::{Setting, loaded, local, refused, settings};

fn behind(there: &ScriptedOrigin, public_url: Option<&str>) -> Origins {
    let url = Url::parse(&there.url("/")).expect("a URL");
    let public_url = public_url.map(|url| Url::parse(url).expect("a URL"));
    let upstream =
        Upstream::new(&url, public_url.as_ref(), Arc::new(SystemResolver::default()), settings());
    Origins::default().with_upstream(upstream.expect("an origin"))
}

#[tokio::test]
async fn the_url_is_assembled_and_the_headers_are_the_same_for_everyone() {
    let there = ScriptedOrigin::start(|_, _| answer(200, &[], b"a picture")).await;
    let origins = behind(&there, Some("https://shop.example"));
    for path in
        ["/a.jpg", "/a%20b.jpg?v=1", "/@evil.example/a", "/http://evil.example/a", "/%E4%BD%A0"]
    {
        let loaded = loaded(Setting::default().load(&origins, &local(path), None).await);
        assert!(!loaded.state.freshness.private);
        let seen = there.seen().pop().expect("a request");
        assert_eq!(seen.target, local(path).as_str());
        let mut names: Vec<_> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let expected = [
            "accept",
            "accept-encoding",
            "cdn-loop",
            "host",
            "sec-fetch-dest",
            "user-agent",
            "x-forwarded-host",
            "x-forwarded-proto",
        ];
        assert_eq!(names, expected);
        for (name, value) in [
            ("host", there.address.to_string().as_str()),
            ("cdn-loop", "cuttle; id=af1349b9f5f9a1a6"),
            ("sec-fetch-dest", "image"),
            ("x-forwarded-host", "shop.example"),
            ("x-forwarded-proto", "https"),
        ] {
            assert_eq!(seen.header(name), Some(value), "{path}");
        }
    }
}

#[tokio::test]
async fn redirects_of_the_application_are_not_followed() {
    let there = ScriptedOrigin::start(|_, _| redirect(302, "/login")).await;
    let error = refused(Setting::default().load(&behind(&there, None), &local("/a"), None).await);
    assert_eq!(error.failure(), Failure::SourceFailed { status: Some(302) });
    assert_eq!(there.seen().len(), 1);
}

#[tokio::test]
async fn what_a_guard_of_the_application_says_is_the_answer() {
    let there = ScriptedOrigin::start(|_, _| answer(401, &[], b"log in")).await;
    let error = refused(Setting::default().load(&behind(&there, None), &local("/a"), None).await);
    assert_eq!(error.failure(), Failure::SourceFailed { status: Some(401) });
    assert!(error.is_gone());
}

#[tokio::test]
async fn named_headers_reach_the_application() {
    let there = ScriptedOrigin::start(|_, seen| match seen.header("cookie") {
        Some("session=1") => answer(200, &[("cache-control", "public, max-age=60")], b"mine"),
        _ => answer(401, &[], b"log in"),
    })
    .await;
    let cookie = (HeaderName::from_static("cookie"), HeaderValue::from_static("session=1"));
    let forwarded = Forwarded::new([cookie]).expect("cookies may be forwarded");
    let setting = Setting { forwarded, ..Setting::default() };
    let origins = behind(&there, None);
    let loaded = loaded(setting.load(&origins, &local("/a"), None).await);
    assert_eq!(loaded.intake.bytes, b"mine");
    let error = refused(Setting::default().load(&origins, &local("/a"), None).await);
    assert!(matches!(error, LoadError::Status { status: 401, .. }));
}

#[tokio::test]
async fn credentials_for_the_application_never_reach_a_remote_server() {
    let there = ScriptedOrigin::start(|_, _| answer(200, &[], b"a picture")).await;
    let cookie = (HeaderName::from_static("cookie"), HeaderValue::from_static("session=1"));
    let forwarded = Forwarded::new([cookie]).expect("cookies may be forwarded");
    let setting = Setting { forwarded, ..Setting::default() };
    let source = crate::remote(&there.url("/a"));
    let loaded = loaded(setting.load(&crate::open(), &source, None).await);
    assert!(!loaded.state.freshness.private);
    assert_eq!(there.seen()[0].header("cookie"), None);
}

#[tokio::test]
async fn an_application_that_is_down_is_asked_again_within_the_budget() {
    let there = ScriptedOrigin::start(|number, _| match number {
        0 | 1 => Answer::Bytes(Vec::new()),
        _ => answer(200, &[], b"back"),
    })
    .await;
    let outcome = Setting::default().load(&behind(&there, None), &local("/a"), None).await;
    assert_eq!(loaded(outcome).intake.bytes, b"back");
    assert_eq!(there.seen().len(), 3);
}
