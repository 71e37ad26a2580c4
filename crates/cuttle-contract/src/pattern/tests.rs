use proptest::prelude::*;

use super::*;
use crate::{LocalPath, remote};

type Compiled = Result<(Pattern, Option<Warning>), PatternError>;

fn local(path: &str) -> Source {
    Source::Local(LocalPath::parse(path).expect(path))
}

fn remote(url: &str) -> Source {
    Source::Remote(remote::parse(url).expect(url))
}

fn check(
    compile: fn(&str) -> Compiled,
    source: fn(&str) -> Source,
    table: &[(&str, &[&str], &[&str])],
) {
    for (written, allowed, others) in table {
        let (pattern, _) = compile(written).expect(written);
        for name in *allowed {
            assert!(pattern.matches(&source(name)), "{written} should allow {name}");
        }
        for name in *others {
            assert!(!pattern.matches(&source(name)), "{written} should not allow {name}");
        }
    }
}

#[test]
fn local_patterns_match_whole_segments() {
    check(
        Pattern::local,
        local,
        &[
            ("/**", &["/", "/a", "/a/", "/a/b/c.jpg", "/.hidden"], &["/a?x"]),
            ("/a/*", &["/a/b", "/a/.b"], &["/a", "/a/", "/a/b/", "/a/b/c", "/b/a", "/A/b"]),
            ("/a/**", &["/a", "/a/", "/a/b", "/a/b/c/"], &["/ab", "/b/a", "/"]),
            (
                "/a/**/z.jpg",
                &["/a/z.jpg", "/a/b/z.jpg", "/a/z.jpg/z.jpg"],
                &["/z.jpg", "/a/z.jpg/", "/a/z.jpg/b"],
            ),
            ("/**/a/**/b/*", &["/a/b/c", "/x/a/a/b/b/c"], &["/a/b", "/b/a/c"]),
            ("/a/**/**", &["/a", "/a/b"], &["/b"]),
            ("/*/*.jpg", &["/a/b.jpg", "/a/.jpg"], &["/b.jpg", "/a/b.JPG", "/a/b/c.jpg"]),
            ("/img-*-*.png", &["/img--.png", "/img-a-b-c.png"], &["/img-.png", "/img-a-b.pngx"]),
            ("/ab*ba", &["/abba", "/abxba"], &["/aba", "/ab"]),
            ("/a*", &["/a", "/abc"], &["/ba", "/a/b"]),
            ("/", &["/"], &["/a"]),
            ("/a/", &["/a/"], &["/a"]),
            ("/a b/ä%2d", &["/a%20b/%c3%a4-"], &["/a+b/%c3%a4-"]),
            ("/a%2a", &["/a%2A"], &["/ab"]),
        ],
    );
}

#[test]
fn a_local_pattern_without_a_query_means_none() {
    check(
        Pattern::local,
        local,
        &[
            ("/a", &["/a", "/a?"], &["/a?v=1"]),
            ("/a?", &["/a"], &["/a?v=1"]),
            ("/a?v=1", &["/a?v=1", "/a?%76=%31"], &["/a", "/a?v=2", "/a?v=1&w=2", "/a?V=1"]),
            ("/a?%76=%2f", &["/a?v=%2F"], &["/a?v=/"]),
            ("/a?*", &["/a", "/a?v=1", "/a??"], &["/b?v=1"]),
        ],
    );
}

