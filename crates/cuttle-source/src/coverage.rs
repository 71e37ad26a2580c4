//! Which paths a Next build does something about before it looks at `public/`.
//!
//! A picture in `public/` may be read from disk only if the application would have sent it to anyone, unchanged: a middleware
//! may ask for a login, a redirect may lead elsewhere, a header rule may say `private`. So this answers one question, and
//! wherever it cannot tell, the answer is "covered" and the application is asked. What a rule does, and under which conditions
//! (`has`, `missing`), does not matter here. Rewrites after the file system are no rules about files.
//!
//! A file that is sent as it is may carry what `headers()` say whoever asks ([`Coverage::headers_of_file`]). `/(.*)` is in most apps.
//!
//! Whether a rule covers a file is asked after the file was found. Otherwise a client would choose the text that a backtracking
//! regex engine runs on.

use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderMap;
use percent_encoding::percent_decode_str;
use regress::{Flags, Regex};
use serde::Deserialize;

use crate::rule_headers::{self, RuleHeader};

/// Most rules of a build; each costs up to four regex matches for a file that is new to us.
const MAX_RULES: usize = 4096;

/// Texts of the three manifests of a build, read by the caller. `None`: it could not be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manifests<'a> {
    /// `routes-manifest.json`.
    pub routes: Option<&'a str>,
    /// `server/middleware-manifest.json`: middleware on the edge runtime.
    pub middleware: Option<&'a str>,
    /// `server/functions-config-manifest.json`: middleware or proxy on Node.
    pub functions: Option<&'a str>,
}

/// The rules of a build, or of several that may be running, as far as they may stand before a file. Clones share them.
#[derive(Debug, Clone)]
pub struct Coverage(Arc<[Arc<Rules>]>);

#[derive(Debug)]
enum Rules {
    Everything(Unclear),
    These(Box<[Rule]>),
}

#[derive(Debug)]
struct Rule {
    /// For people; nothing for Next's own rules about slashes.
    written: Option<String>,
    about_headers: bool,
    /// What a file gets by it and nothing else happens.
    given: Option<HeaderMap>,
    as_written: Regex,
    any_case: Regex,
}

/// Whether a rule is about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    Never,
    /// In some spelling or case of it.
    Perhaps,
    Always,
}

