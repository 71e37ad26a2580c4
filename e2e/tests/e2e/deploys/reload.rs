//! `cuttle reload` and SIGHUP: the operator says that the application restarted. From this machine, from whoever runs the
//! server, and in no other way.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cuttle_e2e::{Application, NextApp, Reply, Server, binary, descendants, hang_up, photo, place};
use tempfile::TempDir;

use super::assert_both;
use super::build::{Build, build};

/// A build that guards what is said, in front of an application that lets nobody in.
struct Setting {
    manifests: Build,
    folder: TempDir,
    application: Application,
    server: Server,
}

impl Setting {
    fn new() -> Self {
        let manifests = Build::read(&NextApp::built(16, "plain").folder().join(".next"));
        let folder = tempfile::tempdir().expect("a folder");
        build(&folder.path().join(".next"), &manifests.files("one", &[], &[50, 75]));
        place(&folder.path().join("public"), "members.jpg", &photo(320, 240, 1));
        let application = Application::start(|_, _| Reply::bare(401));
        let (project, url) = (folder.path().to_str().expect("UTF-8"), application.url());
        let server = Server::serving(&["--next", project, "--upstream", &url, "--workers", "1"]);
        Self { manifests, folder, application, server }
    }

    fn build(&self, id: &str, guarded: &[&str], qualities: &[u32]) {
        build(&self.built(), &self.manifests.files(id, guarded, qualities));
    }

    fn built(&self) -> PathBuf {
        self.folder.path().join(".next")
    }

    fn reload(&self) -> Output {
        let state_dir = ["--state-dir".as_ref(), self.server.state_dir().as_os_str()];
        Command::new(binary()).arg("reload").args(state_dir).output().expect("the binary runs")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_is_there_when_it_is_asked_holds_at_once() {
    let setting = Setting::new();
    let server = &setting.server;
    assert_both(server, "/members.jpg", 50, 200);
    setting.build("two", &["/members.jpg"], &[75]);
    let output = setting.reload();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "reloaded: the app runs build two\n");
    assert_both(server, "/members.jpg", 75, 401);
    assert_both(server, "/members.jpg", 50, 400);
    let named = server.client.get("/_cuttle/image?src=/members.jpg&w=64&q=75&v=two");
    assert_eq!(named.status, 401);

    setting.build("three", &[], &[50, 75]);
    hang_up(server.pid());
    let _ = server.event("reloaded", |event| {
        event["message"].as_str().is_some_and(|message| message.starts_with("reloaded"))
            && event["release"] == "three"
    });
    assert_both(server, "/members.jpg", 50, 200);

    let asked = setting.application.seen().len();
    fs::remove_file(setting.built().join("BUILD_ID")).expect("a file of the build");
    let output = setting.reload();
    assert_eq!(output.status.code(), Some(1));
    let sentence = text(&output.stderr);
    assert!(sentence.contains("BUILD_ID is missing"), "{sentence}");
    assert_both(server, "/members.jpg", 50, 200);
    assert_eq!(setting.application.seen().len(), asked);
}

#[test]
fn without_a_build_what_is_known_of_the_application_is_asked_about() {
    let picture = photo(320, 240, 1);
    let kept = move |_, _: &_| Reply::good(&picture).with("cache-control: max-age=86400");
    let application = Application::start(kept);
    let server = Server::serving(&["--upstream", &application.url(), "--workers", "1"]);
    let target = "/_cuttle/image?src=/a.jpg&w=64";
    for (reloads, asked) in [(false, 1), (false, 1), (true, 2), (false, 2)] {
        if reloads {
            let state_dir = ["--state-dir".as_ref(), server.state_dir().as_os_str()];
            let output = Command::new(binary()).arg("reload").args(state_dir).output();
            assert!(output.is_ok_and(|output| output.status.success()));
        }
        assert_eq!(server.client.get(target).status, 200);
        assert_eq!(application.seen().len(), asked);
    }
    assert_eq!(server.encodes(), 1);
}

#[test]
fn nobody_else_has_anything_reloaded() {
    let setting = Setting::new();
    let server = &setting.server;
    assert_both(server, "/members.jpg", 50, 200);
    let json = [("content-type", "application/json")];
    assert_eq!(server.admin.post("/reload", &json, "{}").status, 405);
    assert_ne!(server.client.post("/reload", &json, "{}").status, 200);
    let socket = server.state_dir().join("control");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&socket), 0o600);

    // With all permissions given away, the kernel still says who it is.
    for path in [server.state_dir(), &socket] {
        fs::set_permissions(path, Permissions::from_mode(0o777)).expect("ours");
    }
    let copy = tempfile::tempdir().expect("a folder");
    fs::set_permissions(copy.path(), Permissions::from_mode(0o755)).expect("ours");
    let as_nobody = |command: &mut Command| {
        let command = command.uid(65534).gid(65534).current_dir(copy.path());
        command.output().expect("root can become someone else")
    };
    let asked =
        as_nobody(Command::new("curl").args(["--silent", "--unix-socket"]).arg(&socket).args([
            "--data",
            "{}",
            "http://cuttle/reload",
        ]));
    let sentence = text(&asked.stdout);
    assert!(sentence.contains("Only root and the user that runs this server"), "{sentence}");
    // The command looks in a folder of its own user's, and finds no server there.
    let cuttle = copy.path().join("cuttle");
    fs::copy(binary(), &cuttle).expect("a copy that everyone can run");
    let reload = ["reload", "--state-dir"];
    let output = as_nobody(Command::new(&cuttle).args(reload).arg(server.state_dir()));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(server.log().iter().all(|event| {
        !event["message"].as_str().is_some_and(|message| message.starts_with("reloaded"))
    }));
}

#[test]
fn a_terminal_that_closes_ends_a_server_as_sigterm_does() {
    let (folder, state) =
        (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("one"));
    let inside = |folder: &TempDir| folder.path().display().to_string();
    let serve = format!(
        "exec {} serve {} --listen 127.0.0.1:0 --admin off --workers 1 --state-dir {}",
        binary().display(),
        inside(&folder),
        inside(&state)
    );
    let mut script = Command::new("script")
        .args(["-qefc", &serve, "/dev/null"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script runs");
    let mut said = BufReader::new(script.stdout.take().expect("stdout is piped")).lines();
    let ready =
        said.by_ref().map_while(Result::ok).any(|line| line.contains("cuttle listening on"));
    assert!(ready, "it never listened");
    let own =
        |pid: &u32| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == binary());
    let server = descendants(script.id()).into_iter().find(own).expect("a server");
    hang_up(server);
    let rest: Vec<_> = said.map_while(Result::ok).collect();
    let status = script.wait().expect("a child can be waited for");
    assert!(status.success(), "{status}: {rest:#?}");
    assert!(rest.iter().any(|line| line.contains("draining")), "{rest:#?}");
}
