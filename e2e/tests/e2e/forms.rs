//! Heads in the forms that clients, applications and origins send them in: as wide as Node and nginx, and a sentence where we
//! are not.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use cuttle_e2e::{Application, Reply, Server, folder_with_a_photo, photo, place};
use tempfile::TempDir;

/// In front of the application, with these lines of configuration.
fn in_front_of(application: &Application, lines: &str) -> (Server, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    place(folder.path(), "cuttle.toml", lines.as_bytes());
    let config = folder.path().join("cuttle.toml").display().to_string();
    (Server::serving(&["--upstream", &application.url(), "--config", &config]), folder)
}

/// What comes back for these bytes, until the server closes.
fn raw(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(&server.address).expect("a server");
    stream.write_all(bytes).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer, then the end");
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn an_answer_may_have_two_thousand_header_lines() {
    let picture = photo(320, 240, 1);
    let application = Application::start(move |_, asked| {
        let path = asked.target.split('?').next().unwrap_or_default();
        let lines: usize = path.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("n");
        let cookie = |n| format!("set-cookie: s.{n}=; Max-Age=0");
        let mut reply = Reply::good(&picture);
        reply.headers.extend((0..lines).map(cookie));
        reply
    });
    let (server, _folder) = in_front_of(&application, "");
    for lines in [99, 100, 101, 1_900] {
        let answer = raw(
            &server,
            format!(
                "GET /page/{lines} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
                server.address
            )
            .as_bytes(),
        );
        assert!(answer.starts_with("HTTP/1.1 200 "), "{lines}: {answer}");
        assert_eq!(answer.matches("set-cookie: ").count(), lines);
        let picture = server.client.get(&format!("/_next/image?url=%2F{lines}.jpg&w=64&q=75"));
        assert_eq!(picture.status, 200, "an original with {lines} lines: {}", picture.text());
    }
    let answer = server.client.get("/page/2100");
    assert_eq!((answer.status, answer.header("x-cuttle-error")), (502, "app_broken"));
}

#[test]
fn a_request_may_have_250_header_lines() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    let ask = |lines: usize| {
        let more = "cookie: a=b\r\n".repeat(lines - 2);
        let head = format!(
            "GET /photo.jpg HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{more}\r\n"
        );
        raw(&server, head.as_bytes())
    };
    for lines in [99, 101, 250] {
        assert!(ask(lines).starts_with("HTTP/1.1 200 "), "{lines}");
    }
    let refused = ask(251);
    assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    assert!(refused.contains("more than 250 header lines"), "{refused}");
}

#[test]
fn what_is_no_request_is_told_so_counted_and_logged() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    let get = |target: &str| {
        format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .into_bytes()
    };
    let rows: [(&str, Vec<u8>, &str); 12] = [
        ("target", get("/a<b.jpg"), "percent-encoded"),
        ("target", get("/a>b.jpg"), "percent-encoded"),
        ("target", get("/a`b.jpg"), "percent-encoded"),
        ("target", get("/a.jpg?b=<"), "percent-encoded"),
        ("target", get("/a.jpg?b=>"), "percent-encoded"),
        ("target", get("/a.jpg?b=\""), "percent-encoded"),
        (
            "proxy_protocol",
            [b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(), get("/")].concat(),
            "PROXY protocol",
        ),
        (
            "proxy_protocol",
            [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec(), vec![1; 12], get("/")].concat(),
            "PROXY protocol",
        ),
        ("http2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(), "HTTP/2"),
        ("tls", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03aaaaaaaaaaaaaaaa".to_vec(), "TLS"),
        ("head", b"GET /photo.jpg HTTP/1.1\r\nhost localhost\r\n\r\n".to_vec(), "malformed"),
        ("head", b"GET /photo.jpg HTTP/3.7\r\nhost: localhost\r\n\r\n".to_vec(), "malformed"),
    ];
    for (why, bytes, sentence) in &rows {
        let answer = raw(&server, bytes);
        let shown = String::from_utf8_lossy(bytes).into_owned();
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{shown:?}: {answer:?}");
        assert!(answer.contains("\r\nx-cuttle-error: bad_request\r\n"), "{shown:?}: {answer:?}");
        assert!(answer.contains(sentence), "{shown:?}: {answer:?}");
        assert_eq!(answer.matches("\r\nconnection: close\r\n").count(), 1, "{answer:?}");
        let event = server.event(why, |event| event["why"] == *why);
        assert_eq!((&event["level"], &event["peer"]), (&"WARN".into(), &"127.0.0.1".into()));
        assert!(event["remedy"].as_str().is_some_and(|text| !text.is_empty()), "{event}");
    }
    let metrics = server.metrics();
    for (why, count) in [
        ("target", 6.0),
        ("proxy_protocol", 2.0),
        ("http2", 1.0),
        ("tls", 1.0),
        ("head", 2.0),
        ("too_large", 0.0),
    ] {
        assert_eq!(metrics[&format!("cuttle_bad_requests_total{{why=\"{why}\"}}")], count, "{why}");
    }
    let told = server.log().into_iter().filter(|event| event["why"] == "target").count();
    assert_eq!(told, 1, "once a minute");
}

/// A good request on the same connection is answered in full before what follows it is refused.
#[test]
fn a_bad_request_behind_a_good_one_takes_nothing_from_it() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    let good = "GET /photo.jpg HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let photo = photo(800, 600, 1);
    let mut stream = TcpStream::connect(&server.address).expect("a server");
    for pipelined in [false, true] {
        if pipelined {
            stream = TcpStream::connect(&server.address).expect("a server");
        }
        let mut answer = Vec::new();
        let bad = "GET /a<b HTTP/1.1\r\nhost: localhost\r\n\r\n";
        if pipelined {
            stream.write_all(format!("{good}{bad}").as_bytes()).expect("it reads");
        } else {
            stream.write_all(good.as_bytes()).expect("it reads");
            let mut first = vec![0; photo.len()];
            stream.read_exact(&mut first).expect("most of an answer");
            answer = first;
            stream.write_all(bad.as_bytes()).expect("it reads");
        }
        stream.read_to_end(&mut answer).expect("the rest");
        let at = answer.windows(4).position(|it| it == b"\r\n\r\n").expect("a head") + 4;
        assert!(answer[at..].starts_with(&photo), "the picture, whole");
        let rest = String::from_utf8_lossy(&answer[at + photo.len()..]).into_owned();
        assert!(rest.starts_with("HTTP/1.1 400 "), "{rest}");
        assert_eq!(rest.matches("HTTP/1.1 ").count(), 1, "{rest}");
    }
}

