//! Kernels and containers that refuse system calls: served all the same, and what is refused is named with what needs it.

use std::process::{Command, Stdio};

use cuttle_e2e::{Server, binary, folder_with_a_photo};
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
