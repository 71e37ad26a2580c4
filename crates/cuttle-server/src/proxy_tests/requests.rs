//! What the application is asked.

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

fn lines(text: &str) -> Vec<String> {
    text.split('\n').map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Request line and headers of a client, in short; what the application sees, sorted, in full.
const HEADS: &[(&str, &str, &str)] = &[
    (
        "path and query byte for byte",
        "GET //a/../b/%5F%2f;x=1?q=%zz&&u=http://h/?#frag HTTP/1.1\nHost: a.example",
        "GET //a/../b/%5F%2f;x=1?q=%zz&&u=http://h/? HTTP/1.1\nhost: a.example\nx-forwarded-for: 127.0.0.1
         x-forwarded-host: a.example\nx-forwarded-port: 80\nx-forwarded-proto: http",
    ),
    (
        "what belongs to the message, repeated lines too",
        "PURGE /x HTTP/1.1\nHost: a.example:8080\nCookie: a=1\nCookie: b=2\nAccept-Encoding: gzip, br\nVia: 1.0 edge
         Trailer: x-sum\nRange: bytes=0-1\nAuthorization: Basic eA==\nCDN-Loop: cuttle",
        "PURGE /x HTTP/1.1\naccept-encoding: gzip, br\nauthorization: basic ea==\ncdn-loop: cuttle\ncookie: a=1\ncookie: b=2
         host: a.example:8080\nrange: bytes=0-1\ntrailer: x-sum\nvia: 1.0 edge\nx-forwarded-for: 127.0.0.1
         x-forwarded-host: a.example:8080\nx-forwarded-port: 8080\nx-forwarded-proto: http",
    ),
    (
        "not what belongs to the connection, named by it or not",
        "GET / HTTP/1.1\nHost: a\nConnection: keep-alive, X-Secret\nConnection: x-other\nX-Secret: 1\nX-Other: 2
         Keep-Alive: timeout=5\nProxy-Connection: close\nProxy-Authorization: Basic eA==\nTE: gzip\nUpgrade: websocket",
        "GET / HTTP/1.1\nhost: a\nx-forwarded-for: 127.0.0.1\nx-forwarded-host: a\nx-forwarded-port: 80
         x-forwarded-proto: http",
    ),
    (
        "naming host or length in Connection removes neither",
        "POST / HTTP/1.1\nHost: a\nContent-Length: 0\nConnection: host, content-length, x-forwarded-for",
        "POST / HTTP/1.1\ncontent-length: 0\nhost: a\nx-forwarded-for: 127.0.0.1\nx-forwarded-host: a
         x-forwarded-port: 80\nx-forwarded-proto: http",
    ),
    (
        "trailers are welcome to who says so",
        "GET / HTTP/1.1\nHost: a\nTE: deflate, Trailers\nConnection: TE",
        "GET / HTTP/1.1\nconnection: te\nhost: a\nte: trailers\nx-forwarded-for: 127.0.0.1\nx-forwarded-host: a
         x-forwarded-port: 80\nx-forwarded-proto: http",
    ),
    (
        "an upgrade is asked for, without h2c",
        "GET / HTTP/1.1\nHost: a\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c, WebSocket\nHTTP2-Settings: AAAA",
        "GET / HTTP/1.1\nconnection: upgrade\nhost: a\nupgrade: websocket\nx-forwarded-for: 127.0.0.1
         x-forwarded-host: a\nx-forwarded-port: 80\nx-forwarded-proto: http",
    ),
    (
        "an upgrade to h2c alone is not",
        "GET / HTTP/1.1\nHost: a\nConnection: Upgrade, HTTP2-Settings\nUpgrade: H2C\nHTTP2-Settings: AAAA",
        "GET / HTTP/1.1\nhost: a\nx-forwarded-for: 127.0.0.1\nx-forwarded-host: a\nx-forwarded-port: 80
         x-forwarded-proto: http",
    ),
    (
        "HTTP/1.0 upgrades nothing and waits for nothing",
        "GET /old HTTP/1.0\nHost: a\nConnection: upgrade\nUpgrade: websocket\nExpect: 100-continue",
        "GET /old HTTP/1.1\nhost: a\nx-forwarded-for: 127.0.0.1\nx-forwarded-host: a\nx-forwarded-port: 80
         x-forwarded-proto: http",
    ),
    (
        "the host of an absolute target counts, and leads nowhere",
        "GET http://user@b.example:81/p?q HTTP/1.1\nHost: a.example",
        "GET /p?q HTTP/1.1\nhost: b.example:81\nx-forwarded-for: 127.0.0.1\nx-forwarded-host: b.example:81
         x-forwarded-port: 81\nx-forwarded-proto: http",
    ),
    (
        "a proxy on the same machine is believed",
        "GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 203.0.113.9\nX-Forwarded-For: 10.0.0.1\nX-Forwarded-Proto: https
         X-Forwarded-Host: shop.example\nForwarded: for=203.0.113.9",
        "GET / HTTP/1.1\nforwarded: for=203.0.113.9\nhost: a\nx-forwarded-for: 203.0.113.9, 10.0.0.1, 127.0.0.1
         x-forwarded-host: shop.example\nx-forwarded-port: 443\nx-forwarded-proto: https",
    ),
];

#[tokio::test]
async fn the_application_sees_the_client_s_head() {
    for (name, sent, expected) in HEADS {
        let stage = Stage::new().await;
        let sent = lines(sent).join("\r\n") + "\r\n\r\n";
        let (mut client, mut app) = stage.asked(sent).await;
        assert_eq!(app.head().await, lines(expected), "{name}");
        app.send(OK).await;
        assert!(client.head().await[0].ends_with(" 200 OK"), "{name}");
    }
}

#[tokio::test]
async fn a_stranger_is_not_believed() {
    let nobody = TrustedProxies::new(Vec::new());
    let stage = Stage::at("http", "127.0.0.1", ProxySettings::default(), nobody).await;
    let sent = "GET / HTTP/1.1\r\nHost: a:8000\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\
        X-Forwarded-Host: bank.example\r\nX-Forwarded-Port: 1\r\nForwarded: for=203.0.113.9\r\n\r\n";
    let (_client, mut app) = stage.asked(sent).await;
    let expected =
        "GET / HTTP/1.1\nhost: a:8000\nx-forwarded-for: 127.0.0.1\nx-forwarded-host: a:8000
        x-forwarded-port: 8000\nx-forwarded-proto: http";
    assert_eq!(app.head().await, lines(expected));
}

#[tokio::test]
async fn a_client_of_http_1_0_without_a_host_asks_for_the_application_s() {
    let stage = Stage::new().await;
    let (_client, mut app) = stage.asked("GET / HTTP/1.0\r\n\r\n").await;
    let host = format!("host: {}", stage.app.local_addr().expect("an address"));
    let head = app.head().await;
    assert!(head.contains(&host), "{head:?}");
    assert!(!head.iter().any(|line| line.starts_with("x-forwarded-host")), "{head:?}");
}

#[tokio::test]
async fn what_is_no_path_of_one_host_is_refused() {
    let stage = Stage::new().await;
    for sent in [
        "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET a.example HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
    ] {
        assert_eq!(stage.refused(sent).await.split(' ').nth(1), Some("400"), "{sent}");
    }
}

/// SECURITY: where a message ends is read once, and written anew: no byte of a body can become a request of its own.
#[tokio::test]
async fn smuggling_is_refused_or_framed_anew() {
    let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    for (name, fields, body) in [
        ("two lengths", "Content-Length: 5\r\nContent-Length: 6", ""),
        ("a list of lengths", "Content-Length: 5, 6", ""),
        ("a signed length", "Content-Length: +5", ""),
        ("a huge length", "Content-Length: 99999999999999999999", ""),
        ("chunked, but not last", "Transfer-Encoding: chunked, identity", "0\r\n\r\n"),
        ("not quite chunked", "Transfer-Encoding: xchunked", "0\r\n\r\n"),
        ("a space before the colon", "Content-Length : 5", "12345"),
        ("a folded line", "X: 1\r\n Content-Length: 5", "12345"),
        ("a line break inside", "X: 1\rContent-Length: 5", "12345"),
    ] {
        let stage = Stage::new().await;
        let sent = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}{hidden}");
        assert_eq!(stage.refused(sent).await.split(' ').nth(1), Some("400"), "{name}");
    }
    for codings in ["gzip, chunked", "chunked, chunked", "gzip\r\nTransfer-Encoding: chunked"] {
        let stage = Stage::new().await;
        let sent =
            format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {codings}\r\n\r\n0\r\n\r\n");
        assert_eq!(stage.refused(sent).await.split(' ').nth(1), Some("501"), "{codings}");
    }
    for (name, fields, body, asked_again) in [
        (
            "length, then chunked",
            "Content-Length: 3\r\nTransfer-Encoding: chunked",
            "0\r\n\r\n",
            false,
        ),
        (
            "chunked, then length",
            "Transfer-Encoding: chunked\r\nContent-Length: 3",
            "0\r\n\r\n",
            false,
        ),
        ("one length twice", "Content-Length: 3\r\nContent-Length: 3", "123", true),
        ("a length of nothing", "Content-Length: 0", "", true),
    ] {
        let stage = Stage::new().await;
        let sent = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}{hidden}");
        let (client, mut app) = stage.asked(sent).await;
        let head = app.head().await;
        let framings = ["content-length", "transfer-encoding"];
        let framed = head.iter().filter(|line| framings.iter().any(|name| line.starts_with(name)));
        assert_eq!(framed.count(), 1, "{name}: {head:?}");
        app.until(body).await;
        assert_eq!(app.read, b"", "{name}");
        app.send(OK).await;
        if asked_again {
            // What came behind is a request like others, asked after this one, with a head of our making.
            let head = app.head().await;
            assert_eq!(head[0], "GET /hidden HTTP/1.1", "{name}");
            assert!(head.contains(&"x-forwarded-for: 127.0.0.1".to_owned()), "{name}: {head:?}");
        } else {
            // Ambiguous, so nothing that came behind is believed (RFC 9112 §6.1).
            let (answers, _) = client.rest().await;
            assert_eq!(answers.matches("HTTP/1.1").count(), 1, "{name}: {answers}");
        }
    }
}
