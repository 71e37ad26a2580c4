//! The configuration, compiled once: one definition serves validation, transform and everything that publishes URLs.

use std::{collections::HashSet, fmt::Display, hash::Hash, time::Duration};

use url::Host;

use crate::{
    ConfigError, GlobError, Images, LocalPath, Modern, NextBuild, Pattern, Source, Warning,
};

/// Pixels. What JPEG can say about a side, and our own limit for one.
const MAX_SIDE_PX: u32 = 65_535;
const MAX_QUALITY: u32 = 100;

/// What both endpoints of one application allow.
///
/// Each contract has its own lists and sources, because a Next build brings its own; without one they are the same.
#[derive(Debug, Clone)]
pub struct Rules {
    pub(crate) next: EndpointRules,
    pub(crate) strict: EndpointRules,
    warnings: Vec<Warning>,
    stale_while_revalidate: Duration,
    stale_if_error: Duration,
}

/// Whose patterns the strict endpoint of an app with a Next build follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrictSources {
    /// Those of the build, as `/_next/image`.
    OfBuild,
    /// Those of `[images]`, which replace the build's there.
    OfImages,
}

/// What one endpoint allows, and where it is.
#[derive(Debug, Clone)]
pub(crate) struct EndpointRules {
    pub(crate) lists: Lists,
    pub(crate) sources: AllowedSources,
    pub(crate) prefix: String,
    pub(crate) hosts: Vec<Host>,
    /// Next's `basePath`; empty without a Next build.
    pub(crate) base_path: String,
    min_ttl: Duration,
    svg: bool,
}

/// The values that a URL may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lists {
    /// Pixels, ascending.
    pub widths: Box<[u32]>,
    /// Pixels, ascending; empty: no request may name a height.
    pub heights: Box<[u32]>,
    /// 1 to 100, ascending.
    pub qualities: Box<[u8]>,
    /// Whether a request to `/_next/image` may name any quality and gets the nearest of these. So it is for a build without
    /// `qualities`; that the list is short keeps an open one from multiplying work.
    pub any_quality: bool,
    /// The preferred one first.
    pub formats: Box<[Modern]>,
    /// The quality of a strict request that names none: the nearest to 75, the lower one on a tie.
    pub default_quality: u8,
}

/// The sources that may be loaded: those that at least one pattern matches.
#[derive(Debug, Clone)]
pub struct AllowedSources(Box<[Pattern]>);

impl AllowedSources {
    /// Whether `source` may be loaded.
    #[must_use]
    pub fn allow(&self, source: &Source) -> bool {
        self.0.iter().any(|pattern| pattern.matches(source))
    }
}

impl Rules {
    /// Compiles what was written.
    ///
    /// # Errors
    /// An entry that could never work, by name. The first one only: they are found at start, by a person.
    pub fn compile(images: &Images) -> Result<Self, ConfigError> {
        let mut warnings = Vec::new();
        let sources = sources_of_images(images, &mut warnings)?;
        let endpoint = EndpointRules::new(images, Lists::compile(images)?, sources)?;
        Ok(Self::join(images, endpoint.clone(), endpoint, warnings))
    }

    /// Compiles an app's own build, which alone decides about `/_next/image`, and `images` for the strict endpoint (see
    /// [`Images::of_build`] for what the build says there).
    ///
    /// A pattern of the build that is not understood allows nothing and is a warning: the app runs, and so do we.
    ///
    /// # Errors
    /// An entry that could never work, by name.
    pub fn compile_build(
        build: &NextBuild,
        images: &Images,
        strict: StrictSources,
    ) -> Result<Self, ConfigError> {
        let mut warnings = Vec::new();
        let any_quality = build.qualities.is_none();
        let of_build = Lists { any_quality, ..Lists::compile(&Images::of_build(build))? };
        let sources = sources_of_build(build, &mut warnings);
        let strict_sources = match strict {
            StrictSources::OfBuild => sources.clone(),
            StrictSources::OfImages => sources_of_images(images, &mut warnings)?,
        };
        let next = EndpointRules {
            base_path: build.base_path.clone(),
            min_ttl: build.min_ttl,
            svg: build.svg,
            ..EndpointRules::new(images, of_build, sources)?
        };
        let strict = EndpointRules::new(images, Lists::compile(images)?, strict_sources)?;
        Ok(Self::join(images, next, strict, warnings))
    }

