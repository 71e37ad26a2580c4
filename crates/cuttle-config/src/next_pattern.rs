//! A pattern as Next's config has it, `{ protocol, hostname, port, pathname, search }`, in our own spelling.
//!
//! What our spelling cannot say (Next's globs can) is refused here: a pattern that means something else than in Next would be worse than none.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::problem::suggestion;

const REMOTE: [&str; 5] = ["protocol", "hostname", "port", "pathname", "search"];
const LOCAL: [&str; 2] = ["pathname", "search"];

type Wrong = (String, Option<Range<usize>>);

/// # Errors
/// What is wrong, and where if it is one key.
pub(crate) fn next_pattern(table: &DeTable<'_>, remote: bool) -> Result<String, Wrong> {
    let known: &[&str] = if remote { &REMOTE } else { &LOCAL };
    let mut parts = std::collections::BTreeMap::new();
    for (name, value) in table {
        let written = name.get_ref().as_ref();
        let Some(key) = known.iter().find(|key| **key == written) else {
            let near = suggestion(written, known.iter().copied());
            return Err((format!("a pattern has no `{written}`{near}"), Some(name.span())));
        };
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) if *key == "port" => number.as_str().to_owned(),
            _ => {
                return Err((
                    format!("`{written}` of a pattern must be a string"),
                    Some(value.span()),
                ));
            }
        };
        if text.contains(['{', '}', '[', ']', '(', ')', '!', '|', '\\']) {
            let wrong = format!(
                "`{written}` has signs that only Next's globs know; write one pattern for each case, with * and **"
            );
            return Err((wrong, Some(value.span())));
        }
        parts.insert(*key, (text, value.span()));
    }
    let part = |name: &str| parts.get(name).map(|(text, _)| text.as_str());
    let span = |name: &str| parts.get(name).map(|(_, span)| span.clone());
    let mut pattern = String::new();
    if remote {
        let host = part("hostname")
            .ok_or_else(|| ("a remote pattern needs a `hostname`".to_owned(), None))?;
        if let Some((scheme, rest)) = host.split_once("://") {
            let name = rest.split('/').next().unwrap_or(rest);
            let wrong = format!(
                "`hostname` {host:?} can never match, as it is a URL: write protocol = {scheme:?}, hostname = {name:?}"
            );
            return Err((wrong, span("hostname")));
        }
        if let Some((name, path)) = host.split_once('/') {
            let wrong = format!(
                "`hostname` {host:?} can never match, as it has a path: write hostname = {name:?}, pathname = \"/{path}\""
            );
            return Err((wrong, span("hostname")));
        }
        if let Some(scheme) = part("protocol").map(|scheme| scheme.trim_end_matches(':')) {
            pattern = format!("{scheme}://");
        }
        pattern.push_str(host);
        if let Some(port) = part("port").filter(|port| !port.is_empty()) {
            pattern = format!("{pattern}:{port}");
        }
    }
    let path = part("pathname").unwrap_or("/**");
    if !path.starts_with('/') {
        let wrong = format!("`pathname` {path:?} can never match: write \"/{path}\"");
        return Err((wrong, span("pathname")));
    }
    pattern.push_str(path);
    match part("search") {
        // Of our own spelling that is what a remote pattern means anyway.
        None if remote => {}
        None => pattern.push_str("?*"),
        Some("") => pattern.push('?'),
        Some(search) if search.starts_with('?') => pattern.push_str(search),
        Some(search) => {
            let wrong = format!("`search` {search:?} can never match: write \"?{search}\"");
            return Err((wrong, span("search")));
        }
    }
    Ok(pattern)
}
