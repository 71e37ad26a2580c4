//! `Accept-Encoding` (RFC 9110 section 12.5.3), as far as two codings go: which of them a client takes. What is not understood is
//! not taken.

/// What a client takes beside the plain bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Codings {
    /// `br`
    pub brotli: bool,
    /// `gzip`
    pub gzip: bool,
}

impl Codings {
    /// Those of a header; none without one.
    #[must_use]
    pub fn of(accept_encoding: Option<&str>) -> Self {
        let (mut named, mut others) = ([None, None], false);
        for entry in accept_encoding.unwrap_or_default().split(',') {
            let (name, parameters) = entry.split_once(';').unwrap_or((entry, ""));
            let name = name.trim_matches([' ', '\t']);
            let taken = is_taken(parameters);
            if name.eq_ignore_ascii_case("br") {
                named[0] = Some(taken);
            } else if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
                named[1] = Some(taken);
            } else if name == "*" {
                others = taken;
            }
        }
        let [brotli, gzip] = named.map(|taken| taken.unwrap_or(others));
        Self { brotli, gzip }
    }
}

/// Whether a weight is none, or more than zero.
fn is_taken(parameters: &str) -> bool {
    let parameters = parameters.trim_matches([' ', '\t']);
    if parameters.is_empty() {
        return true;
    }
    let weight = parameters.strip_prefix(['q', 'Q']).and_then(|rest| rest.strip_prefix('='));
    let weight = weight.and_then(|weight| weight.parse::<f32>().ok());
    weight.is_some_and(|weight| weight > 0.0 && weight <= 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_what_was_said() {
        for (header, brotli, gzip) in [
            ("", false, false),
            ("gzip", false, true),
            ("gzip, deflate, br, zstd", true, true),
            ("br;q=1.0, gzip;q=0.8", true, true),
            ("BR , GZip", true, true),
            ("x-gzip", false, true),
            ("br;q=0, gzip", false, true),
            ("br; q=0.000, gzip", false, true),
            ("*", true, true),
            ("*;q=0", false, false),
            ("br, *;q=0", true, false),
            ("gzip;q=0, *", true, false),
            ("identity", false, false),
            ("gzip;q=nan, br;q=2, x;q=1", false, false),
            ("brotli, gzipped", false, false),
        ] {
            assert_eq!(Codings::of(Some(header)), Codings { brotli, gzip }, "{header:?}");
        }
        assert_eq!(Codings::of(None), Codings::default());
    }
}
