//! Any manifest of a Next build, and any query against it: no panic, and no glob that takes long (the runner has a timeout).
#![no_main]

use cuttle_contract::{Images, NextBuild, NextContract, Rules, StrictSources};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    // The manifest, then a line with the query.
    let (manifest, query) = input.rsplit_once('\n').unwrap_or((input, ""));
    let Ok((build, _)) = NextBuild::read(manifest) else { return };
    let images = Images::of_build(&build);
    if let Ok(rules) = Rules::compile_build(&build, &images, StrictSources::OfBuild) {
        if let Ok(request) = NextContract::new(&rules).parse(query, None) {
            assert!(build.widths.contains(&request.width) && (1..=100).contains(&request.quality));
        }
    }
});
