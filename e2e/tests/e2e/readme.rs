//! README's lines as they stand, pasted into a shell: in a network of their own, where ports 3000 and 4000 are free.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use cuttle_e2e::{Client, Network, NextApp, Server, binary, photo, place, size_of};
use rustix::process::{Pid, Signal, kill_process_group};

const README: &str = include_str!("../../../README.md");

/// The first block that holds a text.
fn block(text: &str) -> &'static str {
    let mut blocks = README.split("```").skip(1).step_by(2);
    blocks.find(|block| block.contains(text)).map(str::trim_start).expect(text)
}

/// A shell and everything that it started.
struct Shell(Child);

impl Drop for Shell {
    fn drop(&mut self) {
        let group = Pid::from_raw(self.0.id().cast_signed()).expect("a process");
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.0.wait();
    }
}

#[test]
fn the_lines_for_a_folder_bring_an_image_each() {
    let Some(network) = Network::new() else { return };
    // Here, so that the machine is this test's too.
    let _ = binary();
    network.enter(|| {
        let folder = tempfile::tempdir().expect("a folder");
        place(folder.path(), "dusk-ridges.jpg", &photo(800, 600, 1));
        let _server =
            Server::with(folder.path(), &["--workers", "1", "--listen", "127.0.0.1:4000"]);
        for (lines, file) in [("small.avif", "small.avif"), ("small.webp", "small.webp")] {
            let out = tempfile::tempdir().expect("a folder");
            let done = Command::new("sh").arg("-ec").arg(block(lines)).current_dir(&out).output();
            let done = done.expect("a shell");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            let image = fs::read(out.path().join(file)).expect(file);
            assert_eq!(size_of(&image), (640, 480), "{file}");
        }
    });
}

#[test]
fn the_lines_for_an_app_build_it_and_stand_in_front_of_it() {
    let Some(network) = Network::new() else { return };
    let (app, _copy) = NextApp::built(16, "plain").copied();
    place(app.folder(), "public/photo.jpg", &photo(800, 600, 1));
    let tools = tempfile::tempdir().expect("a folder");
    let next = app.folder().join("../node_modules/next/dist/bin/next");
    tool(tools.path(), "next", &format!("exec node {} \"$@\"", next.display()));
    tool(tools.path(), "cuttle", &format!("exec {} \"$@\"", binary().display()));
    let path = std::env::var("PATH").unwrap_or_default();
    network.enter(|| {
        let mut shell = Command::new("sh");
        shell.arg("-e").arg("-c").arg(block("next build")).current_dir(app.folder());
        shell.env("PATH", format!("{}:{path}", tools.path().display()));
        shell.env("CUTTLE_STATE_DIR", tools.path().join("state"));
        shell.env("NEXT_TELEMETRY_DISABLED", "1").process_group(0);
        let shell = shell.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("a shell");
        let mut shell = Shell(shell);
        let mut lines = BufReader::new(shell.0.stdout.take().expect("piped")).lines();
        let mut said = lines.by_ref().map_while(Result::ok);
        assert!(said.any(|line| line == "cuttle listening on http://127.0.0.1:4000"), "not ready");
        // What writes next has a reader.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let client = Client::new("127.0.0.1:4000".parse().expect("an address"));
        // `next start` may take longer than we do.
        let page = (0..600).map(|_| client.get("/")).find(|page| {
            std::thread::park_timeout(std::time::Duration::from_millis(100));
            page.status == 200
        });
        assert!(page.expect("a page").text().contains("<html"), "of the app");
        let target = "/_next/image?url=%2Fphoto.jpg&w=640&q=75";
        let answer = client.accepting("image/webp", target);
        assert_eq!((answer.status, answer.header("content-type")), (200, "image/webp"));
        assert!(answer.header("cache-status").starts_with("cuttle"), "{:?}", answer.headers);
    });
}

fn tool(folder: &Path, name: &str, line: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{line}\n")).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("ours");
}
