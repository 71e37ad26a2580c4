//! Apps that Cuttle runs: started, held while they start again, replaced without a dropped request, and gone with it.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use cuttle_e2e::{NextApp, Server, binary, kill, photo, place, until};
use rustix::process::geteuid;

use crate::apps::Gateway;

/// A server that says who it is at `/pid`, has one image, and prints a line for each request.
const APP: &str = r#"
import http.server, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        path = self.path.split("?")[0]
        print("asked", path, flush=True)
        if path == "/wait":
            time.sleep(2)
        if path.endswith(".jpg"):
            body, kind = open("photo.jpg", "rb").read(), "image/jpeg"
        elif path == "/environment":
            body, kind = repr(sorted(os.environ)).encode(), "text/plain"
        else:
            body, kind = f"{os.getpid()} {sys.argv[1]} {os.getuid()}".encode(), "text/plain"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=3600")
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer.request_queue_size = 256
server = http.server.ThreadingHTTPServer((os.environ["HOSTNAME"], int(os.environ["PORT"])), Handler)
print("listening", flush=True)
server.serve_forever()
"#;

/// Nobody, where we are root: an app is never run as root.
const NOBODY: u32 = 65_534;

/// A folder with that server, which its user may read.
pub(crate) fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    place(folder.path(), "app.py", APP.as_bytes());
    place(folder.path(), "photo.jpg", &photo(800, 600, 1));
    if geteuid().is_root() {
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("root may");
    }
    folder
}

fn pid(server: &Server) -> u32 {
    let text = server.client.get("/pid").text();
    text.split(' ').next().and_then(|pid| pid.parse().ok()).unwrap_or_else(|| panic!("{text}"))
}

fn lives(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

const IMAGE: &str = "/_next/image?url=%2Fphoto.jpg&w=640&q=75";

#[test]
fn a_command_is_run_served_and_gone_with_us_and_never_as_root() {
    let folder = project();
    let server = Server::running(folder.path(), &[], &["python3", "app.py", "one"]);
    let text = server.client.get("/").text();
    let own = geteuid();
    let expected = if own.is_root() { NOBODY } else { own.as_raw() };
    assert!(text.ends_with(&format!(" one {expected}")), "{text}");
    let environment = server.client.get("/environment").text();
    assert!(environment.contains("'PORT'") && !environment.contains("CUTTLE_"), "{environment}");
    assert_eq!(server.client.accepting("image/webp", IMAGE).header("content-type"), "image/webp");
    // On this machine alone.
    let app = pid(&server);
    let listening = Command::new("ss").args(["-Hltnp"]).output();
    if let Ok(listening) = listening {
        let text = String::from_utf8_lossy(&listening.stdout).into_owned();
        let own: Vec<_> = text.lines().filter(|it| it.contains(&format!("pid={app},"))).collect();
        assert!(own.len() == 1 && own[0].contains("127.0.0.1:"), "{text}");
    }
    let logs = |args: &[&str]| {
        let mut command = Command::new(binary());
        command.arg("logs").args(args).arg("--state-dir").arg(server.state_dir());
        let said = command.output().expect("the binary runs");
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).into_owned()
    };
    until("its lines are kept", || logs(&[]).contains(" out asked /environment\n"));
    assert!(logs(&["app"]).contains(" out listening\n"));
    assert!(logs(&["--since", "1h"]).contains(" out listening\n"));
    assert!(server.log().iter().any(|event| event["message"] == "asked /environment"));

    server.terminate();
    let (status, _) = server.ended();
    assert!(status.success());
    assert!(!lives(app));
}

#[test]
fn nothing_lives_on_after_we_were_killed() {
    let folder = project();
    // A shell in a shell, as `npm start` is.
    let script = "sh -c 'python3 app.py one; true'; true";
    let server = Server::running(folder.path(), &[], &["sh", "-c", script]);
    let app = pid(&server);
    assert!(lives(app));
    kill(server.pid());
    until("the app is gone", || !lives(app));
}

#[test]
fn what_comes_while_an_app_starts_again_waits_and_images_go_on() {
    let folder = project();
    let server = Server::running(folder.path(), &[], &["python3", "app.py", "one"]);
    assert_eq!(server.client.get(IMAGE).status, 200);
    let waits = || server.log().iter().filter(|it| it["message"] == "asked /wait").count();
    for _ in 0..3 {
        let (before, asked) = (pid(&server), waits());
        // Under way when it dies: asked again, as no byte of an answer came.
        let waiting = thread::spawn({
            let client = server.client;
            move || client.get("/wait").status
        });
        until("it is asked", || waits() > asked);
        kill(before);
        let answers: Vec<_> = thread::scope(|scope| {
            let ask = |target| move || server.client.get(target).status;
            let asked: Vec<_> =
                ["/a", "/b", IMAGE, "/c"].map(|target| scope.spawn(ask(target))).into();
            asked.into_iter().map(|it| it.join().expect("an answer")).collect()
        });
        assert_eq!(answers, [200; 4]);
        assert_eq!(waiting.join().expect("an answer"), 200);
        assert_ne!(pid(&server), before);
    }
    assert_eq!(server.encodes(), 1);
}

