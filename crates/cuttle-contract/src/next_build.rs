//! What `next build` wrote down in `.next/required-server-files.json`, as far as pictures are concerned.
//!
//! Each version of Next writes every default that it has, so a key that is absent says that this version has no such rule: the
//! file needs no version number beside it (compared in builds of 14.2, 15.5 and 16.4, which are the fixtures of the tests).
//! Only text is read here: which file, and where the app's folders are, is the caller's business.

use std::time::Duration;

use serde::Deserialize;

/// Next 16 follows three redirects; 14 and 15 follow any number, and we do not.
const MAX_REDIRECTS: u32 = 3;

/// The image configuration of an application, with the defaults of its version filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextBuild {
    /// `deviceSizes` and `imageSizes`, pixels, ascending.
    pub widths: Vec<u32>,
    /// `None`: any from 1 to 100 (14, and 15 where the app lists none).
    pub qualities: Option<Vec<u32>>,
    /// Media types, the preferred one first.
    pub formats: Vec<String>,
    /// `None`: every local path with any query (14 and 15 where the app lists none).
    pub local_patterns: Option<Vec<NextLocalPattern>>,
    /// Other servers, by pattern.
    pub remote_patterns: Vec<NextRemotePattern>,
    /// Other servers, by exact host name (deprecated in Next).
    pub domains: Vec<String>,
    /// Where the app is mounted: empty, or `/docs`.
    pub base_path: String,
    /// Whether the app's paths end in a slash.
    pub trailing_slash: bool,
    /// Of the release, where one is configured.
    pub deployment_id: Option<String>,
    /// The folder of the build, `.next` unless configured.
    pub dist_dir: String,
    /// `minimumCacheTTL`.
    pub min_ttl: Duration,
    /// `dangerouslyAllowSVG`.
    pub svg: bool,
    /// Whether pictures are offered as a download (`contentDispositionType: 'attachment'`).
    pub attachment: bool,
    /// `generateEtags`: whether its answers have entity tags.
    pub etags: bool,
    /// `compress`: whether it compresses text.
    pub compress: bool,
    /// Sent with every picture.
    pub content_security_policy: String,
    /// Hops to follow from a remote source.
    pub max_redirects: u32,
    /// Bytes of a source; `None`: our own limit.
    pub max_response_body: Option<u64>,
    /// `dangerouslyAllowLocalIP`.
    pub allow_local_addresses: bool,
    /// Whether the app has an image endpoint at all: Next answers 404 there with another loader, or unoptimized.
    pub endpoint: bool,
}

/// One entry of `images.localPatterns`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NextLocalPattern {
    /// Glob of the encoded path; absent: `**`.
    pub pathname: Option<String>,
    /// The exact query with its `?`; absent: any; empty: none.
    pub search: Option<String>,
}

/// One entry of `images.remotePatterns`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NextRemotePattern {
    /// `http` or `https`, with or without a colon; absent: both.
    pub protocol: Option<String>,
    /// Glob of the host name.
    pub hostname: String,
    /// Absent: any; empty: the scheme's own.
    pub port: Option<String>,
    /// Glob of the encoded path; absent: `**`.
    pub pathname: Option<String>,
    /// The exact query with its `?`; absent: any; empty: none.
    pub search: Option<String>,
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NextBuildError {
    /// Not what a build writes.
    #[error("not the manifest of a Next build: {0}")]
    Json(#[from] serde_json::Error),
    /// A layout of a later time.
    #[error("the manifest has layout {0}; this version of Cuttle knows layout 1 (Next 14 to 16)")]
    Layout(u64),
}

/// What a build asks for and does not get, or should think about. For the log, at load.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NextBuildWarning {
    /// `images.loader` names another service.
    #[error("images.loader is {0:?}, so the app has no /_next/image of its own and none is served")]
    Loader(String),
    /// `images.unoptimized`, or a static export.
    #[error("the app turns image optimization off, so no /_next/image is served")]
    Unoptimized,
    /// `images.path` leads elsewhere.
    #[error("images.path is {0:?}: the app's pages ask for images there, not here")]
    Path(String),
    /// `images.customCacheHandler`.
    #[error("images.customCacheHandler is not used: images are kept in Cuttle's own cache")]
    CacheHandler,
    /// `images.maximumDiskCacheSize`.
    #[error("images.maximumDiskCacheSize is not used: [cache] bounds the disk")]
    DiskCacheSize,
    /// `images.dangerouslyAllowLocalIP`.
    #[error(
        "images.dangerouslyAllowLocalIP lets remote patterns reach addresses that are not public"
    )]
    LocalAddresses,
}

