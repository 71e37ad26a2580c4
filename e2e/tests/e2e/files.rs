//! The folder: its plain files, what is never given away, and the page for people.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use cuttle_e2e::{Server, folder_with_a_photo, photo, place, size_of};

#[test]
fn plain_files_are_served_whole_and_conditionally() {
    let folder = folder_with_a_photo();
    place(folder.path(), "sub/notes.txt", b"hello");
    let server = Server::start(folder.path());
    let answer = server.client.get("/photo.jpg");
    assert_eq!((answer.status, answer.header("content-type")), (200, "image/jpeg"));
    assert_eq!(answer.body, photo(800, 600, 1));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let tag = answer.header("etag").to_owned();
    assert_eq!(server.client.send("GET", "/photo.jpg", &[("if-none-match", &tag)]).status, 304);
    let head = server.client.send("HEAD", "/photo.jpg", &[]);
    assert_eq!(
        (head.status, head.header("content-length")),
        (200, &*photo(800, 600, 1).len().to_string())
    );
    assert_eq!(server.client.get("/sub/notes.txt").text(), "hello");
    assert_eq!(server.client.get("/sub/./../sub//notes.txt?v=1").text(), "hello");
}

/// Whoever counts upwards would have it read and digested each time, and an entry kept for each number.
#[test]
fn a_query_on_a_file_is_neither_read_nor_kept_again() {
    let folder = folder_with_a_photo();
    let length = photo(800, 600, 1).len() as f64;
    let settings = tempfile::tempdir().expect("a temporary folder");
    place(settings.path(), "cuttle.toml", b"[images]\nlocal_patterns = [\"/**?*\"]\n");
    let config = settings.path().join("cuttle.toml").display().to_string();
    let server = Server::with(folder.path(), &["--workers", "1", "--config", &config]);
    let ask = |n: u32| {
        let query = if n == 0 { String::new() } else { format!("%3F{n}") };
        server.client.get(&format!("/_cuttle/image?src=/photo.jpg{query}&w=64&f=webp"))
    };
    let first = ask(0);
    assert_eq!((first.status, first.header("cache-status")), (200, "cuttle; fwd=miss"));
    for n in 1..20 {
        let again = ask(n);
        assert_eq!(again.header("cache-status"), "cuttle; hit", "{n}: {}", again.status);
        assert!(again.body == first.body);
    }
    let metrics = server.metrics();
    assert_eq!(metrics["cuttle_source_bytes_total"], length, "read once");
    assert_eq!(metrics["cuttle_cache_entries{tier=\"memory\"}"], 1.0);
    // Another file under that name is seen whatever the query, as without one; and a purge with a query means the file.
    place(folder.path(), "photo.jpg", &photo(640, 640, 2));
    let patience = Instant::now() + Duration::from_secs(60);
    while size_of(&ask(1).body) != (64, 64) {
        assert!(Instant::now() < patience, "the old one is still shown");
    }
    let json = ("content-type", "application/json");
    let purged = server.admin.post("/purge", &[json], r#"{"source": "/photo.jpg?7"}"#);
    assert!(purged.text().contains("\"requests\":1"), "{}", purged.text());
}

#[test]
fn what_could_run_on_our_origin_is_an_attachment() {
    let folder = folder_with_a_photo();
    let names =
        ["page.html", "page.htm", "page.xhtml", "drawing.svg", "feed.xml", "app.js", "module.mjs"];
    for name in names {
        place(
            folder.path(),
            name,
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        );
    }
    let server = Server::start(folder.path());
    for name in names {
        let answer = server.client.get(&format!("/{name}"));
        assert_eq!(
            (answer.status, answer.header("content-disposition")),
            (200, "attachment"),
            "{name}"
        );
        assert!(answer.header("content-security-policy").contains("sandbox"), "{name}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{name}");
    }
}

#[test]
fn nothing_hidden_special_or_outside_is_given_away() {
    let outside = tempfile::tempdir().expect("a temporary folder");
    place(outside.path(), "secret.jpg", &photo(80, 60, 1));
    let folder = outside.path().join("served");
    place(&folder, "photo.jpg", &photo(80, 60, 1));
    place(&folder, ".env", b"SECRET");
    place(&folder, ".hidden.jpg", &photo(80, 60, 1));
    place(&folder, ".git/picture.jpg", &photo(80, 60, 1));
    symlink(outside.path().join("secret.jpg"), folder.join("link.jpg")).expect("a link");
    symlink("../secret.jpg", folder.join("relative.jpg")).expect("a link");
    symlink(outside.path(), folder.join("up")).expect("a link");
    symlink("/dev/zero", folder.join("zero.jpg")).expect("a link");
    rustix::fs::mkfifoat(rustix::fs::CWD, folder.join("fifo.jpg"), rustix::fs::Mode::RWXU)
        .expect("a fifo");
    let _socket = UnixListener::bind(folder.join("socket.jpg")).expect("a socket");
    let server = Server::start(&folder);
    for path in [
        "/.env",
        "/.hidden.jpg",
        "/.git/picture.jpg",
        "/.git/",
        "/link.jpg",
        "/relative.jpg",
        "/up/secret.jpg",
        "/up/",
        "/zero.jpg",
        "/fifo.jpg",
        "/socket.jpg",
        "/../secret.jpg",
        "/%2e%2e/secret.jpg",
        "/..%2fsecret.jpg",
        "/%2e%2e%2fsecret.jpg",
        "/..%5csecret.jpg",
        "/photo.jpg/",
        "/photo.jpg/x",
        "/photo.jpg%00",
        "/photo.jpg%0a",
        "/x/../../secret.jpg",
        "/%2fetc/passwd",
        "/./.env",
        "/%2eenv",
    ] {
        let plain = server.client.get(path);
        assert_eq!(plain.status, 404, "{path}: {}", plain.text());
        let escaped = path.replace('%', "%25");
        let strict = server.client.get(&format!("/_cuttle/image?src={escaped}&w=64"));
        assert!([400, 403, 404].contains(&strict.status), "strict {path}: {}", strict.status);
        let next = server.client.get(&format!("/_next/image?url={escaped}&w=64&q=75"));
        assert!([400, 404].contains(&next.status), "next {path}: {}", next.status);
    }
    assert_eq!(server.client.get("/_cuttle/image?src=/photo.jpg&w=64").status, 200);
}

#[test]
fn the_page_lists_the_pictures_and_escapes_their_names() {
    let folder = folder_with_a_photo();
    place(folder.path(), "a \"quoted\" <b>&.jpg", &photo(80, 60, 1));
    place(folder.path(), "sub dir/inner.jpg", &photo(80, 60, 1));
    place(folder.path(), "notes.txt", b"no picture");
    let server = Server::start(folder.path());
    let page = server.client.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let text = page.text();
    assert!(text.contains("photo.jpg") && text.contains("800"), "{text}");
    assert!(!text.contains("<b>&.jpg") && text.contains("&lt;b&gt;&amp;.jpg"), "names are text");
    assert!(!text.contains("notes.txt"));
    assert!(text.contains("/sub%20dir/"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(server.client.get("/sub%20dir/").text().contains("inner.jpg"));
    let redirect = server.client.get("/sub%20dir");
    assert_eq!((redirect.status, redirect.header("location")), (308, "/sub%20dir/"));
    for asset in ["gallery.js", "gallery.css"] {
        assert_eq!(server.client.get(&format!("/_cuttle/gallery/{asset}")).status, 200, "{asset}");
    }
}

#[test]
fn operators_are_answered_on_their_own_address_only() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    assert_eq!(server.admin.get("/healthz").status, 200);
    let ready = server.readiness();
    assert_eq!(
        (&ready["ready"], &ready["workers"]["alive"]),
        (&true.into(), &2.into()),
        "{ready:#}"
    );
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.client.get(path).status, 404, "{path} on the public address");
    }
    assert_eq!(server.admin.get("/photo.jpg").status, 404, "pictures on the admin address");
    let json = [("content-type", "application/json")];
    assert_eq!(server.admin.post("/readyz", &json, "{}").status, 405);
}
