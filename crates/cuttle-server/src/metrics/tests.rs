//! `docs/metrics.md` and the dashboard say what the registry says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::*;

/// One line of each kind of thing that can happen.
fn exposition() -> String {
    let metrics = Metrics::new("0.0.0", Readings::with_a_tier);
    metrics.of_app("shop").refusal(Contract::Next, "queue_full");
    metrics.text().expect("text")
}

struct Described {
    kind: String,
    help: String,
    labels: BTreeMap<String, BTreeSet<String>>,
}

/// What the text says of itself, by the name of the family.
fn families(text: &str) -> BTreeMap<String, Described> {
    let mut families = BTreeMap::<String, Described>::new();
    for line in text.lines() {
        let words: Vec<_> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "HELP", name, help] => {
                let help = help.to_owned();
                let described = Described { kind: String::new(), help, labels: BTreeMap::new() };
                assert!(families.insert(name.to_owned(), described).is_none(), "{name} twice");
            }
            ["#", "TYPE", name, kind] => {
                families.get_mut(name).expect("HELP comes first").kind = kind.to_owned();
            }
            ["#", ..] => {}
            _ => {
                let (name, labels) = line.split_once('{').unwrap_or((line, ""));
                let name = name.split(' ').next().unwrap_or_default();
                let family = families.iter_mut().filter(|(family, _)| name.starts_with(*family));
                let (_, family) = family.max_by_key(|(family, _)| family.len()).expect(name);
                let labels = labels.split_once('}').map_or("", |(labels, _)| labels);
                for pair in labels.split(',').filter(|pair| !pair.is_empty()) {
                    let (label, value) = pair.split_once('=').expect("a value");
                    let values = family.labels.entry(label.to_owned()).or_default();
                    values.insert(value.trim_matches('"').to_owned());
                }
            }
        }
    }
    families
}

/// The names under which Prometheus keeps a family.
fn series(name: &str, kind: &str) -> Vec<String> {
    let endings: &[&str] = match kind {
        "counter" => &["_total"],
        "histogram" => &["_bucket", "_sum", "_count"],
        "info" => &["_info"],
        _ => &[""],
    };
    endings.iter().map(|ending| format!("{name}{ending}")).collect()
}

const BEGIN: &str = "<!-- generated -->\n";
const END: &str = "<!-- end -->\n";

#[test]
fn the_reference_page_is_up_to_date() {
    let mut table = "\n| Name | Type | Labels | Meaning |\n|---|---|---|---|\n".to_owned();
    for (name, Described { kind, help, labels }) in families(&exposition()) {
        let shown = match &*kind {
            "histogram" => name,
            _ => series(&name, &kind).concat(),
        };
        let labels = labels.iter().filter(|(label, _)| *label != "le").map(|(label, values)| {
            let values: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
            match &**label {
                "app" => "`app`: its `id`".to_owned(),
                "code" => "`code`: as in `X-Cuttle-Error`".to_owned(),
                "version" => "`version`".to_owned(),
                label => format!("`{label}`: {}", values.join(", ")),
            }
        });
        let labels = labels.collect::<Vec<_>>().join("; ");
        table += &format!("| `{shown}` | {kind} | {labels} | {help} |\n");
    }
    table += "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let page = fs::read_to_string(&path).expect("docs/metrics.md");
    let (before, rest) = page.split_once(BEGIN).expect("a beginning");
    let (written, after) = rest.split_once(END).expect("an end");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, [before, BEGIN, &table, END, after].concat()).expect("it can be written");
        return;
    }
    assert!(
        written == table,
        "docs/metrics.md is out of date; its head says how to write it again"
    );
}

#[test]
fn names_follow_the_rules() {
    for (name, Described { kind, help, labels }) in families(&exposition()) {
        let words = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(name.starts_with("cuttle_") && words(&name), "{name}");
        assert!(!name.ends_with("_total") && !name.contains("milli"), "{name}");
        assert!(help.ends_with('.') && !help.ends_with(".."), "{name}: {help}");
        assert!(matches!(&*kind, "counter" | "gauge" | "histogram" | "info"), "{name}: {kind}");
        for (label, values) in labels {
            assert!(words(&label), "{name}: {label}");
            assert!(values.len() <= BUCKETS.len() + 1, "{name}: {label} has {}", values.len());
        }
    }
    assert!(exposition().ends_with("# EOF\n"));
}

