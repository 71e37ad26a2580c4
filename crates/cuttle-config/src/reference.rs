//! `docs/configuration.md`, from the same definition as the parser.

use std::fmt::Write as _;

use crate::{
    keys::{Key, TABLES, keys},
    value::{Kind, show_duration, show_size},
};

const HEAD: &str = "\
# Configuration

<!-- Written by the definition in crates/cuttle-config/src/keys.rs; a test compares them. To write it again:
     UPDATE=1 cargo test --release -p cuttle-config --test reference -->

A value comes from the first of: a flag, a variable `CUTTLE_…`, `cuttle.toml`, the build of the Next application, the default. `cuttle config print` shows
what holds and where it comes from; `cuttle config schema` is a JSON Schema for editors.

In `cuttle.toml` a duration is `\"30s\"`, `\"1h\"` or a plain number of milliseconds; a size is `\"512MiB\"`, `\"20MB\"` or a plain number of bytes; a number may be a
string of digits. In strings `${NAME}` stands for a variable, which must be set, and `${NAME:-default}` for one that may be missing. In variables and flags a list has
commas. A key that is not listed here is an error. [cuttle.example.toml](cuttle.example.toml) is a whole file.
";

const PATTERNS_HEAD: &str = "
## Patterns

`*` is one part of a path between slashes, or some of it; `**` is any number of parts; a host may begin with `*.`, which is one name or more. A local pattern allows no query
unless it has one, a remote pattern any; `?*` is any query, and another query is exactly that. Without a scheme it is http and https, without a port the usual one.
A pattern may also be written as in the Next config: `{ protocol = \"https\", hostname = \"cdn.example.com\", pathname = \"/img/**\" }`; signs that only Next's globs know (`{a,b}`, `!(…)`) are refused there.

| Pattern | allows | and not |
|---|---|---|
";

/// What a pattern may be: itself, what it allows, and what not.
const PATTERNS: [[&str; 3]; 5] = [
    ["/photos/**", "/photos/2024/a.jpg", "/photos/a.jpg?v=1"],
    ["/photos/*.jpg?*", "/photos/a.jpg?v=1", "/photos/2024/a.jpg"],
    [
        "https://cdn.example.com/img/**",
        "https://cdn.example.com/img/2024/a.jpg?w=1",
        "http://cdn.example.com/img/a.jpg",
    ],
    ["*.example.com/**", "http://cdn.example.com/a.jpg", "https://example.com/a.jpg"],
    [
        "https://cdn.example.com:8443/a.jpg?v=2",
        "https://cdn.example.com:8443/a.jpg?v=2",
        "https://cdn.example.com/a.jpg?v=2",
    ],
];

/// The reference page, in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    page.push_str(PATTERNS_HEAD);
    for [pattern, allowed, refused] in PATTERNS {
        let _ = writeln!(page, "| `{pattern}` | `{allowed}` | `{refused}` |");
    }
    for (table, about) in TABLES {
        let title = match *table {
            "apps" => "[[apps]]".to_owned(),
            "forward" => "[[apps.forward]]".to_owned(),
            table => format!("[{table}]"),
        };
        let about = about.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        let _ = writeln!(
            page,
            "\n## `{title}`\n\n{about}\n\n| Key | Value | Default | |\n|---|---|---|---|"
        );
        for key in keys().iter().filter(|key| key.table == *table) {
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {} |",
                key.name(),
                value(key),
                default(key),
                about_key(key)
            );
        }
    }
    page
}

fn value(key: &Key) -> String {
    let Some((least, most)) = key.range else { return kind(key.kind) };
    let unit = if let Kind::List(entry) = key.kind { *entry } else { key.kind };
    let show = |number: u64| match unit {
        Kind::Duration => show_duration(number),
        Kind::Size => show_size(number),
        _ => number.to_string(),
    };
    format!("{}, {} to {}", kind(key.kind), show(least), show(most))
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Bool => "`true` or `false`".to_owned(),
        Kind::Integer => "number".to_owned(),
        Kind::Duration => "duration".to_owned(),
        Kind::Size => "size".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Secret => "text, never shown".to_owned(),
        Kind::Choice(words) => {
            words.iter().map(|word| format!("`{word:?}`")).collect::<Vec<_>>().join(" or ")
        }
        Kind::Address => "address and port, or port".to_owned(),
        Kind::AddressOrOff => "address and port, port, `\"unix:PATH\"` or `\"off\"`".to_owned(),
        Kind::Network => "network".to_owned(),
        Kind::Url => "URL".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::List(entry) => format!("list of {}s", self::kind(*entry).trim_end_matches('s')),
    }
}

fn default(key: &Key) -> String {
    match (key.default, key.absent) {
        (_, Some(absent)) => absent.to_owned(),
        (Some(""), _) => "none".to_owned(),
        (Some(default), _) if matches!(key.kind, Kind::List(_)) => {
            format!("`{}`", default.replace(',', " "))
        }
        (Some(default), _) => format!("`{default}`"),
        (None, None) => "none".to_owned(),
    }
}

fn about_key(key: &Key) -> String {
    let variable = key.variable();
    match (key.table, key.flag) {
        (_, Some(flag)) => format!("{} (`--{flag}`, `{variable}`)", key.doc()),
        ("apps" | "forward", None) => key.doc(),
        (_, None) => format!("{} (`{variable}`)", key.doc()),
    }
}

#[cfg(test)]
mod tests {
    use cuttle_contract::{Pattern, Source};

    use super::*;

    #[test]
    fn the_examples_of_patterns_allow_what_they_say() {
        for [written, allowed, refused] in PATTERNS {
            let compiled = match written.starts_with('/') {
                true => Pattern::local(written),
                false => Pattern::remote(written),
            };
            let (pattern, _) = compiled.expect(written);
            for (text, expected) in [(allowed, true), (refused, false)] {
                let sources = Source::spellings(text);
                assert!(!sources.is_empty(), "{text}");
                for source in sources {
                    assert_eq!(pattern.matches(&source), expected, "{written}: {text}");
                }
            }
        }
    }
}
