//! The snippets of docs/deploying.md and docs/several-apps.md as they stand, but for those that proxies.rs and exported.rs are about.
//!
//! Not run: the line for Caddy and the two containers, as neither Caddy nor a Docker is where tests run. Of the compose file everything
//! that is Cuttle's is run: the command with its flags, the health check, and the end within the time that it gives.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use cuttle_e2e::{
    Answer, Application, Client, Network, NextApp, Reply, Server, binary, found, photo, place,
};

use crate::documents::{Document, Shell};
use crate::proxies::{IMAGE, Nginx, at_port_80};

const READY: &str = "cuttle listening on http://127.0.0.1:4000";

fn guide(heading: &str, language: &str) -> String {
    Document::named("docs/deploying.md").block(heading, language)
}

fn at_port_4000() -> Client {
    Client::new("127.0.0.1:4000".parse().expect("an address"))
}

/// A built app with an image in `public/`, which is removed with the second.
fn app() -> (NextApp, tempfile::TempDir) {
    let (app, copy) = NextApp::built(16, "plain").copied();
    place(app.folder(), "public/photo.jpg", &photo(800, 600, 1));
    // Here, so that the machine is this test's too: the rest is done by threads in a network of their own.
    let _ = binary();
    (app, copy)
}

#[track_caller]
fn is_optimized(image: &Answer) {
    assert_eq!((image.status, image.header("content-type")), (200, "image/webp"));
}

#[test]
fn the_first_lines_stand_in_front_of_an_app() {
    let Some(network) = Network::new() else { return };
    let (app, _copy) = app();
    network.enter(|| {
        let mut shell = Shell::start(&guide("Deploying", "sh"), &app);
        shell.prints(READY);
        // `next start` may take longer than we do.
        let page = || Some(at_port_4000().get("/")).filter(|page| page.status == 200);
        assert!(found("a page of the app", page).text().contains("<html"));
        is_optimized(&at_port_4000().accepting("image/webp", IMAGE));
    });
}

#[test]
fn the_line_for_images_alone_is_what_nginx_of_its_section_asks() {
    let Some(network) = Network::new() else { return };
    let (app, _copy) = app();
    network.enter(|| {
        let pages = Application::start_at("127.0.0.1:3000", |_, _| Reply::good(b"a page"));
        let mut shell = Shell::start(&guide("The cautious set-up", "sh"), &app);
        shell.prints(READY);
        let _nginx = Nginx::start(&guide("The cautious set-up", "nginx"));
        is_optimized(&at_port_80("shop.example.com", IMAGE));
        assert_eq!(at_port_80("shop.example.com", "/cart").text(), "a page");
        assert_eq!(pages.seen().len(), 1, "the page, and nothing about the image");
        assert_eq!(at_port_4000().get("/cart").status, 404, "it answers nothing but images");
    });
}

#[test]
fn the_lines_for_an_exported_site_build_and_serve_it() {
    let Some(network) = Network::new() else { return };
    let (site, _copy) = NextApp::built(16, "export").copied();
    fs::remove_dir_all(site.folder().join("out")).expect("it was built");
    let _ = binary();
    network.enter(|| {
        let mut shell = Shell::start(&guide("An exported site", "sh"), &site);
        shell.prints(READY);
        let page = at_port_4000().get("/about");
        assert!(page.status == 200 && page.text().contains("<h1>About</h1>"), "{}", page.text());
    });
}

