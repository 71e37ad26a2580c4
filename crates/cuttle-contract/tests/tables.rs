//! The tables beside this file, run against the pure functions. The same files are run over HTTP against the built binary.
//! Every text that comes of them is in the page about its endpoint, beside its code.

use cuttle_contract::{Accepted, Images, Modern, NextContract, Refusal, Rules, StrictContract};

const NEXT_PAGE: &str = include_str!("../../../docs/next-endpoint.md");
const STRICT_PAGE: &str = include_str!("../../../docs/strict-endpoint.md");

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
        Err(refusal) => {
            in_page(NEXT_PAGE, &refusal, &with_a_letter(&refusal.message));
            (refusal.status, refusal.message.into_owned())
        }
    });
}

fn check_strict(table: &str, images: &Images) {
    let contract = StrictContract::new(&Rules::compile(images).expect("valid configuration"));
    check_validation(table, |query| match contract.parse(query, None) {
        Ok(_) => (200, "ok".to_owned()),
        Err(refusal) => {
            in_page(STRICT_PAGE, &refusal, &with_any_list(refusal.code, &refusal.message));
            (refusal.status, refusal.code.to_owned())
        }
    });
}

fn in_page(page: &str, refusal: &Refusal, text: &str) {
    let (code, text) = (format!("`{}`", refusal.code), format!("`{text}`"));
    let found = page.lines().any(|line| line.contains(&code) && line.contains(&text));
    assert!(found, "no row has {code} and {text}");
}

/// The page has no numbers: `of 641 is` is `of N is` there.
fn with_a_letter(message: &str) -> String {
    match message
        .split_once(" of ")
        .and_then(|(before, rest)| Some((before, rest.split_once(' ')?)))
    {
        Some((before, (_, after))) => format!("{before} of N {after}"),
        None => message.to_owned(),
    }
}

/// The page has no lists of a configuration.
fn with_any_list(code: &str, message: &str) -> String {
    let configured = ["invalid_width", "invalid_quality", "invalid_format", "invalid_height"];
    match message.split_once("one of ").filter(|_| configured.contains(&code)) {
        Some((before, _)) => format!("{before}one of LIST."),
        None => message.to_owned(),
    }
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