    fn join(
        images: &Images,
        next: EndpointRules,
        strict: EndpointRules,
        warnings: Vec<Warning>,
    ) -> Self {
        Self {
            next,
            strict,
            warnings,
            stale_while_revalidate: images.stale_while_revalidate,
            stale_if_error: images.stale_if_error,
        }
    }

    /// What works but deserves a second look; for the log, at load.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// What `/_next/image` may be asked for.
    #[must_use]
    pub fn next_lists(&self) -> &Lists {
        &self.next.lists
    }

    /// What the strict endpoint may be asked for.
    #[must_use]
    pub fn strict_lists(&self) -> &Lists {
        &self.strict.lists
    }

    /// The sources that `/_next/image` may load; every redirect is checked against them too.
    #[must_use]
    pub fn next_sources(&self) -> &AllowedSources {
        &self.next.sources
    }

    /// The sources that the strict endpoint may load; every redirect is checked against them too.
    #[must_use]
    pub fn strict_sources(&self) -> &AllowedSources {
        &self.strict.sources
    }

    /// The path under which everything is ours, without a trailing slash.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.strict.prefix
    }

    /// The least time for which a picture of the strict endpoint is fresh.
    #[must_use]
    pub fn min_ttl(&self) -> Duration {
        self.strict.min_ttl
    }

    /// The least time for which a picture of `/_next/image` is fresh.
    #[must_use]
    pub fn next_min_ttl(&self) -> Duration {
        self.next.min_ttl
    }

    /// For how long after that a cache may serve it while it asks again.
    #[must_use]
    pub fn stale_while_revalidate(&self) -> Duration {
        self.stale_while_revalidate
    }

    /// For how long a picture is served while its source cannot be reached.
    #[must_use]
    pub fn stale_if_error(&self) -> Duration {
        self.stale_if_error
    }

    /// Whether the strict endpoint passes SVG originals through.
    #[must_use]
    pub fn svg(&self) -> bool {
        self.strict.svg
    }

    /// Whether `/_next/image` passes SVG originals through.
    #[must_use]
    pub fn next_svg(&self) -> bool {
        self.next.svg
    }
}

impl EndpointRules {
    fn new(images: &Images, lists: Lists, sources: AllowedSources) -> Result<Self, ConfigError> {
        Ok(Self {
            lists,
            sources,
            prefix: compile_prefix(&images.prefix)?,
            hosts: compile_hosts(&images.hosts)?,
            base_path: String::new(),
            min_ttl: images.min_ttl,
            svg: images.svg,
        })
    }
}

fn sources_of_images(
    images: &Images,
    warnings: &mut Vec<Warning>,
) -> Result<AllowedSources, ConfigError> {
    let mut patterns = Vec::new();
    let every_local_path = vec!["/**".to_owned()];
    let local = images.local_patterns.as_ref().unwrap_or(&every_local_path);
    for (list, entries, compile) in [
        ("local_patterns", local, Pattern::local as fn(&str) -> _),
        ("remote_patterns", &images.remote_patterns, Pattern::remote),
    ] {
        refuse_duplicates(list, entries)?;
        for entry in entries {
            let (pattern, warning) = compile(entry).map_err(|reason| ConfigError::Pattern {
                list,
                entry: entry.clone(),
                reason,
            })?;
            patterns.push(pattern);
            warnings.extend(warning);
        }
    }
    Ok(AllowedSources(patterns.into()))
}

