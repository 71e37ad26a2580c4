//! One disk, several lives: what another application, or another configuration, left in a store answers nobody.

use std::path::Path;

use cuttle_e2e::{Application, Reply, Server, binary, photo, place};

const PICTURE: &str = "/_next/image?url=%2Fhero.jpg&w=64&q=75";
const DRAWING: &str = "/_cuttle/image?src=/logo.svg&w=64";
const SVG: &[u8] = b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"4\" height=\"4\"/>";

fn in_front_of(application: &Application, state: &Path) -> Server {
    let state = state.display().to_string();
    Server::serving(&["--upstream", &application.url(), "--state-dir", &state, "--workers", "1"])
}

fn state(server: &Server, target: &str) -> (String, Vec<u8>) {
    let answer = server.client.get(target);
    assert_eq!(answer.status, 200, "{}", answer.text());
    (answer.header("x-nextjs-cache").to_owned(), answer.body)
}

/// Writes everything down and ends.
fn end(server: Server) {
    server.terminate();
    assert!(server.ended().0.success());
}

#[test]
fn two_applications_have_a_path_each() {
    let disk = tempfile::tempdir().expect("a folder");
    let [one, other] =
        [1, 2].map(|seed| Application::start(move |_, _| Reply::good(&photo(320, 240, seed))));
    let server = in_front_of(&one, disk.path());
    let (_, of_one) = state(&server, PICTURE);
    end(server);

    let server = in_front_of(&other, disk.path());
    let (found, of_other) = state(&server, PICTURE);
    assert_eq!(found, "MISS", "the other one's picture was never made");
    assert!(of_other != of_one, "the picture of another application");
    end(server);

    let asked = one.seen().len();
    assert_eq!(state(&in_front_of(&one, disk.path()), PICTURE), ("HIT".to_owned(), of_one));
    assert_eq!(one.seen().len(), asked, "its own is still there");
}

#[test]
fn what_is_no_longer_allowed_is_no_longer_sent() {
    let disk = tempfile::tempdir().expect("a folder");
    let application =
        Application::start(|_, _| Reply::good(SVG).with("content-type: image/svg+xml"));
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("cuttle.toml").display().to_string();
    let serve = |svg: bool| {
        place(folder.path(), "cuttle.toml", format!("[images]\nsvg = {svg}\n").as_bytes());
        let state = disk.path().display().to_string();
        let url = application.url();
        Server::serving(&["--upstream", &url, "--state-dir", &state, "--config", &config])
    };
    let server = serve(true);
    assert_eq!(server.client.get(DRAWING).body, SVG);
    end(server);
    let refused = serve(false).client.get(DRAWING);
    assert_eq!((refused.status, refused.header("x-cuttle-error")), (415, "unsupported_source"));
}

#[test]
fn a_file_is_not_taken_for_a_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    place(folder.path(), "cuttle.toml", b"");
    let path = folder.path().join("cuttle.toml");
    let mut command = std::process::Command::new(binary());
    command.arg("serve").arg(folder.path()).args(["--listen", "127.0.0.1:0", "--admin"]);
    let ended = command.arg(format!("unix:{}", path.display())).output().expect("it runs");
    assert!(!ended.status.success());
    assert!(path.is_file(), "the configuration is still there");
}
