//! Nothing refused ever gets a SYN. Every address of the table is one that a listener could see.

use std::sync::Arc;
use std::time::Duration;

use cuttle_contract::Failure;
use cuttle_net::{Exceptions, Guard};
use cuttle_source::{HttpSettings, LoadError, Origins, Remote};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::origin::{Answer, ScriptedOrigin, answer, redirect};
use crate::{LONG, Names, Setting, guarded, loaded, refused, remote, settings};

#[tokio::test]
async fn a_refused_host_is_never_dialled_however_it_is_written() {
    let there = ScriptedOrigin::start_on("0.0.0.0:0", |_, _| answer(200, &[], b"secret")).await;
    let port = there.address.port();
    let names = Names::of(&[
        ("loopback.example", &[&["127.0.0.1"]]),
        ("mixed.example", &[&["93.184.216.34", "127.0.0.1"]]),
        ("mapped.example", &[&["::ffff:127.0.0.1"]]),
        ("any.example", &[&["0.0.0.0"]]),
        ("localhost", &[&["127.0.0.1"]]),
        ("a.localhost", &[&["127.0.0.1"]]),
    ]);
    let origins = guarded(names.clone(), &[]);
    for host in [
        "127.0.0.1",
        "127.0.0.7",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[::1]",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "loopback.example",
        "mixed.example",
        "mapped.example",
        "any.example",
    ] {
        let source = remote(&format!("http://{host}:{port}/a"));
        let error = refused(Setting::default().load(&origins, &source, None).await);
        assert!(matches!(error, LoadError::AddressNotAllowed(_)), "{host}: {error}");
        assert_eq!(error.failure(), Failure::AddressNotAllowed);
        assert!(!error.is_transient(), "{host} is not tried again");
    }
    assert_eq!(there.connections(), 0);
    let asked = names.asked();
    assert!(asked.iter().all(|name| name.ends_with(".example")), "{asked:?}");
    assert_eq!(asked.len(), 4, "one look-up each, and none for literals and local names");
}

#[tokio::test]
async fn an_exception_opens_what_it_names_and_nothing_beside_it() {
    let open = ScriptedOrigin::start_on("127.0.0.2:0", |_, _| answer(200, &[], b"open")).await;
    let shut = ScriptedOrigin::start_on("127.0.0.3:0", |_, _| answer(200, &[], b"shut")).await;
    let origins = guarded(Names::of(&[("named.example", &[&["127.0.0.2"]])]), &["127.0.0.2/32"]);
    for url in [open.url("/a"), open.named("named.example", "/a")] {
        let loaded = loaded(Setting::default().load(&origins, &remote(&url), None).await);
        assert_eq!(loaded.intake.bytes, b"open", "{url}");
    }
    let error = refused(Setting::default().load(&origins, &remote(&shut.url("/a")), None).await);
    assert!(matches!(error, LoadError::AddressNotAllowed(_)));
    assert_eq!(shut.connections(), 0);
}

#[tokio::test]
async fn a_host_exception_is_for_that_host_only() {
    let there = ScriptedOrigin::start(|_, _| answer(200, &[], b"open")).await;
    let names =
        Names::of(&[("minio.internal", &[&["127.0.0.1"]]), ("b.internal", &[&["127.0.0.1"]])]);
    let hosts = vec!["MinIO.internal".to_owned()];
    let guard = Guard::new(Exceptions { hosts, ..Exceptions::default() });
    let origins = Origins::default().with_remote(Remote::new(guard, names, settings()));
    let good = remote(&there.named("minio.internal", "/a"));
    assert_eq!(loaded(Setting::default().load(&origins, &good, None).await).intake.bytes, b"open");
    let bad = remote(&there.named("b.internal", "/a"));
    let error = refused(Setting::default().load(&origins, &bad, None).await);
    assert_eq!(error.to_string(), "b.internal is a local name");
}

#[tokio::test]
async fn dns_that_changes_between_look_ups_gains_nothing() {
    let open = ScriptedOrigin::start_on("127.0.0.2:0", |_, _| answer(200, &[], b"open")).await;
    let port = open.address.port();
    let shut =
        ScriptedOrigin::start_on(&format!("127.0.0.3:{port}"), |_, _| answer(200, &[], b"shut"))
            .await;
    let names = Names::of(&[("turns.example", &[&["127.0.0.2"], &["127.0.0.3"]])]);
    let origins = guarded(names.clone(), &["127.0.0.2/32"]);
    let source = remote(&open.named("turns.example", "/a"));
    let first = loaded(Setting::default().load(&origins, &source, None).await);
    assert_eq!(first.intake.bytes, b"open");
    assert_eq!(names.asked().len(), 1, "the address that was judged is the one that was dialled");
    let error = refused(Setting::default().load(&origins, &source, None).await);
    assert!(matches!(error, LoadError::AddressNotAllowed(_)), "{error}");
    assert_eq!((names.asked().len(), shut.connections()), (2, 0));
}