#[test]
fn every_query_of_the_dashboard_is_about_something_that_is_there() {
    let families = families(&exposition());
    let mut known = BTreeMap::new();
    for (name, Described { kind, labels, .. }) in &families {
        known.extend(series(name, kind).into_iter().map(|series| (series, labels)));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/grafana/cuttle.json");
    let text = fs::read_to_string(path).expect("the dashboard");
    let dashboard: serde_json::Value = serde_json::from_str(&text).expect("the dashboard is JSON");
    let mut queries = Vec::new();
    collect(&dashboard, &mut queries);
    assert!(queries.len() >= 15, "only {} queries were found", queries.len());
    let mut shown = BTreeSet::new();
    for query in &queries {
        check(query, &known, &mut shown).unwrap_or_else(|wrong| panic!("{query}: {wrong}"));
    }
    // Nothing is measured that nobody looks at.
    for (name, described) in &families {
        let named = series(name, &described.kind);
        assert!(named.iter().any(|series| shown.contains(series)), "{name} is on no panel");
    }
    for (query, wrong) in [
        ("rate(cuttle_image_requests[5m])", "unknown series"),
        ("rate(cuttle_image_requests_total{outcom=\"hit\"}[5m])", "unknown label"),
        ("rate(cuttle_image_requests_total{outcome=\"hits\"}[5m])", "unknown value"),
        ("sum by (endpont) (cuttle_image_requests_total)", "unknown label"),
        ("sum(cuttle_jobs", "no )"),
        ("summ(cuttle_jobs)", "unknown word"),
    ] {
        let said = check(query, &known, &mut BTreeSet::new()).expect_err(query);
        assert!(said.contains(wrong), "{query}: {said}");
    }
}

/// Every `expr` and every `query` of a variable.
fn collect(value: &serde_json::Value, queries: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value.as_str()) {
                    ("expr", Some(query)) => queries.push(query.to_owned()),
                    _ => collect(value, queries),
                }
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| collect(value, queries)),
        _ => {}
    }
}

type Known<'a> = BTreeMap<String, &'a BTreeMap<String, BTreeSet<String>>>;

/// Words of the query language that the dashboard uses.
const FUNCTIONS: [&str; 8] =
    ["sum", "max", "rate", "increase", "histogram_quantile", "clamp_min", "time", "vector"];

/// Not a parser of the language (the crate that is one comes with dependencies that nobody maintains), but enough of it that
/// a wrong name, label, value, word or bracket is found.
fn check(query: &str, known: &Known<'_>, shown: &mut BTreeSet<String>) -> Result<(), String> {
    let mut tokens = tokens(&query.replace("$__rate_interval", "5m")).into_iter().peekable();
    let (mut used, mut grouped, mut open) = (BTreeSet::new(), Vec::new(), Vec::new());
    while let Some(token) = tokens.next() {
        match &*token {
            "(" => open.push(")"),
            "[" => open.push("]"),
            ")" | "]" if open.pop() != Some(&*token) => return Err(format!("stray {token}")),
            "by" | "without" => {
                grouped.extend(
                    tokens.by_ref().skip(1).take_while(|it| it != ")").filter(|it| it != ","),
                );
            }
            name if name.starts_with("cuttle_") => {
                let labels = known.get(name).ok_or(format!("unknown series {name}"))?;
                used.insert(name.to_owned());
                if tokens.next_if(|next| next == "{").is_some() {
                    let matchers: Vec<_> = tokens.by_ref().take_while(|it| it != "}").collect();
                    for matcher in matchers.split(|it| it == ",") {
                        select(matcher, labels)?;
                    }
                }
            }
            word if is_word(word) && !FUNCTIONS.contains(&word) => {
                return Err(format!("unknown word {word}"));
            }
            _ => {}
        }
    }
    if let Some(end) = open.pop() {
        return Err(format!("no {end}"));
    }
    let has = |label: &String| used.iter().any(|name| is_label(label, known[name]));
    if let Some(label) = grouped.iter().find(|label| !has(label)) {
        return Err(format!("unknown label {label}"));
    }
    shown.extend(used);
    Ok(())
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// `label op "value"`.
fn select(matcher: &[String], labels: &BTreeMap<String, BTreeSet<String>>) -> Result<(), String> {
    let [label, op, value] = matcher else { return Err(format!("no matcher: {matcher:?}")) };
    if !is_label(label, labels) {
        return Err(format!("unknown label {label}"));
    }
    let exact = matches!(op.as_str(), "=" | "!=");
    let values = labels.get(label).filter(|_| exact);
    let value = value.trim_matches('"');
    match values.is_some_and(|values| !values.contains(value)) {
        true => Err(format!("unknown value {value}")),
        false => Ok(()),
    }
}

/// Prometheus gives each series the address that it was read from.
fn is_label(label: &str, labels: &BTreeMap<String, BTreeSet<String>>) -> bool {
    label == "instance" || labels.contains_key(label)
}

/// Words, numbers with their units, texts, and signs.
fn tokens(query: &str) -> Vec<String> {
    let mut tokens = Vec::<String>::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_ascii_alphanumeric() || "_.$".contains(c);
        let length = match first {
            '"' => rest[1..].find('"').map_or(rest.len(), |end| end + 2),
            c if word(c) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            c if "=!~<>".contains(c) => rest.find(|c| !"=!~<>".contains(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    tokens
}
