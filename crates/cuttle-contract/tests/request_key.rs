//! The request key: equal for equal answers, different for everything else.

use cuttle_contract::{
    Accepted, Contract, Crop, Fit, FormatChoice, ImageRequest, Images, LocalPath, Modern,
    NextContract, Rules, Source, StrictContract,
};
use proptest::prelude::*;
use url::Url;

fn rules() -> Rules {
    let images = Images {
        heights: vec![100, 200],
        qualities: vec![50, 75],
        remote_patterns: vec!["a.example/**".to_owned()],
        ..Images::for_folder()
    };
    Rules::compile(&images).expect("valid configuration")
}

fn next(query: &str, accept: &str) -> ImageRequest {
    NextContract::new(&rules()).parse(query, Some(accept)).expect(query)
}

fn strict(query: &str, accept: &str) -> ImageRequest {
    StrictContract::new(&rules()).parse(query, Some(accept)).expect(query)
}

/// nextjs/adapter-k8s#77: Next joins URL, width and quality without separators.
#[test]
fn the_published_collision_pair_stays_apart() {
    let long_url = next("url=/coll20&w=48&q=75", "image/webp");
    let large_width = next("url=/coll&w=2048&q=75", "image/webp");
    assert_ne!(long_url.key(), large_width.key());
}

#[test]
fn every_spelling_of_a_source_has_one_key() {
    let key = next("url=/photo.jpg&w=640&q=75", "").key();
    for query in [
        "url=%2Fphoto.jpg%3F&q=75&w=640",
        "url=/photo.jpg%23x&w=00640&q=075",
        "url=/x/../%2570hoto.jpg&w=640&q=75&dpl=1",
    ] {
        assert_eq!(next(query, "").key(), key, "{query}");
    }
}

#[test]
fn defaults_that_are_written_out_have_the_key_of_the_default() {
    let key = strict("src=/a&w=640", "").key();
    for query in ["src=/a&w=640&q=75", "w=640&src=/./a?", "src=/a&w=640&v=1"] {
        assert_eq!(strict(query, "").key(), key, "{query}");
    }
    assert_eq!(
        strict("src=/a&w=640&h=100&fit=cover&crop=center", "").key(),
        strict("src=/a&w=640&h=100", "").key()
    );
}

#[test]
fn headers_that_mean_the_same_share_a_key() {
    let key = next("url=/a&w=640&q=75", "image/avif,image/webp").key();
    assert_eq!(next("url=/a&w=640&q=75", "image/webp;q=0.9,IMAGE/AVIF,*/*;q=0.1").key(), key);
    assert_eq!(
        next("url=/a&w=640&q=75", "image/avif,image/webp,image/heic,image/jxl").key(),
        key,
        "Next passes HEIC to everyone"
    );
    assert_ne!(next("url=/a&w=640&q=75", "image/avif").key(), key);
    assert_ne!(
        strict("src=/a&w=640", "image/webp,image/heic").key(),
        strict("src=/a&w=640", "image/webp").key()
    );
}

#[test]
fn an_explicit_format_ignores_the_header() {
    let request = strict("src=/a&w=640&f=webp", "image/avif");
    assert_eq!(request.format, FormatChoice::Explicit(Modern::Webp));
    assert!(!request.varies_by_accept());
    assert_eq!(request.key(), strict("src=/a&w=640&f=webp", "").key());
    assert!(strict("src=/a&w=640", "image/avif").varies_by_accept());
}

#[test]
fn every_parameter_is_understood() {
    let request = strict("src=https://a.example/b&w=640&q=50&f=avif&h=200&fit=contain&v=1.0", "");
    let expected = ImageRequest {
        contract: Contract::Strict,
        source: Source::Remote(Url::parse("https://a.example/b").expect("a URL")),
        width: 640,
        height: Some(200),
        fit: Fit::Contain,
        crop: Crop::Center,
        quality: 50,
        format: FormatChoice::Explicit(Modern::Avif),
        version: Some("1.0".to_owned()),
        is_static: false,
    };
    assert_eq!(request, expected);
}

#[test]
fn only_the_canonical_path_makes_a_source_static() {
    for (url, expected) in [
        ("/_next/static/media/a.123.jpg", true),
        ("/_next/static/immutable/media/a.123.jpg", true),
        ("/x/../_next/static/media/a.123.jpg", true),
        ("/%255Fnext/static/media/a.123.jpg", true),
        ("/_next/static/media/../../../photo.jpg", false),
        ("/_next/static/mediax/a.jpg", false),
        ("/_next/static/chunks/a.jpg", false),
        ("/docs/_next/static/media/a.jpg", false),
        ("/photo.jpg", false),
    ] {
        assert_eq!(next(&format!("url={url}&w=640&q=75"), "").is_static, expected, "{url}");
    }
}

fn any_source() -> impl Strategy<Value = Source> {
    prop_oneof![
        "/[ab01]{0,3}(\\?[ab01]{0,2})?"
            .prop_map(|text| Source::Local(LocalPath::parse(&text).expect("a local path"))),
        "http://[ab]/[ab01]{0,3}"
            .prop_map(|text| Source::Remote(Url::parse(&text).expect("a URL"))),
    ]
}

