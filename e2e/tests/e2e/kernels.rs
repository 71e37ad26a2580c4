//! Kernels and containers that refuse system calls: served all the same, and what is refused is named with what needs it.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use cuttle_e2e::{Client, Server, binary, folder_with_a_photo};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const REFUSING: &str = env!("CARGO_BIN_EXE_refusing");

/// What is refused, what the log says of it, and whether `--require-sandbox` still serves. `EPERM` is what profiles say, `ENOSYS` what kernels do.
const CALLS: &[(&str, &str, &str, bool)] = &[
    ("ENOSYS", "memfd_create", "memfd_create", true),
    ("EPERM", "memfd_create", "memfd_create", true),
    ("ENOSYS", "landlock_create_ruleset", "landlock_create_ruleset", false),
    ("EPERM", "landlock_create_ruleset", "landlock_create_ruleset", false),
    ("EPERM", "seccomp", "seccomp", false),
    ("ENOSYS", "seccomp", "seccomp", false),
    ("EPERM", "setpriority", "setpriority", false),
    ("EPERM", "capset", "capset", false),
    ("ENOSYS", "clone3", "", true),
    ("ENOSYS", "openat2,preadv2", "", true),
    ("EPERM", "openat2,preadv2", "", true),
    ("ENOSYS", "close_range", "", true),
    ("ENOSYS", "statx", "", true),
    ("ENOSYS", "getrandom,rseq,sched_getaffinity", "", true),
    ("ENOSYS", "fallocate", "", true),
    ("EPERM", "flock", "flock", true),
    ("EPERM", "prctl", "prctl", false),
    ("ENOSYS", "pidfd_open", "", true),
];

fn warnings(log: &[Value]) -> Vec<String> {
    let loud = |event: &&Value| event["level"] == "WARN" || event["level"] == "ERROR";
    log.iter().filter(loud).map(ToString::to_string).collect()
}

#[test]
fn what_is_refused_is_named_and_pictures_are_made_without_it() {
    let folder = folder_with_a_photo();
    let path = folder.path().display().to_string();
    for (error, calls, named, _) in CALLS {
        let server = Server::under(&[REFUSING, error, calls], &[&path, "--workers", "1"]);
        let target = "/_next/image?url=%2Fphoto.jpg&w=640&q=75";
        let answer = server.client.accepting("image/webp", target);
        assert_eq!((answer.status, answer.header("content-type")), (200, "image/webp"), "{calls}");
        let said = warnings(&server.log());
        if named.is_empty() {
            assert!(said.is_empty(), "{error} {calls}: {said:#?}");
        } else {
            assert!(said.iter().any(|line| line.contains(named)), "{error} {calls}: {said:#?}");
        }
    }
}

/// A worker whose memory cannot be bounded makes nothing.
#[test]
fn where_a_worker_cannot_be_bounded_originals_are_served_and_the_call_is_named() {
    let folder = folder_with_a_photo();
    let path = folder.path().display().to_string();
    let server = Server::under(&[REFUSING, "EPERM", "prlimit64"], &[&path, "--workers", "1"]);
    let answer = server.client.accepting("image/webp", "/_next/image?url=%2Fphoto.jpg&w=640&q=75");
    assert_eq!((answer.status, answer.header("content-type")), (200, "image/jpeg"));
    let said = warnings(&server.log());
    assert!(said.iter().any(|line| line.contains("prlimit64")), "{said:#?}");
}

#[test]
fn a_sandbox_that_is_required_names_the_call_that_it_lacks() {
    let folder = folder_with_a_photo();
    for (error, calls, named, complete) in CALLS.iter().filter(|row| !row.3) {
        assert!(!complete);
        let refused = Command::new(REFUSING)
            .args([error, calls])
            .arg(binary())
            .args(["serve", "--listen", "127.0.0.1:0", "--admin", "off", "--require-sandbox"])
            .arg(folder.path())
            .env("CUTTLE_STATE_DIR", folder.path().join("state"))
            .stdin(Stdio::null())
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&refused.stderr);
        let last = said.lines().last().unwrap_or_default();
        assert!(!refused.status.success() && last.contains(named), "{error} {calls}: {said}");
    }
}

