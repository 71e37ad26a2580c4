//! `cuttle dev`: an app that is being written, in a real browser, with real `next dev`s.

use std::fs;
use std::path::Path;

use cuttle_e2e::{Answer, NextApp, Page, Server, photo, place, until};
use tempfile::TempDir;

use crate::run::{give_away, project};

const LAYOUT: &str = "export default ({ children }) => <html><body>{children}</body></html>;\n";
/// A page with a state that a reload would lose.
const PAGE: &str = "'use client';
import Image from 'next/image';
import { useState } from 'react';
export default function Page() {
  const [count, setCount] = useState(0);
  return <main>
    <button onClick={() => setCount(count + 1)}>{count}</button>
    <p>first words</p>
    <Image src='/photo.jpg' width={600} height={400} alt='' loading='eager' />
  </main>;
}
";
const CONFIG: &str = "export default { images: { qualities: [75] } };\n";
const IMAGE: &str = "/_next/image?url=%2Fphoto.jpg&w=640&q=75";

/// Pressed until somebody listens; then it is not zero.
const COUNTED: &str = "(() => { const it = document.querySelector('button'); \
    if (it?.textContent === '0') it.click(); return it && it.textContent !== '0' })()";

fn written(version: u32) -> TempDir {
    let folder = NextApp::beside(version);
    for (name, text) in [
        ("app/layout.js", LAYOUT),
        ("app/page.js", PAGE),
        ("next.config.mjs", CONFIG),
        ("package.json", "{ \"name\": \"@acme/shop\" }"),
    ] {
        place(folder.path(), name, text.as_bytes());
    }
    place(folder.path(), "public/photo.jpg", &photo(800, 600, 1));
    give_away(folder.path());
    folder
}

fn edit(folder: &Path, name: &str, before: &str, after: &str) {
    let path = folder.join(name);
    let text = fs::read_to_string(&path).expect("a file");
    assert!(text.contains(before), "{text}");
    fs::write(path, text.replace(before, after)).expect("a file");
}

fn is_ours(answer: &Answer) -> bool {
    answer.header("cache-status").starts_with("cuttle")
}

/// With this Next and command: the page that is edited, its picture, and what is left to `next dev`.
#[track_caller]
fn is_written_behind_us(version: u32, command: &[&str]) {
    let folder = written(version);
    let mut server = Server::developing(folder.path(), command);
    let port = server.address.rsplit(':').next().expect("a port").to_owned();
    let url = format!("http://shop.localhost:{port}");
    let printed = server.next_line();
    assert!(printed.starts_with(&format!("cuttle dev: open {url} ")), "{printed}");

    let mut page = Page::open(&url, (800, 600));
    page.until("it counts", COUNTED);
    let _ = page.is("window.kept = 'kept'");
    page.until("its picture", "document.querySelector('img').naturalWidth > 0");
    edit(folder.path(), "app/page.js", "first words", "other words");
    page.until("what was edited", "document.body.textContent.includes('other words')");
    assert_eq!(page.is("window.kept"), "kept", "it was loaded again");
    assert_ne!(page.is("document.querySelector('button').textContent"), "0");

    let client = server.client;
    let ask = |target: &str| client.accepting("image/webp", target);
    let first = ask(IMAGE);
    assert!(first.status == 200 && is_ours(&first), "{first:?}");
    assert_eq!(first.header("content-type"), "image/webp");
    assert_eq!(first.header("cache-control"), "no-cache");
    place(folder.path(), "public/photo.jpg", &photo(800, 600, 2));
    let second = ask(IMAGE);
    assert!(second.status == 200 && is_ours(&second));
    assert_ne!(first.body, second.body, "the picture from before");

    let placeholder = ask("/_next/image?url=%2Fphoto.jpg&w=8&q=75");
    assert!(placeholder.status == 200 && !is_ours(&placeholder));
    let unlisted = ask("/_next/image?url=%2Fphoto.jpg&w=641&q=75");
    assert!(unlisted.status == 400 && !is_ours(&unlisted));

    let other = "/_next/image?url=%2Fphoto.jpg&w=640&q=40";
    assert!(!is_ours(&ask(other)));
    edit(folder.path(), "next.config.mjs", "[75]", "[40, 75]");
    until("the new configuration holds", || is_ours(&ask(other)));
}

#[test]
fn with_next_16_and_turbopack() {
    is_written_behind_us(16, &[]);
}

#[test]
fn with_next_16_and_webpack() {
    is_written_behind_us(16, &["../node_modules/.bin/next", "dev", "--webpack"]);
}

#[test]
fn with_next_15() {
    is_written_behind_us(15, &[]);
}

#[test]
fn all_images_are_the_apps_own_where_its_configuration_is_unknown() {
    let folder = project();
    let server = Server::developing(folder.path(), &["python3", "app.py", "one"]);
    let answer = server.client.get(IMAGE);
    assert!(answer.status == 200 && !is_ours(&answer));
    let _ = server.event("why", |event| {
        let warning = event["warning"].as_str().unwrap_or_default();
        warning.starts_with("the image configuration of the app is not known")
    });
}