fn any_format() -> impl Strategy<Value = FormatChoice> {
    let modern = || prop_oneof![Just(Modern::Avif), Just(Modern::Webp)];
    let flags = any::<[bool; 6]>();
    prop_oneof![
        modern().prop_map(FormatChoice::Explicit),
        (proptest::option::of(modern()), flags).prop_map(
            |(best, [avif, webp, heic, jxl, icns, jp2])| {
                FormatChoice::Negotiated(Accepted { best, avif, webp, heic, jxl, icns, jp2 })
            }
        ),
    ]
}

fn any_request() -> impl Strategy<Value = ImageRequest> {
    let contract = prop_oneof![Just(Contract::Next), Just(Contract::Strict)];
    let fit = prop_oneof![Just(Fit::Cover), Just(Fit::Contain)];
    let crop = prop_oneof![Just(Crop::Center), Just(Crop::Smart)];
    let height = prop_oneof![Just(None), Just(Some(0)), Just(Some(1)), Just(Some(48))];
    let width = prop_oneof![Just(0_u32), Just(48), Just(2048), any::<u32>()];
    (
        contract,
        any_source(),
        width,
        height,
        fit,
        crop,
        1_u8..4,
        any_format(),
        proptest::option::of("[ab]"),
        any::<bool>(),
    )
        .prop_map(
            |(contract, source, width, height, fit, crop, quality, format, version, is_static)| {
                ImageRequest {
                    contract,
                    source,
                    width,
                    height,
                    fit,
                    crop,
                    quality,
                    format,
                    version,
                    is_static,
                }
            },
        )
}

/// Two requests of which the second differs in at most one field, so that near misses are common.
fn near_pair() -> impl Strategy<Value = (ImageRequest, ImageRequest)> {
    (any_request(), any_request(), 0_usize..10).prop_map(|(a, other, field)| {
        let mut b = a.clone();
        match field {
            0 => b.contract = other.contract,
            1 => b.source = other.source,
            2 => b.width = other.width,
            3 => b.height = other.height,
            4 => b.fit = other.fit,
            5 => b.crop = other.crop,
            6 => b.quality = other.quality,
            7 => b.format = other.format,
            8 => b.version = other.version,
            _ => b.is_static = other.is_static,
        }
        (a, b)
    })
}

fn same_answer(a: &ImageRequest, b: &ImageRequest) -> bool {
    let a = ImageRequest { version: None, is_static: false, ..a.clone() };
    a == ImageRequest { version: None, is_static: false, ..b.clone() }
}

/// Queries made of the pieces that the parsers look for, well-formed more often than chance would have it.
fn any_query() -> impl Strategy<Value = String> {
    let name = "url|src|w|q|f|h|fit|crop|v|x|%77|";
    let value = "(/|%2F|%5C|%00|\\.\\.|%2e|_next/image|_cuttle|\\?|%23|http://|https://a|@|:|%|%zz|%FF|\\+|a|ä){0,8}|[0-9]{0,400}|webp|avif|cover|\\PC{0,20}";
    proptest::collection::vec((name, value), 0..6).prop_map(|pairs| {
        pairs
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("&")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn two_requests_share_a_key_exactly_when_one_answer_serves_both(a in any_request(), b in any_request()) {
        prop_assert_eq!(a.key() == b.key(), same_answer(&a, &b));
    }

    #[test]
    fn requests_that_differ_in_one_field_are_told_apart((a, b) in near_pair()) {
        prop_assert_eq!(a.key() == b.key(), same_answer(&a, &b));
    }

    #[test]
    fn no_query_panics_and_every_refusal_is_the_clients_fault(query in prop_oneof![any_query(), "\\PC{0,60}"], accept in proptest::option::of("\\PC{0,40}")) {
        let rules = rules();
        for answer in [NextContract::new(&rules).parse(&query, accept.as_deref()), StrictContract::new(&rules).parse(&query, accept.as_deref())] {
            match answer {
                Ok(request) => {
                    let lists = rules.strict_lists();
                    prop_assert!(lists.widths.contains(&request.width) && lists.qualities.contains(&request.quality));
                }
                Err(refusal) => {
                    prop_assert!(matches!(refusal.status, 400 | 403));
                    prop_assert!(!refusal.message.is_empty() && refusal.message.is_ascii());
                }
            }
        }
    }
}

/// JavaScript counts UTF-16 code units, neither characters nor bytes.
#[test]
fn the_length_of_a_url_is_counted_as_in_javascript() {
    let contract = NextContract::new(&rules());
    let query = |filling: &str| format!("url=/photo.jpg%23{filling}&w=640&q=75");
    let too_long = |filling: &str| {
        contract
            .parse(&query(filling), None)
            .is_err_and(|refusal| refusal.message == r#""url" parameter is too long"#)
    };
    assert!(!too_long(&"ä".repeat(3061)));
    assert!(too_long(&"ä".repeat(3062)));
    assert!(!too_long(&"😀".repeat(1530)));
    assert!(too_long(&"😀".repeat(1531)));
}
