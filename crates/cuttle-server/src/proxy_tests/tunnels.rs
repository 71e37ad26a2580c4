//! Other protocols.

use super::*;

const ASK: &str = "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s\r\n\r\n";

/// A tunnel, with a word from each side sent behind the heads.
async fn tunnel(stage: &Stage) -> (Wire, Wire) {
    let (mut client, mut app) = stage.asked(format!("{ASK}early")).await;
    let head = app.head().await;
    assert!(head.contains(&"sec-websocket-key: k".to_owned()), "{head:?}");
    app.send(format!("{SWITCH}first")).await;
    let head = client.head().await;
    let expected = [
        "HTTP/1.1 101 Switching Protocols",
        "connection: upgrade",
        "sec-websocket-accept: s",
        "upgrade: websocket",
    ];
    assert_eq!(head, expected);
    client.until("first").await;
    app.until("early").await;
    (client, app)
}

#[tokio::test]
async fn bytes_pass_both_ways_until_both_ends_are_done() {
    let stage = Stage::new().await;
    let (mut client, mut app) = tunnel(&stage).await;
    for word in ["\0one", "\u{7f}two"] {
        client.send(word).await;
        app.until(word).await;
        app.send(word).await;
        client.until(word).await;
    }
    // Half closed: the other way goes on.
    client.stream.shutdown().await.expect("a socket");
    let mut end = Vec::new();
    soon(app.stream.read_to_end(&mut end)).await.expect("a FIN");
    app.send("last words").await;
    drop(app);
    assert_eq!(client.rest().await.0, "last words");
}

#[tokio::test]
async fn an_application_that_ends_the_tunnel_ends_it_for_the_client() {
    let stage = Stage::new().await;
    let (client, app) = tunnel(&stage).await;
    drop(app);
    assert_eq!(client.rest().await.0, "");
}

#[tokio::test]
async fn a_client_that_goes_takes_the_tunnel_along() {
    let stage = Stage::new().await;
    let (client, app) = tunnel(&stage).await;
    drop(client);
    assert_eq!(app.rest().await.0, "");
}

#[tokio::test]
async fn an_upgrade_that_is_declined_is_an_answer_like_others() {
    let stage = Stage::new().await;
    let (mut client, mut app) = stage.asked(ASK).await;
    app.head().await;
    app.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await;
    assert_eq!(client.head().await[0], "HTTP/1.1 403 Forbidden");
    client.until("no").await;
    client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(app.head().await[0], "GET /next HTTP/1.1");
}

#[tokio::test]
async fn silence_is_no_reason_to_end_a_tunnel() {
    let stage = Stage::new().await;
    let (mut client, mut app) = tunnel(&stage).await;
    five_minutes_later().await;
    app.send("still there").await;
    client.until("still there").await;
    client.send("so am I").await;
    app.until("so am I").await;
}

#[tokio::test]
async fn a_drain_gives_tunnels_two_seconds_and_no_more() {
    let stage = Stage::new().await;
    let (mut client, mut app) = tunnel(&stage).await;
    stage.close();
    while TcpStream::connect(stage.front).await.is_ok() {
        tokio::task::yield_now().await;
    }
    app.send("within the grace").await;
    client.until("within the grace").await;
    assert!(!stage.serving.is_finished());
    five_minutes_later().await;
    soon(stage.serving).await.expect("no panic");
    assert_eq!(client.rest().await.0, "");
    assert_eq!(app.rest().await.0, "");
}

#[tokio::test]
async fn a_drain_without_tunnels_ends_at_once() {
    let stage = Stage::new().await;
    let (client, app) = tunnel(&stage).await;
    drop((client, app));
    stage.close();
    soon(stage.serving).await.expect("no panic");
}
