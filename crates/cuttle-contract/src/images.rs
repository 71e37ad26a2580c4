//! `[images]` as it is written, before anyone asked what it means.
//!
//! An entry that could never work is an error that names the list and the entry: a typo must not wait for the one visitor
//! whose screen needs that width.

use std::time::Duration;

use crate::{Modern, NextBuild, PatternError};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The written form of `[images]`, with the defaults of the strict endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// Widths in pixels.
    pub sizes: Vec<u32>,
    /// Heights in pixels. Empty by default: width × height × fit × crop × format is thousands of variants a picture.
    pub heights: Vec<u32>,
    /// 1 to 100.
    pub qualities: Vec<u32>,
    /// `avif`, `webp`, the preferred one first.
    pub formats: Vec<String>,
    /// Patterns of the application's own paths. `None`: every path without a query; an empty list: none.
    pub local_patterns: Option<Vec<String>>,
    /// Patterns of other servers' URLs.
    pub remote_patterns: Vec<String>,
    /// The least time for which a picture is fresh.
    pub min_ttl: Duration,
    /// For how long after that a cache may serve it while it asks again.
    pub stale_while_revalidate: Duration,
    /// For how long a picture is served while its source cannot be reached.
    pub stale_if_error: Duration,
    /// Whether SVG originals are passed through.
    pub svg: bool,
    /// The path under which everything is ours.
    pub prefix: String,
    /// The host names that this server answers for: a remote source may not lead back to an image endpoint on one of them.
    pub hosts: Vec<String>,
}

impl Default for Images {
    fn default() -> Self {
        Self {
            // Next 16's `deviceSizes` and `imageSizes`, so that an app's markup works on either endpoint.
            sizes: vec![32, 48, 64, 96, 128, 256, 384, 640, 750, 828, 1080, 1200, 1920, 2048, 3840],
            heights: Vec::new(),
            qualities: vec![75],
            formats: vec!["webp".to_owned()],
            local_patterns: None,
            remote_patterns: Vec::new(),
            min_ttl: 4 * HOUR,
            stale_while_revalidate: 7 * DAY,
            stale_if_error: DAY,
            svg: false,
            prefix: "/_cuttle".to_owned(),
            hosts: Vec::new(),
        }
    }
}

impl Images {
    /// The defaults of `cuttle serve DIR`, which has no application to keep in step with: AVIF before WebP, and some qualities to compare.
    #[must_use]
    pub fn for_folder() -> Self {
        Self {
            qualities: vec![30, 45, 60, 75, 90],
            formats: Modern::ALL.map(|format| format.name().to_owned()).to_vec(),
            ..Self::default()
        }
    }

    /// What an app's own build says, for both endpoints; patterns apart, which are of another language, and SVG, which the
    /// strict endpoint passes through only when it is told so itself.
    ///
    /// A build without `qualities` allows any; of those the strict endpoint has every fifth.
    #[must_use]
    pub fn of_build(build: &NextBuild) -> Self {
        let every_fifth = || (5..=100).step_by(5).collect();
        let name = |format: &String| format.trim_start_matches("image/").to_owned();
        Self {
            sizes: build.widths.clone(),
            qualities: build.qualities.clone().unwrap_or_else(every_fifth),
            formats: build.formats.iter().map(name).collect(),
            min_ttl: build.min_ttl,
            ..Self::default()
        }
    }
}

