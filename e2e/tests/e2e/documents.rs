//! The documents as they stand: their snippets, a shell to paste them into, and whether what they name exists.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Lines};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use cuttle_e2e::{NextApp, binary};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Every snippet, by its document, the heading above it and its language; and what runs it, or why nothing does. What belongs to a whole
/// test is named with its module.
const SNIPPETS: &[(&str, &str, &str, &str)] = &[
    (
        "README.md",
        "Try it",
        "",
        "not run: it is this suite, and a page that is served until it is stopped (page.rs)",
    ),
    ("README.md", "Try it", "", "readme.rs"),
    ("README.md", "Try it", "", "readme.rs"),
    ("README.md", "In front of your Next.js app", "", "readme.rs, with a real build"),
    ("README.md", "Or let Cuttle run the app", "", "readme.rs, with a real build"),
    (
        "README.md",
        "The cautious set-up",
        "nginx",
        "proxies.rs, in a server of nginx that has the app behind it",
    ),
    ("docs/deploying.md", "Deploying", "sh", "deploying.rs, with a real build"),
    ("docs/deploying.md", "nginx in front", "nginx", "proxies.rs"),
    ("docs/deploying.md", "The cautious set-up", "nginx", "proxies.rs"),
    (
        "docs/deploying.md",
        "The cautious set-up",
        "sh",
        "deploying.rs, behind the nginx of that section",
    ),
    ("docs/deploying.md", "An exported site", "js", "exported.rs, by a real build"),
    ("docs/deploying.md", "An exported site", "sh", "deploying.rs, with a real build"),
    (
        "docs/deploying.md",
        "Containers",
        "yaml",
        "deploying.rs, by its command: no container can be started where tests run",
    ),
    ("docs/running-apps.md", "Apps that Cuttle runs", "", "readme.rs: they are README's"),
    ("docs/running-apps.md", "Apps that Cuttle runs", "toml", "deploying.rs"),
    ("docs/several-apps.md", "Several applications in one process", "toml", "deploying.rs"),
    ("docs/several-apps.md", "Which app a request is for", "toml", "deploying.rs"),
    ("docs/several-apps.md", "Images in a process of their own", "toml", "deploying.rs"),
    ("docs/strict-endpoint.md", "A loader", "js", "exported.rs, by a real build"),
];

/// One of them.
pub(crate) struct Document {
    path: String,
    text: String,
}

/// Lines between two fences.
pub(crate) struct Block {
    pub(crate) heading: String,
    pub(crate) language: String,
    pub(crate) text: String,
}

impl Document {
    pub(crate) fn named(path: &str) -> Self {
        let text = fs::read_to_string(Path::new(ROOT).join(path)).expect(path);
        Self { path: path.to_owned(), text }
    }

    pub(crate) fn blocks(&self) -> Vec<Block> {
        let (mut heading, mut blocks, mut inside) = ("", Vec::<Block>::new(), false);
        for line in self.text.lines() {
            if let Some(language) = line.strip_prefix("```") {
                if !inside {
                    let (heading, language) = (heading.to_owned(), language.to_owned());
                    blocks.push(Block { heading, language, text: String::new() });
                }
                inside = !inside;
            } else if inside {
                blocks.last_mut().expect("it began").text.extend([line, "\n"]);
            } else if line.starts_with('#') {
                heading = line.trim_start_matches(['#', ' ']);
            }
        }
        assert!(!inside, "{}: a block without an end", self.path);
        blocks
    }

    /// The first block of this language under this heading.
    pub(crate) fn block(&self, heading: &str, language: &str) -> String {
        self.first(|block| block.heading == heading && block.language == language)
            .unwrap_or_else(|| panic!("{} has no {language} under {heading}", self.path))
    }

    /// The first block that holds a text.
    pub(crate) fn holding(&self, text: &str) -> String {
        self.first(|block| block.text.contains(text))
            .unwrap_or_else(|| panic!("{} has no block with {text}", self.path))
    }

    fn first(&self, fits: impl Fn(&Block) -> bool) -> Option<String> {
        self.blocks().into_iter().find(fits).map(|block| block.text)
    }
}

/// A shell in the folder of an app, and everything that it starts. `next` and `cuttle` are those of this tree.
pub(crate) struct Shell {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
    tools: TempDir,
}