#[derive(Deserialize)]
struct Manifest {
    version: u64,
    config: Config,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    images: Images,
    #[serde(default)]
    base_path: String,
    #[serde(default)]
    trailing_slash: bool,
    output: Option<String>,
    deployment_id: Option<String>,
    #[serde(default = "default_dist_dir")]
    dist_dir: String,
    #[serde(default = "yes")]
    generate_etags: bool,
    #[serde(default = "yes")]
    compress: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Images {
    device_sizes: Vec<u32>,
    image_sizes: Vec<u32>,
    qualities: Option<Vec<u32>>,
    formats: Vec<String>,
    path: String,
    loader: String,
    #[serde(default)]
    unoptimized: bool,
    #[serde(default)]
    domains: Vec<String>,
    local_patterns: Option<Vec<NextLocalPattern>>,
    #[serde(default)]
    remote_patterns: Vec<NextRemotePattern>,
    #[serde(rename = "minimumCacheTTL")]
    minimum_cache_ttl: u64,
    #[serde(rename = "dangerouslyAllowSVG", default)]
    dangerously_allow_svg: bool,
    content_security_policy: String,
    content_disposition_type: String,
    maximum_redirects: Option<u32>,
    maximum_response_body: Option<u64>,
    maximum_disk_cache_size: Option<u64>,
    #[serde(rename = "dangerouslyAllowLocalIP", default)]
    dangerously_allow_local_ip: bool,
    #[serde(default)]
    custom_cache_handler: bool,
}

fn default_dist_dir() -> String {
    ".next".to_owned()
}

fn yes() -> bool {
    true
}

impl NextBuild {
    /// Reads the text of `.next/required-server-files.json`, of a plain build or a standalone one.
    ///
    /// # Errors
    /// [`NextBuildError`]; what can be lived with is a warning.
    pub fn read(manifest: &str) -> Result<(Self, Vec<NextBuildWarning>), NextBuildError> {
        let manifest: Manifest = serde_json::from_str(manifest)?;
        if manifest.version != 1 {
            return Err(NextBuildError::Layout(manifest.version));
        }
        let warnings = warnings(&manifest.config);
        let Config { images, base_path, trailing_slash, output, deployment_id, .. } =
            manifest.config;
        let Config { dist_dir, generate_etags: etags, compress, .. } = manifest.config;
        let endpoint = images.loader == "default"
            && !images.unoptimized
            && output.as_deref() != Some("export");
        let mut widths = [images.device_sizes, images.image_sizes].concat();
        widths.sort_unstable();
        widths.dedup();
        let build = Self {
            widths,
            qualities: images.qualities,
            formats: images.formats,
            local_patterns: with_static_imports(images.local_patterns, &base_path),
            remote_patterns: images.remote_patterns,
            domains: images.domains,
            base_path,
            trailing_slash,
            deployment_id: deployment_id.filter(|id| !id.is_empty()),
            dist_dir,
            min_ttl: Duration::from_secs(images.minimum_cache_ttl),
            svg: images.dangerously_allow_svg,
            attachment: images.content_disposition_type != "inline",
            content_security_policy: images.content_security_policy,
            max_redirects: images.maximum_redirects.unwrap_or(MAX_REDIRECTS),
            max_response_body: images.maximum_response_body,
            allow_local_addresses: images.dangerously_allow_local_ip,
            endpoint,
            etags,
            compress,
        };
        Ok((build, warnings))
    }
}

fn warnings(config: &Config) -> Vec<NextBuildWarning> {
    let images = &config.images;
    let mut warnings = Vec::new();
    if images.loader != "default" {
        warnings.push(NextBuildWarning::Loader(images.loader.clone()));
    } else if images.unoptimized || config.output.as_deref() == Some("export") {
        warnings.push(NextBuildWarning::Unoptimized);
    } else if images.path.trim_end_matches('/') != format!("{}/_next/image", config.base_path) {
        warnings.push(NextBuildWarning::Path(images.path.clone()));
    }
    for (asked, warning) in [
        (images.custom_cache_handler, NextBuildWarning::CacheHandler),
        (images.maximum_disk_cache_size.is_some(), NextBuildWarning::DiskCacheSize),
        (images.dangerously_allow_local_ip, NextBuildWarning::LocalAddresses),
    ] {
        if asked {
            warnings.push(warning);
        }
    }
    warnings
}

/// Next allows an app's statically imported pictures beside its own patterns, and forgets its `basePath` when it does; an app
/// under one would lose them.
fn with_static_imports(
    patterns: Option<Vec<NextLocalPattern>>,
    base_path: &str,
) -> Option<Vec<NextLocalPattern>> {
    let mut patterns = patterns?;
    let imports: Vec<NextLocalPattern> = patterns
        .iter()
        .filter(|pattern| {
            let path = pattern.pathname.as_deref().unwrap_or_default();
            !base_path.is_empty()
                && path.starts_with("/_next/static/")
                && path.ends_with("media/**")
        })
        .cloned()
        .collect();
    patterns.extend(imports.into_iter().map(|pattern| NextLocalPattern {
        pathname: pattern.pathname.map(|path| format!("{base_path}{path}")),
        ..pattern
    }));
    Some(patterns)
}
