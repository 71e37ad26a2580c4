//! Who waits how long for whom, and what is kept for the next request.

use super::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn an_application_that_does_not_begin_to_answer_is_504() {
    let stage = Stage::new().await;
    for request in [GET, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nall"] {
        let (mut client, mut app) = stage.asked(request).await;
        app.head().await;
        if request != GET {
            app.until("all").await;
        }
        five_minutes_later().await;
        let head = client.head().await;
        assert_eq!(head[0], "HTTP/1.1 504 Gateway Timeout");
        assert!(head.contains(&"x-cuttle-error: app_slow".to_owned()), "{head:?}");
        assert_eq!(app.rest().await.0, "", "the request is cancelled");
    }
}

#[tokio::test]
async fn an_application_that_takes_no_upload_is_504() {
    let stage = Stage::new().await;
    let request = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 1_u64 << 40);
    let (mut client, mut app) = stage.asked(request).await;
    app.head().await;
    let chunk = vec![b'z'; 64 << 10];
    while tokio::time::timeout(Duration::from_millis(300), client.stream.write(&chunk))
        .await
        .is_ok()
    {}
    five_minutes_later().await;
    assert_eq!(client.head().await[0], "HTTP/1.1 504 Gateway Timeout");
}

#[tokio::test]
async fn a_stream_may_be_silent_for_minutes() {
    let stage = Stage::new().await;
    let (mut client, mut app) = stage.asked(GET).await;
    app.head().await;
    app.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await;
    client.until("first").await;
    five_minutes_later().await;
    app.send("4\r\nlast\r\n").await;
    client.until("last").await;
}

#[tokio::test]
async fn an_upload_may_be_slow_but_not_silent() {
    let upload = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nfirst";
    for (silence, expected) in [(600, "HTTP/1.1 200 OK"), (30, "HTTP/1.1 408 Request Timeout")] {
        let upload_silence = Duration::from_secs(silence);
        let stage = Stage::with(ProxySettings { upload_silence, ..ProxySettings::default() }).await;
        let (mut client, mut app) = stage.asked(upload).await;
        app.until("first").await;
        five_minutes_later().await;
        if silence > 300 {
            client.send("last").await;
            app.until("last").await;
            app.send(OK).await;
        }
        let head = client.head().await;
        assert_eq!(head[0], expected);
        if silence < 300 {
            assert!(head.contains(&"connection: close".to_owned()), "{head:?}");
            assert_eq!(app.rest().await.0, "", "the request is cancelled");
        }
    }
}

/// What was answered before it was read must not be held open by it either.
#[tokio::test]
async fn a_silent_upload_that_was_answered_ends_too() {
    let stage = Stage::new().await;
    let (mut client, mut app) =
        stage.asked("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nfirst").await;
    app.until("first").await;
    app.send(OK).await;
    assert_eq!(client.head().await[0], "HTTP/1.1 200 OK");
    five_minutes_later().await;
    assert_eq!(client.rest().await.0, "");
}

#[tokio::test]
async fn a_client_that_leaves_is_not_worked_for() {
    for (name, answer) in [
        ("before the head", ""),
        (
            "within a silent stream",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n",
        ),
    ] {
        let stage = Stage::new().await;
        let (mut client, mut app) = stage.asked(GET).await;
        app.head().await;
        app.send(answer).await;
        if !answer.is_empty() {
            client.until("first").await;
        }
        drop(client);
        assert_eq!(app.rest().await.0, "", "{name}");
    }
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_not_taken_for_whole() {
    let stage = Stage::new().await;
    let (client, mut app) = stage
        .asked("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        .await;
    app.until("half\r\n").await;
    drop(client);
    assert_eq!(app.rest().await.0, "");
}

#[tokio::test]
async fn connections_are_used_again() {
    let stage = Stage::new().await;
    let (mut client, mut app) = stage.asked(GET).await;
    for _ in 0..3 {
        app.head().await;
        app.send(OK).await;
        client.head().await;
        let mut other = stage.client().await;
        other.send(GET).await;
        client = other;
    }
    app.head().await;
}

#[tokio::test]
async fn idle_connections_are_closed_before_the_application_does() {
    let stage = Stage::new().await;
    let (mut client, mut app) = stage.asked(GET).await;
    app.head().await;
    app.send(OK).await;
    client.head().await;
    five_minutes_later().await;
    assert_eq!(app.rest().await.0, "");
}

/// The application closes a connection in the moment in which the next request arrives on it.
#[tokio::test]
async fn only_what_is_safe_is_sent_twice_and_only_where_it_was_not_seen() {
    for (request, fresh, again) in [
        ("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n", false, true),
        ("HEAD /2 HTTP/1.1\r\nHost: a\r\n\r\n", false, true),
        ("GET /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nz", false, false),
        ("POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", false, false),
        ("DELETE /2 HTTP/1.1\r\nHost: a\r\n\r\n", false, false),
        ("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n", true, false),
    ] {
        let stage = Stage::new().await;
        let mut app = None;
        if !fresh {
            let (mut client, mut used) = stage.asked(GET).await;
            used.head().await;
            used.send(OK).await;
            client.head().await;
            app = Some(used);
        }
        let mut client = stage.client().await;
        client.send(request).await;
        let mut app = match app {
            Some(app) => app,
            None => stage.app().await,
        };
        app.head().await;
        drop(app);
        if again {
            let mut app = stage.app().await;
            assert!(app.head().await[0].contains(" /2 "), "{request}");
            app.send(OK).await;
        }
        let expected = if again { "HTTP/1.1 200 OK" } else { "HTTP/1.1 502 Bad Gateway" };
        assert_eq!(client.head().await[0], expected, "{request}");
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_not_used() {
    let stage = Stage::new().await;
    let (mut client, mut app) = stage.asked(GET).await;
    app.head().await;
    app.send(OK).await;
    client.head().await;
    drop(app);
    client.send("POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nz").await;
    let mut app = stage.app().await;
    assert_eq!(app.head().await[0], "POST /2 HTTP/1.1");
}
