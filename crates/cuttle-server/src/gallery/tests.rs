use super::page::{query_value, size};
use super::*;

const HOSTILE: &str = "\"><script>alert(1)</script>'&<img src=x onerror=alert(2)>.jpg";

fn entry(name: &str, href: &str) -> Entry {
    Entry {
        name: name.into(),
        href: href.into(),
        bytes: 4_210_000,
        width: 5640,
        height: 3172,
        kind: "JPEG",
    }
}

fn folder(name: &str, href: &str) -> FolderLink {
    FolderLink { name: name.into(), href: href.into() }
}

fn listing(pictures: Vec<Entry>) -> Listing {
    Listing {
        folder: "/".into(),
        crumbs: vec![folder("Pictures", "/")],
        folders: Vec::new(),
        pictures,
        unshown: Vec::new(),
        omitted: 0,
    }
}

fn settings() -> Settings {
    Settings {
        prefix: "/_cuttle".into(),
        widths: vec![32, 256, 640, 1080, 1920],
        qualities: vec![75],
        formats: vec!["avif", "webp"],
        version: "0.1.0",
        sandbox_complete: true,
        workers: 2,
        address: "127.0.0.1:4000".into(),
    }
}

/// Every `<name` of the page, as a browser would see tags, in order of appearance.
fn tags(html: &str) -> Vec<&str> {
    html.split('<')
        .skip(1)
        .map(|rest| rest.split([' ', '>']).next().unwrap_or(""))
        .filter(|tag| !tag.starts_with(['/', '!']))
        .collect()
}

#[test]
fn a_hostile_name_adds_no_tag_and_closes_no_attribute() {
    let calm = |name: &str| {
        let mut listing = listing(vec![entry(name, "/a.jpg")]);
        listing.crumbs.push(folder(name, "/sub/"));
        listing.folders.push(folder(name, "/sub/deep/"));
        listing.unshown.push(Unshown { name: name.into(), why: "empty" });
        page(&listing, &settings())
    };
    let hostile = calm(HOSTILE);
    assert_eq!(tags(&hostile), tags(&calm("calm.jpg")));
    assert_eq!(hostile.matches('"').count(), calm("calm.jpg").matches('"').count());
}

#[test]
fn a_hostile_path_stays_inside_its_attribute() {
    let html = page(&listing(vec![entry("a.jpg", "/\"onload=alert(1) x=\"<b>")]), &settings());
    assert!(!html.contains("\"onload"));
    assert!(!html.contains("<b>"));
}

#[test]
fn the_source_parameter_is_the_encoded_path_encoded_once_more() {
    let html = page(&listing(vec![entry("a b,c.jpg", "/a%20b,c.jpg")]), &settings());
    assert!(html.contains("src=\"/_cuttle/image?src=%2Fa%2520b%2Cc.jpg&amp;w=1080\""), "{html}");
}

#[test]
fn query_values_escape_all_but_unreserved_characters() {
    for (text, value) in [
        ("/a-b._~9Z", "%2Fa-b._~9Z"),
        ("a b,c+d", "a%20b%2Cc%2Bd"),
        ("'()!*&=#?%", "%27%28%29%21%2A%26%3D%23%3F%25"),
        ("é\n", "%C3%A9%0A"),
    ] {
        assert_eq!(query_value(text), value);
    }
}

#[test]
fn without_script_a_picture_has_the_widths_worth_showing() {
    let html = page(&listing(vec![entry("a.jpg", "/a.jpg")]), &settings());
    let set =
        html.split("srcset=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a srcset");
    let widths: Vec<_> =
        set.split(", ").filter_map(|candidate| candidate.split(' ').nth(1)).collect();
    assert_eq!(widths, ["256w", "640w", "1080w", "1920w"]);
}

#[test]
fn choosers_offer_what_the_endpoint_accepts_and_start_at_its_defaults() {
    let mut settings = settings();
    settings.widths = vec![320, 960, 1200];
    settings.qualities = vec![50, 70, 80];
    settings.formats = vec!["webp"];
    let html = page(&listing(vec![entry("a.jpg", "/a.jpg")]), &settings);
    assert!(html.contains("<option value=\"960\" selected>"), "the lower of two equally near 1080");
    assert!(html.contains("<option value=\"70\" selected>"), "the lower of two equally near 75");
    assert!(html.contains("data-quality=\"70\""));
    assert!(html.contains("value=\"webp\"") && html.contains("value=\"plain\""));
    assert!(!html.contains("value=\"avif\""));
}

#[test]
fn one_quality_needs_no_chooser() {
    assert!(!page(&listing(vec![entry("a.jpg", "/a.jpg")]), &settings()).contains("name=\"q\""));
}