/// Why everything counts as covered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// A manifest is absent or unreadable.
    #[error("{0} cannot be read")]
    Unreadable(&'static str),
    /// A manifest has another shape than Next 14 to 16 give it.
    #[error("{0} is not understood: {1}")]
    NotUnderstood(&'static str, String),
    /// The build has locales: rules match paths with a locale that the request does not show.
    #[error("the build uses i18n, whose rules match other paths than those of files")]
    Locales,
}

impl Coverage {
    /// A folder without an application: nothing is covered.
    #[must_use]
    pub fn nothing() -> Self {
        Self(Arc::default())
    }

    /// The rules of a build.
    #[must_use]
    pub fn of_build(manifests: Manifests<'_>) -> Self {
        let rules = compile(manifests).map_or_else(Rules::Everything, Rules::These);
        Self([Arc::new(rules)].into())
    }

    /// Covered is what either covers: while it is not certain which of two builds is running.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self(self.0.iter().chain(&*other.0).cloned().collect())
    }

    /// Why everything is covered, if it is because the build is unclear. For `cuttle check`.
    #[must_use]
    pub fn unclear(&self) -> Option<&Unclear> {
        self.0.iter().find_map(|rules| match &**rules {
            Rules::Everything(why) => Some(why),
            Rules::These(_) => None,
        })
    }

    /// Whether a rule of the build matches `path`, percent-encoded and with the base path.
    ///
    /// Backtracks: ask about paths of files that exist, never about any path that a client thought of.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        self.unclear().is_some() || self.matching(path).next().is_some()
    }

    /// What the application sends with the file at `path`, percent-encoded and with the base path, beside what Next says of every
    /// file. Nothing where it may do anything else about it, where that depends on the request, or where builds that may be
    /// running do not agree.
    ///
    /// Backtracks, as [`Self::covers`].
    #[must_use]
    pub fn headers_of_file(&self, path: &str) -> Option<HeaderMap> {
        let decoded = percent_decode_str(path).decode_utf8_lossy();
        let mut agreed = None;
        for rules in &*self.0 {
            let Rules::These(rules) = &**rules else { return None };
            let mut said = HeaderMap::new();
            for rule in rules {
                match (rule.is_about(path, &decoded), &rule.given) {
                    (Match::Never, _) => {}
                    // Of two rules, the last one wins, as in Next.
                    (Match::Always, Some(given)) => {
                        given.iter().for_each(|(name, value)| {
                            said.insert(name.clone(), value.clone());
                        });
                    }
                    _ => return None,
                }
            }
            if *agreed.get_or_insert_with(|| said.clone()) != said {
                return None;
            }
        }
        Some(agreed.unwrap_or_default())
    }

    /// The application's own rules that match `path`, as it wrote them, but for those about headers. For `cuttle check`.
    pub fn covering(&self, path: &str) -> impl Iterator<Item = &str> {
        let rules = self.matching(path).filter(|rule| !rule.about_headers);
        rules.filter_map(|rule| rule.written.as_deref())
    }

    /// Why the application is asked for the file at `path`, if it is.
    pub(crate) fn reason(&self, path: &str) -> Option<&str> {
        self.matching(path).next().map(|rule| rule.written.as_deref().unwrap_or("a rule of Next's"))
    }

    fn matching(&self, path: &str) -> impl Iterator<Item = &Rule> {
        let rules = self.0.iter().flat_map(|rules| match &**rules {
            Rules::Everything(_) => &[][..],
            Rules::These(rules) => rules,
        });
        // Next matches some rules against the path as it was sent and some after decoding; custom routes ignore case,
        // middleware does not. A rule that matches either way may be one that the application applies.
        let (path, decoded) =
            (path.to_owned(), percent_decode_str(path).decode_utf8_lossy().into_owned());
        let matching = move |rule: &&Rule| rule.matches(&path) || rule.matches(&decoded);
        rules.filter(matching)
    }
}

impl Rule {
    fn compile(written: Written) -> Result<Self, Unclear> {
        let Written { file, words, about_headers, given, pattern } = written;
        let with = |flags: &str| {
            Regex::with_flags(&pattern, Flags::from(flags))
                .map_err(|error| Unclear::NotUnderstood(file, format!("{pattern}: {error}")))
        };
        let (as_written, any_case) = (with("")?, with("i")?);
        Ok(Self { as_written, any_case, written: words, about_headers, given })
    }

    fn matches(&self, path: &str) -> bool {
        self.as_written.find(path).is_some() || self.any_case.find(path).is_some()
    }

    fn is_about(&self, path: &str, decoded: &str) -> Match {
        let found = [&self.as_written, &self.any_case]
            .map(|regex| [path, decoded].map(|text| regex.find(text).is_some()));
        match found.as_flattened() {
            found if found.iter().all(|&found| found) => Match::Always,
            found if found.contains(&true) => Match::Perhaps,
            _ => Match::Never,
        }
    }
}

fn compile(manifests: Manifests<'_>) -> Result<Box<[Rule]>, Unclear> {
    let routes: RoutesManifest = read(ROUTES, manifests.routes)?;
    let middleware: MiddlewareManifest = read(MIDDLEWARE, manifests.middleware)?;
    let functions: FunctionsManifest = read(FUNCTIONS, manifests.functions)?;
    if routes.i18n.is_some_and(|i18n| !i18n.is_null()) {
        return Err(Unclear::Locales);
    }
    let before_files = match routes.rewrites {
        Rewrites::AfterFiles(_) => Vec::new(),
        Rewrites::Staged { before_files } => before_files,
    };
    let custom = [
        ("redirects()", routes.redirects),
        ("rewrites() before files", before_files),
        (HEADERS, routes.headers),
        (HEADERS, routes.on_match_headers),
    ];
    let custom = custom.into_iter().flat_map(|(what, routes)| {
        routes.into_iter().map(move |route| Written {
            file: ROUTES,
            words: (!route.internal)
                .then(|| format!("{what} of {}", route.source.as_deref().unwrap_or(&route.regex))),
            about_headers: what == HEADERS,
            given: route.given(),
            pattern: route.regex,
        })
    });
    let on_edge = middleware.middleware.into_values().flat_map(|layer| layer.matchers);
    let on_edge = on_edge.map(|matcher| matcher.written(MIDDLEWARE));
    let on_node = functions.functions.into_iter().filter(|(name, _)| name == "/_middleware");
    // Next runs it for every path where there are no matchers.
    let on_node = on_node.flat_map(|(_, layer)| layer.matchers.unwrap_or_else(Matcher::everything));
    let on_node = on_node.map(|matcher| matcher.written(FUNCTIONS));
    let rules: Vec<_> = custom.chain(on_edge).chain(on_node).collect();
    if rules.len() > MAX_RULES {
        return Err(Unclear::NotUnderstood(ROUTES, format!("{} rules", rules.len())));
    }
    rules.into_iter().map(Rule::compile).collect()
}

