//! Text is sent compressed, in the best coding that there is by then; parts and whole files are never mixed up.

use std::fs;
use std::process::Command;

use brotli::BrotliDecompress;
use cuttle_e2e::{Answer, until};

use super::{copied, in_front, passed_on};

const LINES: &str = "/lines.txt";

fn plain(answer: &Answer) -> Vec<u8> {
    let mut bytes = Vec::new();
    BrotliDecompress(&mut answer.body.as_slice(), &mut bytes).expect("Brotli");
    bytes
}

#[test]
fn text_is_sent_in_brotli_once_there_was_time_and_each_coding_has_its_own_tag() {
    let (app, _copy) = copied(16, "plain");
    let next = app.start();
    let server = in_front(app.folder(), &next);
    let text = fs::read(app.folder().join("public/lines.txt")).expect("the file");
    let taking = |coding: &str| server.client.send("GET", LINES, &[("accept-encoding", coding)]);
    // The first one is not kept waiting.
    let first = taking("gzip, deflate, br, zstd");
    assert_eq!((first.status, first.header("content-encoding")), (200, "gzip"));
    until("Brotli", || taking("gzip, deflate, br, zstd").header("content-encoding") == "br");
    let [br, gzip, none] = ["br", "gzip", "identity"].map(taking);
    assert_eq!(plain(&br), text);
    assert_eq!(none.body, text);
    assert!(br.body.len() < gzip.body.len() && gzip.body.len() < text.len());
    for (answer, coding) in [(&br, "br"), (&gzip, "gzip"), (&none, "")] {
        assert_eq!(answer.header("content-encoding"), coding);
        assert_eq!(answer.header("vary"), "Accept-Encoding");
        assert_eq!(answer.header("content-length"), answer.body.len().to_string());
        assert!(answer.header("etag").starts_with('"'), "{answer:?}");
        let coding = if coding.is_empty() { "identity" } else { coding };
        for (tag, status) in [(&br, 304), (&gzip, 304), (&none, 304)].map(|(of, status)| {
            (
                of.header("etag"),
                if of.header("etag") == answer.header("etag") { status } else { 200 },
            )
        }) {
            let headers = [("accept-encoding", coding), ("if-none-match", tag)];
            assert_eq!(server.client.send("GET", LINES, &headers).status, status, "{coding} {tag}");
        }
    }
    // A part is one of the plain bytes, and never glued to what was compressed.
    for (tag, status) in [(none.header("etag"), 206), (br.header("etag"), 200)] {
        let headers = [("accept-encoding", "br"), ("range", "bytes=5-9"), ("if-range", tag)];
        let part = server.client.send("GET", LINES, &headers);
        assert_eq!((part.status, part.header("content-encoding")), (status, ""));
        assert_eq!(part.body, if status == 206 { &text[5..10] } else { &text[..] });
    }
    let head = server.client.send("HEAD", LINES, &[("accept-encoding", "br")]);
    assert_eq!(head.header("content-length"), br.header("content-length"));
    let held = server.metrics()["cuttle_memory_held_bytes{share=\"files\"}"];
    assert!(held > text.len() as f64, "{held}");
}

#[test]
fn a_download_goes_on_where_it_was_cut_off() {
    let (app, copy) = copied(16, "plain");
    let next = app.start();
    let server = in_front(app.folder(), &next);
    let file = copy.path().join("download");
    for name in ["large.bin", "photo.jpg"] {
        let whole = fs::read(app.folder().join("public").join(name)).expect("the file");
        let url = format!("http://{}/{name}", server.address);
        let curl = |args: &[&str]| {
            let mut curl = Command::new("curl");
            let done = curl.args(["-sS", "-o"]).arg(&file).args(args).arg(&url).status();
            let done = done.expect("curl runs");
            assert!(done.success(), "{args:?}");
            fs::read(&file).expect("what was downloaded")
        };
        let ((), passed) = passed_on(&server, || {
            assert_eq!(curl(&["-r", "10-19"]), whole[10..20]);
            assert_eq!(curl(&["-r", "-7"]), whole[whole.len() - 7..]);
            fs::write(&file, &whole[..whole.len() / 3]).expect("a part");
            assert!(curl(&["-C", "-"]) == whole);
            assert!(curl(&["--compressed"]) == whole);
        });
        assert!(!passed, "{name}");
    }
}
