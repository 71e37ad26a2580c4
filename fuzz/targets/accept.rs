//! Any `Accept`, `If-None-Match`, `Cache-Control` and `CDN-Loop`: no panic, a format is chosen only when it is named, and what is
//! private in front of all quotes is private.
#![no_main]

use cuttle_contract::freshness::SourceFreshness;
use cuttle_contract::{Accepted, Modern, etag};
use cuttle_source::LoopId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|header: &str| {
    for formats in [&[Modern::Avif, Modern::Webp][..], &[Modern::Webp, Modern::Avif], &[Modern::Webp]] {
        let accepted = Accepted::parse(Some(header), formats);
        if let Some(best) = accepted.best {
            assert!(formats.contains(&best));
            assert!(header.to_ascii_lowercase().contains(best.media_type()));
        }
    }
    let _ = etag::matches(header, "\"0123456789abcdef\"");
    assert!(SourceFreshness::parse(Some(&format!("no-store,{header}"))).private);
    if let Ok(value) = http::HeaderValue::from_str(header) {
        let _ = LoopId::of(b"us").way([&value]);
    }
});