#[test]
fn an_empty_folder_says_how_to_serve_another() {
    let html = page(&listing(Vec::new()), &settings());
    for said in [
        "cuttle serve ~/Pictures",
        "make run DIR=~/Pictures",
        "http://127.0.0.1:4000/_next/image?url=%2Fphoto.jpg&amp;w=1080&amp;q=75",
    ] {
        assert!(html.contains(said), "{said}");
    }
    assert!(!html.contains("choosers"));
}

#[test]
fn a_folder_of_folders_points_to_them_instead() {
    let mut listing = listing(Vec::new());
    listing.folders.push(folder("2024", "/2024/"));
    let html = page(&listing, &settings());
    assert!(html.contains("href=\"/2024/\"") && !html.contains("make run"));
}

#[test]
fn a_root_without_a_name_can_still_be_gone_to() {
    let mut listing = listing(Vec::new());
    listing.crumbs = vec![folder("", "/"), folder("2024", "/2024/")];
    let html = page(&listing, &settings());
    assert!(html.contains("<a href=\"/\"><bdi>Top folder</bdi></a>"));
    assert!(html.contains("<title>2024 · Cuttle</title>"));
}

#[test]
fn pictures_beyond_the_cap_are_mentioned() {
    let mut listing = listing(vec![entry("a.jpg", "/a.jpg")]);
    listing.omitted = 340;
    assert!(page(&listing, &settings()).contains("the folder has 340 more"));
}

#[test]
fn files_that_are_not_shown_are_named_with_the_reason() {
    let mut listing = listing(vec![entry("a.jpg", "/a.jpg")]);
    assert!(!page(&listing, &settings()).contains("not shown"));
    let unshown = |number: usize| Unshown { name: format!("{number}.heic"), why: "HEIC" };
    listing.unshown = (0..150).map(unshown).collect();
    let html = page(&listing, &settings());
    assert!(html.contains("150 files are not shown") && html.contains("<bdi>99.heic</bdi>"));
    assert!(html.contains("and 50 more") && !html.contains("<bdi>100.heic</bdi>"));
    listing.pictures.clear();
    assert!(page(&listing, &settings()).contains("not shown"), "also where there is nothing else");
}

#[test]
fn an_incomplete_sandbox_is_not_hidden() {
    let mut settings = settings();
    assert!(!page(&listing(Vec::new()), &settings).contains("not complete"));
    settings.sandbox_complete = false;
    assert!(page(&listing(Vec::new()), &settings).contains("not complete"));
}

#[test]
fn the_page_asks_for_nothing_that_its_policy_forbids() {
    let html = page(&listing(vec![entry("a.jpg", "/a.jpg")]), &settings());
    assert!(!html.contains(" style=") && !html.contains("<style"), "inline styles");
    for attribute in ["src=\"http", "href=\"http", "action="] {
        assert!(!html.contains(attribute), "{attribute}");
    }
    for (script, _) in html.match_indices("<script") {
        assert!(
            html[script..].starts_with("<script type=\"module\" src=\"/_cuttle/gallery/"),
            "an inline script"
        );
    }
}

#[test]
fn every_asset_that_page_and_scripts_name_exists() {
    let html = page(&listing(vec![entry("a.jpg", "/a.jpg")]), &settings());
    let mut named: Vec<String> = html
        .split("/_cuttle/gallery/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next().map(str::to_owned))
        .collect();
    assert_eq!(named.len(), 3);
    let mut at = 0;
    while let Some(name) = named.get(at).cloned() {
        let (_, body) = asset(&name).unwrap_or_else(|| panic!("no asset {name}"));
        for import in body.split("from \"./").skip(1).filter_map(|rest| rest.split('"').next()) {
            if !named.iter().any(|known| known == import) {
                named.push(import.to_owned());
            }
        }
        at += 1;
    }
    assert_eq!(named.len(), 9, "all assets are reachable: {named:?}");
    assert!(asset("../page.rs").is_none() && asset("").is_none());
}

/// What keeps a hole in the escaping of the script harmless even in a browser without trusted types.
#[test]
fn no_script_builds_markup_from_text() {
    for name in [
        "gallery.js",
        "card.js",
        "compare.js",
        "choices.js",
        "rendition.js",
        "text.js",
        "viewer.js",
    ] {
        let (_, body) = asset(name).expect("listed above");
        for sink in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "Function(",
            "setHTML",
        ] {
            assert!(!body.contains(sink), "{sink} in {name}");
        }
    }
}

#[test]
fn sizes_are_rounded_into_the_unit_that_they_round_to() {
    for (bytes, said) in [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (99_950, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (38_240_000, "38.2 MB"),
        (u64::MAX, "18446744 TB"),
    ] {
        assert_eq!(size(bytes), said);
    }
}