#[test]
fn a_profile_that_lets_nothing_start_is_a_sentence() {
    for command in [&["serve", "."][..], &["check"], &["render", "photo.jpg", "out.webp"]] {
        let folder = folder_with_a_photo();
        let refused = Command::new(REFUSING)
            .args(["EPERM", "clone3"])
            .arg(binary())
            .args(command)
            .current_dir(folder.path())
            .env("CUTTLE_STATE_DIR", folder.path().join("state"))
            .stdin(Stdio::null())
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{command:?}: {said}");
        assert!(said.contains("clone3") && !said.contains("panicked"), "{command:?}: {said}");
    }
}

/// A limit of threads and processes, at every number from 1 to the first that is enough: whoever is refused one says so and ends.
#[test]
fn a_limit_of_processes_is_a_sentence_wherever_it_is_met() {
    let folder = folder_with_a_photo();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).expect("ours");
    // A limit counts what a user has, so each is another user's, and another's again where tests run twice.
    let mut user = 30_000 + std::process::id() % 200 * 100;
    let serve = ["serve", ".", "--workers", "1", "--listen", "127.0.0.1:0", "--admin", "off"];
    // Of `serve` the process, a thread for the log, two for requests, three that block, start and reap, and a worker.
    for (command, least) in
        [(&serve[..], 8), (&["check"][..], 5), (&["render", "photo.jpg", "out.webp"][..], 5)]
    {
        let enough = (1..40).find(|limit| {
            user += 1;
            let (code, said) = under_a_limit(*limit, user, folder.path(), command);
            assert!(!said.contains("panicked"), "{command:?} with {limit}: {said}");
            let last = said.lines().last().unwrap_or_default();
            let told = code == Some(1) && last.contains("raise TasksMax");
            assert!(code == Some(0) || told, "{command:?} with {limit}: {code:?} {said}");
            code == Some(0)
        });
        if enough == Some(1) {
            return cuttle_testing::skip("this kernel limits no processes (RLIMIT_NPROC)");
        }
        assert!(enough.is_some_and(|enough| enough >= least), "{command:?}: {enough:?}");
    }
}

/// The exit code of a command under this limit, and what it said. A server is asked for an image and told to stop.
fn under_a_limit(limit: u32, user: u32, folder: &Path, command: &[&str]) -> (Option<i32>, String) {
    // One process, as each becomes the next; `timeout` is root's. What hangs is killed.
    let mut child = Command::new("timeout")
        .args(["--signal=KILL", "60", "setpriv", "--clear-groups", "--inh-caps=-all"])
        .args([format!("--reuid={user}"), format!("--regid={user}")])
        .args(["--bounding-set=-all", "prlimit", &format!("--nproc={limit}")])
        .arg(binary())
        .args(command)
        .current_dir(folder)
        .env("CUTTLE_STATE_DIR", folder.join(user.to_string()))
        .env("TOKIO_WORKER_THREADS", "2")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("timeout, setpriv and prlimit are there");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut first = String::new();
    out.read_line(&mut first).expect("text");
    if let Some(address) = first.trim().strip_prefix("cuttle listening on http://") {
        let client = Client::new(address.parse().expect("an address"));
        let image = client.accepting("image/webp", "/_next/image?url=%2Fphoto.jpg&w=640&q=75");
        assert_eq!(image.status, 200, "with {limit}: an image, optimized or not");
        kill_process(Pid::from_child(&child), Signal::TERM).expect("timeout passes it on");
    }
    // What is printed after it has room in the pipe.
    let ended = child.wait_with_output().expect("it ends");
    (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
}
