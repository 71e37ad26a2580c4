//! The layout shows the architecture: crates use lower floors only, and no two files of a crate need each other, directly or in a
//! ring.
//!
//! Read are `use` lines and paths that begin with `crate`, `super` or `self`, as text: macros and what a parent re-exports are
//! not looked through, so a file imports from where a thing is, or the ring goes unseen. Tests may use what they like.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A file of a crate, by the path of its module; empty for the root.
type Module = Vec<String>;
type Imports = BTreeMap<Module, BTreeSet<Module>>;

#[test]
fn imports_run_down_the_floors() {
    let floors = floors(&fs::read_to_string(Path::new(ROOT).join("ARCHITECTURE.md")).expect("it"));
    let crates = crates();
    assert_eq!(floors.keys().cloned().collect::<Vec<_>>(), crates, "the table has every crate");
    let mut upward = Vec::new();
    for name in &crates {
        let manifest = Path::new(ROOT).join("crates").join(name).join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).expect("a manifest");
        for used in dependencies(&manifest).iter().filter(|used| floors[*used] >= floors[name]) {
            upward.push(format!("{name} uses {used}"));
        }
    }
    assert!(upward.is_empty(), "{upward:#?}");
}

#[test]
fn no_files_need_each_other_in_a_ring() {
    let roots = crates().into_iter().map(|name| format!("crates/{name}"));
    let roots = roots.chain(["demo", "testing", "e2e", "bench", "oracles"].map(String::from));
    let mut rings = Vec::new();
    for root in roots {
        let files = files(&Path::new(ROOT).join(&root).join("src"));
        assert!(!files.is_empty(), "{root}");
        rings.extend(rings_of(&imports(&files)).into_iter().map(|ring| format!("{root}: {ring}")));
    }
    assert!(rings.is_empty(), "{rings:#?}");
}

#[test]
fn a_ring_and_a_floor_are_seen() {
    let text = |of: &[(&str, &str)]| -> BTreeMap<Module, String> {
        of.iter().map(|(path, text)| (module(path), (*text).to_owned())).collect()
    };
    let ring = text(&[
        ("a", "use crate::b::B;"),
        ("b/mod", "use std::io;\nuse crate::{\n    c::{C, d::D},\n};"),
        ("c", "fn f() { super::a::f() }"),
        ("e", "use crate::a::A;"),
    ]);
    assert_eq!(rings_of(&imports(&ring)), ["a, b, c"]);
    let line = text(&[
        (
            "a",
            "use crate::b::B;\n// crate::a of b\n#[cfg(test)]\nmod tests {\n    use crate::c;\n}",
        ),
        ("b", "use crate::c;"),
        ("c", "use crate::other::Thing;"),
    ]);
    assert!(rings_of(&imports(&line)).is_empty());
    let floors = floors("| 1 | `cuttle-a` | x |\n| 2 | `cuttle-b` | y |\n| – | `demo` | z |");
    assert_eq!(floors, [("cuttle-a".to_owned(), 1), ("cuttle-b".to_owned(), 2)].into());
    let manifest = "[dependencies]\ncuttle-a.workspace = true\nserde = \"1\"\n\n[dev-dependencies]\ncuttle-b = { path = \"\" }";
    assert_eq!(dependencies(manifest), ["cuttle-a"]);
}

fn crates() -> Vec<String> {
    let entries = fs::read_dir(Path::new(ROOT).join("crates")).expect("crates");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("one").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    names
}

/// From the table in ARCHITECTURE.md, "The house".
fn floors(document: &str) -> BTreeMap<String, u32> {
    let row = |line: &str| {
        let mut cells = line.split('|').skip(1).map(str::trim);
        let floor = cells.next()?.parse().ok()?;
        Some((cells.next()?.trim_matches('`').to_owned(), floor))
    };
    document.lines().filter_map(row).filter(|(name, _)| name.starts_with("cuttle-")).collect()
}

