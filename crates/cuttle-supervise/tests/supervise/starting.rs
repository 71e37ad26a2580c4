//! When an app is ready, and what becomes of one that is not.

use std::{net::TcpListener, time::Duration};

use cuttle_supervise::{State, Supervised};

use crate::{
    app::{Folder, eventually, fails, get, kill, parent, reaches, ready},
    log::messages,
    trials,
};

trials![
    an_app_is_ready_when_its_own_socket_answers,
    an_app_behind_two_shells_is_ready_by_its_grandchild,
    a_stranger_on_the_port_gets_no_visitors,
    an_answer_of_500_is_not_ready_and_200_is,
    a_killed_app_is_started_again,
    an_app_without_its_listener_is_started_again,
    a_command_that_crashes_says_why_and_waits_longer_each_time,
    a_command_that_is_not_there_says_so,
    an_app_that_listens_elsewhere_is_told_where,
    an_app_that_listens_beyond_loopback_is_warned_of_once,
];

async fn an_app_is_ready_when_its_own_socket_answers() {
    let folder = Folder::new();
    let mut app = Supervised::start(folder.app(&[]));
    let mut lines = app.lines().expect("the first");
    let (address, pid) = ready(&app).await;
    assert!(address.ip().is_loopback());
    assert_eq!(folder.noted("pid").await, [pid]);
    assert_eq!(lines.recv().await.expect("a line").text, "asked shop.example");
    app.stop().await;
}

async fn an_app_behind_two_shells_is_ready_by_its_grandchild() {
    let folder = Folder::new();
    let line = "sh -c 'python3 app.py; exit 3'; exit 4";
    let app = Supervised::start(folder.run(&["sh", "-c", line]));
    let (address, pid) = ready(&app).await;
    assert_eq!(folder.noted("pid").await, [pid]);
    assert_eq!(get(address, "/other").await, "");
    app.stop().await;
}

async fn a_stranger_on_the_port_gets_no_visitors() {
    let folder = Folder::new();
    let spec = folder.app(&["late"]);
    let name = spec.name.clone();
    let mut app = Supervised::start(spec);
    let line = app.lines().expect("the first").recv().await.expect("a line").text;
    let port: u16 = line.strip_prefix("port ").and_then(|it| it.parse().ok()).expect("a port");
    let stranger = TcpListener::bind(("127.0.0.1", port)).expect("nobody has it yet");
    let (address, _) = ready(&app).await;
    assert_ne!(address.port(), port);
    assert_eq!(get(address, "/other").await, "");
    let us = format!("(process {})", std::process::id());
    let warned = messages(&["WARN", &name, &format!("port {port} was taken"), &us]);
    assert_eq!(warned.len(), 1, "{:?}", messages(&[&name]));
    app.stop().await;
    drop(stranger);
}

async fn an_answer_of_500_is_not_ready_and_200_is() {
    let folder = Folder::new();
    let mut app = Supervised::start(folder.app(&["ill"]));
    let mut lines = app.lines().expect("the first");
    for _ in 0..2 {
        assert_eq!(lines.recv().await.expect("a line").text, "asked shop.example");
    }
    assert_eq!(*app.state().borrow(), State::Starting);
    folder.put("well");
    ready(&app).await;
    app.stop().await;

    let folder = Folder::new();
    let mut spec = folder.app(&["ill"]);
    spec.ready_within = Duration::from_secs(1);
    let app = Supervised::start(spec);
    let why = fails(&app).await;
    assert!(why.starts_with("it was not ready within 1 s: / was answered with 500"), "{why}");
    app.stop().await;
}

async fn a_killed_app_is_started_again() {
    let folder = Folder::new();
    let app = Supervised::start(folder.run(&["sh", "-c", "python3 app.py; exit $?"]));
    let (_, first) = ready(&app).await;
    kill(first);
    let why = fails(&app).await;
    assert!(why.starts_with("it ended with status 137 (signal 9)"), "{why}");
    let (_, second) = ready(&app).await;
    assert_ne!(first, second);
    // Its guardian is the parent of the shell, and nobody who is still there is without one.
    let guardian = parent(parent(second));
    kill(guardian);
    let why = fails(&app).await;
    assert!(why.starts_with("it ended with its guardian, which was killed"), "{why}");
    eventually("the second is gone", || !crate::app::runs(second)).await;
    ready(&app).await;
    app.stop().await;
}

async fn an_app_without_its_listener_is_started_again() {
    let folder = Folder::new();
    // A shell that is deaf takes a while to end, and gets no visitors meanwhile.
    let line = "trap '' TERM; python3 app.py; while true; do sleep 0.1; done";
    let mut spec = folder.run(&["sh", "-c", line]);
    spec.stop_within = Duration::from_secs(1);
    let app = Supervised::start(spec);
    let (_, pid) = ready(&app).await;
    kill(pid);
    reaches(&app, |state| *state == State::Stopping).await;
    let why = fails(&app).await;
    assert!(why.starts_with("it stopped listening"), "{why}");
    ready(&app).await;
    app.stop().await;
}

async fn a_command_that_crashes_says_why_and_waits_longer_each_time() {
    let folder = Folder::new();
    let spec = folder.app(&["crash"]);
    let name = spec.name.clone();
    let app = Supervised::start(spec);
    let why = fails(&app).await;
    assert_eq!(why, "it ended before it was ready, with status 7; it last said: no database");
    reaches(&app, |state| *state == State::Starting).await;
    fails(&app).await;
    app.stop().await;
    for pause in ["500", "1000"] {
        assert_eq!(messages(&["ERROR", &name, &format!("again_in_ms={pause}")]).len(), 1);
    }
}

async fn a_command_that_is_not_there_says_so() {
    let folder = Folder::new();
    let app = Supervised::start(folder.run(&["no-such-command", "start"]));
    let why = fails(&app).await;
    // 126 where a folder of PATH is closed to the app's user, as root's are.
    assert!(why.contains("status 127") || why.contains("status 126"), "{why}");
    assert!(why.contains("cuttle: cannot start no-such-command") && why.contains("PATH"), "{why}");
    app.stop().await;
}

async fn an_app_that_listens_elsewhere_is_told_where() {
    let folder = Folder::new();
    let mut spec = folder.app(&["elsewhere"]);
    spec.ready_within = Duration::from_secs(2);
    let app = Supervised::start(spec);
    let why = fails(&app).await;
    assert!(why.contains("it listens on 127.0.0.1:") && why.contains("and not on port"), "{why}");
    app.stop().await;
}

async fn an_app_that_listens_beyond_loopback_is_warned_of_once() {
    let folder = Folder::new();
    let spec = folder.app(&["open"]);
    let name = spec.name.clone();
    let app = Supervised::start(spec);
    let (address, _) = ready(&app).await;
    assert!(address.ip().is_loopback(), "it is asked at loopback");
    let open = format!("address=0.0.0.0:{}", address.port());
    assert_eq!(messages(&["WARN", &name, &open]).len(), 1, "{:?}", messages(&[&name]));
    app.stop().await;
}
