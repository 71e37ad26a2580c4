//! Nothing of an app outlives its supervisor, however either of them ends.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, ExitCode, Stdio},
    time::Duration,
};

use cuttle_supervise::{GUARDIAN_ARGUMENT, State, Supervised};

use crate::{
    app::{Folder, fails, gone, parent, ready, runs, spec},
    trials,
};

trials![
    stopping_ends_everyone,
    stopping_kills_who_does_not_listen,
    stopping_ends_a_stopped_guardian,
    stopping_ends_a_start_and_a_pause,
    dropping_ends_everyone,
    nobody_outlives_a_killed_server,
    nobody_outlives_the_command,
    a_person_who_starts_a_guardian_is_told_so,
];

/// First argument of this binary when it must be a server to be killed.
pub(crate) const SERVER: &str = "server-to-be-killed";

/// Supervises the app of a folder until it is killed.
pub(crate) fn server() -> ExitCode {
    let folder = env::args_os().nth(2).expect("a folder").into();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut spec = spec(folder, &["sh", "-c", "python3 app.py descends deaf; exit $?"]);
        spec.stop_within = Duration::from_millis(500);
        let app = Supervised::start(spec);
        say(ready(&app).await.1);
        std::future::pending::<()>().await;
    });
    ExitCode::SUCCESS
}

#[expect(
    clippy::disallowed_macros,
    clippy::print_stdout,
    reason = "how the server to be killed talks to its killer"
)]
fn say(pid: u32) {
    println!("{pid}");
}

/// Ends with its test, also where that fails.
pub(crate) struct Server(pub(crate) Child);

impl Server {
    pub(crate) fn kill(&mut self) {
        self.0.kill().expect("ours");
        self.0.wait().expect("ours");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

/// Starts it with a secret in its environment, and returns it and the process of its app.
pub(crate) fn start_server(folder: &Folder) -> (Server, u32) {
    start_server_by(Command::new(us()), folder)
}

/// The file of this binary.
pub(crate) fn us() -> PathBuf {
    fs::read_link("/proc/self/exe").expect("/proc")
}

pub(crate) fn start_server_by(mut command: Command, folder: &Folder) -> (Server, u32) {
    let server = command
        .arg(SERVER)
        .arg(folder.path(""))
        .env("CUTTLE_ADMIN_TOKEN", "secret")
        .stdout(Stdio::piped())
        .spawn();
    let mut server = server.expect("a server");
    let mut line = String::new();
    let out = server.stdout.take().expect("a pipe");
    BufReader::new(out).read_line(&mut line).expect("a line");
    (Server(server), line.trim().parse().expect("a number"))
}

async fn nobody_outlives_a_killed_server() {
    let folder = Folder::new();
    let (mut server, app) = start_server(&folder);
    let mut all = folder.noted("descendants").await;
    assert_eq!(all.len(), 3);
    all.push(app);
    assert!(all.iter().all(|pid| runs(*pid)));
    server.kill();
    gone(&all).await;
}

async fn stopping_ends_everyone() {
    let folder = Folder::new();
    let app = Supervised::start(folder.app(&["descends"]));
    let (_, pid) = ready(&app).await;
    let guardian = parent(pid);
    let mut all = folder.noted("descendants").await;
    all.extend([pid, guardian]);
    assert!(all.iter().all(|pid| runs(*pid)));
    app.stop().await;
    assert_eq!(*app.state().borrow(), State::Stopped);
    assert!(!all.iter().any(|pid| runs(*pid)), "{all:?}");
    app.stop().await;
}

async fn stopping_kills_who_does_not_listen() {
    let folder = Folder::new();
    let mut spec = folder.app(&["deaf"]);
    spec.stop_within = Duration::from_millis(300);
    let mut app = Supervised::start(spec);
    let mut lines = app.lines().expect("the first");
    let (_, pid) = ready(&app).await;
    app.stop().await;
    assert!(!runs(pid));
    let mut said = Vec::new();
    while let Some(line) = lines.recv().await {
        said.push(line.text);
    }
    assert_eq!(said.last().map(String::as_str), Some("asked to end"), "SIGTERM comes first");
}

async fn stopping_ends_a_stopped_guardian() {
    let folder = Folder::new();
    let mut spec = folder.app(&["descends"]);
    spec.stop_within = Duration::from_millis(100);
    let app = Supervised::start(spec);
    let (_, pid) = ready(&app).await;
    let guardian = rustix::process::Pid::from_raw(parent(pid).cast_signed()).expect("a number");
    rustix::process::kill_process(guardian, rustix::process::Signal::STOP).expect("ours");
    let mut all = folder.noted("descendants").await;
    all.push(pid);
    app.stop().await;
    gone(&all).await;
}

async fn stopping_ends_a_start_and_a_pause() {
    let folder = Folder::new();
    let mut app = Supervised::start(folder.app(&["late"]));
    app.lines().expect("the first").recv().await.expect("it is started");
    app.stop().await;

    let app = Supervised::start(folder.app(&["crash"]));
    fails(&app).await;
    app.stop().await;
    assert_eq!(*app.state().borrow(), State::Stopped);
}

async fn dropping_ends_everyone() {
    let folder = Folder::new();
    let app = Supervised::start(folder.app(&["descends"]));
    let (_, pid) = ready(&app).await;
    let mut all = folder.noted("descendants").await;
    all.extend([pid, parent(pid)]);
    drop(app);
    gone(&all).await;
}

async fn nobody_outlives_the_command() {
    let folder = Folder::new();
    let line = "python3 app.py descends & while ! test -e leave; do sleep 0.1; done; exit 5";
    let app = Supervised::start(folder.run(&["sh", "-c", line]));
    let (_, pid) = ready(&app).await;
    let mut all = folder.noted("descendants").await;
    all.push(pid);
    folder.put("leave");
    let why = fails(&app).await;
    assert!(why.starts_with("it ended with status 5"), "{why}");
    assert!(!all.iter().any(|pid| runs(*pid)), "{all:?}");
    app.stop().await;
}

async fn a_person_who_starts_a_guardian_is_told_so() {
    let started = |arguments: &[&str]| {
        let mut person = Command::new("/proc/self/exe");
        person.arg(GUARDIAN_ARGUMENT).args(arguments).stdin(Stdio::null());
        let output = person.output().expect("it ends");
        (String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
    };
    let (said, status) = started(&[]);
    assert!(said.contains("starts its guardians itself"), "{said}");
    assert_eq!(status, Some(2));
    // With everything but a server at the other end of its input.
    let (said, status) = started(&["65534:65534", "100", "/", "true"]);
    assert!(said.starts_with("cuttle: cannot start true"), "{said}");
    assert_eq!(status, Some(126));
}
