//! What an application guards stays guarded: no picture of `public/` is read around it, and no path leads out of `public/` or
//! to another server.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use cuttle_e2e::{Application, NextApp, Reply, Server, photo, place};
use rustix::fs::{CWD, FileType, Mode, mknodat};

/// A query value with everything but the plainest characters escaped.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/.-_".contains(&byte);
    text.bytes()
        .map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

fn both(path: &str) -> [String; 2] {
    let path = escaped(path);
    [format!("/_next/image?url={path}&w=64&q=75"), format!("/_cuttle/image?src={path}&w=64")]
}

fn beside(app: &Path, upstream: &str) -> Server {
    let app = app.to_str().expect("UTF-8");
    Server::serving(&["--next", app, "--upstream", upstream, "--workers", "1"])
}

#[test]
fn a_guard_of_the_application_guards_its_pictures() {
    for version in [14, 15, 16] {
        let (app, _copy) = NextApp::built(version, "plain").copied();
        let public = app.folder().join("public");
        for name in ["private/guard.jpg", "members.jpg", "labelled/guard.jpg", "guard-open.jpg"] {
            place(&public, name, &photo(320, 240, 1));
        }
        let next = app.start();
        let upstream = format!("http://{}", next.address);
        // The second time after a restart, with every cache empty again.
        for round in 0..2 {
            let server = beside(app.folder(), &upstream);
            for path in [
                "/private/guard.jpg",
                "/members.jpg",
                "/private/../private/guard.jpg",
                "/./private/guard.jpg",
                "/x/../members.jpg",
                "/%70rivate/guard.jpg",
                "/private/%67uard.jpg",
                "/private//guard.jpg",
            ] {
                for target in both(path) {
                    let answer = server.client.get(&target);
                    assert_eq!(answer.status, 401, "Next {version}, {round}: {target}");
                    assert!(!answer.header("cache-control").contains("public"), "{target}");
                }
            }
            for path in ["/guard-open.jpg", "/labelled/guard.jpg"] {
                for target in both(path) {
                    let answer = server.client.get(&target);
                    assert_eq!(answer.status, 200, "Next {version}, {round}: {target}");
                }
            }
        }
        // What no rule covers is read from the folder; everything else is the application's, which is gone.
        drop(next);
        let server = beside(app.folder(), &upstream);
        for (path, status) in [
            ("/guard-open.jpg", 200),
            ("/private/guard.jpg", 502),
            ("/members.jpg", 502),
            ("/labelled/guard.jpg", 502),
            ("/moved.jpg", 502),
            ("/swapped.jpg", 502),
        ] {
            for target in both(path) {
                assert_eq!(server.client.get(&target).status, status, "Next {version}: {target}");
            }
        }
    }
}

#[test]
fn no_spelling_of_a_path_leaves_the_application() {
    let stranger = Application::start(|_, _| Reply::good(&photo(64, 48, 1)));
    let application = Application::start(|_, _| Reply::bare(404));
    let host = stranger.url().trim_start_matches("http://").to_owned();
    let server = Server::serving(&["--upstream", &application.url(), "--workers", "1"]);
    for form in [
        "/\\HOST/x",
        "/\t/HOST/x",
        "/\n/HOST/x",
        "/\r/HOST/x",
        "//HOST/x",
        "\\\\HOST/x",
        "/\\/HOST/x",
        "/%5CHOST/x",
        "/%09/HOST/x",
        "/%2F/HOST/x",
        "/%2FHOST/x",
        "/.//HOST/x",
        "/x/..//HOST/x",
        "/@HOST/x",
        "/;@HOST/x",
        "/:@HOST/x",
        "http:/HOST/x",
        "http:HOST/x",
        "http:\\\\HOST/x",
        "http://HOST/x",
        "http://HOST:80@127.0.0.1/x",
        "http://127.0.0.1@HOST/x",
        " //HOST/x",
        "http:///HOST/x",
        "///HOST/x",
        "/\u{2044}/HOST/x",
        "/\u{ff0f}HOST/x",
        "file:///etc/hostname",
    ] {
        for target in both(&form.replace("HOST", &host)) {
            let status = server.client.get(&target).status;
            assert!((400..500).contains(&status), "{status}: {target}");
        }
    }
    assert_eq!(stranger.seen().len(), 0, "{:?}", stranger.seen());
    let own = application.url();
    for asked in application.seen() {
        assert!(asked.target.starts_with('/') && !asked.target.starts_with("//"), "{asked:?}");
        assert_eq!(format!("http://{}", asked.header("host")), own);
    }
}

