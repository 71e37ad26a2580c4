//! Any pattern against any source: no panic, and no input that takes long (the runner has a timeout).
#![no_main]

use cuttle_contract::{LocalPath, Pattern, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| {
    let (pattern, source) = input;
    let source = LocalPath::parse(source).ok().map(Source::Local);
    for compiled in [Pattern::local(pattern), Pattern::remote(pattern)] {
        if let (Ok((pattern, _)), Some(source)) = (compiled, &source) {
            let _ = pattern.matches(source);
        }
    }
});