#[tokio::test]
async fn a_redirect_to_a_refused_address_is_not_followed() {
    let shut = ScriptedOrigin::start_on("127.0.0.3:0", |_, _| answer(200, &[], b"shut")).await;
    let port = shut.address.port();
    let there = ScriptedOrigin::start_on("127.0.0.2:0", move |number, _| {
        let host = ["127.0.0.3", "127.3", "0x7f000003", "inner.example", "localhost"][number];
        redirect(302, &format!("http://{host}:{port}/a"))
    })
    .await;
    let names = Names::of(&[("inner.example", &[&["127.0.0.3"]])]);
    let origins = guarded(names, &["127.0.0.2/32"]);
    for _ in 0..5 {
        let error =
            refused(Setting::default().load(&origins, &remote(&there.url("/a")), None).await);
        assert!(matches!(error, LoadError::AddressNotAllowed(_)), "{error}");
    }
    assert_eq!((there.connections(), shut.connections()), (5, 0));
}

#[tokio::test]
async fn a_name_without_an_address_is_the_networks_fault_and_tried_again() {
    let names = Names::of(&[]);
    let origins = guarded(names.clone(), &[]);
    let source = remote("http://nowhere.example/a?token=secret");
    let error = refused(Setting::default().load(&origins, &source, None).await);
    assert!(matches!(error, LoadError::Network(_)), "{error}");
    assert_eq!(names.asked().len(), 3);
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn nothing_but_the_remote_client_loads_remote_sources() {
    let source = remote("http://example.com/a");
    let error = refused(Setting::default().load(&Origins::default(), &source, None).await);
    assert!(matches!(error, LoadError::NotAllowed));
}

#[tokio::test]
async fn who_finds_every_place_taken_waits_without_a_connection() {
    let asked = Arc::new(Notify::new());
    let asking = Arc::clone(&asked);
    let there = ScriptedOrigin::start(move |_, _| {
        asking.notify_one();
        Answer::Stall(Vec::new())
    })
    .await;
    let networks = vec!["127.0.0.0/8".parse().expect("a network")];
    let guard = Guard::new(Exceptions { networks, ..Exceptions::default() });
    let one_place = HttpSettings { per_origin: 1, ..settings() };
    let origins = Origins::default().with_remote(Remote::new(guard, Names::of(&[]), one_place));
    let source = remote(&there.url("/a"));
    let first = tokio::spawn({
        let (origins, source) = (origins.clone(), source.clone());
        async move { Setting::default().load(&origins, &source, None).await.is_ok() }
    });
    asked.notified().await;
    let short = Setting { budget: Duration::from_millis(20), ..Setting::default() };
    let error = refused(short.load(&origins, &source, None).await);
    assert_eq!(error.failure(), Failure::SourceTimeout);
    assert_eq!(there.connections(), 1);
    first.abort();
}

/// A server that answers on a connection for as long as it is there, and counts how many are.
async fn patient() -> (u16, watch::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (open, seen) = watch::channel(0);
    let open = Arc::new(open);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let open = Arc::clone(&open);
            open.send_modify(|open| *open += 1);
            tokio::spawn(async move {
                let mut asked = [0; 1024];
                while socket.read(&mut asked).await.is_ok_and(|read| read > 0) {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nGIF";
                    let _ = socket.write_all(answer).await;
                }
                open.send_modify(|open| *open -= 1);
            });
        }
    });
    (port, seen)
}

#[tokio::test]
async fn however_many_hosts_are_named_few_connections_are_kept() {
    const HOSTS: usize = 200;
    let (port, mut open) = patient().await;
    let names: Vec<_> = (0..HOSTS).map(|host| format!("{host}.example")).collect();
    let loopback: &[&[&str]] = &[&["127.0.0.1"]];
    let addresses: Vec<_> = names.iter().map(|name| (name.as_str(), loopback)).collect();
    let origins = guarded(Names::of(&addresses), &["127.0.0.0/8"]);
    for name in &names {
        let source = remote(&format!("http://{name}:{port}/a"));
        loaded(Setting::default().load(&origins, &source, None).await);
    }
    let traffic = origins.traffic();
    assert_eq!(traffic.connections, traffic.connections_limit);
    assert!(traffic.connections < HOSTS);
    let kept = open.wait_for(|open| *open == traffic.connections);
    assert!(timeout(LONG, kept).await.is_ok(), "they stay open");
}
