//! The name that a picture is saved under, by RFC 6266: written here once more, so that the two can disagree.

use std::fmt::Write as _;

/// `Content-Disposition` for a picture of this `url` parameter, sent with this extension.
pub(crate) fn disposition(inline: bool, url: &str, extension: &str) -> String {
    // What a URL parser drops, and what it takes for a slash.
    let url = url.replace(['\t', '\n', '\r'], "").replace('\\', "/");
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let segment = path.rsplit('/').next().unwrap_or_default().trim_end();
    let segment = percent_encoding::percent_decode_str(segment).decode_utf8_lossy();
    let stem = segment.split('.').next().unwrap_or_default();
    let name =
        if segment.is_empty() { "image.bin".to_owned() } else { format!("{stem}.{extension}") };
    let ascii: String = name
        .chars()
        .map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            c if c.is_ascii() => c.to_string(),
            _ => "_".to_owned(),
        })
        .collect();
    let kind = if inline { "inline" } else { "attachment" };
    let mut value = format!("{kind}; filename=\"{ascii}\"");
    if !name.is_ascii() || name.contains('%') {
        value.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                value.push(byte.into());
            } else {
                let _ = write!(value, "%{byte:02X}");
            }
        }
    }
    value
}
