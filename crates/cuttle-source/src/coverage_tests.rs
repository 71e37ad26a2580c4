//! Manifests as Next 14 to 16 write them, cut down to what counts.

use super::*;

const NO_ROUTES: &str = r#"{"version":3,"redirects":[],"headers":[],"rewrites":[]}"#;
const NO_MIDDLEWARE: &str = r#"{"version":3,"middleware":{},"functions":{},"sortedMiddleware":[]}"#;
const NO_FUNCTIONS: &str = r#"{"version":1,"functions":{}}"#;

fn coverage(routes: &str, middleware: &str, functions: &str) -> Coverage {
    Coverage::of_build(Manifests {
        routes: Some(routes),
        middleware: Some(middleware),
        functions: Some(functions),
    })
}

fn routes(key: &str, regex: &str) -> String {
    let rules = serde_json::json!([{ "source": "/x", "regex": regex }]);
    let mut manifest: serde_json::Value = serde_json::from_str(NO_ROUTES).expect("JSON");
    match key.split_once('.') {
        None => manifest[key] = rules,
        Some((key, stage)) => {
            manifest[key] =
                serde_json::json!({ "beforeFiles": [], "afterFiles": [], "fallback": [] });
            manifest[key][stage] = rules;
        }
    }
    manifest.to_string()
}

fn edge(regexp: &str) -> String {
    serde_json::json!({ "version": 3, "middleware": { "/": {
        "name": "middleware", "matchers": [{ "regexp": regexp, "originalSource": "/x" }],
    } } })
    .to_string()
}

fn node(matchers: serde_json::Value) -> String {
    let mut layer = serde_json::json!({ "runtime": "nodejs" });
    if !matchers.is_null() {
        layer["matchers"] = matchers;
    }
    serde_json::json!({ "version": 1, "functions": { "/_middleware": layer, "/api/x": {} } })
        .to_string()
}

/// What Next compiles `/((?!api|_next/static|favicon.ico).*)` and `/members/:path*` to.
const ALL_BUT: &str =
    r"^(?:\/(_next\/data\/[^/]{1,}))?(?:\/((?!api|_next\/static|favicon.ico).*))(\.json)?[\/#\?]?$";
const MEMBERS: &str = r"^(?:\/(_next\/data\/[^/]{1,}))?\/members(?:\/((?:[^\/#\?]+?)(?:\/(?:[^\/#\?]+?))*))?(\.json)?[\/#\?]?$";
/// The redirect that every build has: away from a trailing slash.
const SLASH: &str = r"^(?:/((?:[^/]+?)(?:/(?:[^/]+?))*))/$";

