//! A redirect is another URL by a third party, checked like the first.

use cuttle_contract::Failure;
use cuttle_source::{Limits, LoadError};

use crate::origin::{ScriptedOrigin, answer, redirect};
use crate::{LIMITS, Setting, loaded, open, refused, remote};

/// `/N` redirects N times.
async fn countdown() -> ScriptedOrigin {
    ScriptedOrigin::start(|_, seen| match seen.target[1..].parse::<u32>() {
        Ok(0) => answer(200, &[], b"there"),
        Ok(n) => redirect(302, &format!("/{}", n - 1)),
        Err(_) => answer(404, &[], b"what"),
    })
    .await
}

#[tokio::test]
async fn so_many_redirects_are_followed_and_no_more() {
    let there = countdown().await;
    for (path, redirects, arrives) in
        [("/0", 0, true), ("/1", 0, false), ("/1", 1, true), ("/3", 3, true), ("/4", 3, false)]
    {
        let setting = Setting { limits: Limits { redirects, ..LIMITS }, ..Setting::default() };
        let outcome = setting.load(&open(), &remote(&there.url(path)), None).await;
        match arrives {
            true => assert_eq!(loaded(outcome).intake.bytes, b"there"),
            false => assert_eq!(refused(outcome).failure(), Failure::TooManyRedirects, "{path}"),
        }
    }
}

#[tokio::test]
async fn each_status_that_redirects_does() {
    for status in [301, 302, 303, 307, 308] {
        let there = ScriptedOrigin::start(move |number, _| match number {
            0 => redirect(status, "b?x#fragment"),
            _ => answer(200, &[], b"there"),
        })
        .await;
        let outcome = Setting::default().load(&open(), &remote(&there.url("/d/a")), None).await;
        assert_eq!(loaded(outcome).intake.bytes, b"there");
        let targets: Vec<_> = there.seen().into_iter().map(|seen| seen.target).collect();
        assert_eq!(targets, ["/d/a", "/d/b?x"], "{status}");
    }
}

#[tokio::test]
async fn only_what_a_client_may_name_is_a_target() {
    for (location, failure) in [
        ("/forbidden?token=secret", Failure::SourceNotAllowed),
        ("file:///etc/passwd", Failure::SourceNotAllowed),
        ("data:image/png;base64,AAAA", Failure::SourceNotAllowed),
        ("http://user:pass@127.0.0.1/", Failure::SourceNotAllowed),
        ("http://", Failure::SourceFailed { status: Some(302) }),
        ("http://127.0.0.1:99999/", Failure::SourceFailed { status: Some(302) }),
    ] {
        let there = ScriptedOrigin::start(move |_, _| redirect(302, location)).await;
        let error =
            refused(Setting::default().load(&open(), &remote(&there.url("/a")), None).await);
        assert_eq!(error.failure(), failure, "{location}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert_eq!(there.connections(), 1, "{location}");
    }
}

#[tokio::test]
async fn a_redirect_to_itself_ends() {
    let there = ScriptedOrigin::start(|_, _| redirect(301, "/a")).await;
    let error = refused(Setting::default().load(&open(), &remote(&there.url("/a")), None).await);
    assert!(matches!(error, LoadError::TooManyRedirects { limit: 3 }));
    assert_eq!(there.seen().len(), 4);
}
