//! Parameters, negotiation, methods, conditions, and the spelling of the endpoint itself.

use super::Requests;

/// The rows that our own tests assert; here Next says whether they are true.
const VALIDATION: &str =
    include_str!("../../../../crates/cuttle-contract/tests/tables/next-validation.tsv");
const ACCEPT: &str =
    include_str!("../../../../crates/cuttle-contract/tests/tables/next-accept.tsv");

const MODERN: &str = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";

pub(super) fn add(requests: &mut Requests<'_>) {
    endpoint(requests);
    validation(requests);
    widths_and_qualities(requests);
    accept(requests);
    methods(requests);
    conditions(requests);
    pages(requests);
}

fn rows(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn endpoint(requests: &mut Requests<'_>) {
    let base = requests.base;
    let photo = format!("url={}%2Fphoto.jpg&w=64&q=75", base.replace('/', "%2F"));
    let usual = format!("/_next/image{}", requests.slash);
    for path in [
        &*usual,
        "/_next/image",
        "/_next/image/",
        "//_next/image",
        "/_next//image",
        "/_next/imagex",
        "/_next/image/foo",
        "/%5Fnext/image",
        "/_next/image.jpg",
        "/_next/Image",
        "/x/_next/image",
    ] {
        let target = format!("{base}{path}?{photo}");
        let photo = requests.sources.get("photo.jpg").cloned();
        let case = requests.send("endpoint", "GET", target);
        case.source = photo;
        case.url = case.parameter("url");
    }
    if !base.is_empty() {
        requests.send("endpoint", "GET", format!("/_next/image?{photo}"));
    }
}

fn validation(requests: &mut Requests<'_>) {
    let base = requests.base.replace('/', "%2F");
    for row in rows(VALIDATION) {
        let query = row.split('\t').next().unwrap_or_default();
        requests.query("validation", query);
        if !base.is_empty() && query.contains("%2Fphoto.jpg") {
            requests.query(
                "validation",
                &query.replacen("%2Fphoto.jpg", &format!("{base}%2Fphoto.jpg"), 1),
            );
        }
    }
    let photo = format!("url={base}%2Fphoto.jpg");
    for query in [
        "{photo}&w=64&q=75&q=",
        "w=64&{photo}&q=75",
        "q=75&w=64&dpl=abc&{photo}",
        "{photo}&w=%36%34&q=75",
        "{photo}&w=64&q=75&w[]=3",
        "{photo}&w=64&q=75#fragment",
        "{photo};w=64;q=75",
        "{photo}&w=64&q=75?w=1",
        "{photo}&&&w=64&=&q=75",
        "{photo}?v=1&w=64&q=75",
        "{photo}%3Fv%3D1&w=64&q=75",
        "{photo}%20&w=64&q=75",
        "{photo}%2F&w=64&q=75",
        "{photo}%2F..%2Fphoto.jpg&w=64&q=75",
    ] {
        requests.query("spelling", &query.replace("{photo}", &photo));
    }
}

fn widths_and_qualities(requests: &mut Requests<'_>) {
    let (widths, qualities): (&[u32], &[u32]) = match (requests.rich(), requests.app.version) {
        (true, _) => (&[64, 256, 640, 1200], &[50, 75, 90]),
        (false, 16) => (&[32, 128, 256, 384, 640, 828, 1200, 3840], &[75]),
        (false, _) => {
            (&[16, 32, 128, 256, 384, 640, 828, 1200, 3840], &[1, 10, 25, 50, 60, 75, 85, 90, 100])
        }
    };
    for width in widths {
        for name in ["photo.jpg", "wide.jpg", "tall.jpg", "photo.png", "drawing.png", "clear.png"] {
            requests.file("width", name, *width, 75);
            requests.file("width", name, *width, 75).with("accept", MODERN);
        }
    }
    for quality in qualities {
        for accept in ["image/webp", "image/avif", "*/*"] {
            requests.file("quality", "other.jpg", 640, *quality).with("accept", accept);
        }
    }
    // The first asks again: it is in the cache now.
    requests.file("again", "photo.jpg", widths[0], 75).with("accept", MODERN);
    for quality in [1, 74, 76, 77, 99] {
        requests.file("quality", "other.jpg", 64, quality);
    }
    for width in [16, 65, 750, 3840, 10_000] {
        requests.file("width", "photo.jpg", width, 75);
    }
}

fn accept(requests: &mut Requests<'_>) {
    for row in rows(ACCEPT) {
        let accept = row.split('\t').nth(1).unwrap_or_default();
        if accept != "-" {
            requests.file("accept", "photo.jpg", 64, 75).with("accept", accept);
        }
    }
    for accept in [
        "",
        "*",
        "image/avif",
        "image/avif,*/*",
        "image/avif;q=0",
        "image/webp, image/avif;q=0.9",
        "image/webp;q=1;q=0",
        "image/webp; q=0.5; q=0.9",
        "IMAGE/AVIF,image/webp",
        "image/webp+xml",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    ] {
        requests.file("accept", "photo.jpg", 64, 75).with("accept", accept);
    }
}

fn methods(requests: &mut Requests<'_>) {
    for method in ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        requests.file("method", "photo.jpg", 64, 75).method = method;
        requests.file("method", "missing.jpg", 64, 75).method = method;
        requests.query("method", "url=&w=64&q=75").method = method;
    }
    // Nobody asked for this one before: HEAD makes it.
    requests.file("method", "labelled/a.jpg", 64, 75).method = "HEAD";
    requests.file("method", "labelled/a.jpg", 64, 75).with("range", "bytes=0-9");
}

