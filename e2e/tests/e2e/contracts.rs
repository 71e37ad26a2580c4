//! The tables of both contracts, over HTTP. A row added to a table is a test here and of the pure
//! functions alike.

use cuttle_e2e::{Server, folder_with_a_photo};

const NEXT_VALIDATION: &str =
    include_str!("../../../crates/cuttle-contract/tests/tables/next-validation.tsv");
const STRICT_VALIDATION: &str =
    include_str!("../../../crates/cuttle-contract/tests/tables/strict-validation.tsv");
const NEXT_ACCEPT: &str =
    include_str!("../../../crates/cuttle-contract/tests/tables/next-accept.tsv");
const STRICT_ACCEPT: &str =
    include_str!("../../../crates/cuttle-contract/tests/tables/strict-accept.tsv");

/// The rows of a table: three fields between tabs, `#` lines are comments.
fn rows(table: &'static str) -> Vec<[&'static str; 3]> {
    let rows: Vec<_> = table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<_> = line.split('\t').collect();
            <[&str; 3]>::try_from(fields).unwrap_or_else(|_| panic!("three fields: {line}"))
        })
        .collect();
    assert!(rows.len() > 20, "the table was read");
    rows
}

/// Collects what is wrong instead of stopping at the first row.
fn all_right(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} rows differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_validation_rule_of_next_has_its_status_and_text() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    let mut wrong = Vec::new();
    for [query, status, text] in rows(NEXT_VALIDATION) {
        let answer = server.client.get(&format!("/_next/image?{query}"));
        let body = if answer.status == 200 { "ok".to_owned() } else { answer.text() };
        if answer.status.to_string() != status || body != text {
            wrong.push(format!(
                "{query}\n  wanted {status} {text}\n  got    {} {body}",
                answer.status
            ));
        } else if answer.status != 200 {
            assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8", "{query}");
            assert_eq!(answer.header("cache-control"), "private, no-store", "{query}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{query}");
            assert_ne!(answer.header("x-cuttle-error"), "", "{query}");
        }
    }
    all_right(&wrong);
}

#[test]
fn every_validation_rule_of_the_strict_endpoint_has_its_status_and_code() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    let mut wrong = Vec::new();
    for [query, status, code] in rows(STRICT_VALIDATION) {
        let answer = server.client.get(&format!("/_cuttle/image?{query}"));
        let got = if answer.status == 200 { "ok" } else { answer.header("x-cuttle-error") };
        if answer.status.to_string() != status || got != code {
            wrong.push(format!(
                "{query}\n  wanted {status} {code}\n  got    {} {got}",
                answer.status
            ));
        } else if answer.status != 200 {
            let sentence = answer.text();
            assert!(sentence.trim_end().ends_with('.'), "{query}: a sentence: {sentence}");
            assert_eq!(answer.header("cache-control"), "private, no-store", "{query}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{query}");
        }
    }
    all_right(&wrong);
}

/// Runs an `Accept` table against one endpoint, a server for each list of formats.
fn negotiate(table: &'static str, target: &str) {
    let folder = folder_with_a_photo();
    let mut wrong = Vec::new();
    let mut rows = rows(table);
    rows.sort_by_key(|[formats, ..]| *formats);
    for group in rows.chunk_by(|[a, ..], [b, ..]| a == b) {
        let server = Server::with(folder.path(), &["--workers", "2", "--formats", group[0][0]]);
        for [formats, accept, chosen] in group {
            let answer = match *accept {
                "-" => server.client.get(target),
                accept => server.client.accepting(accept, target),
            };
            let expected = match *chosen {
                "none" => "image/jpeg".to_owned(),
                format => format!("image/{format}"),
            };
            let got = answer.header("content-type");
            if answer.status != 200 || got != expected || answer.header("vary") != "Accept" {
                wrong.push(format!(
                    "{formats}  {accept}\n  wanted {expected}\n  got    {} {got}",
                    answer.status
                ));
            }
        }
    }
    all_right(&wrong);
}

#[test]
fn next_negotiates_by_its_table() {
    negotiate(NEXT_ACCEPT, "/_next/image?url=%2Fphoto.jpg&w=32&q=75");
}

#[test]
fn the_strict_endpoint_negotiates_by_its_table() {
    negotiate(STRICT_ACCEPT, "/_cuttle/image?src=%2Fphoto.jpg&w=32");
}
