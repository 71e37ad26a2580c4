//! What 14 and 15 say otherwise than 16, whose texts and meanings are ours for every version
//! (`docs/next-endpoint.md`, "Builds of Next 14 and 15"). What must be said is what 16 did say to the same request.
//!
//! Not here is what an absent key of the configuration means: that stays as the older version has it.

use super::{About, Change, Row};
use crate::requests::rich;

const INTERNAL: &str = "\"url\" parameter is valid but internal response is invalid";
const NO_PICTURE: &str = "The requested resource isn't a valid image.";

const NEVER_FRESH: &str = "public, max-age=0, must-revalidate";

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "14: widths and qualities that merely begin with a number",
        when: |about| {
            let text = sixteen(about, "text");
            differs(about) && text.contains("must be an integer") && about.app.version == 14
        },
        then: as_sixteen,
    },
    Row {
        name: "14, 15: the status of the application's own answer is not looked at",
        when: |about| {
            let head = about.case.method == "HEAD" && !sixteen(about, "status").starts_with('2');
            let refused = differs(about) && (sixteen(about, "text") == INTERNAL || head);
            let unseen = about.direct.is_some_and(|status| status >= 300)
                && about.case.method == "GET"
                && about.is("text", NO_PICTURE);
            (refused || unseen) && !misses_the_guard(about)
        },
        then: |about, ours| match about.direct {
            Some(status) if status >= 300 => {
                ours.refuse(about, if status < 400 { 500 } else { status }, INTERNAL);
            }
            _ => as_sixteen(about, ours),
        },
    },
    Row {
        name: "14: a guard is not asked about a path that is encoded in another way",
        when: |about| differs(about) && misses_the_guard(about),
        then: as_sixteen,
    },
    Row {
        name: "14, 15: HEAD is passed on to the source",
        when: |about| {
            about.case.method == "HEAD" && differs(about) && sixteen(about, "status") == "200"
        },
        then: as_sixteen,
    },
    Row {
        name: "14, 15: dot segments and other letters of a local path are looked up as they are",
        when: |about| {
            let found = sixteen(about, "status") == "200" && !about.remote();
            differs(about) && found && about.is("text", NO_PICTURE) && !is_markup(about)
        },
        then: as_sixteen,
    },
    Row {
        name: "14, 15: remote sources through fetch(), which has its own mind about bodies, redirects, user names",
        when: |about| about.remote() && differs(about),
        then: as_sixteen,
    },
    Row {
        name: "14, 15: any quality is another picture",
        when: |about| {
            let quality: u32 = about.case.parameter("q").parse().unwrap_or(0);
            let open = about.app.version < 16 && !rich(about.app) && !quality.is_multiple_of(5);
            open && about.shows() && about.is("x-nextjs-cache", "MISS")
        },
        then: |_, ours| {
            ours.any("x-nextjs-cache", &["MISS", "HIT"]);
        },
    },
    Row {
        name: "14, 15: HEAD leaves nothing behind for GET",
        when: |about| {
            let after = about.app.version < 16 && !about.case.header("range").is_empty();
            after && about.shows() && about.is("x-nextjs-cache", "MISS")
        },
        then: |_, ours| {
            ours.set("x-nextjs-cache", "HIT");
        },
    },
    Row {
        name: "14: AVIF of more than 8 bits is not read by the encoder of its time",
        when: |about| {
            let avif = about.source().and_then(|source| source.kind) == Some("image/avif");
            about.app.version == 14 && avif && differs(about) && about.is("body", "the original")
        },
        then: as_sixteen,
    },
    Row {
        name: "14: what is passed through is never fresh",
        when: |about| {
            about.app.version == 14 && about.shows() && about.is("cache-control", NEVER_FRESH)
        },
        then: |about, ours| {
            ours.set("cache-control", about.usual.get("cache-control"));
        },
    },
    Row {
        name: "14: what is SVG is told by libvips",
        when: |about| about.app.version == 14 && differs(about) && is_markup(about),
        then: as_sixteen,
    },
];

/// Whether the two versions say something else, and not because a key is absent.
fn differs(about: &About<'_>) -> bool {
    let Some(sixteen) = about.sixteen else { return false };
    let absent = !rich(about.app)
        && !about.remote()
        && sixteen.get("text").ends_with("is not allowed")
        && !sixteen.get("text").contains("image type");
    // 14 knows no limit, and ours is larger.
    let absent = absent || about.app.version == 14 && about.behaviour().starts_with("sized");
    let verdict = ["status", "text", "body", "kind", "size"];
    about.case.asks_for_an_image()
        && !absent
        && verdict.iter().any(|field| sixteen.get(field) != about.next.get(field))
}

fn sixteen<'a>(about: &About<'a>, field: &str) -> &'a str {
    about.sixteen.map_or("", |sixteen| sixteen.get(field))
}

fn misses_the_guard(about: &About<'_>) -> bool {
    about.app.version == 14 && about.case.url.contains("%70rivate")
}

fn is_markup(about: &About<'_>) -> bool {
    about.case.url.ends_with("/page.html")
}

/// With the lifetime and the disposition of this version's own configuration.
fn as_sixteen(about: &About<'_>, ours: &mut Change) {
    let Some(sixteen) = about.sixteen else { return };
    for field in sixteen.fields(about.next) {
        ours.set(field, sixteen.get(field));
    }
    if sixteen.is("status", "200") {
        let kind = sixteen.get("content-type").to_owned();
        if sixteen.is("cache-control", "public, max-age=14400, must-revalidate") {
            ours.set("cache-control", about.usual.get("cache-control"));
        }
        ours.kind(about, &kind).any("x-nextjs-cache", &["MISS", "HIT"]);
    }
}
