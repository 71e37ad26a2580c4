//! Which paths a Next build does something about before it looks at `public/`.
//!
//! A picture in `public/` may be read from disk only if the application would have sent it to anyone, unchanged: a middleware
//! may ask for a login, a redirect may lead elsewhere, a header rule may say `private`. So this answers one question, and
//! wherever it cannot tell, the answer is "covered" and the application is asked. What a rule does, and under which conditions
//! (`has`, `missing`), does not matter here. Rewrites after the file system are no rules about files.
//!
//! Whether a rule covers a file is asked after the file was found. Otherwise a client would choose the text that a backtracking
//! regex engine runs on.

use std::collections::HashMap;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use regress::{Flags, Regex};
use serde::Deserialize;

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
    as_written: Regex,
    any_case: Regex,
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
    fn compile(Written { file, words, about_headers, pattern }: Written) -> Result<Self, Unclear> {
        let with = |flags: &str| {
            Regex::with_flags(&pattern, Flags::from(flags))
                .map_err(|error| Unclear::NotUnderstood(file, format!("{pattern}: {error}")))
        };
        Ok(Self { as_written: with("")?, any_case: with("i")?, written: words, about_headers })
    }

    fn matches(&self, path: &str) -> bool {
        self.as_written.find(path).is_some() || self.any_case.find(path).is_some()
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
        routes.into_iter().map(move |Route { source, regex, internal }| Written {
            file: ROUTES,
            words: (!internal)
                .then(|| format!("{what} of {}", source.as_deref().unwrap_or(&regex))),
            about_headers: what == HEADERS,
            pattern: regex,
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
        Written { file, words, about_headers: false, pattern }
    }
}

#[cfg(test)]
#[path = "coverage_tests.rs"]
mod tests;
