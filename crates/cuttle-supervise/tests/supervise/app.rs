//! A folder with the app of these tests, of a user who is not root, and what tests ask of processes.

use std::{
    ffi::OsString,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::fs::chown,
    path::PathBuf,
    time::Duration,
};

use cuttle_supervise::{Health, Spec, State, Supervised, user_for};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

/// Long enough for any test, so that none depends on it.
const PATIENCE: Duration = Duration::from_secs(60);
/// `nobody`, where these tests are run as root.
pub(crate) const USER: u32 = 65534;

pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("app.py"), include_str!("app.py")).expect("written");
        if geteuid().is_root() {
            chown(folder.path(), Some(USER), Some(USER)).expect("we are root");
        }
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A command line in this folder. `APP` in it is the app.
    pub(crate) fn run(&self, line: &[&str]) -> Spec {
        spec(self.0.path().to_owned(), line)
    }

    /// The app, started by itself.
    pub(crate) fn app(&self, words: &[&str]) -> Spec {
        self.run(&[&["python3", "app.py"], words].concat())
    }

    pub(crate) fn put(&self, name: &str) {
        fs::write(self.path(name), "").expect("written");
    }

    /// What the app wrote into a file, once it did.
    pub(crate) async fn noted(&self, name: &str) -> Vec<u32> {
        let read = || fs::read_to_string(self.path(name)).ok();
        eventually(name, || read().is_some()).await;
        let text = read().expect("it was there");
        text.split(' ').map(|pid| pid.parse().expect("a number")).collect()
    }
}

pub(crate) fn spec(folder: PathBuf, line: &[&str]) -> Spec {
    let health = Health::new("/", "shop.example").expect("a question");
    let mut words = line.iter().map(OsString::from);
    let program = words.next().expect("a program").into();
    let user = user_for(&folder, geteuid().is_root()).expect("not root's");
    let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
    let arguments = words.collect();
    let mut spec = Spec::new(&name, folder, program, arguments, health);
    spec.user = user;
    spec
}

/// Waits for a state, and says what it then is.
pub(crate) async fn reaches(app: &Supervised, state: impl Fn(&State) -> bool) -> State {
    let mut seen = app.state();
    let reached = tokio::time::timeout(PATIENCE, seen.wait_for(|it| state(it))).await;
    match reached {
        Ok(reached) => reached.expect("it is supervised").clone(),
        Err(_) => panic!("never reached, but {:?}", *app.state().borrow()),
    }
}

/// Waits until it is ready: where, and which process.
pub(crate) async fn ready(app: &Supervised) -> (SocketAddr, u32) {
    match reaches(app, |state| matches!(state, State::Ready { .. })).await {
        State::Ready { address, pid } => (address, pid),
        other => panic!("{other:?}"),
    }
}

/// Waits until it is to be started again, and says why.
pub(crate) async fn fails(app: &Supervised) -> String {
    match reaches(app, |state| matches!(state, State::Waiting { .. })).await {
        State::Waiting { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

/// What the app answers.
pub(crate) async fn get(address: SocketAddr, path: &str) -> String {
    let question = format!("GET {path} HTTP/1.0\r\n\r\n");
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream.write_all(question.as_bytes()).expect("asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        answer
    });
    let answer = answer.await.expect("no panic");
    answer.split_once("\r\n\r\n").expect("a head").1.to_owned()
}

/// Waits for something that happens elsewhere.
pub(crate) async fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let waiting = async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

pub(crate) async fn gone(pids: &[u32]) {
    for pid in pids {
        eventually(&format!("{pid} is gone"), || !runs(*pid)).await;
    }
}

pub(crate) fn kill(pid: u32) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a number");
    kill_process(pid, Signal::KILL).expect("it is ours");
}

/// Whether a process still runs; one that nobody has reaped yet does not.
pub(crate) fn runs(pid: u32) -> bool {
    stat(pid).is_some_and(|stat| !stat.starts_with(['Z', 'X']))
}

pub(crate) fn parent(pid: u32) -> u32 {
    let stat = stat(pid).expect("it runs");
    stat.split(' ').nth(1).and_then(|parent| parent.parse().ok()).expect("a parent")
}

/// What the kernel says of a process, from its state on.
fn stat(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(") ")?.1.to_owned())
}
