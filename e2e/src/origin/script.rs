//! What each folder of the scripted origin answers.

use std::io::Read;
use std::time::Duration;

use flate2::Compression;
use flate2::read::{DeflateEncoder, GzEncoder, ZlibEncoder};

/// Longer than Next waits for an origin (7 s), shorter than the tests' patience.
const TOO_SLOW: Duration = Duration::from_millis(7600);

/// One answer, in the order in which it is sent; the connection is closed after it.
#[derive(Debug)]
pub(super) struct Script(pub(super) Vec<Step>);

/// A part of an answer.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// These bytes.
    Send(Vec<u8>),
    /// Nothing for a while.
    Wait(Duration),
    /// A reset of the connection.
    Break,
}

impl Script {
    /// What is answered at `target`, a path with or without a query, on a server that is called `host`.
    ///
    /// The last folder has the form `behaviour` or `behaviour-argument`. One that is unknown is a 404, as for
    /// any other path that leads nowhere.
    pub(super) fn of(target: &str, host: &str, photo: &[u8]) -> Self {
        let path = target.split('?').next().unwrap_or_default();
        let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
        let (parent, behaviour) = folders.rsplit_once('/').unwrap_or(("", ""));
        let (name, argument) = behaviour.split_once('-').unwrap_or((behaviour, ""));
        let number = argument.parse::<u32>().unwrap_or(0);
        match name {
            "good" => good("", photo),
            "status" => whole(argument, "content-type: image/jpeg\r\n", photo),
            "empty" => good("", b""),
            "bare" => Self(vec![Step::Send(format!("HTTP/1.1 {argument} Bare\r\n\r\n").into())]),
            "cc" => good(&format!("cache-control: {}\r\n", cache_control(argument)), photo),
            "etag" => good(&format!("etag: {}\r\n", etag(argument)), photo),
            "dated" => good("last-modified: Tue, 01 Oct 2024 00:00:00 GMT\r\n", photo),
            "typed" => {
                whole("200", &format!("content-type: {}\r\n", argument.replace('_', "/")), photo)
            }
            "untyped" => whole("200", "", photo),
            "page" => whole("200", "content-type: image/jpeg\r\n", b"<!doctype html><p>Not here."),
            "coded" => coded(argument, photo),
            "redirect" => redirect(parent, number, host),
            "location" => {
                whole("302", &format!("location: {}\r\n", location(argument, parent, host)), b"")
            }
            "chunked" => chunked(photo),
            "endless" => Self(vec![Step::Send(head("200", "", None)), Step::Send(photo.to_vec())]),
            "cut" => short(photo, vec![]),
            "reset" => short(photo, vec![Step::Break]),
            "hang" => {
                let mut script = good("", photo);
                script.0.insert(0, Step::Wait(TOO_SLOW));
                script
            }
            "stall" => short(
                photo,
                vec![Step::Wait(TOO_SLOW), Step::Send(photo[photo.len() / 2..].to_vec())],
            ),
            "late" => {
                let mut script = good("", photo);
                script.0.insert(0, Step::Wait(Duration::from_millis(500)));
                script
            }
            "silent" => Self(vec![Step::Break]),
            "sized" => {
                let mut padded = photo.to_vec();
                padded.resize(number as usize, 0);
                good("", &padded)
            }
            _ => whole("404", "content-type: text/plain\r\n", b"There is nothing here."),
        }
    }
}

fn head(status: &str, headers: &str, length: Option<usize>) -> Vec<u8> {
    let length = length.map_or(String::new(), |length| format!("content-length: {length}\r\n"));
    format!("HTTP/1.1 {status} Scripted\r\nconnection: close\r\n{headers}{length}\r\n").into()
}

fn whole(status: &str, headers: &str, body: &[u8]) -> Script {
    let mut bytes = head(status, headers, Some(body.len()));
    if !matches!(status, "204" | "304") {
        bytes.extend_from_slice(body);
    }
    Script(vec![Step::Send(bytes)])
}

fn good(headers: &str, body: &[u8]) -> Script {
    whole("200", &format!("content-type: image/jpeg\r\n{headers}"), body)
}

/// Half of what was announced, then `rest`.
fn short(body: &[u8], rest: Vec<Step>) -> Script {
    let mut bytes = head("200", "content-type: image/jpeg\r\n", Some(body.len()));
    bytes.extend_from_slice(&body[..body.len() / 2]);
    Script([vec![Step::Send(bytes)], rest].concat())
}

fn chunked(body: &[u8]) -> Script {
    let mut bytes = head("200", "transfer-encoding: chunked\r\n", None);
    for chunk in body.chunks(1000) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    Script(vec![Step::Send(bytes)])
}

/// So many redirects, then the picture.
fn redirect(parent: &str, hops: u32, host: &str) -> Script {
    let next = match hops {
        0 | 1 => "good".to_owned(),
        more => format!("redirect-{}", more - 1),
    };
    whole("302", &format!("location: http://{host}{parent}/{next}/photo.jpg\r\n"), b"elsewhere")
}

fn location(which: &str, parent: &str, host: &str) -> String {
    match which {
        "relative" => "../good/photo.jpg".to_owned(),
        "absolute" => format!("{parent}/good/photo.jpg"),
        "itself" => format!("{parent}/location-itself/photo.jpg"),
        "closed" => format!("http://{host}/closed/good/photo.jpg"),
        "file" => "file:///etc/hostname".to_owned(),
        "broken" => "http://[::1/".to_owned(),
        _ => String::new(),
    }
}

/// Folders cannot hold all characters that a header can.
fn cache_control(argument: &str) -> String {
    argument.replace('+', ", ").replace("'", "\"")
}

fn etag(argument: &str) -> &str {
    match argument {
        "strong" => "\"v1\"",
        "weak" => "W/\"v1\"",
        "bare" => "v1",
        _ => "\"01234567890123456789012345678901234567890123456789\"",
    }
}

fn coded(codings: &str, photo: &[u8]) -> Script {
    let mut body = photo.to_vec();
    for coding in codings.split('+') {
        body = match coding {
            "gzip" | "x-gzip" => all_of(GzEncoder::new(&*body, Compression::fast())),
            "deflate" => all_of(ZlibEncoder::new(&*body, Compression::fast())),
            "raw" => all_of(DeflateEncoder::new(&*body, Compression::fast())),
            "br" => all_of(brotli::CompressorReader::new(&*body, 4096, 1, 20)),
            "broken" => body[..body.len() / 2].to_vec(),
            _ => body,
        };
    }
    let names: Vec<&str> = codings
        .split('+')
        .filter(|coding| *coding != "broken")
        .map(|coding| if coding == "raw" { "deflate" } else { coding })
        .collect();
    good(&format!("content-encoding: {}\r\n", names.join(", ")), &body)
}

fn all_of(mut encoder: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    encoder.read_to_end(&mut bytes).expect("reading from memory does not fail");
    bytes
}
