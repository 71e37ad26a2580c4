//! Sources on other servers: patterns, and everything that an origin can do.

use super::{ORIGIN, Requests};

pub(super) fn add(requests: &mut Requests<'_>) {
    patterns(requests);
    behaviours(requests);
    // Seven seconds each: once, where Next has a deadline at all.
    if requests.app.version == 16 && !requests.rich() {
        for behaviour in ["hang", "stall"] {
            let url = format!("http://{ORIGIN}/open/{behaviour}/photo.jpg");
            requests.image("slow", &url, "photo.jpg", 64, 75);
        }
    }
}

fn patterns(requests: &mut Requests<'_>) {
    for url in [
        "http://{origin}/open/good/photo.jpg",
        "http://{origin}/open/good/photo.jpg?any=query",
        "http://{origin}/open/good/photo.jpg#fragment",
        "HTTP://{origin}/open/good/photo.jpg",
        "http:{origin}/open/good/photo.jpg",
        "http:/{origin}/open/good/photo.jpg",
        "http:\\\\{origin}/open/good/photo.jpg",
        "http://{origin}\\open\\good\\photo.jpg",
        " http://{origin}/open/good/photo.jpg ",
        "http://{origin}/open/good/ph\toto.jpg",
        "http://{origin}/open/./good/photo.jpg",
        "http://{origin}/closed/../open/good/photo.jpg",
        "http://{origin}/open/../closed/good/photo.jpg",
        "http://{origin}/open/%2e%2e/closed/good/photo.jpg",
        "http://{origin}/open/good/with space.jpg",
        "http://{origin}/open/good/絵.jpg",
        "http://{origin}/open/good/%E7%B5%B5.jpg",
        "http://{origin}/open/good/quote\".jpg",
        "http://{origin}/open/good/a.b.c.jpg",
        "http://{origin}/open/good/",
        "http://{origin}/open",
        "http://{origin}/",
        "http://{origin}",
        "http://user:pass@{origin}/open/good/photo.jpg",
        "http://user@{origin}/open/good/photo.jpg",
        "http://:pass@{origin}/open/good/photo.jpg",
        "http://{origin}/closed/good/photo.jpg",
        "https://{origin}/open/good/photo.jpg",
        "http://{origin}/searched/good/photo.jpg?x=y",
        "http://{origin}/searched/good/photo.jpg?x=z",
        "http://{origin}/searched/good/photo.jpg",
        "http://{origin}/searched/good/photo.jpg?x=y#z",
        "http://{origin}/searched/good/photo.jpg?x=y&",
        "http://{origin}/unported/good/photo.jpg",
        "http://{ported}/ported/good/photo.jpg",
        "http://{ported}/ported/deep/good/photo.jpg",
        "http://{ported}/unported/good/photo.jpg",
        "http://{ported}/open/good/photo.jpg",
        "http://{origin}/ported/good/photo.jpg",
        "http://127.0.0.1.evil.example/open/good/photo.jpg",
        "http://127.0.0.1@evil.example/open/good/photo.jpg",
        "http://local.invalid/named/photo.jpg",
        "http://local.invalid/unnamed/photo.jpg",
        "http://127.0.0.1:1/open/photo.jpg",
        "http://127.0.0.1:0/open/photo.jpg",
        "http://127.1:1/open/photo.jpg",
        "http://0x7f000001:1/open/photo.jpg",
        "http://2130706433:1/open/photo.jpg",
        "http://[::1]:1/open/photo.jpg",
        "http://127.0.0.1:99999/open/photo.jpg",
        "http://127.0.0.1:x/open/photo.jpg",
        "http://",
        "http:///open/photo.jpg",
        "//{origin}/open/good/photo.jpg",
        "ftp://{origin}/open/good/photo.jpg",
        "file:///etc/hostname",
        "data:image/png;base64,iVBORw0KGgo=",
    ] {
        requests.image("pattern", url, "photo.jpg", 64, 75);
    }
    // Three bytes each when they are encoded, or one code unit.
    let long = format!("http://{{origin}}/open/good/{}/photo.jpg", "絵".repeat(350));
    requests.image("long", &long, "photo.jpg", 64, 75);
    // Once more what is in the cache by now, by another spelling.
    for url in [
        "http://{origin}/open/good/photo.jpg",
        "http://{origin}/open/x/../good/photo.jpg",
        "http://{origin}/open/good/photo.jpg?",
    ] {
        requests.image("again", url, "photo.jpg", 64, 75);
    }
}

fn behaviours(requests: &mut Requests<'_>) {
    let statuses = [
        201, 202, 203, 205, 206, 207, 226, 300, 304, 305, 400, 401, 402, 403, 404, 405, 410, 416,
        418, 429, 451, 499, 500, 501, 502, 503, 504, 507, 599,
    ];
    for status in statuses {
        at(requests, &format!("status-{status}"));
    }
    for behaviour in [
        "bare-204",
        "bare-304",
        "empty",
        "page",
        "untyped",
        "typed-text_html",
        "typed-image_svg+xml",
        "typed-image_png",
        "typed-;",
        "chunked",
        "endless",
        "cut",
        "reset",
        "silent",
        "late",
        "dated",
        "etag-strong",
        "etag-weak",
        "etag-bare",
        "etag-long",
        "coded-gzip",
        "coded-x-gzip",
        "coded-deflate",
        "coded-raw",
        "coded-br",
        "coded-zstd",
        "coded-identity",
        "coded-gzip+gzip",
        "coded-gzip+deflate",
        "coded-gzip+broken",
        "coded-gzip+gzip+gzip+gzip+gzip+gzip",
        "redirect-1",
        "redirect-2",
        "redirect-3",
        "redirect-4",
        "location-relative",
        "location-absolute",
        "location-itself",
        "location-closed",
        "location-file",
        "location-broken",
        "location-nothing",
        "sized-1000000",
        "sized-1000001",
        "unknown",
    ] {
        at(requests, behaviour);
    }
    for value in [
        "max-age=90000",
        "max-age=5",
        "max-age=0",
        "s-maxage=90000",
        "max-age=5+s-maxage=90000",
        "s-maxage=0+max-age=90000",
        "max-age='90000'",
        "MAX-AGE=90000",
        "max-age=abc",
        "max-age=-1",
        "max-age=90000.5",
        "max-age=90000+max-age=100000",
        "max-age=99999999999",
        "private",
        "private+max-age=90000",
        "no-store",
        "no-cache",
        "no-transform",
        "public",
        "must-revalidate+max-age=90000",
        "immutable+max-age=90000",
        "stale-while-revalidate=90000",
        "private='x'",
        "PRIVATE",
        "No-Store",
    ] {
        at(requests, &format!("cc-{value}"));
    }
    for behaviour in ["cc-private", "cc-no-store", "cc-max-age=90000", "status-404", "etag-strong"]
    {
        let case = at(requests, behaviour);
        case.about = "again";
    }
}

fn at<'a>(requests: &'a mut Requests<'_>, behaviour: &str) -> &'a mut super::Case {
    let url = format!("http://{ORIGIN}/open/{behaviour}/photo.jpg");
    requests.image("origin", &url, "photo.jpg", 64, 75)
}
