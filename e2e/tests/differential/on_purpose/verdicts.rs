//! What is answered: the rows under which ours says something else than Next.

use percent_encoding::percent_decode_str;

use super::{About, Row};
use crate::requests::{TAG, rich};

const UPSTREAM: &str = "\"url\" parameter is valid but upstream response is invalid";
const INTERNAL: &str = "\"url\" parameter is valid but internal response is invalid";
const NO_PICTURE: &str = "The requested resource isn't a valid image.";
const INVALID: &str = "\"url\" parameter is invalid";
const TOO_LONG: &str = "\"url\" parameter is too long";
const NOT_ALLOWED: &str = "\"url\" parameter is not allowed";
const UNEXPECTED: &str = "Internal Server Error";

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "every method answered like GET",
        when: |about| about.case.asks_for_an_image() && !reads(about),
        then: |about, ours| {
            ours.refuse(about, 405, "Method Not Allowed").set("allow", "GET, HEAD");
        },
    },
    Row {
        name: "/_next/image/ answers 308",
        when: |about| reads(about) && about.case.asks_for_an_image() && about.is("status", "308"),
        then: |about, ours| {
            ours.show(about, "image/jpeg");
        },
    },
    Row {
        name: "malformed Accept gives 500",
        when: |about| {
            about.is("text", UNEXPECTED)
                && !about.case.header("accept").is_empty()
                && !about.remote()
        },
        then: |about, ours| {
            ours.show(about, about.modern().unwrap_or("image/jpeg"));
        },
    },
    Row {
        name: "bad percent-encoding in url gives 500",
        when: |about| {
            about.is("text", UNEXPECTED)
                && about.case.header("accept").is_empty()
                && !about.remote()
        },
        then: |about, ours| {
            ours.refuse(about, 400, INVALID);
        },
    },
    Row {
        name: "a local url with a backslash, tab or newline passes validation",
        when: |about| is_local(about) && about.case.url.contains(['\\', '\t', '\n', '\r', '\0']),
        then: |about, ours| {
            ours.refuse(about, 400, INVALID);
        },
    },
    Row {
        name: "encoded slash, backslash or NUL inside a segment",
        when: |about| is_local(about) && hides_a_separator(&about.case.url),
        then: |about, ours| {
            ours.refuse(about, 400, NOT_ALLOWED);
        },
    },
    Row {
        name: "a source below our own prefix",
        when: |about| {
            let path = percent_decode_str(&about.case.url).decode_utf8_lossy();
            is_local(about) && path.contains("/_cuttle")
        },
        then: |about, ours| {
            ours.refuse(about, 400, "\"url\" parameter cannot be recursive");
        },
    },
    Row {
        name: "a url may be nine times as long when it is encoded",
        when: |about| about.case.asks_for_an_image() && is_long_when_encoded(&about.case.url),
        then: |about, ours| {
            ours.refuse(about, 400, TOO_LONG).set("asked", "");
        },
    },
    Row {
        name: "user information in a url is sent as Basic",
        when: |about| about.remote() && names_a_user(&about.case.url),
        then: |about, ours| {
            ours.refuse(about, 400, NOT_ALLOWED).set("asked", "");
        },
    },
    Row {
        name: "connection refused, unknown host, reset: 500",
        when: |about| about.is("text", UNEXPECTED) && about.remote() && !leaves_http(about),
        then: |about, ours| {
            ours.refuse(about, 502, UPSTREAM);
        },
    },
    Row {
        name: "redirect targets not checked against the allow-list",
        when: |about| {
            let closed = about.behaviour() == "location-closed" && rich(about.app);
            closed || leaves_http(about)
        },
        then: |about, ours| {
            ours.refuse(about, 400, NOT_ALLOWED).set("asked", "1");
        },
    },
    Row {
        name: "order of formats irrelevant, AVIF wins ties alphabetically",
        when: |about| {
            let modern =
                ["image/avif", "image/webp"].into_iter().find(|kind| about.is("kind", kind));
            about.case.about == "accept" && about.shows() && modern != about.modern()
        },
        then: |about, ours| {
            ours.kind(about, about.modern().unwrap_or("image/jpeg"))
                .any("x-nextjs-cache", &["MISS", "HIT"]);
        },
    },
    Row {
        name: "animated GIF, APNG, WebP pass through at full weight",
        when: |about| {
            let moves = about.source().is_some_and(|source| source.animated);
            let webp = about.case.header("accept").contains("image/webp");
            moves && webp && about.shows() && about.is("body", "the original")
        },
        then: |about, ours| {
            ours.kind(about, "image/webp").set("body", "a picture").set("size", scaled(about));
        },
    },
    Row {
        name: "decode or encode failure: original bytes, cached for hours",
        when: |about| about.case.url.contains("/broken/") && about.shows(),
        then: |_, ours| {
            ours.set("cache-control", "private, no-store").any("x-nextjs-cache", &["MISS", "HIT"]);
        },
    },
    Row {
        name: "encode failure: original bytes where the format cannot hold the picture",
        when: |about| about.case.url.ends_with("/narrow.jpg") && about.is("body", "the original"),
        then: |about, ours| {
            let avif = about.modern() == Some("image/avif");
            ours.kind(about, if avif { "image/avif" } else { "image/jpeg" })
                .set("body", "a picture");
        },
    },
    Row {
        name: "isStatic is a raw prefix test",
        when: |about| {
            let url = &about.case.url;
            about.shows() && url.contains("/_next/static/media") && url.contains("/..")
        },
        then: |about, ours| {
            let kept = "public, max-age=315360000, immutable";
            let leads_away = about.case.url.ends_with("/photo.jpg");
            ours.set(
                "cache-control",
                if leads_away { about.usual.get("cache-control") } else { kept },
            );
        },
    },
    Row {
        name: "image types with brand mif1/avis refused",
        when: |about| {
            let avif = about.source().and_then(|source| source.kind) == Some("image/avif");
            avif && about.is("text", NO_PICTURE)
        },
        then: |about, ours| {
            let moves = about.modern().is_some();
            ours.show(about, if moves { "image/webp" } else { "image/avif" });
            ours.set("size", scaled(about)).set("text", "");
            ours.set("body", if moves { "a picture" } else { "the original" });
        },
    },
    Row {
        name: "a lifetime of more than 2^31 seconds",
        when: |about| about.shows() && about.behaviour() == "cc-max-age=99999999999",
        then: |_, ours| {
            ours.set("cache-control", "public, max-age=2147483648, must-revalidate");
        },
    },
    Row {
        name: "an animation is told by the four bytes ANIM",
        when: |about| about.case.url.ends_with("/one-frame.webp") && about.shows(),
        then: |about, ours| {
            ours.kind(about, about.modern().unwrap_or("image/jpeg"));
            ours.set("body", "a picture").set("size", scaled(about));
        },
    },
    Row {
        name: "an APNG whose default image is no frame is taken for a still",
        when: |about| {
            about.case.url.ends_with("/apart.png") && about.shows() && about.modern().is_some()
        },
        then: |about, ours| {
            ours.kind(about, "image/webp").any("picture", &["unlike"]);
        },
    },
    Row {
        name: "HTML with <svg in it is taken for SVG",
        when: |about| {
            let page = about.case.url.ends_with("/page.html") && about.case.asks_for_an_image();
            page && !about.is("text", NO_PICTURE)
        },
        then: |about, ours| {
            ours.refuse(about, 400, NO_PICTURE);
        },
    },
    Row {
        name: "cICP, gAMA, cHRM and nclx are not looked at",
        when: |about| {
            // And inks without a profile, for which libvips assumes a press of its own.
            let tagged = [
                "/cicp",
                "/gamma",
                "/pq",
                "/hlg.",
                "/twin",
                "/p3-nclx",
                "/cmyk",
                "/ycck",
                "/jpeg-cmyk",
            ];
            about.shows() && tagged.iter().any(|name| about.case.url.contains(name))
        },
        then: |_, ours| {
            ours.any("picture", &["unlike"]);
        },
    },
    Row {
        name: "YCbCr of a TIFF that is not JPEG is taken for RGB",
        when: |about| about.shows() && about.case.url.ends_with("/ycbcr.tiff"),
        then: |_, ours| {
            ours.any("picture", &["unlike"]);
        },
    },
    Row {
        name: "a BigTIFF is not recognised",
        when: |about| {
            let big = ["/big.tiff", "/big-big-endian.tiff"];
            about.is("text", NO_PICTURE) && big.iter().any(|name| about.case.url.ends_with(name))
        },
        then: |about, ours| {
            ours.show(about, about.modern().unwrap_or("image/jpeg"));
            ours.set("text", "").set("size", scaled(about));
        },
    },
    Row {
        name: "tiles of a TIFF with planes are not decoded",
        when: |about| {
            let planes = about.case.url.ends_with("/planes-tiles.tiff");
            planes && about.shows() && about.is("body", "the original")
        },
        then: |about, ours| {
            ours.kind(about, about.modern().unwrap_or("image/jpeg"));
            ours.set("body", "a picture").set("size", scaled(about)).any("picture", &["unlike"]);
        },
    },
    Row {
        // Palettes of pure colours in a drawing of a few pixels: chroma is what there is to see.
        name: "AVIF keeps the chroma of hard colours at 4:4:4",
        when: |about| {
            about.shows() && about.is("kind", "image/avif") && about.case.url.contains("/palette-")
        },
        then: |_, ours| {
            ours.any("picture", &["alike", "unlike"]);
        },
    },
    Row {
        name: "duplicate slashes, which the router redirects",
        when: |about| {
            let slashes = about.case.url.contains("//") && about.case.url.starts_with('/');
            // Elsewhere there is nothing, or it is redirected for another reason.
            let within = about.case.url.ends_with(".jpg") && about.case.url.contains("/docs/");
            let found = within || !rich(about.app);
            let refused = about.is("status", "500") || about.is("text", NOT_ALLOWED);
            slashes && found && refused && !about.case.url.starts_with("//")
        },
        then: |about, ours| {
            if about.case.url.contains("private") {
                ours.refuse(about, 401, INTERNAL);
            } else {
                ours.show(about, "image/jpeg").set("text", "");
                if about.source().is_some() {
                    ours.set("size", scaled(about));
                }
            }
        },
    },
    Row {
        name: "trailingSlash redirects a name whose dot is encoded",
        when: |about| about.case.url.ends_with("%2ejpg") && about.is("text", INTERNAL),
        then: |about, ours| {
            ours.show(about, "image/jpeg").set("text", "");
        },
    },
    Row {
        name: "names that the router of 16 does not find",
        when: |about| {
            is_local(about) && about.case.url.contains("bracket") && about.is("status", "404")
        },
        then: |about, ours| {
            ours.show(about, about.modern().unwrap_or("image/jpeg")).set("text", "");
        },
    },
    Row {
        name: "a file whose name is a percent-encoding",
        when: |about| is_local(about) && about.case.url.contains("/percent%41"),
        then: |about, ours| {
            ours.refuse(about, 404, INTERNAL);
        },
    },
    Row {
        name: "a local url is trimmed",
        when: |about| is_local(about) && about.case.url.ends_with(' '),
        then: |about, ours| {
            ours.refuse(about, 404, INTERNAL);
        },
    },
    Row {
        name: "a body that ends early is served as far as it came",
        when: |about| {
            about.behaviour() == "coded-gzip+broken"
                && about.case.asks_for_an_image()
                && about.shows()
        },
        then: |about, ours| {
            ours.refuse(about, 502, UPSTREAM);
        },
    },
    Row {
        name: "a promise, a part or a difference is served as the picture",
        when: |about| {
            matches!(about.behaviour(), "status-202" | "status-206" | "status-226" | "part")
                && about.case.asks_for_an_image()
                && about.shows()
        },
        then: |about, ours| {
            ours.refuse(about, 502, if is_local(about) { INTERNAL } else { UPSTREAM });
        },
    },
    Row {
        name: "private/no-store of the source ignored",
        when: |about| about.shows() && is_private(about.behaviour()),
        then: |about, ours| {
            ours.set("cache-control", "private, no-store").set("x-nextjs-cache", "MISS");
            ours.set("asked", if about.remote() { "1" } else { "" });
        },
    },
    Row {
        name: "without a modern format: static GIF and TIFF stay what they are",
        when: |about| {
            let kind = about.source().and_then(|source| source.kind);
            let stays = matches!(kind, Some("image/gif" | "image/tiff"));
            stays
                && about.shows()
                && about.is("body", "a picture")
                && about.is("kind", kind.unwrap_or_default())
        },
        then: |about, ours| {
            let source = about.source().expect("it was there a moment ago");
            let paper = source.kind == Some("image/tiff") && !source.alpha;
            ours.kind(about, if paper { "image/jpeg" } else { "image/png" });
        },
    },
    Row {
        name: "WebP and AVIF with transparency downlevelled to JPEG on black",
        when: |about| {
            about.source().is_some_and(|source| {
                source.alpha && matches!(source.kind, Some("image/webp" | "image/avif"))
            }) && about.shows()
                && about.is("kind", "image/jpeg")
        },
        then: |about, ours| {
            ours.kind(about, "image/png");
        },
    },
    Row {
        name: "If-None-Match with an unquoted value gives 304",
        when: |about| {
            about.is("status", "304") && !about.case.header("if-none-match").starts_with(['*', '"'])
        },
        then: |about, ours| {
            ours.show(about, "image/jpeg");
        },
    },
    Row {
        name: "If-None-Match with our quoted value gives 304",
        when: |about| {
            let tags = about.case.header("if-none-match").split(',').map(str::trim);
            let (quoted, weak) = (format!("\"{TAG}\""), format!("W/\"{TAG}\""));
            let past = about.case.header("cache-control").contains("no-cache");
            tags.clone().any(|tag| tag == quoted || tag == weak)
                && !past
                && about.is("status", "200")
        },
        then: |about, ours| {
            for field in about.next.fields(about.next) {
                if !matches!(field, "vary" | "cache-control" | "etag" | "asked") {
                    ours.set(field, "");
                }
            }
            ours.set("status", "304");
        },
    },
];

