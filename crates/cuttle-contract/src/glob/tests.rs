//! The table beside the crate's tests was answered by `picomatch` itself, in the copies inside Next 14, 15 and 16.

use super::*;

#[test]
fn a_glob_matches_what_picomatch_matches() {
    let table = include_str!("../../tests/tables/globs.tsv");
    let mut wrong = Vec::new();
    let mut count = 0;
    let rows = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in rows {
        let [place, written, text, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("not four columns: {line}")
        };
        let dots = if place == "path" { Dots::Matched } else { Dots::Hidden };
        match Glob::compile(written, dots) {
            Ok(glob) if glob.matches(text) == (expected == "yes") => {}
            Ok(glob) => wrong.push(format!("{line}\n  {}", glob.regex.as_str())),
            Err(error) => wrong.push(format!("{line}\n  {error}")),
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{} of {count} rows differ\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 300, "an empty table proves nothing");
}

#[test]
fn what_cannot_be_translated_faithfully_is_refused() {
    for written in [
        "",
        "/\"a\"",
        "/a\\",
        "/\\d\\1",
        "/(?:a)",
        "/[[:alpha:]]",
        "/{a",
        "/*(a",
        "/*(a)+",
        "a++b",
        "/[]",
    ] {
        assert!(Glob::compile(written, Dots::Matched).is_err(), "{written}");
    }
    assert_eq!(Glob::compile(&"a".repeat(1025), Dots::Matched), Err(GlobError::TooLong));
}

/// Without a limit of steps the first of these takes hours, the second seconds.
#[test]
fn hostile_text_ends_in_a_refusal() {
    for (written, text) in [
        ("/+(+(a|b)|+(a))c", format!("/{}", "ab".repeat(500))),
        ("/{**,}a{**,}b{**,}c", format!("/{}", "ab".repeat(1500))),
    ] {
        let glob = Glob::compile(written, Dots::Matched).expect(written);
        assert!(!glob.matches(&text), "{written}");
    }
}