#[test]
fn a_path_is_covered_by_whatever_stands_before_the_file() {
    for (routes_text, middleware, functions, path, covered) in [
        (NO_ROUTES.to_owned(), NO_MIDDLEWARE.to_owned(), NO_FUNCTIONS.to_owned(), "/a.jpg", false),
        (routes("redirects", SLASH), NO_MIDDLEWARE.into(), NO_FUNCTIONS.into(), "/a.jpg", false),
        (routes("redirects", SLASH), NO_MIDDLEWARE.into(), NO_FUNCTIONS.into(), "/a/", true),
        (
            routes("redirects", "^/old(?:/)?$"),
            NO_MIDDLEWARE.into(),
            NO_FUNCTIONS.into(),
            "/old",
            true,
        ),
        (
            routes("headers", "^/p/(.*)$"),
            NO_MIDDLEWARE.into(),
            NO_FUNCTIONS.into(),
            "/p/a.jpg",
            true,
        ),
        (
            routes("headers", "^/p/(.*)$"),
            NO_MIDDLEWARE.into(),
            NO_FUNCTIONS.into(),
            "/P/a.jpg",
            true,
        ),
        (
            routes("headers", "^/p/(.*)$"),
            NO_MIDDLEWARE.into(),
            NO_FUNCTIONS.into(),
            "/q/a.jpg",
            false,
        ),
        (routes("headers", "^/a b$"), NO_MIDDLEWARE.into(), NO_FUNCTIONS.into(), "/a%20b", true),
        (routes("headers", "^/a%20b$"), NO_MIDDLEWARE.into(), NO_FUNCTIONS.into(), "/a%20b", true),
        (routes("onMatchHeaders", "^/p$"), NO_MIDDLEWARE.into(), NO_FUNCTIONS.into(), "/p", true),
        (routes("rewrites", "^/p$"), NO_MIDDLEWARE.into(), NO_FUNCTIONS.into(), "/p", false),
        (
            routes("rewrites.beforeFiles", "^/p$"),
            NO_MIDDLEWARE.into(),
            NO_FUNCTIONS.into(),
            "/p",
            true,
        ),
        (
            routes("rewrites.afterFiles", "^/p$"),
            NO_MIDDLEWARE.into(),
            NO_FUNCTIONS.into(),
            "/p",
            false,
        ),
        (
            routes("rewrites.fallback", "^/p$"),
            NO_MIDDLEWARE.into(),
            NO_FUNCTIONS.into(),
            "/p",
            false,
        ),
        (NO_ROUTES.into(), edge(ALL_BUT), NO_FUNCTIONS.into(), "/a.jpg", true),
        (NO_ROUTES.into(), edge(ALL_BUT), NO_FUNCTIONS.into(), "/favicon.ico", false),
        (NO_ROUTES.into(), edge(ALL_BUT), NO_FUNCTIONS.into(), "/API/a.jpg", true),
        (NO_ROUTES.into(), edge(MEMBERS), NO_FUNCTIONS.into(), "/members/a/b.jpg", true),
        (NO_ROUTES.into(), edge(MEMBERS), NO_FUNCTIONS.into(), "/%6Dembers/a.jpg", true),
        (NO_ROUTES.into(), edge(MEMBERS), NO_FUNCTIONS.into(), "/open/a.jpg", false),
        (
            NO_ROUTES.into(),
            NO_MIDDLEWARE.into(),
            node(
                serde_json::json!([{ "regexp": MEMBERS, "has": [{ "type": "cookie", "key": "a" }] }]),
            ),
            "/members/a.jpg",
            true,
        ),
        (NO_ROUTES.into(), NO_MIDDLEWARE.into(), node(serde_json::json!([])), "/a.jpg", false),
        (NO_ROUTES.into(), NO_MIDDLEWARE.into(), node(serde_json::Value::Null), "/a.jpg", true),
    ] {
        let coverage = coverage(&routes_text, &middleware, &functions);
        assert_eq!(coverage.unclear(), None, "{routes_text} {middleware} {functions}");
        assert_eq!(
            coverage.covers(path),
            covered,
            "{path}: {routes_text} {middleware} {functions}"
        );
    }
}

