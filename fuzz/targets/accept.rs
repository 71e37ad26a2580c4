//! Any `Accept` and `If-None-Match`: no panic, and a format is chosen only when it is named.
#![no_main]

use cuttle_contract::{Accepted, Modern, etag};
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
});