fn reads(about: &About<'_>) -> bool {
    matches!(about.case.method, "GET" | "HEAD")
}

/// A local source that passed the checks before its path is looked at.
fn is_local(about: &About<'_>) -> bool {
    let url = &about.case.url;
    about.case.asks_for_an_image()
        && url.starts_with('/')
        && !url.starts_with("//")
        && !about.next.get("text").contains("parameter cannot be")
}

fn hides_a_separator(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    ["%2f", "%5c", "%00", "%0a", "%0d"].iter().any(|hidden| path.contains(hidden))
}

/// Over Next's number of code units in bytes, where it is not in code units.
fn is_long_when_encoded(url: &str) -> bool {
    let encoded = url.bytes().map(|byte| if byte.is_ascii() { 1 } else { 3 }).sum::<usize>();
    encoded > 3072 && url.encode_utf16().count() <= 3072
}

fn names_a_user(url: &str) -> bool {
    let rest = url.split_once("//").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

/// A redirect to what is not HTTP.
fn leaves_http(about: &About<'_>) -> bool {
    about.behaviour() == "location-file"
}

pub(super) fn is_private(behaviour: &str) -> bool {
    let behaviour = behaviour.to_ascii_lowercase();
    let value = behaviour.strip_prefix("cc-").unwrap_or(&behaviour);
    value.split('+').any(|part| matches!(part.split('=').next(), Some("private" | "no-store")))
}

/// The source at the width that was asked for; never larger than it is.
pub(super) fn scaled(about: &About<'_>) -> String {
    let Some((width, height)) = about.source().and_then(|source| source.size) else {
        return String::new();
    };
    let asked = about.case.parameter("w").parse().unwrap_or(0).min(width);
    let (width, height) = (f64::from(width), f64::from(height));
    format!("{asked}×{}", (height * f64::from(asked) / width).round())
}
