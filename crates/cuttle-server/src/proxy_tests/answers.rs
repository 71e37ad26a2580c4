//! What the client is told.

use super::*;

/// Method of the client, bytes of the application, which hangs up after them; head (sorted) and body that the client sees.
const ANSWERS: &[(&str, &str, &str, &[&str], &str)] = &[
    (
        "status, reason, repeated lines and encodings",
        "GET",
        "HTTP/1.1 299 Quite Fine\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Encoding: gzip\r\nVia: 1.1 x\r\n\
         ETag: \"e\"\r\nServer: app\r\nContent-Length: 2\r\n\r\nzz",
        &[
            "HTTP/1.1 299 Quite Fine",
            "content-encoding: gzip",
            "content-length: 2",
            "etag: \"e\"",
            "server: app",
            "set-cookie: a=1",
            "set-cookie: b=2",
            "via: 1.1 x",
        ],
        "zz",
    ),
    (
        "not what belongs to the connection",
        "GET",
        "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n\
         Upgrade: h2c\r\nContent-Length: 1\r\n\r\nz",
        &["HTTP/1.1 200 OK", "content-length: 1"],
        "z",
    ),
    (
        "a redirect is the client's to follow",
        "GET",
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n",
        &["HTTP/1.1 307 Temporary Redirect", "content-length: 0", "location: http://elsewhere/"],
        "",
    ),
    (
        "the length that a GET would have",
        "HEAD",
        "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n",
        &["HTTP/1.1 200 OK", "content-length: 1234"],
        "",
    ),
    (
        "a 304 has no body, whatever length it names; hyper leaves the name out",
        "GET",
        "HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\nContent-Length: 1234\r\n\r\n",
        &["HTTP/1.1 304 Not Modified", "etag: \"e\""],
        "",
    ),
    (
        "a 204 has no body",
        "DELETE",
        "HTTP/1.1 204 No Content\r\n\r\n",
        &["HTTP/1.1 204 No Content"],
        "",
    ),
    (
        "interim answers stay behind",
        "GET",
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nz",
        &["HTTP/1.1 200 OK", "content-length: 1"],
        "z",
    ),
    (
        "an answer as long as the connection is chunked for the client",
        "GET",
        "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it",
        &["HTTP/1.1 200 OK", "content-type: text/plain", "transfer-encoding: chunked"],
        "9\r\nall of it\r\n0\r\n\r\n",
    ),
    (
        "chunked wins over a length",
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\n\r\n",
        &["HTTP/1.1 200 OK", "transfer-encoding: chunked"],
        "1\r\nz\r\n0\r\n\r\n",
    ),
    (
        "a protocol that is required is named",
        "GET",
        "HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n",
        &[
            "HTTP/1.1 426 Upgrade Required",
            "connection: upgrade",
            "content-length: 0",
            "upgrade: websocket",
        ],
        "",
    ),
];

#[tokio::test]
async fn the_client_sees_the_application_s_answer() {
    for (name, method, answer, head, body) in ANSWERS {
        let stage = Stage::new().await;
        let (mut client, mut app) =
            stage.asked(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        app.head().await;
        app.send(answer).await;
        drop(app);
        assert_eq!(client.head().await, *head, "{name}");
        // The client's connection stays its own: what comes behind the answer is the answer to the next request.
        client.until(body).await;
        client.send("GET * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        let (rest, _) = client.rest().await;
        assert!(rest.starts_with("HTTP/1.1 400"), "{name}: {rest}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_502() {
    for (name, bytes) in [
        ("hung up", ""),
        ("hung up within the head", "HTTP/1.1 200 OK\r\nContent-"),
        (
            "packed",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nz\r\n0\r\n\r\n",
        ),
        ("not HTTP", "SSH-2.0-OpenSSH_9.6\r\n"),
        ("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nzz"),
        (
            "switched unasked",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nHTTP/1.1 200 OK\r\n",
        ),
    ] {
        let stage = Stage::new().await;
        let (mut client, mut app) = stage.asked("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        app.head().await;
        app.send(bytes).await;
        drop(app);
        let head = client.head().await;
        assert_eq!(head[0], "HTTP/1.1 502 Bad Gateway", "{name}");
        assert!(head.contains(&"x-cuttle-error: app_broken".to_owned()), "{name}: {head:?}");
        assert!(head.contains(&"cache-control: private, no-store".to_owned()), "{name}: {head:?}");
    }
}

#[tokio::test]
async fn an_application_that_is_down_is_502_and_one_that_comes_back_is_asked() {
    let mut stage = Stage::new().await;
    let address = stage.app.local_addr().expect("an address");
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    drop(std::mem::replace(&mut stage.app, elsewhere));
    let mut client = stage.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = client.head().await;
    assert_eq!(head[0], "HTTP/1.1 502 Bad Gateway");
    assert!(head.contains(&"x-cuttle-error: app_down".to_owned()), "{head:?}");
    let body = client.until("\n").await;
    assert!(!body.contains("127.0.0.1"), "{body}");
    stage.app = TcpListener::bind(address).await.expect("the same port");
    client.send("GET /again HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(stage.app().await.head().await[0], "GET /again HTTP/1.1");
}
