//! Every file of a build and of `public/`, byte for byte and header for header as `next start` sends it, but for what is listed here.

use cuttle_e2e::{Answer, Client};

use super::{below, copied, escaped, in_front, passed_on};

/// Lines that may differ, with the reason.
const ON_PURPOSE: [(&str, &str); 4] = [
    (
        "etag",
        "Next's is weak, by size and time: it changes with each deploy. Ours is strong, by content",
    ),
    ("date", "the moment"),
    ("connection", "of one connection"),
    ("keep-alive", "of one connection"),
];

/// Where the application is asked although the file is there.
const ASKED: [(&str, &str); 6] = [
    (".well-known/security.txt", "hidden files are not ours"),
    ("private/secret.txt", "under the matcher of the guard"),
    ("members.jpg", "under the matcher of the guard"),
    ("moved.jpg", "a redirect"),
    ("swapped.jpg", "a rewrite before files"),
    ("large.txt", "more than is kept; Next compresses it"),
];

fn compared(answer: &Answer) -> Vec<(String, String)> {
    let differs = |name: &str| {
        // RFC 9110 section 15.4.5: a 304 has the `Vary` of the 200. Next leaves it out.
        answer.status == 304 && name == "vary"
            || ON_PURPOSE.iter().any(|(listed, _)| *listed == name)
    };
    let mut lines: Vec<_> =
        answer.headers.iter().filter(|(name, _)| !differs(name)).cloned().collect();
    lines.sort();
    lines
}

fn alike(what: &str, ours: &Answer, theirs: &Answer) {
    assert_eq!(ours.status, theirs.status, "{what}: {ours:?} {theirs:?}");
    assert_eq!(compared(ours), compared(theirs), "{what}");
    assert!(ours.body == theirs.body, "{what}: the bodies differ");
}

fn compare(version: u32, configuration: &'static str, base: &str) {
    let (app, _copy) = copied(version, configuration);
    let next = app.start();
    let server = in_front(app.folder(), &next);
    let (ours, theirs) = (server.client, next.client);
    let built = below(&app.folder().join(".next/static"));
    assert!(built.len() > 8, "{built:?}");
    let built = built.iter().map(|name| (format!("{base}/_next/static/{}", escaped(name)), false));
    let public = below(&app.folder().join("public"));
    assert!(public.len() > 20, "{public:?}");
    // With `trailingSlash`, what looks like a page may be redirected.
    let is_asked = |name: &str| {
        ASKED.iter().any(|(listed, _)| *listed == name)
            || configuration == "rich" && name == "noext"
    };
    let public = public.iter().map(|name| (format!("{base}/{}", escaped(name)), is_asked(name)));
    for (path, is_asked) in built.chain(public) {
        let path = path.as_str();
        let packed = [("accept-encoding", "gzip")];
        let is_large = path.ends_with("large.txt");
        let ((), passed) = passed_on(&server, || one(version, path, &ours, &theirs));
        assert_eq!(passed, is_asked && !is_large, "Next {version}: {path}");
        let posted = [ours, theirs].map(|it| it.send("POST", path, &[("content-length", "0")]));
        assert_eq!(posted[0].status, posted[1].status, "POST {path}");
        let (ours, passed) = passed_on(&server, || ours.send("GET", path, &packed));
        assert_eq!(passed, is_asked, "Next {version}: {path}");
        let theirs = theirs.send("GET", path, &packed);
        assert_eq!(ours.header("content-encoding"), theirs.header("content-encoding"), "{path}");
        assert_eq!(ours.header("vary"), theirs.header("vary"), "{path}");
        assert_eq!(unpacked(&ours), unpacked(&theirs), "{path}");
    }
}

/// What is asked without a coding: it is compared whole.
fn one(version: u32, path: &str, ours: &Client, theirs: &Client) {
    let both = |method: &str, headers: &[(&str, &str)]| {
        [ours, theirs].map(|client| client.send(method, path, headers))
    };
    let [mine, next] = both("GET", &[]);
    let whole = mine.body.len();
    alike(path, &mine, &next);
    let [head, of_next] = both("HEAD", &[]);
    alike(&format!("HEAD {path}"), &head, &of_next);
    assert_eq!(head.header("etag"), mine.header("etag"), "{path}");
    let [query, of_next] = [ours, theirs].map(|client| client.get(&format!("{path}?dpl=one&x")));
    alike(&format!("{path}?"), &query, &of_next);
    // Only of what each of them said can it be asked again.
    if mine.status == 200 {
        let of = |answer: &Answer, name: &str| answer.header(name).to_owned();
        let again =
            |client: &Client, name: &str, value: &str| client.send("GET", path, &[(name, value)]);
        let mine_again = again(ours, "if-none-match", &of(&mine, "etag"));
        let next_again = again(theirs, "if-none-match", &of(&next, "etag"));
        assert_eq!(mine_again.status, 304, "{path}");
        alike(&format!("304 {path}"), &mine_again, &next_again);
        let since = of(&mine, "last-modified");
        let [mine, next] = both("GET", &[("if-modified-since", &since)]);
        assert_eq!(mine.status, 304, "{path}");
        alike(&format!("{path} since"), &mine, &next);
        for range in ["bytes=1-3", "bytes=-2", "bytes=2-", "bytes=0-0,2-2"] {
            let [mine, next] = both("GET", &[("range", range)]);
            // Of several parts we send none; Next sends those that there are.
            if range.contains(',') && whole < 3 {
                continue;
            }
            // What there is no such part of is an error page of Next's, of Next 16 a 500. What is no range (`bytes=x`) is the same there,
            // and nothing to us (RFC 9110 section 14.2).
            if mine.status == 416 || next.status == 416 {
                let of_next = if version == 16 { 500 } else { 416 };
                assert_eq!((mine.status, next.status), (416, of_next), "{path} {range}");
                assert_eq!(mine.header("content-range"), next.header("content-range"), "{path}");
            } else {
                alike(&format!("{path} {range}"), &mine, &next);
            }
        }
    }
}

fn unpacked(answer: &Answer) -> Vec<u8> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    match answer.header("content-encoding") {
        "gzip" => {
            flate2::read::GzDecoder::new(&*answer.body).read_to_end(&mut bytes).expect("gzip");
            bytes
        }
        _ => answer.body.clone(),
    }
}

#[test]
fn every_file_is_sent_as_next_14_sends_it() {
    compare(14, "plain", "");
}

#[test]
fn every_file_is_sent_as_next_15_sends_it() {
    compare(15, "plain", "");
}

#[test]
fn every_file_is_sent_as_next_16_sends_it() {
    compare(16, "plain", "");
}

#[test]
fn every_file_is_sent_from_below_a_base_path() {
    compare(16, "rich", "/docs");
}
