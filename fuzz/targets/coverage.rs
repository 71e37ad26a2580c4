//! Any manifests: no panic, and a build that is not understood covers every path.
//!
//! Paths are not matched here: the rules are the operator's, and a backtracking engine is slow on some of them by nature.
#![no_main]

use cuttle_source::{Coverage, Manifests};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|texts: (&str, &str, &str)| {
    let (routes, middleware, functions) = texts;
    let coverage = Coverage::of_build(Manifests {
        routes: Some(routes),
        middleware: Some(middleware),
        functions: Some(functions),
    });
    if coverage.unclear().is_some() {
        assert!(coverage.covers("/photo.jpg"));
    }
});
