//! What of an answer is compared: one short text for each field, so that two answers, and what should have been
//! answered, are compared and printed in the same way.

use std::collections::BTreeMap;
use std::io::Read as _;

use cuttle_e2e::Answer;
use flate2::read::GzDecoder;

use crate::requests::Case;

/// The headers that are compared as they are: those of `docs/next-endpoint.md`, "Headers of an image", and whatever else either
/// side may say.
const HEADERS: [&str; 15] = [
    "vary",
    "cache-control",
    "content-type",
    "content-disposition",
    "content-security-policy",
    "x-nextjs-cache",
    "content-encoding",
    "x-content-type-options",
    "allow",
    "location",
    "refresh",
    "accept-ranges",
    "last-modified",
    "www-authenticate",
    "x-powered-by",
];

/// Headers whose value is the server's own: only whether they are there.
const OWN: [&str; 3] = ["x-cuttle-error", "cache-status", "retry-after"];

/// Field → value; a field that is absent is "".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen(BTreeMap<&'static str, String>);

impl Seen {
    /// `None` is no complete answer.
    pub(crate) fn of(case: &Case, answer: Option<&Answer>, asked: u32) -> Self {
        let mut seen = Self::default();
        seen.set("asked", if asked == 0 { String::new() } else { asked.to_string() });
        let Some(answer) = answer else {
            seen.set("status", "no complete answer");
            return seen;
        };
        seen.set("status", answer.status.to_string());
        for name in HEADERS {
            seen.set(name, answer.header(name));
        }
        for name in OWN {
            seen.set(name, if answer.header(name).is_empty() { "" } else { "present" });
        }
        seen.set("etag", etag(answer.header("etag")));
        seen.set("content-length", length(case, answer));
        let body = plain_body(answer);
        let picture = answer.header("content-type").starts_with("image/");
        if body.is_empty() {
            return seen;
        }
        let original = case.source.as_ref().is_some_and(|source| source.bytes == body);
        if original || picture {
            seen.set("body", if original { "the original" } else { "a picture" });
            seen.set(
                "kind",
                cuttle_image::sniff(&body, body.len() as u64)
                    .map_or("unknown", |kind| kind.media_type()),
            );
            let probe = cuttle_image::probe(std::io::Cursor::new(&body)).ok();
            let size = probe.and_then(|probe| probe.display_size());
            seen.set("size", size.map_or(String::new(), |s| format!("{}×{}", s.width, s.height)));
        } else {
            seen.set("body", "text");
            seen.set("text", String::from_utf8_lossy(&body));
        }
        seen
    }

    pub(crate) fn get(&self, field: &str) -> &str {
        self.0.get(field).map_or("", String::as_str)
    }

    pub(crate) fn set(&mut self, field: &'static str, value: impl Into<String>) {
        self.0.insert(field, value.into());
    }

    pub(crate) fn is(&self, field: &str, value: &str) -> bool {
        self.get(field) == value
    }

    /// Every field that either has.
    pub(crate) fn fields<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'static str> {
        let mut all: Vec<&'static str> = self.0.keys().chain(other.0.keys()).copied().collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter()
    }
}

/// The bytes behind a `Content-Encoding`, which the field of that name tells about.
pub(crate) fn plain_body(answer: &Answer) -> Vec<u8> {
    let mut plain = Vec::new();
    match answer.header("content-encoding") {
        "gzip" if GzDecoder::new(&*answer.body).read_to_end(&mut plain).is_ok() => plain,
        _ => answer.body.clone(),
    }
}

fn etag(value: &str) -> &'static str {
    match value {
        "" => "",
        weak if weak.starts_with("W/") => "weak",
        quoted if quoted.starts_with('"') && quoted.ends_with('"') => "quoted",
        _ => "unquoted",
    }
}

/// To `HEAD` it is the length of what `GET` would have sent, which is not known here.
fn length(case: &Case, answer: &Answer) -> &'static str {
    match answer.header("content-length") {
        "" => "",
        _ if case.method == "HEAD" => "present",
        length if length == answer.body.len().to_string() => "exact",
        _ => "wrong",
    }
}
