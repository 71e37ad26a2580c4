//! What a client's `Accept` header says about picture formats.
//!
//! Parsed by RFC 9110 section 12.5.1, with two decisions of ours. A part that does not parse is ignored, it never fails the
//! request (in Next `image/webp;foo` is a 500). And a wildcard never chooses a modern format: `*/*` is what scripts and old
//! mail clients send, and it is no evidence that they can show AVIF.

/// A format that a client must name before it gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Modern {
    /// `image/avif`.
    Avif,
    /// `image/webp`.
    Webp,
}

impl Modern {
    /// Every modern format.
    pub const ALL: [Self; 2] = [Self::Avif, Self::Webp];

    /// The name in configuration, in the parameter `f` and as a file extension.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Avif => "avif",
            Self::Webp => "webp",
        }
    }

    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Avif => "image/avif",
            Self::Webp => "image/webp",
        }
    }

    /// The format of this [`name`](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// The little that a response depends on, out of all that `Accept` can say. Part of the request key, so two headers that
/// mean the same share one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Accepted {
    /// The configured modern format that the client names with the highest `q`; the configured order decides a tie.
    pub best: Option<Modern>,
    /// `image/avif` is named with `q` > 0, configured or not.
    pub avif: bool,
    /// `image/webp` is named with `q` > 0, configured or not.
    pub webp: bool,
    /// `image/heic` is named with `q` > 0: such an original may pass through.
    pub heic: bool,
    /// `image/jxl` is named with `q` > 0.
    pub jxl: bool,
    /// `image/x-icns` is named with `q` > 0.
    pub icns: bool,
    /// `image/jp2` is named with `q` > 0.
    pub jp2: bool,
}

impl Accepted {
    /// Reads the header (`None`: absent) for a server that offers `formats`, the preferred one first.
    ///
    /// Names are case-insensitive, `q=0` excludes, parameters other than `q` do not matter, and a type that is named twice
    /// counts with its higher `q`.
    #[must_use]
    pub fn parse(header: Option<&str>, formats: &[Modern]) -> Self {
        let mut accepted = Self::default();
        let mut quality = [0_u16; Modern::ALL.len()];
        for range in split_list(header.unwrap_or_default()).filter_map(parse_range) {
            if range.thousandths == 0 || !range.kind.eq_ignore_ascii_case("image") {
                continue;
            }
            let named = |name: &str| range.subtype.eq_ignore_ascii_case(name);
            for format in Modern::ALL {
                if named(format.name()) {
                    let best = &mut quality[format as usize];
                    *best = range.thousandths.max(*best);
                }
            }
            accepted.heic |= named("heic");
            accepted.jxl |= named("jxl");
            accepted.icns |= named("x-icns");
            accepted.jp2 |= named("jp2");
        }
        accepted.avif = quality[Modern::Avif as usize] > 0;
        accepted.webp = quality[Modern::Webp as usize] > 0;
        for &format in formats {
            let better = accepted.best.map_or(0, |best| quality[best as usize]);
            if quality[format as usize] > better {
                accepted.best = Some(format);
            }
        }
        accepted
    }

    /// This, without what decides only which rare originals may pass through: Next passes those to everyone.
    #[must_use]
    pub(crate) fn without_originals(self) -> Self {
        Self { heic: false, jxl: false, icns: false, jp2: false, ..self }
    }

    /// Two bytes that differ for any two different values.
    pub(crate) fn key(self) -> [u8; 2] {
        let best = self.best.map_or(0, |format| format as u8 + 1);
        let flags = [self.avif, self.webp, self.heic, self.jxl, self.icns, self.jp2];
        let bits = flags.into_iter().fold(0, |bits, flag| bits << 1 | u8::from(flag));
        [best, bits]
    }
}

struct MediaRange<'a> {
    kind: &'a str,
    subtype: &'a str,
    thousandths: u16,
}

/// Splits at the commas that are not inside a quoted string.
fn split_list(header: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    header.split(move |c| {
        let inside = quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        c == ',' && !inside
    })
}