#[test]
fn the_compose_file_says_what_cuttle_takes() {
    let Some(network) = Network::new() else { return };
    let file = values(&guide("Containers", "yaml"));
    let value = |path: &str| file.get(path).unwrap_or_else(|| panic!("no {path}: {file:#?}"));
    let cuttle = |key: &str| value(&format!("services.cuttle.{key}"));
    let command: Vec<_> = cuttle("command").split(' ').collect();
    let flag = |name: &str| {
        let at = command.iter().position(|word| *word == name).expect(name);
        command[at + 1]
    };
    // What its parts say of each other.
    let (volumes, ports) = (list(cuttle("volumes")), list(cuttle("ports")));
    let (volume, place_of_it) = volumes[0].split_once(':').expect("a name and a path");
    assert_eq!((volumes.len(), place_of_it), (1, flag("--state-dir")));
    assert_eq!(value(&format!("volumes.{volume}")), "");
    let host = flag("--upstream").trim_start_matches("http://").split(':').next().expect("a host");
    assert!(file.contains_key(&format!("services.{host}.image")), "{host} is a service");
    let (_, inside) = ports[0].split_once(':').expect("two ports");
    assert_eq!((ports.len(), format!(":{inside}").as_str()), (1, flag("--listen")));
    let limit = cuttle("mem_limit");
    assert!(limit.ends_with('g') && limit[..limit.len() - 1].parse::<u32>().is_ok(), "{limit}");
    let grace = cuttle("stop_grace_period").strip_suffix('s').and_then(|it| it.parse().ok());
    let grace = Duration::from_secs(grace.expect("seconds"));
    assert!(grace > Duration::from_secs(30), "longer than `[server] drain`");

    // What is elsewhere here than in its containers.
    let (app, _copy) = app();
    let state = tempfile::tempdir().expect("a folder");
    network.enter(|| {
        let web = Application::start(|_, _| Reply::good(b"a page"));
        let here = |word: &str| match word {
            "/app" => app.folder().display().to_string(),
            "/var/lib/cuttle" => state.path().display().to_string(),
            "http://web:3000" => web.url(),
            word => word.to_owned(),
        };
        let [serve, rest @ ..] = &command[..] else { panic!("a command: {command:?}") };
        assert_eq!(*serve, "serve", "the first word after the program's own name");
        let rest: Vec<_> = rest.iter().map(|word| here(word)).collect();
        let server = Server::serving(&rest);
        is_optimized(&at_port_4000().accepting("image/webp", IMAGE));
        assert_eq!(at_port_4000().get("/cart").text(), "a page");

        let check = list(cuttle("healthcheck.test"));
        let [kind, program, check @ ..] = &check[..] else { panic!("a command: {check:?}") };
        assert_eq!((kind.as_str(), program.as_str()), ("CMD", "cuttle"));
        let healthy = || {
            let check = Command::new(binary()).args(check.iter().map(|word| here(word))).output();
            check.expect("the binary runs").status.code()
        };
        assert_eq!(healthy(), Some(0));
        server.terminate();
        let told = Instant::now();
        assert!(server.ended().0.success());
        assert!(told.elapsed() < grace);
        assert_eq!(healthy(), Some(1), "nobody is there any more");
    });
}

#[test]
fn the_files_for_several_apps_and_for_apps_that_are_run_are_understood() {
    let several = "docs/several-apps.md";
    is_understood(several, "Several applications in one process", &["/srv/shop", "/srv/docs"]);
    is_understood(several, "Which app a request is for", &[]);
    is_understood(several, "Images in a process of their own", &[]);
    is_understood("docs/running-apps.md", "Apps that Cuttle runs", &["/srv/shop"]);
}

/// With builds where it names their folders.
fn is_understood(document: &str, heading: &str, folders: &[&str]) {
    let text = Document::named(document).block(heading, "toml");
    let builds = ["plain", "rich"].map(|name| NextApp::built(16, name));
    let built = |text: String, (path, app): (&&str, &NextApp)| {
        assert!(text.contains(&format!("\"{path}\"")), "{path}: {text}");
        text.replace(path, &app.folder().display().to_string())
    };
    let text = folders.iter().zip(&builds).fold(text, built);
    let folder = tempfile::tempdir().expect("a folder");
    place(folder.path(), "cuttle.toml", text.as_bytes());
    let file = folder.path().join("cuttle.toml");
    let print = Command::new(binary()).args(["config", "print", "--config"]).arg(file).output();
    let print = print.expect("the binary runs");
    let said = String::from_utf8_lossy(&print.stderr);
    // What these builds allow for their tests.
    let expected = |line: &str| line.contains("dangerouslyAllowLocalIP");
    assert!(print.status.success() && said.lines().all(expected), "{said}");
}

/// The values of a YAML file by the path of their keys, `services.web.image`. One that is written as ours is: a key on each line, and lists
/// in brackets, of texts in quotation marks.
fn values(yaml: &str) -> BTreeMap<String, String> {
    let (mut values, mut above) = (BTreeMap::new(), Vec::<(usize, &str)>::new());
    for line in yaml.lines() {
        let line = line.split(" #").next().unwrap_or_default();
        let (indent, line) = (line.len() - line.trim_start_matches(' ').len(), line.trim());
        let (key, value) = line.split_once(':').unwrap_or_else(|| panic!("no key: {line}"));
        assert!(value.is_empty() || value.starts_with(' '), "a value after a space: {line}");
        assert!(
            !key.is_empty() && key.bytes().all(|it| it.is_ascii_lowercase() || it == b'_'),
            "{line}"
        );
        while above.last().is_some_and(|(other, _)| *other >= indent) {
            above.pop();
        }
        above.push((indent, key));
        let path: Vec<_> = above.iter().map(|(_, key)| *key).collect();
        let before = values.insert(path.join("."), value.trim().to_owned());
        assert_eq!(before, None, "twice: {line}");
    }
    values
}

/// `["a", "b"]`, which is JSON, too.
fn list(value: &str) -> Vec<String> {
    serde_json::from_str(value).unwrap_or_else(|error| panic!("{value}: {error}"))
}
