//! Files through the same question, and when the application is asked instead.

use std::fs;
use std::sync::Arc;

use cuttle_contract::Failure;
use cuttle_net::SystemResolver;
use cuttle_source::{
    Coverage, LoadError, Manifests, Mount, Origins, Outcome, Upstream, Version, open_folder,
};
use url::Url;

use crate::origin::{ScriptedOrigin, answer};
use crate::{LIMITS, Setting, loaded, local, refused, settings};

fn public() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(folder.path().join("members")).expect("a folder");
    for name in ["a.jpg", "members/b.jpg"] {
        fs::write(folder.path().join(name), b"from disk").expect("a file");
    }
    fs::write(folder.path().join("empty.jpg"), b"").expect("a file");
    folder
}

fn mounted(folder: &tempfile::TempDir, prefix: &str, coverage: Coverage) -> Origins {
    Origins::new([Mount::new(prefix, open_folder(folder.path()).expect("a folder"), coverage)])
}

/// A build whose proxy guards `/docs/members`.
fn guarded_build() -> Coverage {
    Coverage::of_build(Manifests {
        routes: Some(r#"{"redirects":[],"headers":[],"rewrites":[]}"#),
        middleware: Some(r#"{"middleware":{}}"#),
        functions: Some(
            r#"{"functions":{"/_middleware":{"matchers":[{"regexp":"^/docs/members(?:/(.*))?$"}]}}}"#,
        ),
    })
}

#[tokio::test]
async fn a_file_is_loaded_once_and_then_only_looked_at() {
    let folder = public();
    let origins = mounted(&folder, "", Coverage::nothing());
    let first = loaded(Setting::default().load(&origins, &local("/a.jpg"), None).await);
    assert_eq!(
        (first.intake.bytes.as_slice(), first.intake.reserved.as_slice()),
        (&b"from disk"[..], &[9][..])
    );
    assert!(matches!(first.state.version, Version::File(_)));
    let again = Setting::default().load(&origins, &local("/a.jpg"), Some(&first.state)).await;
    let Ok(Outcome::NotModified(state)) = again else { panic!("{again:?}") };
    assert_eq!(state.digest, first.state.digest);
    fs::write(folder.path().join("new.jpg"), b"another").expect("a file");
    fs::rename(folder.path().join("new.jpg"), folder.path().join("a.jpg")).expect("a move");
    let changed = loaded(Setting::default().load(&origins, &local("/a.jpg"), Some(&state)).await);
    assert_eq!(changed.intake.bytes, b"another");
}

#[tokio::test]
async fn what_is_not_there_empty_or_too_large_says_so() {
    let folder = public();
    let origins = mounted(&folder, "", Coverage::nothing());
    let small =
        Setting { limits: cuttle_source::Limits { bytes: 8, ..LIMITS }, ..Setting::default() };
    for (setting, path, failure) in [
        (Setting::default(), "/nothing.jpg", Failure::SourceNotFound),
        (Setting::default(), "/", Failure::SourceNotFound),
        (Setting::default(), "/members", Failure::SourceNotFound),
        (Setting::default(), "/empty.jpg", Failure::SourceEmpty),
        (small, "/a.jpg", Failure::SourceTooLarge),
    ] {
        let error = refused(setting.load(&origins, &local(path), None).await);
        assert_eq!(error.failure(), failure, "{path}");
    }
}

#[tokio::test]
async fn a_mount_answers_beneath_its_prefix_only() {
    let folder = public();
    let origins = mounted(&folder, "/docs", Coverage::nothing());
    for (path, found) in [
        ("/docs/a.jpg", true),
        ("/docs/members/b.jpg?v=1", true),
        ("/a.jpg", false),
        ("/docsa.jpg", false),
        ("/docs", false),
        ("/docs/docs/a.jpg", false),
    ] {
        let outcome = Setting::default().load(&origins, &local(path), None).await;
        assert_eq!(outcome.is_ok(), found, "{path}");
    }
}

#[tokio::test]
async fn a_file_that_the_application_guards_is_asked_of_the_application() {
    let folder = public();
    let there = ScriptedOrigin::start(|_, seen| match seen.target.as_str() {
        "/docs/only-in-the-app.png" => answer(200, &[], b"from the app"),
        _ => answer(401, &[], b"log in"),
    })
    .await;
    let upstream = || {
        let url = Url::parse(&there.url("/")).expect("a URL");
        Upstream::new(&url, None, Arc::new(SystemResolver::default()), settings())
            .expect("an origin")
    };
    let guarded = mounted(&folder, "/docs", guarded_build()).with_upstream(upstream());
    let unclear = Coverage::of_build(Manifests::default());
    let unclear = mounted(&folder, "/docs", unclear).with_upstream(upstream());
    let open = loaded(Setting::default().load(&guarded, &local("/docs/a.jpg"), None).await);
    assert_eq!(open.intake.bytes, b"from disk");
    assert_eq!(there.connections(), 0);
    for (origins, path) in [
        (&guarded, "/docs/members/b.jpg"),
        (&guarded, "/docs/%6Dembers/b.jpg"),
        (&guarded, "/docs/members//b.jpg"),
        (&guarded, "/docs/x/../members/b.jpg"),
        (&unclear, "/docs/a.jpg"),
        (&unclear, "/docs/members/b.jpg"),
    ] {
        // What was known of the file before the guard was there counts for nothing.
        let outcome = Setting::default().load(origins, &local(path), Some(&open.state)).await;
        assert!(matches!(refused(outcome), LoadError::Status { status: 401, .. }), "{path}");
    }
    let only_there = local("/docs/only-in-the-app.png");
    let loaded = loaded(Setting::default().load(&guarded, &only_there, None).await);
    assert_eq!(loaded.intake.bytes, b"from the app");
}

#[tokio::test]
async fn a_guarded_file_without_an_application_is_not_there() {
    let folder = public();
    let origins = mounted(&folder, "/docs", guarded_build());
    let outcome = Setting::default().load(&origins, &local("/docs/members/b.jpg"), None).await;
    assert!(matches!(refused(outcome), LoadError::NotFound));
}

#[tokio::test]
async fn of_two_mounts_the_first_that_has_the_file_answers() {
    let (first, second) = (public(), public());
    fs::write(second.path().join("a.jpg"), b"second").expect("a file");
    fs::write(second.path().join("c.jpg"), b"second").expect("a file");
    let mount = |folder: &tempfile::TempDir| {
        Mount::new("", open_folder(folder.path()).expect("a folder"), Coverage::nothing())
    };
    let origins = Origins::new([mount(&first), mount(&second)]);
    for (path, bytes) in [("/a.jpg", &b"from disk"[..]), ("/c.jpg", b"second")] {
        let loaded = loaded(Setting::default().load(&origins, &local(path), None).await);
        assert_eq!(loaded.intake.bytes, bytes, "{path}");
    }
}