#[test]
fn a_redirect_may_be_written_in_utf8() {
    let picture = photo(320, 240, 1);
    let there = Application::start(move |_, asked| match asked.target.as_str() {
        "/gr%C3%B6%C3%9Fe.jpg?a=%C3%A4" => Reply::good(&picture),
        "/moved.jpg" => Reply::bare(302).with("location: /größe.jpg?a=ä"),
        _ => Reply::bare(404),
    });
    let application = Application::start(|_, _| Reply::bare(404));
    let lines = format!(
        "[images]\nremote_patterns = [\"{0}/**?*\", \"{0}/**\"]\nallow_addresses = [\"127.0.0.1\"]\n[limits]\nmax_redirects = 1\n",
        there.url()
    );
    let (server, _folder) = in_front_of(&application, &lines);
    let answer =
        server.client.get(&format!("/_next/image?url={}/moved.jpg&w=64&q=75", there.url()));
    assert_eq!(answer.status, 200, "{} {:?}", answer.text(), there.seen());
}

#[test]
fn an_origin_s_head_means_what_it_says_in_every_form() {
    const PRIVATE: &str = "private, no-store";
    let rows: [(&str, &str); 32] = [
        ("cache-control: max-age=60", "60"),
        ("Cache-Control: MAX-AGE=60", "60"),
        ("cache-control:max-age=60", "60"),
        ("cache-control: \t max-age=60 \t", "60"),
        ("cache-control: max-age = 60", "60"),
        ("cache-control: max-age=\"60\"", "60"),
        ("cache-control: max-age=60.5", "60"),
        ("cache-control: public,,max-age=60,", "60"),
        ("cache-control: max-age=60\r\ncache-control: no-transform", "60"),
        ("cache-control: no-cache, max-age=60", "60"),
        ("cache-control: s-maxage=60, max-age=5", "60"),
        ("cache-control: ext=\"a, no-store\", max-age=60", "60"),
        ("cache-control: max-age=60, ext=\"a, private\"", "60"),
        ("cache-control: max-age=60, ext=\"a, max-age=5\"", "60"),
        ("cache-control: ext=\"\\\", no-store, \", max-age=60", "60"),
        ("cache-control: ext=\"open, no-store, max-age=60", PRIVATE),
        ("cache-control: private=\"x\", max-age=60", PRIVATE),
        ("cache-control: private=\"x, y\", max-age=60", PRIVATE),
        ("cache-control: no-store", PRIVATE),
        ("cache-control: max-age=60\r\ncache-control: No-Store", PRIVATE),
        ("cache-control: no-store, ext=é", PRIVATE),
        ("cache-control: max-age=60\r\nage: 20", "40"),
        ("cache-control: max-age=60\r\nage: soon", "60"),
        ("cache-control: max-age=60\r\nexpires: 0\r\npragma: no-cache", "60"),
        ("expires: 0", "0"),
        ("expires: Thu, 01 Jan 1970 00:00:00 GMT", "0"),
        ("etag: unquoted\r\ncache-control: max-age=60", "60"),
        ("server: café\r\ncache-control: max-age=60", "60"),
        ("x-empty:\r\ncache-control: max-age=60", "60"),
        (
            "content-disposition: attachment; filename=\"größe.jpg\"\r\ncache-control: max-age=60",
            "60",
        ),
        ("content-encoding: identity\r\ncache-control: max-age=60", "60"),
        ("content-type: TEXT/PLAIN ; charset=x\r\ncache-control: max-age=60", "60"),
    ];
    let picture = photo(320, 240, 1);
    let application = Application::start(move |_, asked| {
        let number = asked.target.trim_matches(|c: char| !c.is_ascii_digit());
        let (lines, _) = rows[number.parse::<usize>().expect("a number")];
        let mut reply = Reply::good(&picture);
        reply.headers = vec![lines.to_owned()];
        reply
    });
    let (server, _folder) = in_front_of(&application, "[images]\nmin_ttl = \"0s\"\n");
    let wrong: Vec<_> = rows
        .iter()
        .enumerate()
        .filter_map(|(number, (lines, expected))| {
            let answer = server.client.get(&format!("/_next/image?url=%2F{number}.jpg&w=64&q=75"));
            let said = answer.header("cache-control").to_owned();
            let expected = match *expected {
                PRIVATE => PRIVATE.to_owned(),
                seconds => format!("public, max-age={seconds}, must-revalidate"),
            };
            (answer.status != 200 || said != expected)
                .then(|| format!("{lines:?}: {} {said}, not {expected}", answer.status))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
