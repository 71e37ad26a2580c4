//! Both contracts on any query: no panic, and what they accept is canonical.
#![no_main]

use std::sync::LazyLock;

use cuttle_contract::{Images, LocalPath, NextContract, Rules, Source, StrictContract, presigned};
use libfuzzer_sys::fuzz_target;

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::compile(&Images::for_folder()).expect("the defaults"));
static NEXT: LazyLock<NextContract> = LazyLock::new(|| NextContract::new(&RULES));
static STRICT: LazyLock<StrictContract> = LazyLock::new(|| StrictContract::new(&RULES));

fuzz_target!(|query: &str| {
    for source in Source::spellings(&format!("https://a.example/?{query}")) {
        let Source::Remote(url) = source else { panic!("a URL") };
        let _ = presigned::runs_out(&url);
    }
    for parsed in [NEXT.parse(query, None), STRICT.parse(query, None)] {
        match parsed {
            Ok(request) => {
                let lists = RULES.strict_lists();
                assert!(lists.widths.contains(&request.width) && lists.qualities.contains(&request.quality));
                let Source::Local(path) = &request.source else { panic!("remote sources are not allowed here") };
                assert!(path.as_str().starts_with('/') && !path.as_str().starts_with("//"));
                assert_eq!(LocalPath::parse(path.as_str()).as_ref(), Ok(path), "canonical once, canonical for good");
                assert!(path.segments().all(|segment| segment != ".." && segment != "." && !segment.contains('/')));
            }
            Err(refusal) => assert!((400..=599).contains(&refusal.status) && !refusal.message.is_empty()),
        }
    }
});
