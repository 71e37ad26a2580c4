//! What the `headers()` of an application say of its image endpoint, as far as it holds whoever asks.
//!
//! Next sends them with `/_next/image` as with every path, and a canvas cannot read a picture without its CORS. Applied are those
//! that say who may use an answer; not what caches do with it, which is ours, and nothing that depends on the request (`has`,
//! `missing`, parts of the path), as answers are shared. What is left out is named, so that nobody looks for it.

use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use regress::{Flags, Regex};
use serde::Deserialize;

use crate::rule_headers::RuleHeader;

const APPLIED: [HeaderName; 7] = [
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    HeaderName::from_static("cross-origin-resource-policy"),
    HeaderName::from_static("timing-allow-origin"),
    HeaderName::from_static("x-robots-tag"),
    STRICT_TRANSPORT_SECURITY,
    REFERRER_POLICY,
];

/// Of one build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointHeaders {
    /// On every answer of the endpoint, refusals included.
    pub applied: HeaderMap,
    /// What the application says there beside it, for people: name and source of the rule.
    pub left_out: Vec<String>,
}

impl EndpointHeaders {
    /// What the text of `routes-manifest.json` says of `path`, with the base path. Nothing where it cannot be read: then
    /// [`Coverage`](crate::Coverage) says so.
    #[must_use]
    pub fn of_build(routes: Option<&str>, path: &str) -> Self {
        let manifest = routes.and_then(|text| serde_json::from_str::<Manifest>(text).ok());
        let mut headers = Self::default();
        let rules = manifest.map(|manifest| manifest.headers).unwrap_or_default();
        for rule in rules.iter().filter(|rule| !rule.internal && rule.matches(path)) {
            for header in &rule.headers {
                match rule.applied(header) {
                    // Of two, the last one wins, as in Next.
                    Some((name, value)) => drop(headers.applied.insert(name, value)),
                    None => headers.left_out.push(format!("{} of {}", header.key, rule.source)),
                }
            }
        }
        headers
    }
}

#[derive(Deserialize)]
struct Manifest {
    headers: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    source: String,
    regex: String,
    headers: Vec<RuleHeader>,
    #[serde(default)]
    has: Vec<serde_json::Value>,
    #[serde(default)]
    missing: Vec<serde_json::Value>,
    #[serde(default)]
    internal: bool,
}

impl Rule {
    fn matches(&self, path: &str) -> bool {
        Regex::with_flags(&self.regex, Flags::from("i")).is_ok_and(|it| it.find(path).is_some())
    }

    fn applied(&self, header: &RuleHeader) -> Option<(HeaderName, HeaderValue)> {
        let holds_always = self.has.is_empty() && self.missing.is_empty();
        let plain = header.plain(&self.source).filter(|_| holds_always);
        plain.filter(|(name, _)| APPLIED.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"{ "version": 3, "headers": [
        { "source": "/:path*", "regex": "^(?:/((?:[^/]+?)(?:/(?:[^/]+?))*))?(?:/)?$", "headers": [
            { "key": "Access-Control-Allow-Origin", "value": "https://a.example" },
            { "key": "X-Frame-Options", "value": "DENY" },
            { "key": "X-Robots-Tag", "value": ":path" },
            { "key": "Strict-Transport-Security", "value": "max-age=1" } ] },
        { "source": "/_next/image", "regex": "^/_next/image(?:/)?$", "headers": [
            { "key": "access-control-allow-origin", "value": "*" },
            { "key": "Cache-Control", "value": "no-store" },
            { "key": "Referrer-Policy", "value": "none\nx: y" } ] },
        { "source": "/_next/image", "regex": "^/_next/image(?:/)?$",
          "has": [{ "type": "header", "key": "x" }],
          "headers": [{ "key": "Timing-Allow-Origin", "value": "*" }] },
        { "source": "/_next/image", "regex": "^/_next/image(?:/)?$",
          "missing": [{ "type": "cookie", "key": "x" }],
          "headers": [{ "key": "Cross-Origin-Resource-Policy", "value": "same-site" }] },
        { "source": "/other", "regex": "^/other(?:/)?$",
          "headers": [{ "key": "Timing-Allow-Origin", "value": "*" }] },
        { "source": "/:path+/", "regex": ".*", "internal": true,
          "headers": [{ "key": "X-Robots-Tag", "value": "none" }] }
    ] }"#;

    #[test]
    fn what_always_holds_and_is_listed_is_applied_and_the_rest_is_named() {
        let headers = EndpointHeaders::of_build(Some(MANIFEST), "/_next/image");
        let applied: Vec<_> = headers
            .applied
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().expect("ASCII")))
            .collect();
        assert_eq!(
            applied,
            [("access-control-allow-origin", "*"), ("strict-transport-security", "max-age=1")]
        );
        let left_out: Vec<_> = headers.left_out.iter().map(String::as_str).collect();
        assert_eq!(
            left_out,
            [
                "X-Frame-Options of /:path*",
                "X-Robots-Tag of /:path*",
                "Cache-Control of /_next/image",
                "Referrer-Policy of /_next/image",
                "Timing-Allow-Origin of /_next/image",
                "Cross-Origin-Resource-Policy of /_next/image",
            ]
        );
        let below = EndpointHeaders::of_build(Some(MANIFEST), "/docs/_next/image");
        assert_eq!(below.applied["access-control-allow-origin"], "https://a.example");
    }

    #[test]
    fn what_cannot_be_read_is_nothing() {
        for text in [None, Some(""), Some("{}"), Some(r#"{"headers":[{"regex":"("}]}"#)] {
            assert_eq!(EndpointHeaders::of_build(text, "/_next/image"), EndpointHeaders::default());
        }
    }
}
