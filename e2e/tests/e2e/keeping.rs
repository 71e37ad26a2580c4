//! What a deployment decides: how long connections are kept, how long the application may think, where we listen, and whom we
//! believe.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use cuttle_e2e::{Application, Reply, Server, binary, folder_with_a_photo, place};

const POST: &[u8] = b"POST /form HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n\r\na=b";

/// Sends a form on this connection and reads the answer; whether there was one.
fn post(stream: &mut TcpStream) -> bool {
    let mut answer = [0; 12];
    let asked = stream.write_all(POST).and_then(|()| stream.read_exact(&mut answer));
    let answered = asked.is_ok() && &answer == b"HTTP/1.1 204";
    // The rest of the head, which ends the answer.
    let mut end = Vec::new();
    let mut byte = [0];
    while answered && !end.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
        end.push(byte[0]);
    }
    answered
}

/// When the server closes it.
fn closed_after(mut stream: TcpStream, since: Instant) -> Duration {
    let _ = stream.read_to_end(&mut Vec::new());
    since.elapsed()
}

fn with(application: &Application, lines: &str) -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    place(folder.path(), "cuttle.toml", lines.as_bytes());
    let config = folder.path().join("cuttle.toml").display().to_string();
    (Server::serving(&["--upstream", &application.url(), "--config", &config]), folder)
}

#[test]
fn a_kept_connection_outlives_the_time_for_headers_and_a_slow_head_does_not() {
    let application = Application::start(|_, _| Reply::bare(204));
    let (server, _folder) = with(&application, "");
    let open = || TcpStream::connect(&server.address).expect("a server");
    let (began, seconds) = (Instant::now(), Duration::from_secs);
    let (mut kept, mut slow, mut first) = (open(), open(), open());
    assert!(post(&mut kept) && post(&mut slow));
    // Half of a head: behind an answer, and on a new connection. And nothing at all.
    slow.write_all(&POST[..30]).expect("it reads");
    first.write_all(&POST[..30]).expect("it reads");
    let silent =
        [slow, first, open()].map(|stream| thread::spawn(move || closed_after(stream, began)));
    for silent in silent {
        let after = silent.join().expect("no panic");
        assert!((seconds(9)..seconds(20)).contains(&after), "{after:?}");
    }
    // By now it has been idle for longer than they had.
    assert!(began.elapsed() > Duration::from_millis(9_800) && post(&mut kept), "a lost form");
}

/// Behind a balancer that keeps connections for a minute, each of these is a form that somebody sent.
#[test]
fn a_form_on_a_connection_that_was_idle_for_up_to_a_minute_is_answered() {
    let application = Application::start(|_, _| Reply::bare(204));
    let server = Server::serving(&["--upstream", &application.url()]);
    let began = Instant::now();
    let kept = [9_800, 10_000, 10_200, 60_000].map(Duration::from_millis).map(|idle| {
        let mut stream = TcpStream::connect(&server.address).expect("a server");
        assert!(post(&mut stream));
        (idle, stream)
    });
    for (idle, mut stream) in kept {
        while began.elapsed() < idle {
            thread::park_timeout(idle - began.elapsed());
        }
        assert!(post(&mut stream), "a lost form after {idle:?}");
    }
}

#[test]
fn how_long_a_connection_is_kept_and_how_long_the_app_may_think_are_settings() {
    let (answered, is_answered) = mpsc::channel::<()>();
    let is_answered = Mutex::new(is_answered);
    let application = Application::start(move |_, asked| {
        if asked.target == "/slow" {
            // Until the client has its answer, and the test lets go of it.
            let _ = is_answered.lock().expect("no panic").recv();
        }
        Reply::bare(204)
    });
    let (server, _folder) =
        with(&application, "[server]\nkeep_alive = \"11s\"\n[limits]\napp_answer = \"1s\"\n");
    let mut kept = TcpStream::connect(&server.address).expect("a server");
    assert!(post(&mut kept));
    let began = Instant::now();
    let kept = thread::spawn(move || closed_after(kept, began));
    let answer = server.client.get("/slow");
    assert_eq!((answer.status, answer.header("x-cuttle-error")), (504, "app_slow"));
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    drop(answered);
    let after = kept.join().expect("no panic");
    assert!((Duration::from_secs(10)..Duration::from_secs(25)).contains(&after), "{after:?}");
}

#[test]
fn an_address_may_be_written_as_people_write_it() {
    let folder = folder_with_a_photo();
    for (listen, shown) in [
        ("localhost:0", "127.0.0.1:"),
        (":0", "0.0.0.0:"),
        ("0", "127.0.0.1:"),
        ("[::1]:0", "[::1]:"),
    ] {
        let state = tempfile::tempdir().expect("a folder");
        let mut server = Command::new(binary())
            .args(["serve", "--listen", listen, "--admin", "off", "--workers", "1", "--state-dir"])
            .arg(state.path())
            .arg(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let mut line = [0; 128];
        let read = server.stdout.take().expect("piped").read(&mut line).expect("the ready line");
        server.kill().expect("it runs");
        server.wait().expect("it ends");
        let line = String::from_utf8_lossy(&line[..read]).into_owned();
        assert!(line.contains(&format!("listening on http://{shown}")), "{listen}: {line}");
    }
}

#[test]
fn a_proxy_that_nobody_listed_is_told_of_once_with_the_line_to_write() {
    let seen = Arc::new(Application::start(|_, _| Reply::bare(204)));
    let (server, _folder) = with(&seen, "[server]\ntrusted_proxies = []\n");
    let advice =
        |event: &serde_json::Value| event["remedy"].to_string().contains("trusted_proxies");
    assert_eq!(server.client.get("/plain").status, 204);
    assert!(!server.log().iter().any(advice), "nothing was said");
    for _ in 0..3 {
        let sent = [("x-forwarded-for", "198.51.100.7"), ("x-forwarded-proto", "https")];
        assert_eq!(server.client.send("GET", "/proxied", &sent).status, 204);
    }
    let event = server.event("the advice", advice);
    assert_eq!((&event["level"], &event["peer"]), (&"WARN".into(), &"127.0.0.1".into()));
    assert!(event["remedy"].to_string().contains("127.0.0.1"), "{event}");
    assert_eq!(server.log().iter().filter(|event| advice(event)).count(), 1);
}