fn conditions(requests: &mut Requests<'_>) {
    for condition in [
        "{tag}",
        "\"{tag}\"",
        "W/\"{tag}\"",
        "\"x\", \"{tag}\"",
        "\"{tag}\", \"x\"",
        "*",
        "\"x\"",
        "\"\"",
        "x",
        "",
        "\"x\",*",
        "w/\"{tag}\"",
        " \"{tag}\" ",
        "\"{tag}",
        "\"{tag}\"x",
        "W/{tag}",
        "\"{tag}\";q=1",
    ] {
        requests.file("condition", "photo.jpg", 64, 75).with("if-none-match", condition);
    }
    let date = "Tue, 01 Oct 2099 00:00:00 GMT";
    for headers in [
        [("if-none-match", "\"{tag}\""), ("cache-control", "no-cache")],
        [("if-none-match", "\"{tag}\""), ("cache-control", "max-age=0")],
        [("if-none-match", "\"{tag}\""), ("cache-control", "no-store")],
        [("if-none-match", "\"{tag}\""), ("pragma", "no-cache")],
        [("if-none-match", "\"{tag}\""), ("if-modified-since", date)],
        [("if-none-match", "\"x\""), ("if-modified-since", date)],
        [("if-modified-since", date), ("cache-control", "max-age=0")],
        [("if-match", "\"x\""), ("if-unmodified-since", "Tue, 01 Oct 2001 00:00:00 GMT")],
    ] {
        let case = requests.file("condition", "photo.jpg", 64, 75);
        for (name, value) in headers {
            case.with(name, value);
        }
    }
    requests.file("condition", "photo.jpg", 64, 75).with("if-none-match", "\"{tag}\"").method =
        "HEAD";
    requests.file("condition", "missing.jpg", 64, 75).with("if-none-match", "*");
    // Not made by anyone: the answer is the original.
    requests.file("condition", "fixtures/plain.bmp", 64, 75).with("if-none-match", "\"{tag}\"");
}

/// What is not the image endpoint is the application's, byte for byte.
fn pages(requests: &mut Requests<'_>) {
    let base = requests.base;
    let slash = requests.slash;
    for path in [
        "/gallery{slash}",
        "/nowhere{slash}",
        "/photo.jpg",
        "/private/secret.jpg",
        "/source/401{slash}",
        "/moved.jpg",
    ] {
        requests.send("page", "GET", format!("{base}{}", path.replace("{slash}", slash)));
    }
    requests.send("page", "POST", format!("{base}/source/plain{slash}"));
    requests
        .send("page", "GET", format!("{base}/private/secret.jpg"))
        .with("cookie", "session=open");
}
