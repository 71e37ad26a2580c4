//! Manifests as Next 14.2.35, 15.5.29 and 16.4.6 wrote them (`tests/builds`, without machine paths and what is not read), for an
//! app without configuration and for one that configures everything that its version knows.

use std::time::Duration;

use cuttle_contract::{
    Images, NextBuild, NextBuildError, NextBuildWarning, NextContract, Rules, StrictContract,
    StrictSources, Warning,
};

const PLAIN: [&str; 3] = [
    include_str!("builds/next-14.2.35-plain.json"),
    include_str!("builds/next-15.5.29-plain.json"),
    include_str!("builds/next-16.4.6-plain.json"),
];
const FULL: [&str; 3] = [
    include_str!("builds/next-14.2.35-full.json"),
    include_str!("builds/next-15.5.29-full.json"),
    include_str!("builds/next-16.4.6-full.json"),
];

fn read(manifest: &str) -> NextBuild {
    let (build, warnings) = NextBuild::read(manifest).expect("a manifest");
    assert_eq!(warnings, []);
    build
}

fn rules(manifest: &str) -> Rules {
    let build = read(manifest);
    let images = Images::of_build(&build);
    Rules::compile_build(&build, &images, StrictSources::OfBuild).expect("valid configuration")
}

/// `200` or Next's text.
fn answer(rules: &Rules, url: &str, rest: &str) -> String {
    let url: String = url::form_urlencoded::byte_serialize(url.as_bytes()).collect();
    let parsed = NextContract::new(rules).parse(&format!("url={url}&{rest}"), None);
    parsed.map_or_else(|refusal| refusal.message.into_owned(), |_| "200".to_owned())
}

#[test]
fn a_key_that_a_version_does_not_write_keeps_the_meaning_of_that_version() {
    let [fourteen, fifteen, sixteen] = PLAIN.map(read);
    for (build, min_ttl, attachment, smallest) in
        [(&fourteen, 60, false, 16), (&fifteen, 60, true, 16), (&sixteen, 14_400, true, 32)]
    {
        assert_eq!(build.min_ttl, Duration::from_secs(min_ttl));
        assert_eq!(build.attachment, attachment);
        assert_eq!(build.widths[0], smallest);
        assert_eq!(build.formats, ["image/webp"]);
        assert_eq!((build.max_redirects, build.allow_local_addresses), (3, false));
        assert_eq!((build.base_path.as_str(), build.trailing_slash), ("", false));
        assert!(build.endpoint && !build.svg && build.deployment_id.is_none());
    }
    assert_eq!(fourteen.max_response_body, None);
    assert_eq!(fifteen.max_response_body, Some(50_000_000));
    assert_eq!((fourteen.qualities, fifteen.qualities), (None, None));
    assert_eq!(sixteen.qualities, Some(vec![75]));
    assert_eq!((fourteen.local_patterns, fifteen.local_patterns), (None, None));
    assert!(sixteen.local_patterns.is_some());
}

#[test]
fn what_an_app_configures_is_read() {
    for manifest in FULL {
        let build = read(manifest);
        assert_eq!(build.widths, [64, 640, 1200]);
        assert_eq!(build.formats, ["image/avif", "image/webp"]);
        assert_eq!(build.min_ttl, Duration::from_secs(3600));
        assert_eq!(build.base_path, "/docs");
        assert_eq!(build.domains, ["old.example.com"]);
        assert_eq!(build.content_security_policy, "default-src 'none'");
        assert!(build.trailing_slash && build.svg && !build.attachment && build.endpoint);
    }
    assert_eq!(
        FULL.map(|manifest| read(manifest).qualities),
        [None, Some(vec![50, 75, 90]), Some(vec![50, 75, 90])]
    );
}

