//! Code, tests and documents cite documents of this repository. Each of these is there, and has the heading that is cited.
//!
//! A citation is a path, and perhaps a heading: `docs/formats.md`, "Limits"; or `formats.md#limits` in a link. A section sign is for
//! standards, which are named beside it: our own documents have headings, which a reader can search for. Whether the document says
//! what it is cited for is not looked at.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Examples of what is wrong, and other people's texts.
const NOT_READ: [&str; 2] = ["crates/cuttle-contract/tests/citations.rs", "THIRD-PARTY.md"];
const NOT_OURS: [&str; 3] = ["target", "node_modules", "corpus"];
const WRITTEN_BY_US: [&str; 9] = ["", "md", "rs", "toml", "tsv", "js", "mjs", "ts", "py"];

const STANDARDS: [&str; 9] = ["RFC", "ISO", "IEC", "ITU", "ICC", "PNG", "TIFF", "EXIF", "AV1"];

/// The headings of each document, by its path from the root.
type Documents = BTreeMap<String, Vec<String>>;

#[test]
fn every_citation_names_what_is_there() {
    let mut files = Vec::new();
    walk(Path::new(ROOT), "", &mut files);
    let texts: BTreeMap<String, String> = files
        .into_iter()
        .filter_map(|path| {
            Some((path.clone(), fs::read_to_string(Path::new(ROOT).join(&path)).ok()?))
        })
        .collect();
    let documents: Documents = texts
        .iter()
        .filter(|(path, _)| path.ends_with(".md"))
        .map(|(path, text)| (path.clone(), headings(text)))
        .collect();
    assert!(texts.len() > 400 && documents.len() > 10, "{} files were read", texts.len());
    let wrong: Vec<String> = texts
        .iter()
        .filter(|(path, _)| !NOT_READ.contains(&path.as_str()))
        .flat_map(|(path, text)| faults(path, text, &documents))
        .collect();
    assert!(wrong.is_empty(), "{} citations:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_index_of_documents_has_all_of_them() {
    let index = fs::read_to_string(Path::new(ROOT).join("docs/README.md")).expect("the index");
    let pages = fs::read_dir(Path::new(ROOT).join("docs"))
        .expect("docs")
        .map(|page| page.expect("a page").file_name().into_string().expect("a name"));
    for page in pages.filter(|page| page.ends_with(".md") && page != "README.md") {
        assert!(index.contains(&format!("({page})")), "{page}");
    }
}

#[test]
fn what_is_not_there_is_found() {
    let documents = Documents::from([
        ("README.md".to_owned(), headings("# Cuttle\n```\n# no heading\n```\n## In front of it\n")),
        ("docs/formats.md".to_owned(), headings("# Formats\n## Limits\n## `[limits]` of *it*\n")),
        ("docs/other.md".to_owned(), headings("# Other\n")),
    ]);
    for (path, text, expected) in [
        ("src/a.rs", "//! See `docs/formats.md`.", None),
        ("src/a.rs", "//! See `docs/formats.md`, \"Limits\" and \"Formats\".", None),
        ("src/a.rs", "    /// See docs/formats.md,\n    /// \"`[limits]` of\n    /// it\".", None),
        ("src/a.rs", "let page = [\"../../docs/formats.md\", \"x\"];", None),
        (
            "src/a.rs",
            "/// `formats.md` is known by its name, a URL is not ours: https://a.b/c.md",
            None,
        ),
        ("docs/other.md", "[limits](formats.md#limits), [it](formats.md#limits-of-it)", None),
        ("docs/other.md", "[all](../README.md#in-front-of-it) *.md", None),
        ("src/a.rs", "// RFC 9110 §5.2; a part (§15.3.7)", None),
        ("src/a.rs", "// as PNG has it, in\n// §4.3", None),
        ("src/a.rs", "//! See `docs/none.md`.", Some("src/a.rs:1: no document docs/none.md")),
        ("src/a.rs", "\n// by none.md §3", Some("src/a.rs:2: no document none.md")),
        (
            "src/a.rs",
            "// docs/formats.md, \"Limit\"",
            Some("src/a.rs:1: docs/formats.md has no \"Limit\""),
        ),
        (
            "src/a.rs",
            "//! docs/formats.md,\n//! \"Formats\" and\n//! \"Sizes and\n//! cuts\"",
            Some("src/a.rs:1: docs/formats.md has no \"Sizes and cuts\""),
        ),
        (
            "README.md",
            "`docs/formats.md`, \"no heading\"",
            Some("README.md:1: docs/formats.md has no \"no heading\""),
        ),
        (
            "docs/other.md",
            "[x](formats.md#limit)",
            Some("docs/other.md:1: formats.md has no \"#limit\""),
        ),
        ("docs/other.md", "[x](#limits)", Some("docs/other.md:1: this page has no \"#limits\"")),
        ("src/a.rs", "//! for every version (§19)", Some("src/a.rs:1: § of which standard?")),
        ("a.tsv", "# RFC 9110\n\n# §3.2 url", Some("a.tsv:3: § of which standard?")),
    ] {
        let found = faults(path, text, &documents);
        assert_eq!(found.first().map(String::as_str), expected, "{text}: {found:?}");
    }
    assert_eq!(documents["README.md"], ["Cuttle", "In front of it"]);
}

fn walk(folder: &Path, within: &str, files: &mut Vec<String>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for entry in entries {
        let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let kind = entry.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        let path = format!("{within}{name}");
        if name.starts_with('.') || NOT_OURS.contains(&name) || entry.is_symlink() {
            continue;
        } else if entry.is_dir() {
            walk(&entry, &format!("{path}/"), files);
        } else if WRITTEN_BY_US.contains(&kind) {
            files.push(path);
        }
    }
}

fn headings(page: &str) -> Vec<String> {
    let mut code = false;
    let mut headings = Vec::new();
    for line in page.lines() {
        code ^= line.starts_with("```");
        let title = line.trim_start_matches('#');
        if !code && title.len() < line.len() && title.starts_with(' ') {
            headings.push(plain(title));
        }
    }
    headings
}

/// As a heading is read: without marks, and with single spaces.
fn plain(text: &str) -> String {
    let text = text.replace(['`', '*'], "");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// As a heading is linked to.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}

/// What is wrong with the citations of a text.
fn faults(path: &str, text: &str, documents: &Documents) -> Vec<String> {
    let text = &without_leaders(path, text);
    let mut faults = Vec::new();
    let mut fault = |at: usize, what: String| {
        faults.push(format!("{path}:{}: {what}", text[..at].matches('\n').count() + 1));
    };
    for (at, _) in text.match_indices(".md") {
        let rest = &text[at + 3..];
        let start = text[..at]
            .rfind(|c: char| !is_of_a_path(c))
            .map_or(0, |before| before + text[before..].chars().next().map_or(0, char::len_utf8));
        let name = &text[start..at + 3];
        let is_url = text[..start].ends_with(':') && name.starts_with("//");
        let is_name = name.rsplit('/').next() != Some(".md");
        if !is_name || is_url || rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let Some(headings) = document(name, path, documents) else {
            fault(start, format!("no document {name}"));
            continue;
        };
        if let Some(cited) = rest.strip_prefix('#').map(linked)
            && !headings.iter().any(|heading| anchor(heading) == cited)
        {
            fault(start, format!("{name} has no \"#{cited}\""));
        }
        for cited in quoted(rest) {
            if !headings.contains(&cited) {
                fault(start, format!("{name} has no \"{cited}\""));
            }
        }
    }
    if let Some(own) = documents.get(path) {
        for (at, _) in text.match_indices("](#") {
            let cited = linked(&text[at + 3..]);
            if !own.iter().any(|heading| anchor(heading) == cited) {
                fault(at, format!("this page has no \"#{cited}\""));
            }
        }
    }
    for (at, _) in text.match_indices('§') {
        // The line of it, and the one above.
        let from = text[..at].rmatch_indices('\n').nth(1).map_or(0, |(line, _)| line);
        if !STANDARDS.iter().any(|standard| text[from..at].contains(standard)) {
            fault(at, "§ of which standard?".to_owned());
        }
    }
    faults
}

fn is_of_a_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '_' | '-')
}

