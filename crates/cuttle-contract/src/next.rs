//! `/_next/image`: the checks of Next.js 16.4.6 in its order and with its texts (`docs/next-endpoint.md`, "Order of checks").
//!
//! Next's clients, tests and alerts know these texts, so they are part of the contract. Where we differ (one canonical source,
//! nothing that two URL parsers could read in two ways, no 500 for bad encoding), a comment says so.

use std::{borrow::Cow, error::Error};

use url::Url;

use crate::{
    Accepted, Contract, Crop, Fit, FormatChoice, ImageRequest, Lists, LocalPath, Refusal, Rules,
    Source,
    local_path::is_under,
    query::{Param, search_param},
    rules::EndpointRules,
};

/// UTF-16 code units as written, which is what JavaScript counts; and bytes in canonical form, which is what is kept. Encoding makes
/// one code unit nine bytes long: Next keeps 27 KB of it, and who asks for many such names fills any memory with them.
const MAX_URL: usize = 3072;

const URL_IS_TOO_LONG: &str = r#""url" parameter is too long"#;
const URL_IS_INVALID: &str = r#""url" parameter is invalid"#;
const URL_IS_RECURSIVE: &str = r#""url" parameter cannot be recursive"#;
const URL_NOT_ALLOWED: &str = r#""url" parameter is not allowed"#;
const WIDTH_MUST_BE_POSITIVE: &str = r#""w" parameter (width) must be an integer greater than 0"#;
const QUALITY_MUST_BE_IN_RANGE: &str =
    r#""q" parameter (quality) must be an integer between 1 and 100"#;

/// Reads requests to `/_next/image`.
#[derive(Debug, Clone)]
pub struct NextContract {
    rules: EndpointRules,
}

impl NextContract {
    /// The contract under these rules.
    #[must_use]
    pub fn new(rules: &Rules) -> Self {
        Self { rules: rules.next.clone() }
    }

    /// Reads the bytes after `?` (still encoded) and the `Accept` header.
    ///
    /// # Errors
    /// Status 400 with the text that Next gives, always.
    pub fn parse(&self, raw_query: &str, accept: Option<&str>) -> Result<ImageRequest, Refusal> {
        let source = self.source(raw_query)?;
        let width = Digits::of(raw_query, "w", "invalid_width", "(width)", WIDTH_MUST_BE_POSITIVE)?;
        let quality =
            Digits::of(raw_query, "q", "invalid_quality", "(quality)", QUALITY_MUST_BE_IN_RANGE)?;
        let lists = &self.rules.lists;
        let width = width.width_in(&lists.widths)?;
        let quality = quality.quality_in(lists)?;
        let is_static = self.is_static(&source);
        // Next passes HEIC, JXL and ICNS through to everyone, so naming them must not split the cache.
        let accepted = Accepted::parse(accept, &lists.formats).without_originals();
        Ok(ImageRequest {
            contract: Contract::Next,
            source,
            width,
            height: None,
            fit: Fit::Cover,
            crop: Crop::Center,
            quality,
            format: FormatChoice::Negotiated(accepted),
            version: None,
            is_static,
        })
    }