#[test]
fn an_open_list_of_qualities_is_rendered_in_steps_of_five() {
    for (manifest, given, expected) in [
        (PLAIN[0], "1", Some(5)),
        (PLAIN[0], "7", Some(5)),
        (PLAIN[0], "8", Some(10)),
        (PLAIN[1], "75", Some(75)),
        (PLAIN[1], "98", Some(100)),
        (PLAIN[1], "0", None),
        (PLAIN[1], "101", None),
        (PLAIN[2], "76", None),
    ] {
        let rules = rules(manifest);
        let request = NextContract::new(&rules).parse(&format!("url=/a.png&w=640&q={given}"), None);
        assert_eq!(request.ok().map(|request| request.quality), expected, "{given}");
    }
    let strict = StrictContract::new(&rules(PLAIN[0]));
    assert!(strict.parse("src=/a.png&w=640&q=80", None).is_ok());
    assert!(
        strict.parse("src=/a.png&w=640&q=81", None).is_err(),
        "the strict endpoint rounds nothing"
    );
}

#[test]
fn sources_are_allowed_as_next_allows_them() {
    const NOT_ALLOWED: &str = r#""url" parameter is not allowed"#;
    for (manifest, url, allowed) in [
        (PLAIN[0], "/a.png?v=1", true),
        (PLAIN[1], "/a.png?v=1", true),
        (PLAIN[2], "/a.png?v=1", false),
        (PLAIN[2], "/a.png", true),
        (PLAIN[2], "/.well-known/a.png", true),
        (PLAIN[2], "https://old.example.com/a.png", false),
        (FULL[2], "/photos/a/b.png", true),
        (FULL[2], "/photos", true),
        (FULL[2], "/photos/a.png?v=1", false),
        (FULL[2], "/any/a.png?x=y", true),
        (FULL[2], "/any/b/a.png", false),
        (FULL[2], "/v/a.png?v=1", true),
        (FULL[2], "/v/a.png?v=%31", true),
        (FULL[2], "/v/a.png", false),
        (FULL[2], "/v/a.png?v=2", false),
        (FULL[2], "/elsewhere.png", false),
        // Next forgets the base path here, and so loses the app's own imports.
        (FULL[2], "/docs/_next/static/media/a.0123.png", true),
        (FULL[2], "/docs/_next/static/chunks/a.js", false),
        // `domains`: any scheme, port and path, by exact name.
        (FULL[2], "http://old.example.com:8080/a.png?x", true),
        (FULL[2], "https://www.old.example.com/a.png", false),
        (FULL[2], "https://a.b.example.com/a/c.png?x", true),
        (FULL[2], "https://www.example.com/a", true),
        (FULL[2], "https://example.com/a/c.png", false),
        (FULL[2], "http://www.example.com/a/c.png", false),
        (FULL[2], "https://www.example.com/b/c.png", false),
        // A pattern without a port allows any, as one without a scheme.
        (FULL[2], "https://www.example.com:8443/a/c.png", true),
        (FULL[2], "http://cdn.example.org:8443/x", true),
        (FULL[2], "https://img.example.org:8443/x", true),
        (FULL[2], "https://img.example.org/x", false),
        // A URL object has an exact port and query.
        (FULL[2], "https://exact.example.net/b/c.png?v=1", true),
        (FULL[2], "https://exact.example.net:8443/b/c.png?v=1", false),
        (FULL[2], "https://exact.example.net/b/c.png", false),
        (FULL[2], "https://q.example.com/any/path?x=y", true),
        (FULL[2], "https://q.example.com/any/path", false),
        // Stricter than Next: a server that decodes first would leave /a.
        (FULL[2], "https://www.example.com/a/..%2fsecret", false),
    ] {
        let rules = rules(manifest);
        let expected = if allowed { "200" } else { NOT_ALLOWED };
        assert_eq!(answer(&rules, url, "w=640&q=75"), expected, "{url}");
    }
}