/// A comment as one text: what begins each of its lines is left out.
fn without_leaders(path: &str, text: &str) -> String {
    if path.ends_with(".md") {
        return text.to_owned();
    }
    let leaders = ["//!", "///", "//", "#"];
    let lines = text.lines().map(|line| {
        let line = line.trim_start();
        leaders.iter().find_map(|leader| line.strip_prefix(leader)).unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// From the root, from beside the citing file, or by a name alone.
fn document<'a>(name: &str, citing: &str, documents: &'a Documents) -> Option<&'a Vec<String>> {
    let mut from_root = name.trim_start_matches('/');
    while let Some(rest) = from_root.strip_prefix("../") {
        from_root = rest;
    }
    let folder = citing.rfind('/').map_or("", |slash| &citing[..=slash]);
    let by_name =
        |(path, _): &(&String, _)| !name.contains('/') && path.rsplit('/').next() == Some(name);
    documents
        .get(&format!("{folder}{name}"))
        .or_else(|| documents.get(from_root))
        .or_else(|| documents.iter().find(by_name).map(|(_, headings)| headings))
}

fn linked(rest: &str) -> &str {
    let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_')));
    &rest[..end.unwrap_or(rest.len())]
}

/// The headings that are cited behind a path: `, "A"`, and more behind commas and "and".
fn quoted(rest: &str) -> Vec<String> {
    let mut rest = rest.strip_prefix('`').unwrap_or(rest);
    let mut cited = Vec::new();
    loop {
        let after_comma = rest.strip_prefix(',').unwrap_or(rest);
        let trimmed = after_comma.trim_start();
        let trimmed = match trimmed.strip_prefix("and") {
            Some(more) if !cited.is_empty() => more.trim_start(),
            _ => trimmed,
        };
        // No white space: it ends the string that holds the path.
        let Some(open) = trimmed.strip_prefix('"').filter(|_| trimmed.len() < after_comma.len())
        else {
            return cited;
        };
        let Some((heading, more)) = open.split_once('"') else { return cited };
        cited.push(plain(heading));
        rest = more;
    }
}
