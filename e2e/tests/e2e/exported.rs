//! An exported site (`output: "export"`): its pages under clean addresses, beside its images. In any other folder a page stays a stranger.

use cuttle_e2e::{NextApp, Page, Server, folder_with_a_photo, photo, place, visited};

use crate::documents::Document;

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

/// What Next itself leaves in `out`: `posts.html` beside a folder `posts`, data of pages as `.txt`, a `404.html`.
#[test]
fn what_next_exports_has_its_pages_and_its_images() {
    let (app, _copy) = NextApp::built(16, "export").copied();
    place(app.folder(), "out/photo.jpg", &photo(1600, 1200, 1));
    let server = Server::start(&app.folder().join("out"));
    for (path, status, heading) in [
        ("/", 200, "Home"),
        ("/about", 200, "About"),
        ("/about.html", 200, "About"),
        ("/posts", 200, "Posts"),
        ("/posts/first", 200, "first"),
        ("/nothing", 404, "Not here"),
        ("/posts/second", 404, "Not here"),
    ] {
        let answer = server.client.get(path);
        let page = answer.text();
        assert_eq!(answer.status, status, "{path}");
        assert!(page.contains(&format!("<h1>{heading}</h1>")), "{path}: {page}");
    }
    for path in ["/about/", "/posts/", "/posts/first/"] {
        let answer = server.client.get(path);
        let page = path.trim_end_matches('/');
        assert_eq!((answer.status, answer.header("location")), (308, page), "{path}");
    }

    let mut page = Page::open(&format!("http://{}/", server.address), (1000, 800));
    let images = "[...document.images]";
    let whole = "every((image) => image.complete && image.naturalWidth > 0)";
    page.until("both images", &format!("{images}.length === 2 && {images}.{whole}"));
    let widths = page.is(&format!("{images}.map((image) => image.naturalWidth)"));
    assert_eq!(widths[1], 640, "as `width` says: {widths}");
    let sources = page.is(&format!("{images}.map((image) => image.currentSrc)"));
    let base = format!("http://{}/_cuttle/image?src=", server.address);
    for (source, rest) in [
        (&sources[0], "%2F_next%2Fstatic%2Fmedia%2Fhero."),
        (&sources[1], "%2Fphoto.jpg&w=640&q=60"),
    ] {
        let source = source.as_str().expect("an address");
        assert!(source.starts_with(&format!("{base}{rest}")), "{source}");
    }
    let _ = server.event("the image", |event| {
        event["endpoint"] == "strict" && event["quality"] == 60 && event["kind"] == "AVIF"
    });
    // A link is followed without another document only where the data of the page behind it is taken for what it is.
    let _ = page.is("window.before = true");
    for (path, heading) in [("/posts", "Posts"), ("/posts/first", "first")] {
        let link = format!("a[href='{path}']");
        let alive = "some((key) => key.startsWith('__reactProps'))";
        page.until(
            "the page's script",
            &format!("Object.keys(document.querySelector(\"{link}\")).{alive}"),
        );
        page.click(&link);
        let there = format!(
            "location.pathname === '{path}' && document.querySelector('h1').textContent === '{heading}'"
        );
        page.until(path, &there);
    }
    assert_eq!(page.is("window.before"), true, "it is still the first document");
}

/// The site of the test before is the one that the documents say how to make.
#[test]
fn the_loader_and_the_configuration_of_the_documents_are_those_that_were_built() {
    let loader = Document::named("docs/strict-endpoint.md").block("A loader", "js");
    assert_eq!(loader, include_str!("../../next/export/loader.js"));
    let configuration = Document::named("docs/deploying.md").block("An exported site", "js");
    let (_remark, built) =
        include_str!("../../next/export/next.config.mjs").split_once('\n').expect("a remark");
    assert_eq!(configuration, built);
}