#[test]
fn remote_patterns_match_scheme_host_port_path_and_query() {
    check(
        Pattern::remote,
        remote,
        &[
            (
                "https://example.com/a/**",
                &["https://example.com/a", "https://EXAMPLE.com:443/a/b?any=query"],
                &[
                    "http://example.com/a",
                    "https://example.com:8443/a",
                    "https://www.example.com/a",
                    "https://example.com/b",
                ],
            ),
            (
                "example.com/*",
                &["http://example.com/a", "https://example.com/a"],
                &["http://example.com:443/a", "https://example.com:80/a", "https://example.com/"],
            ),
            (
                "example.com:8080",
                &["http://example.com:8080/", "https://example.com:8080/a/b?c"],
                &["http://example.com/"],
            ),
            (
                "example.com:443",
                &["https://example.com/", "http://example.com:443/"],
                &["http://example.com/"],
            ),
            (
                "https://*.example.com/**",
                &["https://a.example.com/", "https://a.b.example.com/x"],
                &[
                    "https://example.com/",
                    "https://evilexample.com/",
                    "https://a.example.com.evil.example/",
                    "https://a.example.com./",
                ],
            ),
            (
                "*.müller.example/**",
                &["http://a.xn--mller-kva.example/", "http://A.MÜLLER.example/"],
                &["http://müller.example/"],
            ),
            ("MÜLLER.example/**", &["http://xn--mller-kva.example/"], &[]),
            (
                "http://127.0.0.1:3000/**",
                &["http://127.1:3000/a"],
                &["http://127.0.0.1/a", "http://127.0.0.2:3000/a"],
            ),
            ("http://[::1]:3000/**", &["http://[0:0::1]:3000/a"], &["http://[::1]/a"]),
            ("http://[::1]/**", &["http://[::1]/a"], &["http://[::2]/a"]),
            (
                "https://example.com/a?",
                &["https://example.com/a", "https://example.com/a?"],
                &["https://example.com/a?x"],
            ),
            (
                "https://example.com/a?x=1",
                &["https://example.com/a?%78=1"],
                &["https://example.com/a", "https://example.com/a?x=2"],
            ),
            (
                "https://example.com/a?*",
                &["https://example.com/a", "https://example.com/a?x"],
                &["https://example.com/b"],
            ),
            (
                "https://example.com/",
                &["https://example.com", "https://example.com/?x"],
                &["https://example.com/a"],
            ),
            (
                "https://example.com/a//b",
                &["https://example.com/a//b"],
                &["https://example.com/a/b"],
            ),
            (
                "https://example.com/o/*",
                &["https://example.com/o/dir%2ffile.jpg"],
                &["https://example.com/o/dir/file.jpg"],
            ),
        ],
    );
}

#[test]
fn a_pattern_of_one_kind_never_allows_the_other() {
    let (path, _) = Pattern::local("/**?*").expect("a pattern");
    let (url, _) = Pattern::remote("example.com?*").expect("a pattern");
    assert!(!path.matches(&remote("https://example.com/a")));
    assert!(!url.matches(&local("/example.com")));
}

#[test]
fn a_redirect_cannot_climb_out_of_a_pattern() {
    let (pattern, _) = Pattern::remote("https://example.com/public/**").expect("a pattern");
    for (target, allowed) in [
        ("https://example.com/public/a", true),
        ("https://example.com/public/dir%2Fa", true),
        ("https://example.com/public/../secret", false),
        ("https://example.com/public/..%2Fsecret", false),
        ("https://example.com/public/x%2f%2e%2e%5csecret", false),
    ] {
        let target = Url::parse(target).expect(target);
        assert_eq!(pattern.matches(&Source::Remote(target.clone())), allowed, "{target}");
    }
}

#[test]
fn a_pattern_that_could_never_work_is_refused() {
    use PatternError::*;
    for (written, error) in [
        ("", NotLocal),
        ("a/b", NotLocal),
        ("//a", NotLocal),
        ("https://example.com/a", NotLocal),
        ("/a//b", Path),
        ("/a/../b", Path),
        ("/./a", Path),
        ("/%2e%2e/a", Path),
        ("/a\\b", Path),
        ("/a\tb", Path),
        ("/a%2fb", Path),
        ("/a*%5cb", Path),
        ("/%zz", Path),
        ("/%FF", Path),
        ("/a**", PartialDoubleStar),
        ("/***", PartialDoubleStar),
        ("/a?v=*", Query),
        ("/a?%zz", Query),
        ("/a#b", NotPlain),
    ] {
        assert_eq!(Pattern::local(written).err(), Some(error), "{written}");
    }
    for (written, error) in [
        ("", Host),
        ("/a", Host),
        ("https://", Host),
        ("//example.com/a", Host),
        ("https://exa mple.com/", Host),
        ("https://example.com./", Host),
        ("https://[::1/", Host),
        ("ftp://example.com/", Scheme),
        ("*://example.com/", Scheme),
        ("https://*/a", HostWildcard),
        ("https://**/a", HostWildcard),
        ("https://**.com/a", PublicSuffix),
        ("https://a.*.example.com/a", HostWildcard),
        ("https://cdn-*.example.com/a", HostWildcard),
        ("https://*.127.0.0.1/a", HostWildcard),
        ("https://*.com/a", PublicSuffix),
        ("https://*.co.uk/a", PublicSuffix),
        ("https://*.github.io/a", PublicSuffix),
        ("https://*.ck/a", PublicSuffix),
        ("https://*.compute.amazonaws.com/a", PublicSuffix),
        ("https://*.xn--p1ai/a", PublicSuffix),
        ("https://*.рф/a", PublicSuffix),
        ("https://*.COM/a", PublicSuffix),
        ("https://*.internal/a", PublicSuffix),
        ("https://*.localhost/a", PublicSuffix),
        ("https://example.com:/a", Port),
        ("https://example.com:0/a", Port),
        ("https://example.com:+80/a", Port),
        ("https://example.com:65536/a", Port),
        ("https://example.com:*/a", Port),
        ("https://user@example.com/a", NotPlain),
        ("https://example.com/a#b", NotPlain),
        ("https://example.com/a/../b", Path),
        ("https://example.com/a?x=*", Query),
    ] {
        assert_eq!(Pattern::remote(written).err(), Some(error), "{written}");
    }
    // Next's spelling of names below a name.
    let [ours, next] = ["https://*.example.com/a", "https://**.example.com/a"].map(Pattern::remote);
    assert_eq!(ours.expect("ours"), next.expect("Next's"));
}