/// A rule, before it is compiled.
struct Written {
    file: &'static str,
    words: Option<String>,
    about_headers: bool,
    given: Option<HeaderMap>,
    pattern: String,
}

const HEADERS: &str = "headers()";
const ROUTES: &str = "routes-manifest.json";
const MIDDLEWARE: &str = "middleware-manifest.json";
const FUNCTIONS: &str = "functions-config-manifest.json";

fn read<'a, T: Deserialize<'a>>(file: &'static str, text: Option<&'a str>) -> Result<T, Unclear> {
    serde_json::from_str(text.ok_or(Unclear::Unreadable(file))?)
        .map_err(|error| Unclear::NotUnderstood(file, error.to_string()))
}

// A key that is absent is not "no rules" but another Next: only `on_match_headers` is newer than 14.

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoutesManifest {
    redirects: Vec<Route>,
    headers: Vec<Route>,
    rewrites: Rewrites,
    #[serde(default)]
    on_match_headers: Vec<Route>,
    i18n: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Rewrites {
    AfterFiles(#[expect(dead_code, reason = "only its shape is checked")] Vec<Route>),
    Staged {
        #[serde(rename = "beforeFiles")]
        before_files: Vec<Route>,
    },
}

#[derive(Deserialize)]
struct Route {
    source: Option<String>,
    regex: String,
    #[serde(default)]
    internal: bool,
    headers: Option<Vec<RuleHeader>>,
    #[serde(default)]
    has: Vec<serde_json::Value>,
    #[serde(default)]
    missing: Vec<serde_json::Value>,
}

impl Route {
    fn given(&self) -> Option<HeaderMap> {
        let (source, headers) = self.source.as_deref().zip(self.headers.as_deref())?;
        let whoever_asks = self.has.is_empty() && self.missing.is_empty();
        whoever_asks.then(|| rule_headers::of_file(source, headers)).flatten()
    }
}

#[derive(Deserialize)]
struct MiddlewareManifest {
    middleware: HashMap<String, EdgeMiddleware>,
}

#[derive(Deserialize)]
struct EdgeMiddleware {
    matchers: Vec<Matcher>,
}

#[derive(Deserialize)]
struct FunctionsManifest {
    functions: HashMap<String, NodeFunction>,
}

#[derive(Deserialize)]
struct NodeFunction {
    matchers: Option<Vec<Matcher>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Matcher {
    regexp: String,
    original_source: Option<String>,
}

impl Matcher {
    fn everything() -> Vec<Self> {
        vec![Self { regexp: String::new(), original_source: Some("/:path*".to_owned()) }]
    }

    /// Next 16 calls it `proxy.ts`; the build does not say which name the file has.
    fn written(self, file: &'static str) -> Written {
        let Self { regexp: pattern, original_source } = self;
        let matcher = original_source.as_deref().unwrap_or(&pattern);
        let words = Some(format!("the matcher {matcher} of `proxy.ts` or `middleware.ts`"));
        Written { file, words, about_headers: false, given: None, pattern }
    }
}

#[cfg(test)]
#[path = "coverage_tests.rs"]
mod tests;