#[test]
fn a_reload_replaces_an_app_by_one_that_is_ready_and_drops_no_request() {
    let folder = project();
    let toml = |name: &str| {
        let run = format!("[\"python3\", \"app.py\", \"{name}\"]");
        format!("[[apps]]\nid = \"shop\"\nrun = {run}\nnext = \"NEXT\"\n")
            .replace("next = \"NEXT\"\n", "")
    };
    let gateway = Gateway::in_folder(folder, &toml("one"), &[]);
    let server = &gateway.server;
    assert!(server.client.get("/").text().contains(" one "));
    assert_eq!(server.client.get(IMAGE).status, 200);
    let before = pid(server);
    let (ended, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    assert_eq!(server.client.get("/").status, 200);
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // What is under way ends where it began.
        let (client, asked) =
            (server.client, || server.log().iter().any(|event| event["message"] == "asked /wait"));
        let slow = scope.spawn(move || client.get("/wait").text());
        until("it is asked", asked);
        let reloaded = ["two", "three"].map(|name| {
            place(&gateway.path(""), "cuttle.toml", toml(name).as_bytes());
            let reloaded = gateway.command(&["reload"]);
            let said = String::from_utf8_lossy(&reloaded.stderr).into_owned();
            (reloaded.status.success(), server.client.get("/").text(), said)
        });
        // One that does not run changes nothing.
        place(
            &gateway.path(""),
            "cuttle.toml",
            toml("two").replace("app.py", "none.py").as_bytes(),
        );
        let refused = gateway.command(&["reload"]);
        ended.store(true, Ordering::Relaxed);
        let slow = slow.join().expect("an answer");
        assert!(slow.contains(" one "), "{slow}");
        for ((done, text, said), name) in reloaded.iter().zip(["two", "three"]) {
            assert!(*done && text.contains(&format!(" {name} ")), "{name}: {text} {said}");
        }
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            !refused.status.success() && said.contains("the app \"shop\" does not run"),
            "{said}"
        );
        assert!(said.contains("Nothing is changed"), "{said}");
    });
    assert!(server.client.get("/").text().contains(" three "));
    assert!(asked.load(Ordering::Relaxed) > 20);
    assert_ne!(pid(server), before);
    assert_eq!(server.client.get(IMAGE).header("x-nextjs-cache"), "HIT");
    assert_eq!(server.encodes(), 1);
}

#[test]
fn what_cannot_be_run_is_said_with_its_last_line() {
    let folder = project();
    let failing = |args: &[&str]| {
        let mut command = Command::new(binary());
        command.current_dir(folder.path()).args([
            "run",
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "off",
        ]);
        let ended =
            command.args(args).env("CUTTLE_STATE_DIR", folder.path().join("state")).output();
        let ended = ended.expect("the binary runs");
        assert!(!ended.status.success());
        String::from_utf8_lossy(&ended.stderr).into_owned()
    };
    let said = failing(&["--", "sh", "-c", "echo no database; exit 3"]);
    assert!(
        said.contains("the app \"app\" does not run") && said.contains("no database"),
        "{said}"
    );
    let said = failing(&["--", "./no-such-program"]);
    assert!(said.contains("the app \"app\" does not run"), "{said}");
    let said = failing(&[]);
    assert!(said.contains("there is nothing to run"), "{said}");
}

/// As a new user would: in the folder of a built app, with nothing written.
#[test]
fn a_built_next_app_is_run_by_npx_and_without_a_command() {
    let (app, _copy) = NextApp::built(16, "plain").copied();
    give_away(app.folder());
    for command in [&["npx", "next", "start"][..], &[]] {
        let server = Server::running(app.folder(), &[], command);
        let page = server.client.get("/");
        assert_eq!(page.status, 200, "{command:?}");
        assert!(page.text().contains("/_next/image?"), "{command:?}");
        let next = format!("the build is followed: {:#?}", server.log());
        assert!(
            server.log().iter().any(|it| it["message"].to_string().contains("Next 16")),
            "{next}"
        );
    }
}

/// To somebody whom an app may be run as.
pub(crate) fn give_away(folder: &Path) {
    if !geteuid().is_root() {
        return;
    }
    let given =
        Command::new("chown").args(["-R", &format!("{NOBODY}:{NOBODY}")]).arg(folder).status();
    assert!(given.is_ok_and(|given| given.success()));
}
