//! `<prefix>/image`: a small, finite set of variants, and one true sentence for everything outside it.
//!
//! The order of the checks is fixed: how the query is written, then each parameter (`docs/strict-endpoint.md`, "Order of
//! checks"). Nothing is repaired, ignored or rounded, so that a URL has one meaning for ever.

use std::{borrow::Cow, fmt::Display};

use url::form_urlencoded;

use crate::{
    Accepted, Contract, Crop, Fault, Fit, FormatChoice, ImageRequest, LocalPath, Modern, Refusal,
    Rules, Source, query::strict_pairs, remote, rules::EndpointRules,
};

/// Bytes, as written and in canonical form.
const MAX_SOURCE_BYTES: usize = 2048;
const MAX_VERSION_BYTES: usize = 64;

const NAMES: [&str; 8] = ["src", "w", "q", "f", "h", "fit", "crop", "v"];

/// Reads requests to `<prefix>/image`.
#[derive(Debug, Clone)]
pub struct StrictContract {
    rules: EndpointRules,
}

impl StrictContract {
    /// The contract under these rules.
    #[must_use]
    pub fn new(rules: &Rules) -> Self {
        Self { rules: rules.strict.clone() }
    }

    /// Whether the answer to this query, a refusal included, depends on `Accept`: it does unless the query names a format.
    #[must_use]
    pub fn varies_by_accept(raw_query: &str) -> bool {
        form_urlencoded::parse(raw_query.as_bytes()).all(|(name, _)| name != "f")
    }

    /// Reads the bytes after `?` (still encoded) and the `Accept` header.
    ///
    /// # Errors
    /// 403 `source_not_allowed`, else 400 with a code that names the parameter. The sentence says what would be allowed.
    pub fn parse(&self, raw_query: &str, accept: Option<&str>) -> Result<ImageRequest, Refusal> {
        let parameters = Parameters::read(raw_query)?;
        let lists = &self.rules.lists;
        let source = self.source(parameters.get("src"))?;
        let width = parameters.get("w").and_then(|text| listed(text, &lists.widths));
        let width = width.ok_or_else(|| not_listed("invalid_width", "w", &lists.widths))?;
        let quality = match parameters.get("q") {
            None => lists.default_quality,
            Some(text) => listed(text, &lists.qualities)
                .ok_or_else(|| not_listed("invalid_quality", "q", &lists.qualities))?,
        };
        let format = match parameters.get("f") {
            None => FormatChoice::Negotiated(Accepted::parse(accept, &lists.formats)),
            Some(name) => FormatChoice::Explicit(self.format(name)?),
        };
        let height = parameters.get("h").map(|text| self.height(text)).transpose()?;
        let fit = fit(parameters.get("fit"), height)?;
        let crop = crop(parameters.get("crop"), height, fit)?;
        let version = parameters.get("v").map(version).transpose()?;
        Ok(ImageRequest {
            contract: Contract::Strict,
            source,
            width,
            height,
            fit,
            crop,
            quality,
            format,
            version,
            is_static: false,
        })
    }

    fn source(&self, written: Option<&str>) -> Result<Source, Refusal> {
        let written = written.ok_or_else(|| invalid_source("is required"))?;
        if written.len() > MAX_SOURCE_BYTES {
            return Err(too_long());
        }
        let source = if written.starts_with('/') {
            let path = LocalPath::parse(written).map_err(invalid_source)?;
            if path.is_under(&self.rules.prefix) || path.is_next_image() {
                return Err(leads_to_us());
            }
            Source::Local(path)
        } else {
            let url = remote::parse(written).map_err(invalid_source)?;
            if remote::leads_to_us(&url, &self.rules.hosts, &self.rules.prefix) {
                return Err(leads_to_us());
            }
            Source::Remote(url)
        };
        // Encoding what was written bare makes it longer, and the canonical form is what is kept and fetched.
        if source.as_str().len() > MAX_SOURCE_BYTES {
            return Err(too_long());
        }
        if self.rules.sources.allow(&source) {
            Ok(source)
        } else {
            Err(source_not_allowed(&source))
        }
    }

    fn format(&self, name: &str) -> Result<Modern, Refusal> {
        let formats = &self.rules.lists.formats;
        Modern::from_name(name).filter(|format| formats.contains(format)).ok_or_else(|| {
            not_listed("invalid_format", "f", formats.iter().map(|format| format.name()))
        })
    }

