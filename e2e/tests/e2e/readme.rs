//! README's lines as they stand, pasted into a shell: in a network of their own, where ports 3000 and 4000 are free.

use std::fs;
use std::process::Command;

use cuttle_e2e::{Client, Network, NextApp, Server, binary, found, photo, place, size_of};

use crate::documents::{Document, Shell};
use crate::run::give_away;

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
        for file in ["small.avif", "small.webp"] {
            let out = tempfile::tempdir().expect("a folder");
            let lines = Document::named("README.md").holding(file);
            let done = Command::new("sh").args(["-ec", &lines]).current_dir(&out).output();
            let done = done.expect("a shell");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            let image = fs::read(out.path().join(file)).expect(file);
            assert_eq!(size_of(&image), (640, 480), "{file}");
        }
    });
}

#[test]
fn the_lines_that_let_us_run_an_app_build_and_run_it() {
    let Some(network) = Network::new() else { return };
    let (app, _copy) = NextApp::built(16, "plain").copied();
    place(app.folder(), "public/photo.jpg", &photo(800, 600, 1));
    let package = br#"{ "private": true, "scripts": { "start": "next start" } }"#;
    place(app.folder(), "package.json", package);
    give_away(app.folder());
    let _ = binary();
    network.enter(|| {
        let lines = Document::named("README.md").block("Or let Cuttle run the app", "");
        let mut shell = Shell::start(&lines, &app);
        shell.prints("cuttle listening on http://127.0.0.1:4000");
        let client = Client::new("127.0.0.1:4000".parse().expect("an address"));
        let page = client.get("/");
        assert_eq!(page.status, 200);
        assert!(page.text().contains("<html"), "of the app, which is ready by then");
        let target = "/_next/image?url=%2Fphoto.jpg&w=640&q=75";
        let answer = client.accepting("image/webp", target);
        assert_eq!((answer.status, answer.header("content-type")), (200, "image/webp"));
    });
}

#[test]
fn the_lines_for_an_app_build_it_and_stand_in_front_of_it() {
    let Some(network) = Network::new() else { return };
    let (app, _copy) = NextApp::built(16, "plain").copied();
    place(app.folder(), "public/photo.jpg", &photo(800, 600, 1));
    // Here, so that the machine is this test's too.
    let _ = binary();
    network.enter(|| {
        let mut shell = Shell::start(&Document::named("README.md").holding("next build"), &app);
        shell.prints("cuttle listening on http://127.0.0.1:4000");
        let client = Client::new("127.0.0.1:4000".parse().expect("an address"));
        // `next start` may take longer than we do.
        let page =
            found("a page of the app", || Some(client.get("/")).filter(|it| it.status == 200));
        assert!(page.text().contains("<html"), "of the app");
        let target = "/_next/image?url=%2Fphoto.jpg&w=640&q=75";
        let answer = client.accepting("image/webp", target);
        assert_eq!((answer.status, answer.header("content-type")), (200, "image/webp"));
        assert!(answer.header("cache-status").starts_with("cuttle"), "{:?}", answer.headers);
    });
}