/// Why [`Images`] cannot be compiled. The operator's fault; each names the list and the entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A list that must allow something allows nothing.
    #[error("images.{list} is empty, so that no request could ever be answered; write {}", example(.list))]
    Empty {
        /// The list.
        list: &'static str,
    },
    /// A number that no request can use.
    #[error("images.{list} lists {entry}; it must be between 1 and {max}")]
    OutOfRange {
        /// The list.
        list: &'static str,
        /// The entry.
        entry: u32,
        /// The largest entry that could work.
        max: u32,
    },
    /// An entry that is there twice.
    #[error("images.{list} lists {entry} twice; leave one out")]
    Duplicate {
        /// The list.
        list: &'static str,
        /// The entry.
        entry: String,
    },
    /// A format that is not offered.
    #[error("images.formats lists {entry:?}; known formats are avif and webp")]
    UnknownFormat {
        /// The entry.
        entry: String,
    },
    /// A pattern that cannot be compiled.
    #[error("images.{list} lists {entry:?}: {reason}{}", right_form(.list, .entry))]
    Pattern {
        /// The list.
        list: &'static str,
        /// The entry.
        entry: String,
        /// What is wrong with it.
        #[source]
        reason: PatternError,
    },
    /// A prefix that is no plain path.
    #[error(
        "the prefix {prefix:?} must be a plain path such as /_cuttle: not the root, no trailing slash, query or escape, and not below /_next"
    )]
    Prefix {
        /// The prefix.
        prefix: String,
    },
    /// A host name that cannot be in a URL.
    #[error("{host:?} is not a host name, such as \"shop.example.com\"")]
    Host {
        /// The name.
        host: String,
    },
}

fn example(list: &str) -> &'static str {
    match list {
        "sizes" => "sizes = [640, 1080]",
        "formats" => "formats = [\"webp\"]",
        _ => "qualities = [75]",
    }
}

/// What was probably meant, as the end of a sentence; or nothing.
fn right_form(list: &str, entry: &str) -> String {
    let local = list == "local_patterns";
    let first = entry.split('/').next().unwrap_or_default();
    if local && entry.contains("://") {
        return format!("; write it in remote_patterns: {entry:?}");
    }
    if local && !entry.starts_with('/') && first.contains('.') && !entry.contains("./") {
        let path = if entry.contains('/') { "" } else { "/**" };
        return format!("; for another server write remote_patterns = [\"https://{entry}{path}\"]");
    }
    if local {
        let path = entry.trim_start_matches('/');
        return if path.is_empty() || entry.starts_with('/') && !entry.starts_with("//") {
            double_star(entry)
        } else {
            format!("; write \"/{path}\"")
        };
    }
    if entry.starts_with('/') {
        return format!(
            "; write it in local_patterns, or the host before it: \"https://example.com{entry}\""
        );
    }
    double_star(entry)
}

/// `/a/**.jpg` is `/a/**/*.jpg`.
fn double_star(entry: &str) -> String {
    let right: Vec<String> = entry
        .split('/')
        .map(|segment| match segment.strip_prefix("**") {
            Some(rest) if !rest.is_empty() && !rest.starts_with('?') && !rest.contains('*') => {
                format!("**/*{rest}")
            }
            _ => segment.to_owned(),
        })
        .collect();
    let right = right.join("/");
    if right == entry || entry.contains("://**") {
        String::new()
    } else {
        format!("; write {right:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pattern, PatternError};

    #[test]
    fn a_pattern_that_can_never_match_is_told_its_right_form() {
        type Compile = fn(&str) -> Result<(Pattern, Option<crate::Warning>), PatternError>;
        let of = |list| -> Compile {
            if list == "local_patterns" { Pattern::local } else { Pattern::remote }
        };
        for (list, entry, form) in [
            ("local_patterns", "example.com", "remote_patterns = [\"https://example.com/**\"]"),
            (
                "local_patterns",
                "example.com/a/*",
                "remote_patterns = [\"https://example.com/a/*\"]",
            ),
            (
                "local_patterns",
                "https://example.com/**",
                "remote_patterns: \"https://example.com/**\"",
            ),
            ("local_patterns", "photos/**", "write \"/photos/**\""),
            ("local_patterns", "//photos/**", "write \"/photos/**\""),
            ("local_patterns", "/photos/**.jpg", "write \"/photos/**/*.jpg\""),
            ("remote_patterns", "/photos/**", "write it in local_patterns"),
            (
                "remote_patterns",
                "https://example.com/**.jpg",
                "write \"https://example.com/**/*.jpg\"",
            ),
        ] {
            let reason = of(list)(entry).expect_err(entry);
            let error = ConfigError::Pattern { list, entry: entry.to_owned(), reason };
            assert!(error.to_string().contains(form), "{error}");
        }
    }
}
