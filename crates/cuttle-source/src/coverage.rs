//! Which paths a Next build does something about before it looks at `public/`.
//!
//! A picture in `public/` may be read from disk only if the application would have sent it to anyone, unchanged: a middleware
//! may ask for a login, a redirect may lead elsewhere, a header rule may say `private`. So this answers one question, and
//! wherever it cannot tell, the answer is "covered" and the application is asked. What a rule does, and under which conditions
//! (`has`, `missing`), does not matter here. Rewrites after the file system are no rules about files.

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
    /// `file: pattern`, for people; nothing for Next's own rules about slashes, and for those about headers.
    written: Option<String>,
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

    /// The application's own rules that match `path`, as the build has them, but for those about headers. For `cuttle check`.
    pub fn covering(&self, path: &str) -> impl Iterator<Item = &str> {
        self.matching(path).filter_map(|rule| rule.written.as_deref())
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
    fn compile(file: &str, pattern: &str, internal: bool) -> Result<Self, String> {
        let with = |flags: &str| {
            Regex::with_flags(pattern, Flags::from(flags))
                .map_err(|error| format!("{pattern}: {error}"))
        };
        let written = (!internal).then(|| format!("{file}: {pattern}"));
        Ok(Self { written, as_written: with("")?, any_case: with("i")? })
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
    let custom = [routes.redirects, before_files].into_iter().flatten();
    let custom = custom.map(|route| (ROUTES, route.regex, route.internal));
    // What these say of the image endpoint is told by `EndpointHeaders`.
    let headers = [routes.headers, routes.on_match_headers].into_iter().flatten();
    let custom = custom.chain(headers.map(|route| (ROUTES, route.regex, true)));
    let on_edge = middleware.middleware.into_values().flat_map(|layer| layer.matchers);
    let on_edge = on_edge.map(|matcher| (MIDDLEWARE, matcher.regexp, false));
    let on_node = functions.functions.into_iter().filter(|(name, _)| name == "/_middleware");
    let on_node = on_node.flat_map(|(_, layer)| match layer.matchers {
        Some(matchers) => matchers.into_iter().map(|matcher| matcher.regexp).collect::<Vec<_>>(),
        // Next runs it for every path then.
        None => vec![String::new()],
    });
    let on_node = on_node.map(|regexp| (FUNCTIONS, regexp, false));
    let rules: Vec<_> = custom.chain(on_edge).chain(on_node).collect();
    if rules.len() > MAX_RULES {
        return Err(Unclear::NotUnderstood(ROUTES, format!("{} rules", rules.len())));
    }
    rules
        .into_iter()
        .map(|(file, regexp, internal)| {
            Rule::compile(file, &regexp, internal)
                .map_err(|error| Unclear::NotUnderstood(file, error))
        })
        .collect()
}

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
struct Matcher {
    regexp: String,
}

#[cfg(test)]
#[path = "coverage_tests.rs"]
mod tests;