#[test]
fn a_pattern_that_allows_much_is_warned_about() {
    let warning = |compiled: Compiled| compiled.expect("a pattern").1;
    assert_eq!(warning(Pattern::local("/a?*")), Some(Warning::AnyQuery("/a?*".to_owned())));
    assert_eq!(warning(Pattern::local("/**")), None);
    assert_eq!(
        warning(Pattern::remote("example.com")),
        Some(Warning::WholeHost("example.com".to_owned()))
    );
    assert_eq!(
        warning(Pattern::remote("example.com/a?*")),
        Some(Warning::AnyQuery("example.com/a?*".to_owned()))
    );
    assert_eq!(warning(Pattern::remote("example.com/**")), None);
}

/// Thousands of wildcards against a path of thousands of segments: exponential or even cubic work would not end here.
#[test]
fn hostile_paths_cost_no_more_than_pattern_times_path() {
    let deep = local(&"/a".repeat(1500));
    let (many_any, _) = Pattern::local(&format!("{}/b", "/**/a".repeat(200))).expect("a pattern");
    assert!(!many_any.matches(&deep));
    let long = local(&format!("/{}", "a".repeat(3000)));
    let (many_pieces, _) = Pattern::local(&format!("/{}b", "*a".repeat(200))).expect("a pattern");
    assert!(!many_pieces.matches(&long));
}

/// The definition of the wildcards, written as the recursion that the matcher avoids.
fn naive_path(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        (["**", pattern_rest @ ..], _) => {
            (0..=path.len()).any(|skipped| naive_path(pattern_rest, &path[skipped..]))
        }
        ([first, pattern_rest @ ..], [segment, path_rest @ ..]) => {
            naive_segment(first, segment) && naive_path(pattern_rest, path_rest)
        }
        _ => false,
    }
}

fn naive_segment(pattern: &str, segment: &str) -> bool {
    fn stars(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => (0..=text.len()).any(|skipped| stars(rest, &text[skipped..])),
            ([a, rest @ ..], [b, text_rest @ ..]) => a == b && stars(rest, text_rest),
            _ => false,
        }
    }
    if pattern == "*" { !segment.is_empty() } else { stars(pattern.as_bytes(), segment.as_bytes()) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_matcher_agrees_with_the_definition(
        pattern in proptest::collection::vec("\\*\\*|\\*|a\\*?b?|\\*ab\\*a|[ab]{1,2}", 1..6),
        path in proptest::collection::vec("[ab]{1,3}", 1..7),
    ) {
        let written = format!("/{}", pattern.join("/"));
        let (compiled, _) = Pattern::local(&written).expect("a pattern");
        let pattern: Vec<&str> = pattern.iter().map(String::as_str).collect();
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        prop_assert_eq!(compiled.matches(&local(&format!("/{}", path.join("/")))), naive_path(&pattern, &segments));
    }

    #[test]
    fn no_pattern_panics(written in "\\PC{0,40}|(https?://)?[*.a-c:/?%\\[\\]0-9]{0,30}") {
        let _ = Pattern::local(&written);
        let _ = Pattern::remote(&written);
    }
}
