//! What an app has of us: variables, a user, descriptors; and what we have of it: lines.

use std::{
    fs::{self, File},
    os::fd::AsFd as _,
    process::Command,
};

use cuttle_supervise::{Spec, Stream, Supervised};
use rustix::{
    io::{FdFlags, fcntl_setfd},
    process::geteuid,
};

use crate::{
    app::{Folder, USER, fails, get, gone, parent, ready},
    ending::{start_server, start_server_by, us},
    trials,
};

trials![
    an_app_sees_where_to_listen_whatever_is_said_of_it,
    a_secret_of_the_servers_is_in_no_environment,
    an_app_of_root_is_run_as_the_folders_owner,
    an_app_is_found_by_a_root_who_may_not_look_into_it,
    an_app_is_never_run_as_root,
    an_app_inherits_no_descriptor,
    lines_come_with_their_stream_long_or_binary,
];

async fn an_app_sees_where_to_listen_whatever_is_said_of_it() {
    let folder = Folder::new();
    let mut spec = folder.app(&[]);
    spec.environment =
        [("CUTTLE_URL_BLOG", "http://127.0.0.1:1"), ("HOSTNAME", "0.0.0.0"), ("LD_X", "1")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
    let app = Supervised::start(spec);
    let (address, _) = ready(&app).await;
    let environment = get(address, "/environment").await;
    let has = |line: &str| environment.lines().any(|it| it == line);
    assert!(has(&format!("PORT={}", address.port())), "{environment}");
    for line in [
        "HOSTNAME=127.0.0.1",
        "KEEP_ALIVE_TIMEOUT=75000",
        "CUTTLE_URL_BLOG=http://127.0.0.1:1",
        "LD_X=1",
    ] {
        assert!(has(line), "{line}: {environment}");
    }
    app.stop().await;
}

async fn a_secret_of_the_servers_is_in_no_environment() {
    let folder = Folder::new();
    let (mut server, app) = start_server(&folder);
    let environment = |pid: u32| fs::read_to_string(format!("/proc/{pid}/environ")).expect("ours");
    assert!(environment(server.0.id()).contains("CUTTLE_ADMIN_TOKEN"));
    let of_app = environment(app);
    assert!(of_app.contains("\0PORT=") && !of_app.contains("CUTTLE_"), "{of_app}");
    // A shell is between them. What the app's user writes into an env_file must not run as root.
    assert_eq!(environment(parent(parent(app))), "");
    server.kill();
    gone(&[app]).await;
}

async fn an_app_of_root_is_run_as_the_folders_owner() {
    let folder = Folder::new();
    let app = Supervised::start(folder.app(&[]));
    let (address, _) = ready(&app).await;
    let ids = get(address, "/ids").await;
    let expected = match geteuid().is_root() {
        true => format!("{USER}:{USER} []"),
        false => format!("{}:", geteuid().as_raw()),
    };
    assert!(ids.starts_with(&expected), "{ids}");
    app.stop().await;
}

/// Docker's root has no `CAP_SYS_PTRACE`.
async fn an_app_is_found_by_a_root_who_may_not_look_into_it() {
    if !geteuid().is_root() {
        return cuttle_testing::skip("capabilities are root's to give up");
    }
    let folder = Folder::new();
    let mut less = Command::new("setpriv");
    less.args(["--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"]).arg(us());
    let (mut server, reported) = start_server_by(less, &folder);
    let app = folder.noted("pid").await[0];
    // It cannot see which process listens, so it tells the guardian: the app's shell's parent.
    assert_eq!(reported, parent(parent(app)));
    server.kill();
    gone(&[app, reported]).await;
}

async fn an_app_is_never_run_as_root() {
    if !geteuid().is_root() {
        return cuttle_testing::skip("only root could start an app as root");
    }
    let folder = Folder::new();
    for user in [None, Some((0, USER))] {
        let app = Supervised::start(Spec { user, ..folder.app(&[]) });
        let why = fails(&app).await;
        assert!(why.contains("an app is never run as root"), "{why}");
        app.stop().await;
    }
}

async fn an_app_inherits_no_descriptor() {
    let folder = Folder::new();
    let left_open = File::open(folder.path("app.py")).expect("a file");
    fcntl_setfd(left_open.as_fd(), FdFlags::empty()).expect("as some who start servers do");
    let app = Supervised::start(folder.app(&[]));
    let (address, _) = ready(&app).await;
    let descriptors = get(address, "/descriptors").await;
    assert!(!descriptors.contains("app.py"), "{descriptors}");
    assert!(descriptors.lines().any(|line| line == "0 /dev/null"), "{descriptors}");
    // Input, two outputs, the listener, a connection; the list itself is closed by then.
    assert_eq!(descriptors.lines().count(), 5, "{descriptors}");
    app.stop().await;
}

async fn lines_come_with_their_stream_long_or_binary() {
    let folder = Folder::new();
    let mut app = Supervised::start(folder.run(&[
        "sh",
        "-c",
        "python3 app.py prints crash; python3 app.py prints",
    ]));
    let mut lines = app.lines().expect("the first");
    assert!(app.lines().is_none());
    let mut next = async || lines.recv().await.expect("a line");
    let error = next().await;
    assert_eq!((error.stream, error.text.as_str()), (Stream::Error, "no database"));
    assert_eq!(next().await.text, "short");
    let long = next().await;
    assert!(long.text.starts_with("xxx") && long.text.ends_with("(cut: longer than 16 KiB)"));
    assert!(long.text.len() < 17 << 10, "{}", long.text.len());
    assert_eq!(next().await.text, "binary \u{fffd}\u{fffd}");
    assert_eq!(app.dropped(), 0);
    app.stop().await;
}
