//! Files of a real build that Cuttle sends itself, beside those of `next start`.

mod coding;
mod deployed;
mod guarded;
mod likeness;

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use cuttle_e2e::{NextApp, NextServer, Server, photo, place};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tempfile::TempDir;

/// What a browser leaves as it is.
const SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'(').remove(b')');

/// A copy of a build with a `public/` of our own, all of it written long ago.
pub(crate) fn copied(version: u32, configuration: &'static str) -> (NextApp, TempDir) {
    let (app, copy) = NextApp::built(version, configuration).copied();
    let public = app.folder().join("public");
    // Other tests leave theirs there.
    let _ = fs::remove_dir_all(&public);
    let lines = "A line of text that is there again and again.\n".repeat(400);
    for (name, bytes) in [
        ("photo.jpg", photo(320, 240, 1).as_slice()),
        ("deep/er/drawing.svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
        ("robots.txt", b"User-agent: *\n"),
        ("lines.txt", lines.as_bytes()),
        ("site.webmanifest", b"{}"),
        ("sitemap.xml", lines.as_bytes()),
        ("page.html", b"<!doctype html><p>A page"),
        ("sw.js", b"self.addEventListener('fetch', () => {})"),
        ("fonts/a.woff2", b"wOF2"),
        ("with space \u{fc}.txt", b"a name"),
        ("noext", b"a name"),
        ("empty.txt", b""),
        (".well-known/security.txt", b"Contact: mailto:a@example.com\n"),
        ("large.bin", &vec![7; 3 << 20]),
        ("large.txt", "0123456789abcdef".repeat(200_000).as_bytes()),
        ("labelled/a.jpg", &photo(64, 48, 2)),
        ("private/secret.txt", b"a secret"),
        ("members.jpg", &photo(64, 48, 3)),
        ("moved.jpg", &photo(64, 48, 4)),
        ("swapped.jpg", &photo(64, 48, 5)),
        ("other.jpg", &photo(64, 48, 6)),
    ] {
        place(&public, name, bytes);
    }
    age(app.folder());
    (app, copy)
}

/// As of ten minutes ago: what was written just now may be half a file.
pub(crate) fn age(folder: &Path) {
    let before = SystemTime::now() - Duration::from_secs(600);
    for name in below(folder) {
        let file = File::options().write(true).open(folder.join(name)).expect("a file");
        file.set_modified(before).expect("a file of ours");
    }
}

/// The names of all files beneath a folder.
pub(crate) fn below(folder: &Path) -> Vec<String> {
    let (mut names, mut folders) = (Vec::new(), vec![String::new()]);
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(folder.join(&inner)).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = format!("{inner}{}", entry.file_name().to_str().expect("UTF-8"));
            match entry.file_type().expect("a kind") {
                kind if kind.is_dir() => folders.push(format!("{name}/")),
                kind if kind.is_file() => names.push(name),
                _ => {}
            }
        }
    }
    names.sort();
    names
}

/// As a page asks for it.
pub(crate) fn escaped(name: &str) -> String {
    let segments = name.split('/').map(|it| utf8_percent_encode(it, SEGMENT).to_string());
    segments.collect::<Vec<_>>().join("/")
}

/// Cuttle in front of it, which sends its files.
pub(crate) fn in_front(project: &Path, next: &NextServer) -> Server {
    let (project, url) = (project.to_str().expect("UTF-8"), format!("http://{}", next.address));
    Server::serving(&["--next", project, "--upstream", &url, "--static-files", "--workers", "1"])
}

/// How often the application was asked so far.
pub(crate) fn asked(server: &Server) -> u64 {
    let metrics = server.metrics();
    let of_app = |(name, _): &(&String, &f64)| name.starts_with("cuttle_proxied_requests_total");
    metrics.iter().filter(of_app).map(|(_, count)| *count as u64).sum()
}

/// Whether the application was asked for it meanwhile.
pub(crate) fn passed_on<T>(server: &Server, ask: impl FnOnce() -> T) -> (T, bool) {
    let before = asked(server);
    let answer = ask();
    (answer, asked(server) > before)
}