/// Our own crates under `[dependencies]`.
fn dependencies(manifest: &str) -> Vec<String> {
    let lines = manifest.lines().skip_while(|line| line.trim() != "[dependencies]").skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| Some(line.split(['.', ' ', '=']).next()?.to_owned()))
        .filter(|name| name.starts_with("cuttle-"))
        .collect()
}

/// The files below `src` that are no tests, by module.
fn files(src: &Path) -> BTreeMap<Module, String> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(src.join(&folder)).expect("a folder") {
            let path = folder.join(entry.expect("an entry").file_name());
            let name = path.to_str().expect("a name");
            if src.join(&path).is_dir() {
                folders.push(path);
            } else if let Some(name) = name.strip_suffix(".rs").filter(|it| !it.ends_with("tests"))
            {
                let text = fs::read_to_string(src.join(&path)).expect("a file");
                found.insert(module(name), text);
            }
        }
    }
    found
}

fn module(path: &str) -> Module {
    let mut parts: Module = path.split('/').map(String::from).collect();
    parts.pop_if(|last| ["mod", "lib", "main"].contains(&last.as_str()));
    parts
}

fn imports(files: &BTreeMap<Module, String>) -> Imports {
    files.iter().map(|(of, text)| (of.clone(), used(text, of, files))).collect()
}

fn used(text: &str, by: &Module, files: &BTreeMap<Module, String>) -> BTreeSet<Module> {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code: Vec<&str> = text.lines().map(|l| l.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    let mut paths = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':') {
                expand(&code[at..], String::new(), &mut paths);
            }
        }
    }
    let resolved = paths.iter().filter_map(|path| resolve(path, by, files));
    resolved.filter(|module| module != by).collect()
}

/// A path, or all of a tree in braces; returns how much of `code` it took.
fn expand(code: &str, prefix: String, paths: &mut Vec<String>) -> usize {
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let end = code.find(|c| !word(c)).unwrap_or(code.len());
    let path = prefix + &code[..end];
    if !path.ends_with("::") || !code[end..].starts_with('{') {
        paths.push(path);
        return end;
    }
    let mut at = end + 1;
    while let Some(c) = code[at..].chars().next() {
        match c {
            '}' => return at + 1,
            c if word(c) => at += expand(&code[at..], path.clone(), paths),
            c => at += c.len_utf8(),
        }
    }
    at
}

/// The file that a path leads into, as far as it leads.
fn resolve(path: &str, by: &Module, files: &BTreeMap<Module, String>) -> Option<Module> {
    let mut at = by.clone();
    let mut parts = path.split("::").peekable();
    match parts.next()? {
        "crate" => at.clear(),
        "super" => drop(at.pop()),
        _ => {}
    }
    while parts.next_if_eq(&"super").is_some() {
        at.pop();
    }
    for part in parts {
        at.push(part.to_owned());
        if !files.contains_key(&at) {
            at.pop();
            break;
        }
    }
    // A root only says which files there are, and who takes a name from it takes it from anywhere.
    Some(at).filter(|at| !at.is_empty())
}

/// Files that need each other, each ring once.
fn rings_of(imports: &Imports) -> Vec<String> {
    let reached = |from: &Module| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(at) = next.pop() {
            for used in imports.get(at).into_iter().flatten() {
                if seen.insert(used) {
                    next.push(used);
                }
            }
        }
        seen
    };
    let reach: BTreeMap<_, _> = imports.keys().map(|module| (module, reached(module))).collect();
    let mut rings = BTreeSet::new();
    for (module, reached) in &reach {
        let ring: BTreeSet<_> = reached
            .iter()
            .filter(|other| reach.get(**other).is_some_and(|back| back.contains(*module)))
            .map(|module| module.join("/"))
            .collect();
        if !ring.is_empty() {
            rings.insert(ring.into_iter().collect::<Vec<_>>().join(", "));
        }
    }
    rings.into_iter().collect()
}