#[test]
fn folders_with_brackets_in_their_names_are_matched_as_they_are_written() {
    let manifest = PLAIN[2].replace("\"**\"", "\"/blog/\\\\[slug\\\\]/%c3%a4/**\"");
    let rules = rules(&manifest);
    for (url, allowed) in [
        ("/blog/[slug]/%C3%A4/a.png", true),
        ("/blog/%5Bslug%5D/ä/a.png", true),
        ("/blog/s/%C3%A4/a.png", false),
    ] {
        assert_eq!(answer(&rules, url, "w=640&q=75") == "200", allowed, "{url}");
    }
}

#[test]
fn images_replaces_the_build_for_the_strict_endpoint_only() {
    let build = read(PLAIN[2]);
    let images = Images {
        sizes: vec![100],
        local_patterns: Some(vec!["/only/**".to_owned()]),
        ..Images::of_build(&build)
    };
    let rules = Rules::compile_build(&build, &images, StrictSources::OfImages).expect("valid");
    assert_eq!(answer(&rules, "/a.png", "w=640&q=75"), "200");
    assert_eq!(
        answer(&rules, "/only/a.png", "w=100&q=75"),
        r#""w" parameter (width) of 100 is not allowed"#
    );
    let strict = StrictContract::new(&rules);
    assert!(strict.parse("src=/only/a.png&w=100", None).is_ok());
    assert!(strict.parse("src=/only/a.png&w=640", None).is_err());
    assert!(strict.parse("src=/a.png&w=100", None).is_err());
}

#[test]
fn what_is_not_done_here_is_said() {
    let manifest = PLAIN[2];
    for (from, to, warning, endpoint) in [
        (
            r#""loader": "default""#,
            r#""loader": "custom""#,
            NextBuildWarning::Loader("custom".to_owned()),
            false,
        ),
        (r#""unoptimized": false"#, r#""unoptimized": true"#, NextBuildWarning::Unoptimized, false),
        (
            r#""path": "/_next/image""#,
            r#""path": "https://img.example.com/""#,
            NextBuildWarning::Path("https://img.example.com/".to_owned()),
            true,
        ),
        (
            r#""customCacheHandler": false"#,
            r#""customCacheHandler": true"#,
            NextBuildWarning::CacheHandler,
            true,
        ),
        (
            r#""customCacheHandler": false"#,
            r#""maximumDiskCacheSize": 0"#,
            NextBuildWarning::DiskCacheSize,
            true,
        ),
        (
            r#""dangerouslyAllowLocalIP": false"#,
            r#""dangerouslyAllowLocalIP": true"#,
            NextBuildWarning::LocalAddresses,
            true,
        ),
    ] {
        assert!(manifest.contains(from), "{from}");
        let (build, warnings) = NextBuild::read(&manifest.replace(from, to)).expect("a manifest");
        assert_eq!((warnings, build.endpoint), (vec![warning], endpoint));
    }
}

#[test]
fn what_is_no_manifest_is_refused() {
    for text in
        ["", "{}", "[]", "null", r#"{"version":1}"#, r#"{"version":1,"config":{"images":{}}}"#]
    {
        assert!(matches!(NextBuild::read(text), Err(NextBuildError::Json(_))), "{text}");
    }
    let later = PLAIN[2].replacen("\"version\": 1", "\"version\": 2", 1);
    assert!(matches!(NextBuild::read(&later), Err(NextBuildError::Layout(2))));
}

#[test]
fn a_pattern_that_cannot_match_is_a_warning_and_allows_nothing() {
    let manifest = PLAIN[2].replace(
        r#""remotePatterns": []"#,
        r#""remotePatterns": [{"hostname": "a.example", "search": "v=1"}, {"hostname": "a.\"example"}]"#,
    );
    let rules = rules(&manifest);
    assert!(matches!(rules.warnings(), [Warning::NeverMatches(_), Warning::NotUnderstood { .. }]));
    assert_ne!(answer(&rules, "https://a.example/?v=1", "w=640&q=75"), "200");
}