    fn source(&self, raw_query: &str) -> Result<Source, Refusal> {
        let written = match search_param(raw_query, "url") {
            Param::Missing => return Err(bad_source(r#""url" parameter is required"#)),
            Param::Repeated => {
                return Err(Refusal::bad_request(
                    "duplicate_parameter",
                    r#""url" parameter cannot be an array"#,
                ));
            }
            Param::Once(written) => written,
        };
        if written.encode_utf16().count() > MAX_URL {
            return Err(bad_source(URL_IS_TOO_LONG));
        }
        if written.starts_with("//") {
            return Err(bad_source(r#""url" parameter cannot be a protocol-relative URL (//)"#));
        }
        let source =
            if written.starts_with('/') { self.local(&written)? } else { remote(&written)? };
        if source.as_str().len() > MAX_URL {
            return Err(bad_source(URL_IS_TOO_LONG));
        }
        if self.rules.sources.allow(&source) {
            Ok(source)
        } else {
            Err(not_allowed().of_no_pattern(&source))
        }
    }

    fn local(&self, written: &str) -> Result<Source, Refusal> {
        let without_fragment = written.split('#').next().unwrap_or_default();
        let path = LocalPath::resolve(without_fragment).map_err(|error| invalid_source(&error))?;
        // SECURITY: our own prefix leads back to us as surely as Next's endpoint does.
        if path.is_next_image() || path.is_under(&self.rules.prefix) {
            return Err(bad_source(URL_IS_RECURSIVE));
        }
        let path = path.without_forbidden_escapes().map_err(|_| not_allowed())?;
        Ok(Source::Local(path))
    }

    /// Next tests the raw text, so `/_next/static/media/../../../photo.jpg` is immutable for ten years there. Here the
    /// canonical path is tested.
    fn is_static(&self, source: &Source) -> bool {
        let Source::Local(path) = source else { return false };
        let below_base = path.path().strip_prefix(self.rules.base_path.as_str());
        below_base.is_some_and(|path| {
            is_under(path, "/_next/static/media") || is_under(path, "/_next/static/immutable/media")
        })
    }
}

/// As a URL is read for Next: repaired where the standard says so.
pub(crate) fn remote(written: &str) -> Result<Source, Refusal> {
    let mut url = Url::parse(written).map_err(|error| invalid_source(&error))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad_source(URL_IS_INVALID));
    }
    // SECURITY: Next sends it as Basic. Here it would be in keys, in the index on disk and in what a purge is told.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(not_allowed().with_detail("the URL holds user information"));
    }
    url.set_fragment(None);
    Ok(Source::Remote(url))
}

fn bad_source(text: &'static str) -> Refusal {
    Refusal::bad_request("invalid_source", text)
}

fn invalid_source(why: &dyn Error) -> Refusal {
    bad_source(URL_IS_INVALID).with_detail(why.to_string())
}

fn not_allowed() -> Refusal {
    Refusal::bad_request("source_not_allowed", URL_NOT_ALLOWED)
}

/// A parameter that matches `/^[0-9]+$/`, with the number that JavaScript's `parseInt` makes of it.
struct Digits<'a> {
    text: Cow<'a, str>,
    number: f64,
}

impl<'a> Digits<'a> {
    fn of(
        raw_query: &'a str,
        name: &str,
        code: &'static str,
        label: &str,
        malformed: &'static str,
    ) -> Result<Self, Refusal> {
        match search_param(raw_query, name) {
            Param::Missing => Err(Refusal::bad_request(
                code,
                format!(r#""{name}" parameter {label} is required"#),
            )),
            Param::Repeated => Err(Refusal::bad_request(
                "duplicate_parameter",
                format!(r#""{name}" parameter {label} cannot be an array"#),
            )),
            Param::Once(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                let number = text.parse().map_err(|_| Refusal::bad_request(code, malformed))?;
                Ok(Self { text, number })
            }
            Param::Once(_) => Err(Refusal::bad_request(code, malformed)),
        }
    }

    fn width_in(&self, widths: &[u32]) -> Result<u32, Refusal> {
        if self.number <= 0.0 {
            return Err(Refusal::bad_request("invalid_width", WIDTH_MUST_BE_POSITIVE));
        }
        widths.iter().copied().find(|&width| f64::from(width) == self.number).ok_or_else(|| {
            let width = print_like_javascript(self.number);
            Refusal::bad_request(
                "invalid_width",
                format!(r#""w" parameter (width) of {width} is not allowed"#),
            )
        })
    }

    fn quality_in(&self, lists: &Lists) -> Result<u8, Refusal> {
        if !(1.0..=100.0).contains(&self.number) {
            return Err(Refusal::bad_request("invalid_quality", QUALITY_MUST_BE_IN_RANGE));
        }
        let mut qualities = lists.qualities.iter().copied();
        if lists.any_quality {
            let distance = |&quality: &u8| (f64::from(quality) - self.number).abs();
            let nearest = qualities.min_by(|a, b| distance(a).total_cmp(&distance(b)));
            return nearest.ok_or_else(not_allowed);
        }
        qualities.find(|&quality| f64::from(quality) == self.number).ok_or_else(|| {
            let text = &self.text;
            Refusal::bad_request(
                "invalid_quality",
                format!(r#""q" parameter (quality) of {text} is not allowed"#),
            )
        })
    }
}

/// `Number.prototype.toString` of ECMA-262 for a non-negative integer: plain digits below 10²¹, an exponent with its sign
/// from there on. Both languages print the shortest digits that read back as the same number.
fn print_like_javascript(number: f64) -> String {
    if number.is_infinite() {
        return "Infinity".to_owned();
    }
    if number < 1e21 {
        return number.to_string();
    }
    format!("{number:e}").replace('e', "e+")
}
