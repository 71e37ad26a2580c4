//! Bodies, both ways, as they come.

use super::*;

#[tokio::test]
async fn an_event_is_there_when_it_is_sent() {
    let stage = Stage::new().await;
    let (mut client, mut app) = stage.asked("GET /events HTTP/1.1\r\nHost: a\r\n\r\n").await;
    app.head().await;
    app.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    )
    .await;
    client.head().await;
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        app.send(format!("{:x}\r\n{event}\r\n", event.len())).await;
        client.until(event).await;
    }
}

#[tokio::test]
async fn uploads_pass_as_they_come_whatever_the_method() {
    for (method, framing) in
        [("POST", "chunked"), ("GET", "chunked"), ("PUT", "length"), ("DELETE", "length")]
    {
        let stage = Stage::new().await;
        let field =
            if framing == "chunked" { "Transfer-Encoding: chunked" } else { "Content-Length: 10" };
        let (mut client, mut app) =
            stage.asked(format!("{method} / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n")).await;
        let head = app.head().await;
        assert!(head.contains(&field.to_ascii_lowercase()), "{method}: {head:?}");
        for part in ["first", "again"] {
            if framing == "chunked" {
                client.send(format!("5\r\n{part}\r\n")).await;
            } else {
                client.send(part).await;
            }
            app.until(part).await;
        }
    }
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let stage = Stage::new().await;
    let request = "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n\
        1\r\nz\r\n0\r\nx-sum: 26\r\n\r\n";
    let (mut client, mut app) = stage.asked(request).await;
    app.head().await;
    app.until("1\r\nz\r\n0\r\nx-sum: 26\r\n\r\n").await;
    app.send("HTTP/1.1 200 OK\r\nTrailer: x-end\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\nx-end: yes\r\n\r\n").await;
    let head = client.head().await;
    assert!(head.contains(&"trailer: x-end".to_owned()), "{head:?}");
    client.until("1\r\nz\r\n0\r\nx-end: yes\r\n\r\n").await;
}

#[tokio::test]
async fn who_does_not_read_stops_who_writes() {
    // What two sockets of the kernel and our buffers hold is a few megabytes; what is offered is not.
    const OFFERED: usize = 256 << 20;
    async fn offer(mut writer: Wire) -> usize {
        let chunk = vec![b'z'; 64 << 10];
        let mut taken = 0;
        while taken < OFFERED {
            let write =
                tokio::time::timeout(Duration::from_millis(300), writer.stream.write(&chunk));
            match write.await {
                Ok(written) => taken += written.expect("a reader"),
                Err(_elapsed) => return taken,
            }
        }
        taken
    }
    let stage = Stage::new().await;
    let (_client, mut app) = stage.asked("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    app.head().await;
    app.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {OFFERED}\r\n\r\n")).await;
    assert!(offer(app).await < OFFERED / 4, "an answer was swallowed");
    let request = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {OFFERED}\r\n\r\n");
    let (client, _app) = stage.asked(request).await;
    assert!(offer(client).await < OFFERED / 4, "an upload was swallowed");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_seen_to() {
    for (name, version, framing, expected) in [
        ("a length", "1.1", "Content-Length: 10\r\n\r\nhalf", "half"),
        ("chunks", "1.1", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "4\r\nhalf\r\n"),
        (
            "chunks, to a client that knows none",
            "1.0",
            "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            "half",
        ),
    ] {
        let stage = Stage::new().await;
        let (mut client, mut app) =
            stage.asked(format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n")).await;
        app.head().await;
        app.send(format!("HTTP/1.1 200 OK\r\n{framing}")).await;
        client.head().await;
        client.until(expected).await;
        drop(app);
        let (rest, ended) = client.rest().await;
        assert_eq!(rest, "", "{name}");
        assert_eq!(ended.is_err(), version == "1.0", "{name}: {ended:?}");
    }
}

#[tokio::test]
async fn a_whole_answer_to_http_1_0_ends_with_its_connection() {
    let stage = Stage::new().await;
    let (mut client, mut app) = stage.asked("GET / HTTP/1.0\r\nHost: a\r\n\r\n").await;
    app.head().await;
    app.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n").await;
    let head = client.head().await;
    assert!(!head.iter().any(|line| line.starts_with("transfer-encoding")), "{head:?}");
    let (rest, ended) = client.rest().await;
    assert_eq!(rest, "whole");
    ended.expect("a FIN");
}

const EXPECTS: &str =
    "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";

#[tokio::test]
async fn the_application_says_whether_a_client_that_waits_may_go_on() {
    let stage = Stage::new().await;
    let (mut client, mut app) = stage.asked(EXPECTS).await;
    let head = app.head().await;
    assert!(head.contains(&"expect: 100-continue".to_owned()), "{head:?}");
    app.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    assert_eq!(client.head().await[0], "HTTP/1.1 100 Continue");
    client.send("body").await;
    app.until("body").await;
    app.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.head().await[0], "HTTP/1.1 201 Created");
}

#[tokio::test]
async fn a_refusal_comes_before_the_body() {
    let stage = Stage::new().await;
    let (mut client, mut app) = stage.asked(EXPECTS).await;
    app.head().await;
    app.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 7\r\n\r\nToo ").await;
    assert_eq!(client.head().await[0], "HTTP/1.1 413 Content Too Large");
    five_minutes_later().await;
    app.send("big").await;
    client.until("Too big").await;
    // And the application is not left waiting for a body that never comes.
    assert_eq!(app.rest().await.0, "");
    assert_eq!(client.rest().await.0, "");
}

#[tokio::test]
async fn an_application_that_says_nothing_is_sent_the_body_all_the_same() {
    let stage = Stage::new().await;
    let (mut client, mut app) = stage.asked(EXPECTS).await;
    app.head().await;
    assert_eq!(client.head().await[0], "HTTP/1.1 100 Continue");
    client.send("body").await;
    app.until("body").await;
}