    fn height(&self, text: &str) -> Result<u32, Refusal> {
        let heights = &self.rules.lists.heights;
        if heights.is_empty() {
            return Err(Refusal::bad_request(
                "invalid_height",
                "Parameter h is not allowed: this server lists no heights.",
            ));
        }
        listed(text, heights).ok_or_else(|| not_listed("invalid_height", "h", heights))
    }
}

/// The query with each known name at most once.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn read(raw_query: &str) -> Result<Self, Refusal> {
        let pairs = strict_pairs(raw_query).map_err(|_| {
            Refusal::bad_request(
                "invalid_encoding",
                "The query must be valid percent-encoded UTF-8.",
            )
        })?;
        let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        // Sorted, not compared pairwise: a long query of short names must not cost its square.
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Refusal::bad_request(
                "duplicate_parameter",
                "Each parameter may be given only once.",
            ));
        }
        if names.iter().any(|name| !NAMES.contains(name)) {
            let message =
                format!("There is an unknown parameter; the known ones are {}.", NAMES.join(", "));
            return Err(Refusal::bad_request("unknown_parameter", message));
        }
        Ok(Self(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The entry that is written exactly like `text`: so no sign, no leading zero, no digits of another script.
fn listed<T: Copy + Display>(text: &str, entries: &[T]) -> Option<T> {
    entries.iter().copied().find(|entry| entry.to_string() == text)
}

fn fit(text: Option<&str>, height: Option<u32>) -> Result<Fit, Refusal> {
    match (text, height) {
        (None, _) => Ok(Fit::default()),
        (Some(_), None) => Err(Refusal::bad_request("invalid_fit", "Parameter fit needs h.")),
        (Some("cover"), Some(_)) => Ok(Fit::Cover),
        (Some("contain"), Some(_)) => Ok(Fit::Contain),
        (Some(_), Some(_)) => Err(not_listed("invalid_fit", "fit", ["cover", "contain"])),
    }
}

fn crop(text: Option<&str>, height: Option<u32>, fit: Fit) -> Result<Crop, Refusal> {
    match (text, height, fit) {
        (None, _, _) => Ok(Crop::default()),
        (Some(_), None, _) | (Some(_), Some(_), Fit::Contain) => {
            Err(Refusal::bad_request("invalid_crop", "Parameter crop needs h and fit=cover."))
        }
        (Some("center"), Some(_), Fit::Cover) => Ok(Crop::Center),
        (Some("smart"), Some(_), Fit::Cover) => Ok(Crop::Smart),
        (Some(_), Some(_), Fit::Cover) => {
            Err(not_listed("invalid_crop", "crop", ["center", "smart"]))
        }
    }
}

fn version(text: &str) -> Result<String, Refusal> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if text.is_empty() || text.len() > MAX_VERSION_BYTES || !text.bytes().all(allowed) {
        return Err(Refusal::bad_request(
            "invalid_version",
            "Parameter v must be 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore and hyphen.",
        ));
    }
    Ok(text.to_owned())
}

fn not_listed<T: Display>(
    code: &'static str,
    name: &str,
    entries: impl IntoIterator<Item = T>,
) -> Refusal {
    Refusal::bad_request(code, format!("Parameter {name} must be one of {}.", join(entries)))
}

fn join<T: Display>(entries: impl IntoIterator<Item = T>) -> String {
    entries.into_iter().map(|entry| entry.to_string()).collect::<Vec<_>>().join(", ")
}

fn invalid_source(rule: impl Display) -> Refusal {
    Refusal::bad_request("invalid_source", format!("Parameter src {rule}."))
}

fn too_long() -> Refusal {
    invalid_source(format!("must not be longer than {MAX_SOURCE_BYTES} bytes"))
}

fn leads_to_us() -> Refusal {
    invalid_source(
        "must not lead back to an image endpoint or another reserved path of this server",
    )
}

fn source_not_allowed(source: &Source) -> Refusal {
    let message: Cow<'static, str> = match source {
        Source::Local(path) if path.query().is_some() => {
            "No pattern of this server allows this local path with its query.".into()
        }
        Source::Local(_) => "No pattern of this server allows this local path.".into(),
        Source::Remote(_) => "No pattern of this server allows this URL.".into(),
    };
    Refusal::new(Fault::Client, 403, "source_not_allowed", message).of_no_pattern(source)
}
