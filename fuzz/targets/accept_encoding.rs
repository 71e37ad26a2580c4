//! Any `Accept-Encoding`: no panic, and nothing is taken that the header does not name.
#![no_main]

use cuttle_contract::Codings;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|header: &str| {
    let taken = Codings::of(Some(header));
    let lower = header.to_ascii_lowercase();
    let names = |name: &str| lower.contains(name) || lower.contains('*');
    assert!(!taken.brotli || names("br"));
    assert!(!taken.gzip || names("gzip"));
});