impl Shell {
    pub(crate) fn start(lines: &str, app: &NextApp) -> Self {
        let tools = tempfile::tempdir().expect("a folder");
        let next = app.folder().join("../node_modules/next/dist/bin/next");
        tool(tools.path(), "next", &format!("exec node {} \"$@\"", next.display()));
        tool(tools.path(), "cuttle", &format!("exec {} \"$@\"", binary().display()));
        let path = std::env::var("PATH").unwrap_or_default();
        let log = File::create(tools.path().join("log")).expect("a file");
        let mut child = Command::new("sh")
            .args(["-ec", lines])
            .current_dir(app.folder())
            .env("PATH", format!("{}:{path}", tools.path().display()))
            .env("CUTTLE_STATE_DIR", tools.path().join("state"))
            .env("NEXT_TELEMETRY_DISABLED", "1")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("a shell");
        let said = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, said, tools }
    }

    /// Reads what it prints until this line.
    pub(crate) fn prints(&mut self, expected: &str) {
        let found = self.said.by_ref().map_while(Result::ok).any(|line| line == expected);
        let log = || fs::read_to_string(self.tools.path().join("log")).unwrap_or_default();
        assert!(found, "never printed: {expected}; log: {}", log());
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let group = Pid::from_raw(self.child.id().cast_signed()).expect("a process");
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}

fn tool(folder: &Path, name: &str, line: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{line}\n")).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("ours");
}

/// The paths of README and of everything in `docs`.
fn all() -> Vec<String> {
    let docs = fs::read_dir(Path::new(ROOT).join("docs")).expect("the documents");
    let names = docs.map(|entry| entry.expect("a file").file_name().into_string().expect("UTF-8"));
    let pages = names.filter(|name| name.ends_with(".md")).map(|name| format!("docs/{name}"));
    let mut all: Vec<_> = pages.chain(["README.md".to_owned()]).collect();
    all.sort();
    all
}

#[test]
fn every_snippet_is_run_or_there_is_a_reason() {
    let mut found = Vec::new();
    for path in all() {
        let blocks = Document::named(&path).blocks();
        found.extend(blocks.into_iter().map(|block| (path.clone(), block.heading, block.language)));
    }
    let known = SNIPPETS.iter().map(|(path, heading, language, _)| {
        ((*path).to_owned(), (*heading).to_owned(), (*language).to_owned())
    });
    assert_eq!(found, known.collect::<Vec<_>>(), "run the new one, and list it with what runs it");
}

#[test]
fn every_flag_setting_and_variable_that_is_named_exists() {
    let commands =
        ["serve", "run", "logs", "render", "check", "config print", "stats", "purge", "reload"];
    let help: String = commands
        .map(|command| {
            let help = Command::new(binary()).args(command.split(' ')).arg("--help").output();
            String::from_utf8(help.expect("the binary runs").stdout).expect("UTF-8")
        })
        .concat();
    let reference = Document::named("docs/configuration.md").text;
    let mut named = BTreeMap::from([("flags", 0), ("settings", 0), ("variables", 0)]);
    let mut count = |kind: &str| *named.get_mut(kind).expect("one of three") += 1;
    for path in ["README.md", "docs/deploying.md"] {
        let text = Document::named(path).text;
        let is_of_word = |sign: char| sign.is_ascii_alphanumeric() || "-_".contains(sign);
        for word in text.split(|sign| !is_of_word(sign)) {
            if word.strip_prefix("--").is_some_and(|name| name.starts_with(char::is_alphabetic)) {
                let is_one = help.split(|sign| !is_of_word(sign)).any(|known| known == word);
                assert!(is_one, "{path} names {word}, which no command knows");
                count("flags");
            }
            // The filter of the log is no setting: it is read before there are any.
            if word.starts_with("CUTTLE_") && word != "CUTTLE_LOG" {
                assert!(reference.contains(&format!("`{word}`")), "{path} names {word}");
                count("variables");
            }
        }
        for code in text.split('`') {
            let Some((table, key)) = code.strip_prefix('[').and_then(|code| code.split_once("] "))
            else {
                continue;
            };
            let section = format!("\n## `[{table}]`\n");
            let rows = reference.split_once(&section).map(|(_, after)| after).expect(code);
            let rows = rows.split("\n## ").next().unwrap_or_default();
            assert!(rows.contains(&format!("\n| `{key}` |")), "{path} names {code}");
            count("settings");
        }
    }
    assert!(named["flags"] > 10 && named["settings"] > 4, "they are found: {named:?}");
}