/// The files of a build that Cuttle reads, with a `public/` of our own beside them.
fn project(public: impl FnOnce(&Path)) -> tempfile::TempDir {
    let built = NextApp::built(16, "plain");
    let folder = tempfile::tempdir().expect("a folder");
    for name in [
        "required-server-files.json",
        "routes-manifest.json",
        "BUILD_ID",
        "server/middleware-manifest.json",
        "server/functions-config-manifest.json",
    ] {
        let target = folder.path().join(".next").join(name);
        fs::create_dir_all(target.parent().expect("a folder above")).expect("a folder");
        fs::copy(built.folder().join(".next").join(name), target).expect("a file of the build");
    }
    fs::create_dir(folder.path().join("public")).expect("a folder");
    public(&folder.path().join("public"));
    folder
}

#[test]
fn no_path_leads_out_of_public() {
    let picture = photo(320, 240, 1);
    let project = project(|public| {
        place(public, "photo.jpg", &picture);
        place(public, "folder/photo.jpg", &picture);
        place(public, ".hidden.jpg", &picture);
        place(public, ".well/known.jpg", &picture);
        place(public, "a..b.jpg", &picture);
        let above = public.parent().expect("a folder above");
        place(above, "secret.jpg", &picture);
        place(above, "outside/secret.jpg", &picture);
        symlink("photo.jpg", public.join("inside.jpg")).expect("a link");
        symlink("../secret.jpg", public.join("outside.jpg")).expect("a link");
        symlink(above.join("secret.jpg"), public.join("absolute.jpg")).expect("a link");
        symlink("../outside", public.join("linked")).expect("a link");
        mknodat(CWD, public.join("pipe.jpg"), FileType::Fifo, Mode::from_raw_mode(0o644), 0)
            .expect("a FIFO");
    });
    let application = Application::start(|_, _| Reply::bare(404));
    let server = beside(project.path(), &application.url());
    for (path, status) in [
        ("/photo.jpg", 200),
        ("/folder/photo.jpg", 200),
        ("/folder/../photo.jpg", 200),
        ("/a..b.jpg", 200),
        ("/inside.jpg", 200),
        ("/secret.jpg", 404),
        ("/../secret.jpg", 404),
        ("/folder/../../secret.jpg", 404),
        ("/%2e%2e/secret.jpg", 404),
        ("/.%2e/secret.jpg", 404),
        ("/folder/%2E%2E/%2E%2E/secret.jpg", 404),
        ("/..%2fsecret.jpg", 400),
        ("/%2e%2e%2fsecret.jpg", 400),
        ("/folder%2fphoto.jpg", 400),
        ("/..%5csecret.jpg", 400),
        ("/..\\secret.jpg", 400),
        ("/photo.jpg%00", 400),
        ("/photo.jpg%0a", 400),
        ("/outside.jpg", 404),
        ("/absolute.jpg", 404),
        ("/linked/secret.jpg", 404),
        ("/.hidden.jpg", 404),
        ("/.well/known.jpg", 404),
        ("/folder", 404),
        ("/folder/", 404),
        ("/photo.jpg/", 404),
        ("/pipe.jpg", 404),
    ] {
        for target in both(path) {
            let began = Instant::now();
            let answer = server.client.get(&target);
            assert_eq!(answer.status, status, "{target}: {}", answer.text());
            assert!(began.elapsed() < Duration::from_secs(5), "{target}");
        }
    }
    // What no file answers for is the application's to answer, under its canonical name.
    for asked in application.seen() {
        assert!(!asked.target.contains("..") && !asked.target.contains("%2"), "{asked:?}");
    }
}
