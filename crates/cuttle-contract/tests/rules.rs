//! Configuration: what could never work is refused by name, what works has a meaning.

use std::time::Duration;

use cuttle_contract::{ConfigError, Images, Modern, Rules, StrictContract, Warning};

fn strings(entries: &[&str]) -> Vec<String> {
    entries.iter().map(|&entry| entry.to_owned()).collect()
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let rules = Rules::compile(&Images::default()).expect("valid configuration");
    let lists = rules.strict_lists();
    assert_eq!(
        *lists.widths,
        [32, 48, 64, 96, 128, 256, 384, 640, 750, 828, 1080, 1200, 1920, 2048, 3840]
    );
    assert!(lists.heights.is_empty());
    assert_eq!((&*lists.qualities, lists.default_quality), (&[75][..], 75));
    assert_eq!(*lists.formats, [Modern::Webp]);
    assert_eq!(rules.next_lists(), lists);
    assert_eq!(rules.min_ttl(), Duration::from_secs(4 * 60 * 60));
    assert_eq!(rules.stale_while_revalidate(), Duration::from_secs(7 * 24 * 60 * 60));
    assert_eq!(rules.stale_if_error(), Duration::from_secs(24 * 60 * 60));
    assert!(!rules.svg());
    assert_eq!(rules.prefix(), "/_cuttle");
    assert!(rules.warnings().is_empty());
}

#[test]
fn a_folder_prefers_avif() {
    let rules = Rules::compile(&Images::for_folder()).expect("valid configuration");
    assert_eq!(*rules.next_lists().formats, [Modern::Avif, Modern::Webp]);
}

#[test]
fn the_default_quality_is_the_nearest_to_75_and_the_lower_on_a_tie() {
    for (qualities, expected) in [
        (vec![90, 50], 90),
        (vec![80, 70], 70),
        (vec![76, 74], 74),
        (vec![1, 100], 100),
        (vec![60], 60),
    ] {
        let images = Images { qualities, ..Images::default() };
        let rules = Rules::compile(&images).expect("valid configuration");
        assert_eq!(rules.strict_lists().default_quality, expected, "{:?}", images.qualities);
        let request =
            StrictContract::new(&rules).parse("src=/a&w=640", None).expect("a valid request");
        assert_eq!(request.quality, expected);
    }
}

#[test]
fn an_entry_that_could_never_work_is_refused_by_name() {
    let default = Images::default;
    for (images, message) in [
        (
            Images { sizes: vec![640, 0], ..default() },
            "images.sizes lists 0; it must be between 1 and 65535",
        ),
        (
            Images { sizes: vec![65_536], ..default() },
            "images.sizes lists 65536; it must be between 1 and 65535",
        ),
        (Images { sizes: vec![640, 640], ..default() }, "images.sizes lists 640 twice"),
        (
            Images { sizes: vec![], ..default() },
            "images.sizes is empty, so that no request could ever be answered",
        ),
        (
            Images { heights: vec![0], ..default() },
            "images.heights lists 0; it must be between 1 and 65535",
        ),
        (
            Images { qualities: vec![0], ..default() },
            "images.qualities lists 0; it must be between 1 and 100",
        ),
        (
            Images { qualities: vec![75, 101], ..default() },
            "images.qualities lists 101; it must be between 1 and 100",
        ),
        (
            Images { qualities: vec![331], ..default() },
            "images.qualities lists 331; it must be between 1 and 100",
        ),
        (Images { qualities: vec![75, 75], ..default() }, "images.qualities lists 75 twice"),
        (
            Images { qualities: vec![], ..default() },
            "images.qualities is empty, so that no request could ever be answered",
        ),
        (
            Images { formats: strings(&["webp", "jpeg"]), ..default() },
            "images.formats lists \"jpeg\"; known formats are avif and webp",
        ),
        (
            Images { formats: strings(&["webp", "webp"]), ..default() },
            "images.formats lists webp twice",
        ),
        (
            Images { formats: vec![], ..default() },
            "images.formats is empty, so that no request could ever be answered",
        ),
        (
            Images { local_patterns: Some(strings(&["/a", "b"])), ..default() },
            "images.local_patterns lists \"b\": a local pattern must start with one /",
        ),
        (
            Images { local_patterns: Some(strings(&["/a", "/a"])), ..default() },
            "images.local_patterns lists /a twice",
        ),
        (
            Images { remote_patterns: strings(&["https://*.com/**"]), ..default() },
            "images.remote_patterns lists \"https://*.com/**\": it would allow every host under a public suffix, where anyone can register one",
        ),
        (Images { hosts: strings(&["a b"]), ..default() }, "\"a b\" is not a host name"),
    ] {
        let error = Rules::compile(&images).expect_err(message);
        // What to write instead may follow.
        let told = error.to_string();
        assert!(
            told == message
                || told.starts_with(&format!("{message}; write "))
                || told.starts_with(&format!("{message}; leave "))
                || told.starts_with(&format!("{message}, such as ")),
            "{told}"
        );
    }
}

