//! An exported site (`output: "export"`): its pages under clean addresses, beside its images. In any other folder a page stays a stranger.

use cuttle_e2e::{Server, folder_with_a_photo, place, visited};

const SITE: [(&str, &str); 7] = [
    (
        "index.html",
        "<!doctype html><title>home</title><script src=/_next/static/app-1f.js></script><img src='/_next/image?url=%2Fphoto.jpg&w=640&q=75'>",
    ),
    ("about.html", "about"),
    ("blog/index.html", "blog"),
    ("blog/first.v2.html", "first"),
    ("404.html", "nothing of the site"),
    ("_next/static/app-1f.js", "document.documentElement.dataset.ran = 'yes'"),
    ("LICENSE", "text"),
];

fn site() -> (Server, tempfile::TempDir) {
    let folder = folder_with_a_photo();
    for (path, text) in SITE {
        place(folder.path(), path, text.as_bytes());
    }
    (Server::start(folder.path()), folder)
}

#[test]
fn pages_have_clean_addresses() {
    let (server, _folder) = site();
    for (path, status, text) in [
        ("/about", 200, "about"),
        ("/about.html", 200, "about"),
        ("/blog/", 200, "blog"),
        ("/blog/first.v2", 200, "first"),
        ("/nothing", 404, "nothing of the site"),
        ("/blog/nothing/", 404, "nothing of the site"),
    ] {
        let answer = server.client.get(path);
        assert_eq!((answer.status, answer.text().as_str()), (status, text), "{path}");
        assert_eq!(answer.header("content-type").split(';').next(), Some("text/html"), "{path}");
        assert_eq!(answer.header("content-disposition"), "", "{path}");
    }
    for (path, location) in [("/about/", "/about"), ("/blog", "/blog/")] {
        let answer = server.client.get(path);
        assert_eq!((answer.status, answer.header("location")), (308, location), "{path}");
    }
    let script = server.client.get("/_next/static/app-1f.js");
    assert!(script.header("content-type").contains("javascript"), "{:?}", script.headers);
    assert!(script.header("cache-control").contains("immutable"), "{:?}", script.headers);
    assert_ne!(server.client.get("/LICENSE").header("content-type"), "text/html; charset=utf-8");
    let again = server.client.send(
        "GET",
        "/about",
        &[("if-none-match", server.client.get("/about").header("etag"))],
    );
    assert_eq!(again.status, 304);
    assert_eq!(server.client.get("/.env").status, 404);
    assert_eq!(server.client.get("/../etc/passwd").status, 404);
}

#[test]
fn a_browser_shows_the_site_with_its_scripts_and_optimized_images() {
    let (server, _folder) = site();
    let document = visited(&format!("http://{}/", server.address), &[]);
    assert!(document.contains("data-ran=\"yes\""), "{document}");
    let _ = server
        .event("the image", |event| event["message"] == "served" && event["endpoint"] == "next");
}

#[test]
fn without_an_index_the_folder_is_shown_and_a_page_in_it_does_not_run() {
    let folder = folder_with_a_photo();
    place(folder.path(), "about.html", b"about");
    place(folder.path(), "sub/index.html", b"sub");
    let server = Server::start(folder.path());
    assert!(server.client.get("/").text().contains("photo.jpg"), "the page of the folder");
    assert_eq!(server.client.get("/about").status, 404);
    assert_eq!(server.client.get("/about.html").header("content-disposition"), "attachment");
    assert!(server.client.get("/sub/").text().contains("Cuttle"), "and of one below it");
}
