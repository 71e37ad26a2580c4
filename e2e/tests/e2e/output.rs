//! Output that nobody reads or that no disk has room for: the answers go on, the loss is counted and said, nothing panics.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, pipe};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use cuttle_e2e::{Client, Server, binary, folder_with_a_photo, found, until};
use cuttle_testing::Disk;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

const PICTURE: &str = "/_next/image?url=%2Fphoto.jpg&w=640&q=75";
const LOST: &str = "cuttle_log_lines_lost_total ";

/// A pipe whose reader has left.
fn closed() -> Stdio {
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

/// Takes no byte, as a disk without room.
fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").expect("Linux has it").into()
}

/// A server whose log is not read here.
struct Unread {
    child: Child,
    admin: Client,
    _state: TempDir,
}

impl Unread {
    fn start(folder: &Path, stdout: impl Into<Stdio>, stderr: impl Into<Stdio>) -> Self {
        let state = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(binary())
            .arg("serve")
            .arg(folder)
            .args(["--workers", "1", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .env("CUTTLE_STATE_DIR", state.path())
            .env("CUTTLE_LOG", "info,cuttle::access=debug")
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .expect("the binary starts");
        let note = state.path().join("admin");
        let address = found("it notes its admin address", || {
            let ended = child.try_wait().expect("ours");
            assert!(ended.is_none(), "it ended before it was ready: {ended:?}");
            fs::read_to_string(&note).ok()?.trim().parse().ok()
        });
        let admin = Client::new(address);
        Self { child, admin, _state: state }
    }

    /// Where it says that it listens.
    fn public(&mut self) -> Client {
        let mut said = String::new();
        let stdout = self.child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut said).expect("text");
        let address = said.trim().strip_prefix("cuttle listening on http://").expect("a greeting");
        Client::new(address.parse().expect("an address"))
    }

    /// Whether it is ready, and says this of the log.
    fn says_of_its_log(&self, part: &str) -> bool {
        let answer = self.admin.get("/readyz");
        let ready: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let degraded = ready["degraded"].as_array().expect("a list");
        let mut degraded = degraded.iter().filter_map(Value::as_str);
        answer.status == 200
            && degraded.any(|it| it.starts_with("log cannot be written") && it.contains(part))
    }

    fn lines_lost(&self) -> u64 {
        let metrics = self.admin.get("/metrics").text();
        let lost = metrics.lines().find_map(|line| line.strip_prefix(LOST));
        lost.expect("the metric").parse().expect("a number")
    }

    fn ends_well(&mut self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).expect("it runs");
        assert_eq!(self.child.wait().expect("ours").code(), Some(0));
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pictures_are_served(client: &Client) {
    for _ in 0..25 {
        let answer = client.get(PICTURE);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[test]
fn a_log_that_nobody_reads_or_that_has_no_room_costs_its_lines_alone() {
    let folder = folder_with_a_photo();
    for (log, why) in [(closed(), "broken pipe"), (full(), "no storage space")] {
        let mut server = Unread::start(folder.path(), Stdio::piped(), log);
        let client = server.public();
        pictures_are_served(&client);
        until(why, || server.says_of_its_log(why));
        until("a line for each picture is counted", || server.lines_lost() >= 25);
        server.ends_well();
    }
}

#[test]
fn a_greeting_that_cannot_be_written_is_no_reason_to_end() {
    let folder = folder_with_a_photo();
    for (stdout, stderr) in [(full(), full()), (closed(), closed())] {
        let mut server = Unread::start(folder.path(), stdout, stderr);
        until("ready", || server.says_of_its_log(""));
        server.ends_well();
    }
}

#[test]
fn a_log_is_written_again_when_its_disk_has_room() {
    let Some(disk) = Disk::new(1) else { return };
    let (log, ballast) = (disk.path().join("log"), disk.path().join("ballast"));
    let folder = folder_with_a_photo();
    let mut server =
        Unread::start(folder.path(), Stdio::piped(), File::create(&log).expect("there is room"));
    let client = server.public();
    pictures_are_served(&client);
    // Cut short where the room ends.
    assert!(fs::write(&ballast, vec![0; 1 << 20]).is_err(), "more than there is room for");
    let degraded = found("the log's disk is full", || {
        pictures_are_served(&client);
        server.says_of_its_log("no storage space").then(|| server.lines_lost())
    });
    fs::remove_file(&ballast).expect("ours");
    until("the log is written again", || {
        pictures_are_served(&client);
        !server.says_of_its_log("")
    });
    until("and says so", || {
        let text = fs::read_to_string(&log).expect("text");
        let again = text.lines().filter(|line| line.contains("the log can be written again"));
        // On a line of its own, whatever was cut off before.
        let events = again.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let lost = events.filter_map(|event| event["lines_lost"].as_u64()).max();
        lost.is_some_and(|lost| lost >= degraded)
    });
    server.ends_well();
}

#[test]
fn a_command_whose_reader_left_ends_quietly_and_one_without_room_says_so() {
    let folder = folder_with_a_photo();
    let photo = folder.path().join("photo.jpg").display().to_string();
    let made = folder.path().join("made.webp").display().to_string();
    let server = Server::start(folder.path());
    let state = server.state_dir().display().to_string();
    for command in [
        vec!["config", "print"],
        vec!["config", "schema"],
        vec!["check"],
        vec!["check", "--json"],
        vec!["stats", "--once", "--state-dir", &state],
        vec!["stats", "--json", "--state-dir", &state],
        vec!["purge", "--all", "--state-dir", &state],
        vec!["render", &photo, &made, "-w", "64"],
    ] {
        for (stdout, expected) in [
            (closed(), (Some(0), "")),
            (
                full(),
                (
                    Some(1),
                    "cuttle: cannot write to standard output: No space left on device (os error 28)\n",
                ),
            ),
        ] {
            let output = Command::new(binary())
                .args(&command)
                .stdout(stdout)
                .stderr(Stdio::piped())
                .output()
                .expect("the binary runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!((output.status.code(), &*said), expected, "{command:?}");
        }
    }
}

#[test]
fn a_mistake_that_cannot_be_told_is_still_one() {
    for stderr in [closed(), full()] {
        let status =
            Command::new(binary()).args(["serve", "/no/such/folder"]).stderr(stderr).status();
        assert_eq!(status.expect("the binary runs").code(), Some(1));
    }
}