#[test]
fn a_prefix_is_a_plain_path() {
    for prefix in [
        "",
        "/",
        "_cuttle",
        "/_cuttle/",
        "//a",
        "/a/../b",
        "/a?b",
        "/a%20b",
        "/ä",
        "/a!",
        "/_next",
        "/_next/image",
    ] {
        let images = Images { prefix: prefix.to_owned(), ..Images::default() };
        assert_eq!(
            Rules::compile(&images).err(),
            Some(ConfigError::Prefix { prefix: prefix.to_owned() }),
            "{prefix}"
        );
    }
    for prefix in ["/_tako", "/a/b", "/_nextish"] {
        let images = Images { prefix: prefix.to_owned(), ..Images::default() };
        assert!(Rules::compile(&images).is_ok(), "{prefix}");
    }
}

#[test]
fn no_local_patterns_at_all_and_none_written_are_different() {
    let query = "src=/a&w=640";
    let unset = Rules::compile(&Images::default()).expect("valid configuration");
    assert!(StrictContract::new(&unset).parse(query, None).is_ok());
    let empty = Rules::compile(&Images { local_patterns: Some(vec![]), ..Images::default() })
        .expect("valid configuration");
    let refusal = StrictContract::new(&empty).parse(query, None).expect_err("nothing is allowed");
    assert_eq!((refusal.status, refusal.code), (403, "source_not_allowed"));
}

#[test]
fn warnings_are_returned_in_order() {
    let images = Images {
        local_patterns: Some(strings(&["/a?*"])),
        remote_patterns: strings(&["cdn.example.com", "https://example.com/**"]),
        ..Images::default()
    };
    let rules = Rules::compile(&images).expect("valid configuration");
    assert_eq!(
        rules.warnings(),
        [Warning::AnyQuery("/a?*".to_owned()), Warning::WholeHost("cdn.example.com".to_owned())]
    );
}

/// A refusal is for a person who must change a URL: it says what would have been right.
#[test]
fn a_strict_refusal_says_what_would_be_allowed() {
    let images = Images {
        sizes: vec![640, 320],
        qualities: vec![50, 75],
        heights: vec![100],
        ..Images::default()
    };
    let contract = StrictContract::new(&Rules::compile(&images).expect("valid configuration"));
    for (query, message) in [
        ("src=/a&w=5", "Parameter w must be one of 320, 640."),
        ("src=/a", "Parameter w must be one of 320, 640."),
        ("src=/a&w=320&q=5", "Parameter q must be one of 50, 75."),
        ("src=/a&w=320&f=avif", "Parameter f must be one of webp."),
        ("src=/a&w=320&h=5", "Parameter h must be one of 100."),
        ("src=/a&w=320&fit=cover", "Parameter fit needs h."),
        ("src=/a&w=320&h=100&fit=x", "Parameter fit must be one of cover, contain."),
        ("src=/a&w=320&crop=smart", "Parameter crop needs h and fit=cover."),
        ("src=/a&w=320&h=100&crop=x", "Parameter crop must be one of center, smart."),
        (
            "src=/a&w=320&v=",
            "Parameter v must be 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore and hyphen.",
        ),
        ("w=320", "Parameter src is required."),
        (
            "src=a&w=320",
            "Parameter src must be an absolute http or https URL, or a path that starts with /.",
        ),
        ("src=//a&w=320", "Parameter src must not start with //."),
        (
            "src=/_cuttle/image&w=320",
            "Parameter src must not lead back to an image endpoint or another reserved path of this server.",
        ),
        ("src=/a?b&w=320", "No pattern of this server allows this local path with its query."),
        ("src=https://a.example/&w=320", "No pattern of this server allows this URL."),
        (
            "src=/a&w=320&width=5",
            "There is an unknown parameter; the known ones are src, w, q, f, h, fit, crop, v.",
        ),
        ("src=/a&w=320&w=320", "Each parameter may be given only once."),
        ("src=%FF", "The query must be valid percent-encoded UTF-8."),
    ] {
        assert_eq!(contract.parse(query, None).expect_err(query).message, message, "{query}");
    }
}
