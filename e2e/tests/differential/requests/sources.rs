//! Sources of the application's own: files of every kind, files that rules decide over, handlers, pages.

use super::Requests;
use crate::public::NAMES;

pub(super) fn add(requests: &mut Requests<'_>) {
    kinds(requests);
    names(requests);
    rules(requests);
    handlers(requests);
    imported(requests);
}

/// Every kind of file, by what a client may say it reads, made smaller and as large as it is.
fn kinds(requests: &mut Requests<'_>) {
    let names: Vec<String> = requests
        .sources
        .keys()
        .filter(|name| {
            name.starts_with("fixtures/") || name.starts_with("broken/") || *name == "narrow.jpg"
        })
        .cloned()
        .collect();
    for name in &names {
        requests.file("kind", name, 64, 75);
        requests.file("kind", name, 64, 75).with("accept", "image/webp,*/*");
        // The older ones differ in what they say; how they encode is compared above.
        if requests.app.version < 16 {
            continue;
        }
        requests.file("kind", name, 256, 75);
        if requests.rich() {
            requests.file("kind", name, 64, 75).with("accept", "image/avif,image/webp,*/*");
        }
    }
    for name in ["drawing.svg", "plain.bmp", "favicon.ico", "still.gif", "rgb-8.png"] {
        let name = format!("fixtures/{name}");
        requests.file("encoding", &name, 64, 75).with("accept-encoding", "gzip, deflate, br");
    }
}

fn names(requests: &mut Requests<'_>) {
    for name in NAMES {
        let name = format!("names/{name}");
        requests.file("name", &name, 64, 75);
        requests.file("name", &name, 64, 75).with("accept", "image/webp");
        // As a person types it: nothing is encoded but for the query.
        let url = format!("{}/{name}", requests.base);
        requests.image("raw name", &url, &name, 64, 75);
    }
    let base = requests.base;
    for url in [
        "/photo.jpg?",
        "/photo.jpg#x",
        "/photo.jpg?#x",
        "/./photo.jpg",
        "/names/../photo.jpg",
        "/names/%2e%2e/photo.jpg",
        "/names/..%2fphoto.jpg",
        "/%70hoto.jpg",
        "/photo%2ejpg",
        "/photo.jpg/",
        "//photo.jpg",
        "/names//noext",
        "/..",
        "/.",
        "/",
        "",
        "/%00",
        "/%0a",
        "/photo.jpg%00",
        "/%E0%A4%A",
        "/%",
        "/..%5cphoto.jpg",
        "/\\photo.jpg",
        "/names\\noext",
        "/\t/photo.jpg",
        "/photo.jpg\n",
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/.next/BUILD_ID",
        "/.env",
        "/names",
        "/names/",
        "/PHOTO.JPG",
        "/photo.jpg;x",
        "/folder.jpg",
        "/folder.jpg/inside.jpg",
        "/photo.jpg?v=1",
        "/photo.jpg?v=1#x",
        "/photo.jpg%3Fv=1",
        "/_next/image?url=%2Fphoto.jpg&w=64&q=75",
        "/_next/imagesque",
        "/x/_next/image/y",
        "/%5Fnext/image",
        "/_next/data/x.json",
        "/_next/static/nowhere.jpg",
        "/favicon.ico",
        "/gallery",
        "/gallery/",
        "/nowhere.jpg",
        "/nowhere",
    ] {
        // The third is the fragment's turn to be dropped, after the query's.
        let lies =
            if url.contains("photo.jpg") || url.contains("%70hoto") { "photo.jpg" } else { "" };
        requests.image("path", &format!("{base}{url}"), lies, 64, 75);
        if !base.is_empty() {
            requests.image("path outside", url, "", 64, 75);
        }
    }
}

fn rules(requests: &mut Requests<'_>) {
    let long = format!("{}/nowhere/{}.jpg", requests.base, "ä".repeat(600));
    requests.image("long", &long, "", 64, 75);
    for (name, lies) in [
        ("/private/secret.jpg", "private/secret.jpg"),
        ("/private/./secret.jpg", "private/secret.jpg"),
        ("/private/nowhere.jpg", ""),
        ("/Private/secret.jpg", "private/secret.jpg"),
        ("/%70rivate/secret.jpg", "private/secret.jpg"),
        ("/names/../private/secret.jpg", "private/secret.jpg"),
        ("/private//secret.jpg", "private/secret.jpg"),
        ("/members.jpg", "members.jpg"),
        ("/members.jpg?x=1", "members.jpg"),
        ("/members.jpg#x", "members.jpg"),
        ("/moved.jpg", "moved.jpg"),
        ("/swapped.jpg", "other.jpg"),
        ("/aliased.jpg", "photo.jpg"),
        ("/labelled/a.jpg", "labelled/a.jpg"),
        ("/labelled/nowhere.jpg", ""),
    ] {
        let url = format!("{}{name}", requests.base);
        requests.image("rule", &url, lies, 64, 75);
        requests.image("rule", &url, lies, 64, 75).with("cookie", "session=open");
        requests.image("rule", &url, lies, 64, 75).with("authorization", "Basic b3Blbg==");
    }
}

/// `app/source/[what]` by its behaviours.
fn handlers(requests: &mut Requests<'_>) {
    for what in [
        "plain",
        "untyped",
        "mistyped",
        "private",
        "no-store",
        "no-cache",
        "max-age",
        "s-maxage",
        "short-age",
        "401",
        "403",
        "404",
        "410",
        "418",
        "429",
        "500",
        "503",
        "empty",
        "nothing",
        "part",
        "page",
        "moved",
        "thrown",
        "slow",
        "unknown",
    ] {
        let base = requests.base;
        let mut urls = vec![format!("{base}/source/{what}")];
        if requests.rich() {
            urls.push(format!("{base}/source/{what}/"));
            urls.push(format!("{base}/source/{what}/?v=1"));
        }
        for url in &urls {
            requests.image("handler", url, "photo.jpg", 64, 75);
        }
    }
    let base = requests.base;
    for url in [
        "/source/plain?v=1",
        "/source/plain/?v=1",
        "/source/plain/?v=2",
        "/source/plain/?v=1&x",
        "/source/plain?",
        "/source/plain/more/?v=1",
    ] {
        requests.image("handler", &format!("{base}{url}"), "photo.jpg", 64, 75);
    }
    // The second finds what the first left, if that may be kept.
    for what in ["plain", "private", "no-store", "max-age"] {
        let slash = requests.slash;
        requests.image("again", &format!("{base}/source/{what}{slash}"), "photo.jpg", 64, 75);
    }
}

/// Pictures that a page imports: they never change.
fn imported(requests: &mut Requests<'_>) {
    let base = requests.base;
    for name in requests.app.static_media() {
        let lies =
            if name.starts_with("hero") { "fixtures/baseline.jpg" } else { "fixtures/rgba-8.png" };
        for url in [
            format!("{base}/_next/static/media/{name}"),
            format!("{base}/_next/static/media/../media/{name}"),
            format!("{base}/x/../_next/static/media/{name}"),
        ] {
            requests.image("static", &url, lies, 64, 75);
            requests.image("static", &url, lies, 64, 75).with("accept", "image/webp");
        }
    }
    for path in [
        "/_next/static/media/../../../photo.jpg",
        "/_next/static/mediaX/photo.jpg",
        "/_next/static/media/nowhere.jpg",
    ] {
        requests.image("static", &format!("{base}{path}"), "photo.jpg", 64, 75);
    }
}
