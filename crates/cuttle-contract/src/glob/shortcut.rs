//! Globs that `picomatch` knows by heart. Their expressions are not those of the general rules: a dot segment is excluded at
//! the start, and a trailing slash is always optional.

use super::{Dots, NOT_EMPTY, STAR};

/// The expression for `*`, `**`, `*.*`, `**/*` and the like, each also followed by `.word`; `None`: the general rules.
pub(super) fn of(written: &str, dots: Dots) -> Option<String> {
    if !written.starts_with(['.', '*']) {
        return None;
    }
    let body = body(written.strip_prefix("./").unwrap_or(written), dots)?;
    Some(format!(r"{body}\/?"))
}

fn body(glob: &str, dots: Dots) -> Option<String> {
    let start = match dots {
        Dots::Matched => r"(?!(?:^|\/)\.{1,2}(?:\/|$))",
        Dots::Hidden => r"(?!\.)",
    };
    let (segment, globstar) = (dots.before_star(), dots.globstar());
    let folders = format!(r"(?:{start}{globstar}\/)?");
    Some(match glob {
        "*" => format!("{start}{NOT_EMPTY}{STAR}"),
        ".*" => format!(r"\.{NOT_EMPTY}{STAR}"),
        "*.*" => format!(r"{start}{STAR}\.{NOT_EMPTY}{STAR}"),
        "*/*" => format!(r"{start}{STAR}\/{NOT_EMPTY}{segment}{STAR}"),
        "**" => format!("{start}{globstar}"),
        "**/*" => format!("{folders}{segment}{NOT_EMPTY}{STAR}"),
        "**/*.*" => format!(r"{folders}{segment}{STAR}\.{NOT_EMPTY}{STAR}"),
        "**/.*" => format!(r"{folders}\.{NOT_EMPTY}{STAR}"),
        _ => {
            let (stem, word) = glob.rsplit_once('.')?;
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if word.is_empty() || !word.bytes().all(is_word) {
                return None;
            }
            format!(r"{}\.{word}", body(stem, dots)?)
        }
    })
}