#[test]
fn what_is_unclear_covers_everything() {
    let with_locales = NO_ROUTES.replace("{\"version\"", r#"{"i18n":{"locales":["en"]},"version""#);
    let bad_regex = routes("headers", "^/(?<$");
    for (routes, middleware, functions) in [
        (None, Some(NO_MIDDLEWARE), Some(NO_FUNCTIONS)),
        (Some(NO_ROUTES), None, Some(NO_FUNCTIONS)),
        (Some(NO_ROUTES), Some(NO_MIDDLEWARE), None),
        (Some("{}"), Some(NO_MIDDLEWARE), Some(NO_FUNCTIONS)),
        (
            Some(r#"{"redirects":[],"headers":[],"rewrites":{}}"#),
            Some(NO_MIDDLEWARE),
            Some(NO_FUNCTIONS),
        ),
        (
            Some(r#"{"redirects":[{}],"headers":[],"rewrites":[]}"#),
            Some(NO_MIDDLEWARE),
            Some(NO_FUNCTIONS),
        ),
        (Some(NO_ROUTES), Some("{}"), Some(NO_FUNCTIONS)),
        (Some(NO_ROUTES), Some(r#"{"middleware":{"/":{}}}"#), Some(NO_FUNCTIONS)),
        (Some(NO_ROUTES), Some(NO_MIDDLEWARE), Some("")),
        (Some(NO_ROUTES), Some(NO_MIDDLEWARE), Some(r#"{"functions":[]}"#)),
        (Some(&with_locales), Some(NO_MIDDLEWARE), Some(NO_FUNCTIONS)),
        (Some(&bad_regex), Some(NO_MIDDLEWARE), Some(NO_FUNCTIONS)),
    ] {
        let coverage = Coverage::of_build(Manifests { routes, middleware, functions });
        assert!(coverage.unclear().is_some(), "{routes:?} {middleware:?} {functions:?}");
        assert!(coverage.covers("/a.jpg"));
    }
}

#[test]
fn a_folder_without_an_application_is_open() {
    assert!(!Coverage::nothing().covers("/a.jpg"));
}

#[test]
fn of_two_builds_what_either_covers_is_covered() {
    let slash = coverage(&routes("redirects", SLASH), NO_MIDDLEWARE, NO_FUNCTIONS);
    let members = coverage(NO_ROUTES, &edge(MEMBERS), NO_FUNCTIONS);
    let unclear = Coverage::of_build(Manifests::default());
    for (both, path, covered) in [
        (slash.or(&members), "/members/a.jpg", true),
        (members.or(&slash), "/members/a.jpg", true),
        (members.or(&slash), "/a/", true),
        (members.or(&slash), "/a.jpg", false),
        (members.or(&unclear), "/a.jpg", true),
        (unclear.or(&members), "/a.jpg", true),
        (Coverage::nothing().or(&Coverage::nothing()), "/a.jpg", false),
    ] {
        assert_eq!(both.covers(path), covered, "{path}: {both:?}");
    }
}

/// `source` as Next compiles it, where it is a path with at most a `:path*` or `(.*)` at its end.
fn rule(source: &str, headers: &[(&str, &str)]) -> serde_json::Value {
    let regex = match source.strip_suffix(":path*").or_else(|| source.strip_suffix("(.*)")) {
        Some(before) => format!("^{}(?:/(.*))?(?:/)?$", before.trim_end_matches('/')),
        None => format!("^{}(?:/)?$", source.replace('.', r"\.")),
    };
    let pair = |(key, value): &(&str, &str)| serde_json::json!({ "key": key, "value": value });
    let headers: Vec<_> = headers.iter().map(pair).collect();
    serde_json::json!({ "source": source, "regex": regex, "headers": headers })
}

fn with_headers(rules: &[serde_json::Value]) -> Coverage {
    let mut manifest: serde_json::Value = serde_json::from_str(NO_ROUTES).expect("JSON");
    manifest["headers"] = rules.into();
    coverage(&manifest.to_string(), NO_MIDDLEWARE, NO_FUNCTIONS)
}

#[test]
fn a_file_gets_the_headers_that_hold_whoever_asks() {
    let everywhere = rule("/(.*)", &[("X-Frame-Options", "DENY"), ("Cache-Control", "no-cache")]);
    let scripts = rule("/js/:path*", &[("cache-control", "max-age=1"), ("X-Time", "12:30")]);
    let both = with_headers(&[everywhere, scripts]);
    assert_eq!(both.unclear(), None);
    assert!(both.covers("/js/a.js"), "an image is asked of the app");
    let headers = both.headers_of_file("/js/a.js").expect("headers");
    assert_eq!(headers.len(), 3);
    // The last one wins.
    assert_eq!(headers["cache-control"], "max-age=1");
    assert_eq!(headers["x-frame-options"], "DENY");
    assert_eq!(headers["x-time"], "12:30");
    assert_eq!(both.headers_of_file("/a.js").expect("headers")["cache-control"], "no-cache");
    assert_eq!(Coverage::nothing().headers_of_file("/a.js"), Some(HeaderMap::new()));
    assert_eq!(with_headers(&[]).headers_of_file("/a.js"), Some(HeaderMap::new()));
}

#[test]
fn the_app_is_asked_for_a_file_wherever_its_rules_say_more() {
    let one = [("X-A", "b")];
    let on = |condition: &str| {
        let mut rule = rule("/a.js", &one);
        rule[condition] = serde_json::json!([{ "type": "cookie", "key": "a" }]);
        rule
    };
    for (rule, path) in [
        (on("has"), "/a.js"),
        (on("missing"), "/a.js"),
        (rule("/:path*", &[("X-Path", "/:path")]), "/a.js"),
        (rule("/a.js", &[("Set-Cookie", "a=b")]), "/a.js"),
        (rule("/a.js", &[("Content-Encoding", "br")]), "/a.js"),
        (rule("/a.js", &[("ETag", "x")]), "/a.js"),
        (rule("/a.js", &[("no name", "x")]), "/a.js"),
        // In another case: a setting of Next's decides.
        (rule("/A.js", &one), "/a.js"),
        // Before it is decoded, and not after.
        (rule("/%61.js", &one), "/%61.js"),
    ] {
        let coverage = with_headers(&[rule]);
        assert_eq!(coverage.headers_of_file(path), None, "{coverage:?}");
    }
    assert_eq!(
        coverage(NO_ROUTES, &edge(MEMBERS), NO_FUNCTIONS).headers_of_file("/members/a.js"),
        None
    );
    assert_eq!(Coverage::of_build(Manifests::default()).headers_of_file("/a.js"), None);
}

#[test]
fn builds_that_do_not_agree_about_a_file_are_asked() {
    let [one, two] = ["1", "2"].map(|value| {
        with_headers(&[rule("/a.js", &[("X-A", value)]), rule("/b.js", &[("X-B", "0")])])
    });
    assert_eq!(one.or(&two).headers_of_file("/a.js"), None);
    assert_eq!(one.or(&two).headers_of_file("/b.js").expect("headers")["x-b"], "0");
    assert_eq!(one.or(&with_headers(&[])).headers_of_file("/b.js"), None);
}