fn parse_range(part: &str) -> Option<MediaRange<'_>> {
    let (essence, mut rest) = part.find(';').map_or((part, ""), |at| part.split_at(at));
    let (kind, subtype) = trim(essence).split_once('/')?;
    if !is_token(kind) || !is_token(subtype) {
        return None;
    }
    let mut thousandths = None;
    while let Some(parameters) = trim(rest).strip_prefix(';') {
        rest = trim(parameters);
        if rest.is_empty() || rest.starts_with(';') {
            continue; // RFC 9110 section 5.6.6 allows an empty parameter.
        }
        let (name, value) = rest.split_once('=')?;
        let value_bytes = value_length(value)?;
        if !is_token(name) {
            return None;
        }
        // The last of several counts, as in Next.
        if name.eq_ignore_ascii_case("q") {
            thousandths = Some(parse_quality(&value[..value_bytes])?);
        }
        rest = &value[value_bytes..];
    }
    trim(rest).is_empty().then(|| MediaRange {
        kind,
        subtype,
        thousandths: thousandths.unwrap_or(1000),
    })
}

/// How many bytes of `text` are one token or one quoted string.
fn value_length(text: &str) -> Option<usize> {
    let Some(quoted) = text.strip_prefix('"') else {
        let length = text.bytes().take_while(|&byte| is_token_byte(byte)).count();
        return (length > 0).then_some(length);
    };
    let mut bytes = quoted.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()?),
            b'"' => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// RFC 9110 section 12.4.2: 0 to 1 with at most three decimals.
fn parse_quality(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{decimals:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// RFC 9110 section 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quality_has_three_decimals_at_most_and_no_other_form() {
        for (text, expected) in [
            ("0", Some(0)),
            ("0.", Some(0)),
            ("0.5", Some(500)),
            ("0.001", Some(1)),
            ("1", Some(1000)),
            ("1.000", Some(1000)),
            ("1.001", None),
            ("0.0001", None),
            ("2", None),
            (".5", None),
            ("+1", None),
            ("-1", None),
            ("abc", None),
        ] {
            assert_eq!(parse_quality(text), expected, "{text}");
        }
    }

    #[test]
    fn a_quoted_comma_does_not_split_a_part() {
        let parts: Vec<_> = split_list(r#"a;x="1,\",2",b"#).collect();
        assert_eq!(parts, [r#"a;x="1,\",2""#, "b"]);
    }

    #[test]
    fn rare_originals_pass_only_to_a_client_that_names_them() {
        let accepted = Accepted::parse(
            Some("IMAGE/HEIC, image/jxl;q=0, image/x-icns;q=0.1, image/*, */*"),
            &Modern::ALL,
        );
        assert_eq!(accepted, Accepted { heic: true, icns: true, ..Accepted::default() });
    }

    #[test]
    fn a_format_that_is_not_configured_is_known_but_not_chosen() {
        let accepted = Accepted::parse(Some("image/avif,image/webp;q=0.5"), &[Modern::Webp]);
        assert_eq!(
            accepted,
            Accepted { best: Some(Modern::Webp), avif: true, webp: true, ..Accepted::default() }
        );
    }

    proptest! {
        #[test]
        fn no_header_panics(header in "\\PC{0,60}|[imageweb/avf;q=0.5, \"\\\\*]{0,60}") {
            let accepted = Accepted::parse(Some(&header), &Modern::ALL);
            let named = accepted.best.is_none_or(|best| match best {
                Modern::Avif => accepted.avif,
                Modern::Webp => accepted.webp,
            });
            prop_assert!(named);
        }

        #[test]
        fn a_part_that_does_not_parse_changes_nothing(junk in "[a-z;=. ]{0,12}", q in 1_u16..=9) {
            prop_assume!(parse_range(&junk).is_none());
            let clean = format!("image/webp;q=0.{q},image/avif;q=0.5");
            let dirty = format!("{junk},image/webp;q=0.{q},{junk},image/avif;q=0.5,{junk}");
            prop_assert_eq!(Accepted::parse(Some(&dirty), &Modern::ALL), Accepted::parse(Some(&clean), &Modern::ALL));
        }
    }
}
