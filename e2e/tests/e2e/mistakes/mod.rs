//! What people get wrong, through the real binary: each message names the key, the value, its place, and what to write instead.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use cuttle_e2e::{binary, folder_with_a_photo, place};

const TABLE: &str = include_str!("table.txt");
const BUILD: &str =
    include_str!("../../../../crates/cuttle-contract/tests/builds/next-16.4.6-plain.json");

#[derive(Debug, Default)]
struct Mistake {
    name: String,
    file: String,
    run: Vec<String>,
    env: Vec<(String, String)>,
    within: Option<String>,
    say: Vec<String>,
}

fn mistakes(fill: impl Fn(&str) -> String) -> Vec<Mistake> {
    let mut all: Vec<Mistake> = Vec::new();
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            all.push(Mistake { name: name.to_owned(), ..Mistake::default() });
            continue;
        }
        let (what, rest) = line.split_once(": ").expect(line);
        let (mistake, text) = (all.last_mut().expect("a name first"), fill(rest));
        match what {
            "file" => mistake.file.push_str(&format!("{text}\n")),
            "run" => mistake.run = text.split(' ').map(str::to_owned).collect(),
            "in" => mistake.within = Some(text),
            "env" => {
                let (name, value) = text.split_once('=').expect(line);
                mistake.env.push((name.to_owned(), value.to_owned()));
            }
            "say" => mistake.say.push(text),
            _ => panic!("{line}"),
        }
    }
    all
}

/// What the table calls {dir}.
fn folder() -> tempfile::TempDir {
    let folder = folder_with_a_photo();
    let routes = r#"{ "version": 3, "redirects": [], "rewrites": [], "headers": [] }"#;
    for (path, text) in [
        ("empty/.keep", ""),
        ("text", "no image"),
        ("app/package.json", "{}"),
        ("app/.next/BUILD_ID", "one"),
        ("app/.next/required-server-files.json", BUILD),
        ("app/.next/routes-manifest.json", routes),
        ("old/.next/BUILD_ID", "one"),
        ("old/.next/required-server-files.json", r#"{ "version": 1, "config": { "images": {} } }"#),
        ("old/.next/routes-manifest.json", routes),
        ("old/package.json", r#"{ "dependencies": { "next": "13.5.6" } }"#),
        ("old/node_modules/next/package.json", r#"{ "version": "13.5.6" }"#),
    ] {
        fs::create_dir_all(folder.path().join(path).parent().expect("it has one")).expect("ours");
        place(folder.path(), path, text.as_bytes());
    }
    folder
}

#[test]
fn every_mistake_is_told_with_its_key_value_place_and_remedy() {
    let folder = folder();
    let busy = TcpListener::bind("127.0.0.1:0").expect("a port");
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("one");
    let dir = folder.path().display().to_string();
    let busy_at = busy.local_addr().expect("one").to_string();
    let fill = |text: &str| {
        let text = text.replace("{dir}", &dir).replace("{busy}", &busy_at);
        text.replace("{dead}", &free.to_string())
    };
    let all = mistakes(fill);
    assert!(all.len() >= 40, "{}", all.len());
    let mut wrong = Vec::new();
    for mistake in all {
        let here = tempfile::tempdir().expect("a folder");
        let within = match &mistake.within {
            Some(name) => folder.path().join(name),
            None => here.path().to_owned(),
        };
        if !mistake.file.is_empty() {
            place(&within, "cuttle.toml", mistake.file.as_bytes());
        }
        let output = Command::new(binary())
            .args(&mistake.run)
            .current_dir(&within)
            .env("CUTTLE_STATE_DIR", here.path().join("state"))
            .env_remove("UPSTREAM")
            .envs(mistake.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .expect("the binary runs");
        // Others print what holds, in which everything is named.
        let out = if mistake.run[0] == "check" { output.stdout } else { Vec::new() };
        let said = String::from_utf8_lossy(&[out, output.stderr].concat()).into_owned();
        let missing: Vec<_> = mistake.say.iter().filter(|part| !said.contains(*part)).collect();
        let fails = mistake.env.is_empty() && output.status.success();
        if !missing.is_empty() || fails || said.contains("panicked") {
            wrong.push(format!("[{}] lacks {missing:?} in:\n{said}", mistake.name));
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n\n{}", wrong.len(), wrong.join("\n\n"));
}
