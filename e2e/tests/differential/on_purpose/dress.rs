//! What every answer of ours wears.

use super::verdicts::{is_private, scaled};
use super::{About, Row, naming};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "refusals without Content-Type, Cache-Control, nosniff",
        when: |about| about.case.asks_for_an_image() && status(about) >= 400,
        then: |_, ours| {
            ours.set("content-type", "text/plain; charset=utf-8")
                .set("cache-control", "private, no-store")
                .set("x-content-type-options", "nosniff")
                .set("x-cuttle-error", "present")
                .set("cache-status", "present")
                .any("content-length", &["exact", "present"]);
        },
    },
    Row {
        name: "what Accept names is part of the key, also where it is not offered: another client's original may be",
        when: |about| {
            let kinds = ["quality", "accept"];
            let named =
                kinds.contains(&about.case.about) && !about.case.header("accept").is_empty();
            about.shows() && named && about.is("x-nextjs-cache", "HIT")
        },
        then: |_, ours| {
            ours.any("x-nextjs-cache", &["HIT", "MISS"]);
        },
    },
    Row {
        name: "no nosniff, no Cache-Status on pictures",
        when: |about| about.case.asks_for_an_image() && matches!(status(about), 200 | 304),
        then: |_, ours| {
            ours.set("x-content-type-options", "nosniff").set("cache-status", "present");
        },
    },
    Row {
        name: "unquoted ETag",
        when: |about| about.case.asks_for_an_image() && about.next.is("etag", "unquoted"),
        then: |_, ours| {
            ours.set("etag", "quoted");
        },
    },
    Row {
        name: "SVG, BMP, ICO gzipped by compress",
        when: |about| about.case.asks_for_an_image() && about.is("vary", "Accept, Accept-Encoding"),
        then: |about, ours| {
            ours.set("vary", "Accept").set("content-encoding", "");
            if about.is("status", "200") {
                ours.set("content-length", "exact");
            }
        },
    },
    Row {
        name: "/photo.jpg, /photo.jpg?, /photo.jpg#x, /photo.jpg?v=1 are four entries",
        when: |about| {
            about.shows()
                && !is_private(about.behaviour())
                && about.is("x-nextjs-cache", "MISS")
                && has_another_spelling(about)
        },
        then: |about, ours| {
            ours.any("x-nextjs-cache", &["MISS", "HIT"]);
            ours.any("asked", &[about.next.get("asked"), ""]);
        },
    },
    Row {
        name: "Content-Disposition with raw Latin-1 bytes or double encoding",
        when: |about| {
            let said = about.next.get("content-disposition");
            about.case.asks_for_an_image() && !said.is_empty() && said != plain_name(about)
        },
        then: |about, ours| {
            ours.set("content-disposition", plain_name(about));
        },
    },
    Row {
        name: "output served even when larger than the source",
        when: |about| {
            let resized = about.source().is_none_or(|_| scaled(about) != own_size(about));
            about.shows() && !resized && about.is("body", "a picture") && may_be_sent(about)
        },
        then: |about, ours| {
            let kind = about.source().and_then(|source| source.kind).unwrap_or_default();
            let said = about.next.get("kind").to_owned();
            let names = [named(about, &said), named(about, kind)];
            ours.any("body", &["a picture", "the original"])
                .any("kind", &[&*said, kind])
                .any("content-type", &[&*said, kind]);
            if !about.is("content-disposition", "") {
                ours.any("content-disposition", &[&*names[0], &*names[1]]);
            }
        },
    },
    Row {
        name: "the last row that shrinking on load makes of a JPEG",
        when: |about| {
            about.shows()
                && about.is("body", "a picture")
                && about.source().is_some_and(|s| s.size.is_some())
                && !about.is("size", &scaled(about))
        },
        then: |about, ours| {
            ours.set("size", scaled(about)).any("picture", &["unlike"]);
        },
    },
    Row {
        name: "a 404 is remembered for a minute",
        when: |about| about.remote() && about.is("status", "404") && about.is("asked", "1"),
        then: |_, ours| {
            ours.any("asked", &["1", ""]);
        },
    },
];

/// Every client can show it, or this one says so.
fn may_be_sent(about: &About<'_>) -> bool {
    let kind = about.source().and_then(|source| source.kind).unwrap_or_default();
    match kind {
        "image/webp" | "image/avif" => about.case.header("accept").contains(kind),
        kind => kind != "image/tiff",
    }
}

fn own_size(about: &About<'_>) -> String {
    let size = about.source().and_then(|source| source.size);
    size.map_or(String::new(), |(width, height)| format!("{width}×{height}"))
}

fn named(about: &About<'_>, kind: &str) -> String {
    let inline = about.usual.get("content-disposition").starts_with("inline");
    naming::disposition(inline, &about.case.url, kind.trim_start_matches("image/"))
}

fn plain_name(about: &About<'_>) -> String {
    let said = about.next.get("content-disposition");
    let extension = said.rsplit(['.', '"']).find(|part| !part.is_empty()).unwrap_or_default();
    naming::disposition(said.starts_with("inline"), &about.case.url, extension)
}

/// The cache may have it under the canonical one.
fn has_another_spelling(about: &About<'_>) -> bool {
    let url = &about.case.url;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_:=&{}".contains(&byte);
    url.bytes().enumerate().any(|(at, byte)| match byte {
        b'.' => url[..at].ends_with('/'),
        // Of a file of `public/` a query says nothing.
        b'?' => at + 1 == url.len() || url.starts_with('/'),
        byte => !plain(byte),
    })
}

fn status(about: &About<'_>) -> u16 {
    about.next.get("status").parse().unwrap_or(0)
}
