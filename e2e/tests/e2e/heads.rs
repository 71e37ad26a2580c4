//! Heads of requests end their lines with CR LF: what others may read otherwise than we do is refused.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use cuttle_e2e::{Application, Reply, Server, folder_with_a_photo};

/// All that comes back for these bytes, until the server closes.
fn sent(address: &str, bytes: &str) -> String {
    let address: SocketAddr = address.parse().expect("an address");
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    stream.write_all(bytes.as_bytes()).expect("sent");
    let mut answer = String::new();
    // Reset, where the server closed before it had read everything.
    let _ = stream.read_to_string(&mut answer);
    answer
}

/// The codes of all answers.
fn codes(text: &str) -> Vec<&str> {
    text.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)).collect()
}

#[test]
fn a_head_with_a_bare_line_feed_is_refused_wherever_it_stands() {
    let application = Application::start(|_, _| Reply::bare(200));
    let server = Server::serving(&["--upstream", &application.url(), "--workers", "1"]);
    let end = "Host: a\r\nConnection: close\r\n\r\n";
    let fine = "GET /fine HTTP/1.1\r\nHost: a\r\n\r\n";
    let post = |framing: &str, body: &str| {
        format!("POST /fine HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{body}")
    };
    let known = post("Content-Length: 4", "\n\n\n\n");
    let chunks = post("Transfer-Encoding: chunked", "4\r\n\n\n\n\n\r\n0\r\n\r\n");
    for (name, bytes, expected) in [
        ("as it should be", format!("GET /fine HTTP/1.1\r\n{end}"), &["200"][..]),
        ("behind an empty line", format!("\r\nGET /fine HTTP/1.1\r\n{end}"), &["200"]),
        ("in the first line", format!("GET /bare HTTP/1.1\n{end}"), &["400"]),
        ("in a field", format!("GET /bare HTTP/1.1\r\nX: a\n{end}"), &["400"]),
        (
            "in the last line",
            format!("GET /bare HTTP/1.1\r\n{}\n", &end[..end.len() - 2]),
            &["400"],
        ),
        ("everywhere", format!("GET /bare HTTP/1.1\r\n{end}").replace('\r', ""), &["400"]),
        ("before it", format!("\nGET /bare HTTP/1.1\r\n{end}"), &["400"]),
        (
            "behind another",
            format!("{fine}{fine}GET /bare HTTP/1.1\n{end}"),
            &["200", "200", "400"],
        ),
        ("behind a body", format!("{known}GET /bare HTTP/1.1\n{end}"), &["200", "400"]),
        ("in a body", format!("{known}GET /fine HTTP/1.1\r\n{end}"), &["200", "200"]),
        // Where a body of chunks ends only hyper knows, so nothing is read behind it.
        ("behind chunks", format!("{chunks}GET /bare HTTP/1.1\n{end}"), &["200"]),
    ] {
        let answer = sent(&server.address, &bytes);
        assert_eq!(codes(&answer), expected, "{name}: {bytes:?}: {answer}");
        assert_eq!(
            answer.contains("bare_line_feed"),
            expected.contains(&"400"),
            "{name}: {answer}"
        );
    }
    assert!(application.seen_at("/bare").is_empty(), "it reached the application");
}

#[test]
fn it_is_so_for_pictures_and_files_too() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    for target in ["/photo.jpg", "/_next/image?url=%2Fphoto.jpg&w=64&q=75", "/"] {
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            server.address
        );
        let answer = sent(&server.address, &head.replacen("\r\n", "\n", 1));
        assert!(answer.starts_with("HTTP/1.1 400 "), "{target}: {answer:.200}");
        assert_eq!(server.client.get(target).status, 200, "{target}");
    }
}
