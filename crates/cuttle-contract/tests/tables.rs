//! The tables beside this file, run against the pure functions. The same files are run over HTTP against the built binary.

use cuttle_contract::{Accepted, Images, Modern, NextContract, Rules, StrictContract};

fn rows(table: &str) -> impl Iterator<Item = (usize, Vec<&str>)> {
    let lines =
        table.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(index, line)| (index + 1, line.split('\t').collect()))
}

/// Runs `answer` on each raw query and compares status and text; lists every row that differs, not only the first.
fn check_validation(table: &str, answer: impl Fn(&str) -> (u16, String)) {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (line, row) in rows(table) {
        let [query, status, text] = row[..] else {
            panic!("line {line} has {} columns", row.len())
        };
        let (got_status, got_text) = answer(query);
        if (got_status.to_string().as_str(), got_text.as_str()) != (status, text) {
            wrong.push(format!("line {line}: {query}\n  expected {status} {text}\n  got      {got_status} {got_text}"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{} of {count} rows differ\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 0, "an empty table proves nothing");
}

fn check_next(table: &str, images: &Images) {
    let contract = NextContract::new(&Rules::compile(images).expect("valid configuration"));
    check_validation(table, |query| match contract.parse(query, None) {
        Ok(_) => (200, "ok".to_owned()),
        Err(refusal) => (refusal.status, refusal.message.into_owned()),
    });
}

fn check_strict(table: &str, images: &Images) {
    let contract = StrictContract::new(&Rules::compile(images).expect("valid configuration"));
    check_validation(table, |query| match contract.parse(query, None) {
        Ok(_) => (200, "ok".to_owned()),
        Err(refusal) => (refusal.status, refusal.code.to_owned()),
    });
}

fn check_accept(table: &str) {
    let mut wrong = Vec::new();
    for (line, row) in rows(table) {
        let [formats, header, expected] = row[..] else {
            panic!("line {line} has {} columns", row.len())
        };
        let formats: Vec<Modern> = formats
            .split(',')
            .map(|name| Modern::from_name(name).expect("a known format"))
            .collect();
        let accepted = Accepted::parse((header != "-").then_some(header), &formats);
        let chosen = accepted.best.map_or("none", Modern::name);
        if chosen != expected {
            wrong.push(format!("line {line}: {header}: expected {expected}, got {chosen}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn strings(entries: &[&str]) -> Vec<String> {
    entries.iter().map(|&entry| entry.to_owned()).collect()
}

#[test]
fn next_validates_in_the_order_and_with_the_texts_of_next() {
    check_next(include_str!("tables/next-validation.tsv"), &Images::for_folder());
}

#[test]
fn next_validates_against_configured_lists() {
    let images = Images {
        sizes: vec![100, 640],
        qualities: vec![50, 100],
        local_patterns: Some(strings(&["/photo.jpg", "/photo.jpg?v=1", "/a/**"])),
        remote_patterns: strings(&["https://cdn.example.com/photos/**"]),
        ..Images::for_folder()
    };
    check_next(include_str!("tables/next-validation-configured.tsv"), &images);
}

#[test]
fn strict_validates_in_its_documented_order() {
    check_strict(include_str!("tables/strict-validation.tsv"), &Images::for_folder());
}

#[test]
fn strict_validates_against_configured_lists() {
    let images = Images {
        sizes: vec![320],
        heights: vec![100, 200],
        qualities: vec![50, 100],
        local_patterns: Some(strings(&["/photo.jpg", "/photo.jpg?v=1", "/a/**"])),
        remote_patterns: strings(&["https://cdn.example.com/photos/**", "shop.example/**"]),
        prefix: "/_pics".to_owned(),
        hosts: strings(&["shop.example"]),
        ..Images::default()
    };
    check_strict(include_str!("tables/strict-validation-configured.tsv"), &images);
}

#[test]
fn next_negotiates_by_the_table() {
    check_accept(include_str!("tables/next-accept.tsv"));
}

#[test]
fn strict_negotiates_by_the_table() {
    check_accept(include_str!("tables/strict-accept.tsv"));
}
