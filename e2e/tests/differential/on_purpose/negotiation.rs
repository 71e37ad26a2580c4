//! What a client can have, by the rule that ours states: written here once more, so that the two can disagree.

/// The best of `formats` that `accept` names; `None` keeps the format of the source. An order of `formats` breaks
/// ties; a wildcard never chooses.
pub(crate) fn chosen(accept: &str, formats: &[&'static str]) -> Option<&'static str> {
    let parts = split(accept, ',');
    let quality = |format: &str| {
        let named = parts.iter().filter_map(|part| quality_of(part, format));
        named.fold(0, u32::max)
    };
    let best = formats.iter().map(|format| quality(format)).max().filter(|best| *best > 0)?;
    formats.iter().find(|format| quality(format) == best).copied()
}

/// In thousandths, where the part names this format and can be read.
fn quality_of(part: &str, format: &str) -> Option<u32> {
    let fields = split(part, ';');
    let (name, parameters) = fields.split_first()?;
    if !name.trim().eq_ignore_ascii_case(format) {
        return None;
    }
    let mut quality = 1000;
    for parameter in parameters.iter().map(|parameter| parameter.trim()) {
        if parameter.is_empty() {
            continue;
        }
        let (name, value) = parameter.split_once('=')?;
        if name.is_empty() || value.is_empty() || name.contains(' ') || value.starts_with(' ') {
            return None;
        }
        let quoted = value.len() > 1 && value.starts_with('"') && value.ends_with('"');
        if !quoted && value.contains(['"', ' ']) {
            return None;
        }
        if name.eq_ignore_ascii_case("q") {
            quality = thousandths(value)?;
        }
    }
    Some(quality)
}

/// RFC 9110 §12.4.2: at most three decimals, at most 1.
fn thousandths(value: &str) -> Option<u32> {
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    let digits = decimals.bytes().all(|byte| byte.is_ascii_digit());
    if !matches!(whole, "0" | "1") || !digits || decimals.len() > 3 {
        return None;
    }
    let thousandths = format!("{whole}{decimals:0<3}").parse().ok()?;
    (thousandths <= 1000).then_some(thousandths)
}

/// At a separator that is not in quotes.
fn split(text: &str, at: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |char| {
        let ends = char == at && !quoted;
        if char == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = char == '\\' && !escaped;
        ends
    })
    .collect()
}
