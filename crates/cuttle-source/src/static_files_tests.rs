//! A build as Next 16 lays it out, cut down to what counts.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::{Manifests, open_folder};

const NO_MIDDLEWARE: &str = r#"{"version":3,"middleware":{},"functions":{},"sortedMiddleware":[]}"#;
const NO_FUNCTIONS: &str = r#"{"version":1,"functions":{}}"#;
const ROUTES: &str = r#"{"version":3,"redirects":[],"rewrites":[],"headers":[
    {"source":"/docs/:path*","regex":"^/docs(?:/((?:[^/]+?)(?:/(?:[^/]+?))*))?(?:/)?$",
     "headers":[{"key":"X-Frame-Options","value":"DENY"},{"key":"Cache-Control","value":"no-cache"}]},
    {"source":"/docs/who.txt","regex":"^/docs/who\\.txt(?:/)?$","has":[{"type":"cookie","key":"a"}],
     "headers":[{"key":"Cache-Control","value":"private"}]}]}"#;

fn write(folder: &Path, name: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
    fs::write(&path, name).expect("a file");
    let before = SystemTime::now() - Duration::from_secs(60);
    File::options().write(true).open(path).and_then(|it| it.set_modified(before)).expect("a time");
}

fn project() -> (TempDir, StaticFiles) {
    let folder = tempfile::tempdir().expect("a folder");
    let built = folder.path().join(".next/static");
    let public = folder.path().join("public");
    for name in
        ["chunks/a.js", "chunks/app/[id]/(x)/@y/b.js", "service-worker/sw.js", ".hidden/a.js"]
    {
        write(&built, name);
    }
    for name in ["a b.txt", "who.txt", "_next/image", "_next/static/x.js", ".well-known/a.txt"] {
        write(&public, name);
    }
    write(folder.path(), "secret.txt");
    symlink("../secret.txt", public.join("out.txt")).expect("a link");
    symlink("a b.txt", public.join("in.txt")).expect("a link");
    symlink("../../..", built.join("up")).expect("a link");
    fs::write(public.join("young.txt"), "half").expect("a file");
    let folders = [&built, &public].map(|folder| open_folder(folder).ok());
    let coverage = Coverage::of_build(Manifests {
        routes: Some(ROUTES),
        middleware: Some(NO_MIDDLEWARE),
        functions: Some(NO_FUNCTIONS),
    });
    let manner = Manner { etags: true, compress: true };
    (folder, StaticFiles::new("/docs", folders, coverage, manner))
}

#[test]
fn a_file_is_found_where_next_would_send_it_to_anyone() {
    let (_folder, files) = project();
    for (path, hashed) in [
        ("/docs/_next/static/chunks/a.js", true),
        ("/docs/_next/static/chunks/app/%5Bid%5D/(x)/%40y/b.js", true),
        ("/docs/_next/static/chunks/app/[id]/%28x%29/@y/b.js", true),
        ("/docs/a%20b.txt", false),
        ("/docs/%61%20b.txt", false),
        ("/docs/in.txt", false),
    ] {
        let found = files.open(path, true).unwrap_or_else(|| panic!("{path}"));
        assert_eq!(found.hashed, hashed, "{path}");
        assert_eq!(found.headers["x-frame-options"], "DENY", "{path}");
        assert_eq!(found.headers["cache-control"], "no-cache", "{path}");
    }
}

#[test]
fn whatever_is_not_certain_is_not_found() {
    let (_folder, files) = project();
    for path in [
        // It depends on who asks.
        "/docs/who.txt",
        // It may be half of a file.
        "/docs/young.txt",
        // Next sends it otherwise.
        "/docs/_next/static/service-worker/sw.js",
        "/docs/_next/image",
        "/docs/_next/static/x.js",
        "/docs/.well-known/a.txt",
        "/docs/_next/static/.hidden/a.js",
        // It is nowhere, or elsewhere.
        "/docs/none.txt",
        "/docs",
        "/docs/",
        "/a%20b.txt",
        "/docsa%20b.txt",
        "/_next/static/chunks/a.js",
        "/docs/_next/static/chunks",
        "/docs/_next/static/chunks/",
        "/docs/_next/static/chunks/a.js/",
        // It leads outside.
        "/docs/out.txt",
        "/docs/../secret.txt",
        "/docs/..%2fsecret.txt",
        "/docs/%2e%2e/secret.txt",
        "/docs/_next/static/up/secret.txt",
        "/docs/_next/static/..%2f..%2fsecret.txt",
        // It has another name.
        "/docs//a%20b.txt",
        "/docs/./a%20b.txt",
        "/docs/x/../a%20b.txt",
        "/docs/%2e/a%20b.txt",
        "/docs/x/%2E%2e/a%20b.txt",
        "//docs/a%20b.txt",
        "/docs/a%20b.txt%00",
        "/docs/_next/static/../../a%20b.txt",
        "*",
        "",
    ] {
        assert!(files.open(path, true).is_none(), "{path}");
    }
    assert!(files.open("/docs/a%20b.txt", false).is_none(), "public/ of a build that may not run");
    assert!(files.open("/docs/_next/static/chunks/a.js", false).is_some());
}