fn sources_of_build(build: &NextBuild, warnings: &mut Vec<Warning>) -> AllowedSources {
    let mut patterns: Vec<Pattern> =
        build.domains.iter().map(|name| Pattern::next_domain(name)).collect();
    let mut add = |written: String, compiled: Result<Option<Pattern>, GlobError>| match compiled {
        Ok(Some(pattern)) => patterns.push(pattern),
        Ok(None) => warnings.push(Warning::NeverMatches(written)),
        Err(reason) => warnings.push(Warning::NotUnderstood { written, reason }),
    };
    for entry in build.local_patterns.iter().flatten() {
        add(format!("{entry:?}"), Pattern::next_local(entry));
    }
    for entry in &build.remote_patterns {
        add(format!("{entry:?}"), Pattern::next_remote(entry));
    }
    if build.local_patterns.is_none() {
        patterns.push(Pattern::every_local());
    }
    AllowedSources(patterns.into())
}

impl Lists {
    fn compile(images: &Images) -> Result<Self, ConfigError> {
        let widths = numbers("sizes", &images.sizes, MAX_SIDE_PX)?;
        let heights = numbers("heights", &images.heights, MAX_SIDE_PX)?;
        let qualities: Vec<u8> = numbers("qualities", &images.qualities, MAX_QUALITY)?
            .into_iter()
            .filter_map(|quality| u8::try_from(quality).ok())
            .collect();
        refuse_duplicates("formats", &images.formats)?;
        let formats = images
            .formats
            .iter()
            .map(|entry| {
                // Next writes `image/avif` for the same.
                Modern::from_name(entry.strip_prefix("image/").unwrap_or(entry))
                    .ok_or_else(|| ConfigError::UnknownFormat { entry: entry.clone() })
            })
            .collect::<Result<Vec<_>, _>>()?;
        refuse_empty("sizes", &widths)?;
        refuse_empty("qualities", &qualities)?;
        refuse_empty("formats", &formats)?;
        // Ascending, and `min_by_key` keeps the first of equals: the lower one wins a tie.
        let default_quality = qualities
            .iter()
            .copied()
            .min_by_key(|quality| quality.abs_diff(75))
            .ok_or(ConfigError::Empty { list: "qualities" })?;
        Ok(Self {
            widths: widths.into(),
            heights: heights.into(),
            qualities: qualities.into(),
            formats: formats.into(),
            any_quality: false,
            default_quality,
        })
    }
}

fn numbers(list: &'static str, entries: &[u32], max: u32) -> Result<Vec<u32>, ConfigError> {
    if let Some(&entry) = entries.iter().find(|&&entry| entry == 0 || entry > max) {
        return Err(ConfigError::OutOfRange { list, entry, max });
    }
    refuse_duplicates(list, entries)?;
    let mut sorted = entries.to_vec();
    sorted.sort_unstable();
    Ok(sorted)
}

fn refuse_duplicates<T: Eq + Hash + Display>(
    list: &'static str,
    entries: &[T],
) -> Result<(), ConfigError> {
    let mut seen = HashSet::new();
    match entries.iter().find(|&entry| !seen.insert(entry)) {
        Some(entry) => Err(ConfigError::Duplicate { list, entry: entry.to_string() }),
        None => Ok(()),
    }
}

fn refuse_empty<T>(list: &'static str, entries: &[T]) -> Result<(), ConfigError> {
    if entries.is_empty() { Err(ConfigError::Empty { list }) } else { Ok(()) }
}

/// SECURITY: only characters that have one spelling in a canonical path, or a source could reach the reserved paths under
/// another.
fn compile_prefix(prefix: &str) -> Result<String, ConfigError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let canonical = LocalPath::parse(prefix).is_ok_and(|path| {
        path.as_str() == prefix && path.file_name().is_some() && !path.is_under("/_next")
    });
    if canonical && prefix.bytes().all(plain) {
        Ok(prefix.to_owned())
    } else {
        Err(ConfigError::Prefix { prefix: prefix.to_owned() })
    }
}

fn compile_hosts(hosts: &[String]) -> Result<Vec<Host>, ConfigError> {
    hosts
        .iter()
        .map(|host| Host::parse(host).map_err(|_| ConfigError::Host { host: host.clone() }))
        .collect()
}
