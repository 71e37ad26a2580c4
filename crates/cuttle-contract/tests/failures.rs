//! Failures after parsing, against their table and the pages about the endpoints.

use cuttle_contract::{Contract, Failure, Fault, Refusal, SourceKind};

const TABLE: &str = include_str!("tables/failures.tsv");
const NEXT_PAGE: &str = include_str!("../../../docs/next-endpoint.md");
const STRICT_PAGE: &str = include_str!("../../../docs/strict-endpoint.md");

fn failure(name: &str) -> Failure {
    if let Some(status) = name.strip_prefix("SourceFailed:") {
        return Failure::SourceFailed { status: status.parse().ok() };
    }
    let all = [
        Failure::SourceNotFound,
        Failure::SourceTimeout,
        Failure::SourceTooLarge,
        Failure::SourceEmpty,
        Failure::TooManyRedirects,
        Failure::SourceNotAllowed,
        Failure::AddressNotAllowed,
        Failure::ImageTooLarge("pixels"),
        Failure::NotAnImage,
        Failure::SvgNotAllowed,
        Failure::QueueFull,
        Failure::QueueTimeout,
        Failure::OutOfDescriptors,
        Failure::ShuttingDown,
        Failure::RequestTimeout,
        Failure::Internal,
        Failure::Loop,
        Failure::MethodNotAllowed,
        Failure::UnsupportedKind("image/jxl"),
    ];
    let named = |failure: &Failure| format!("{failure:?}").split('(').next() == Some(name);
    all.into_iter().find(named).expect(name)
}

#[test]
fn every_failure_has_its_status_code_and_text() {
    let rows = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for row in rows {
        let [name, source, strict_status, code, fault, retry_after, next_status, next_body] =
            row.split('\t').collect::<Vec<_>>()[..]
        else {
            panic!("{row}: not eight columns")
        };
        let source = if source == "local" { SourceKind::Local } else { SourceKind::Remote };
        let fault = match fault {
            "client" => Fault::Client,
            "origin" => Fault::Origin,
            _ => Fault::Us,
        };
        let strict = Contract::Strict.refuse(failure(name), source);
        let next = Contract::Next.refuse(failure(name), source);
        assert_eq!(strict.status.to_string(), strict_status, "{row}");
        assert_eq!(next.status.to_string(), next_status, "{row}");
        assert_eq!(next.message, next_body, "{row}");
        let text = strict.message.replace("image/jxl", "TYPE").replace("more pixels", "more WHAT");
        in_page(STRICT_PAGE, &strict, &text);
        // There is none of these there: the original is sent instead.
        if !matches!(name, "ImageTooLarge" | "UnsupportedKind") {
            let text = ["internal", "upstream"]
                .iter()
                .fold(next.message.to_string(), |text, whose| text.replace(whose, "…"));
            in_page(NEXT_PAGE, &next, &text);
        }
        for refusal in [strict, next] {
            assert_eq!((refusal.code, refusal.fault), (code, fault), "{row}");
            assert_eq!(refusal.retry_after, retry_after.parse().ok(), "{row}");
            assert_eq!(refusal.allow, name == "MethodNotAllowed", "{row}");
            assert_eq!(refusal.detail, None, "{row}");
        }
    }
}

fn in_page(page: &str, refusal: &Refusal, text: &str) {
    let (code, text) = (format!("`{}`", refusal.code), format!("`{text}`"));
    let statuses = [format!("| {} |", refusal.status), "| the same |".to_owned()];
    let found = page.lines().any(|line| {
        line.contains(&code)
            && line.contains(&text)
            && statuses.iter().any(|status| line.contains(status))
    });
    assert!(found, "no row has {} and {code} and {text}", refusal.status);
}

const HEIC: &str = "Of the browsers only Safari shows it: save it as JPEG, and publish that.";

#[test]
fn a_strict_refusal_names_the_kind_that_the_client_must_accept() {
    let said =
        |kind| Contract::Strict.refuse(Failure::UnsupportedKind(kind), SourceKind::Local).message;
    let served = "which is served only to a client whose Accept header names that type.";
    assert_eq!(said("image/jxl"), format!("The source is image/jxl, {served}"));
    assert_eq!(said("image/heic"), format!("The source is image/heic, {served} {HEIC}"));
    let row = STRICT_PAGE.lines().find(|line| line.contains("it is HEIC")).expect("a row");
    assert!(row.contains(HEIC), "{row}");
}

#[test]
fn a_strict_refusal_names_what_there_is_too_much_of() {
    for what in ["pixels", "bytes of metadata"] {
        let refusal = Contract::Strict.refuse(Failure::ImageTooLarge(what), SourceKind::Local);
        let expected = format!("The image has more {what} than this server decodes.");
        assert_eq!((refusal.code, &*refusal.message), ("image_too_large", &*expected));
    }
}

#[test]
fn what_the_operator_reads_is_not_what_the_public_reads() {
    let refusal = Contract::Strict
        .refuse(Failure::AddressNotAllowed, SourceKind::Remote)
        .with_detail("10.0.0.7");
    assert!(!refusal.message.contains("10.0.0.7"));
    assert_eq!(refusal.detail.as_deref(), Some("10.0.0.7"));
}
