//! An entry of the index weighs at least what the process grows by for it, whatever its name is: alone in this file, as the memory of a
//! process is measured.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a helper that fails is a test that fails, loudly"
)]

#[path = "store/common.rs"]
mod common;

use std::fs;
use std::sync::Arc;

use common::{content, picture, request};
use cuttle_store::{Entry, Store, StoreSettings};

/// As large as what the pipeline knows of an original.
type State = Arc<[u64; 24]>;

/// Bytes of this process that are in memory and in no file.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn the_index_weighs_what_it_takes() {
    const ENTRIES: u32 = 50_000;
    for length in [20, 300, 3000] {
        let settings = StoreSettings {
            memory_bytes: 1 << 20,
            index_bytes: 1 << 30,
            index_entries: 1 << 30,
            queue_bytes: 0,
            disk: None,
        };
        let variant = picture((0, 1));
        let application: Arc<str> = "app".into();
        let before = resident();
        let (store, _) = Store::<State>::open(settings);
        for n in 0..ENTRIES {
            let source = format!("/{n:0length$}").into();
            let (content, state) = (content((0, 1)), Arc::new([n.into(); 24]));
            let application = Arc::clone(&application);
            let entry = Entry { content, state, application, source };
            store.record(store.epoch(), request(n), entry, &variant);
        }
        let usage = store.usage().memory;
        assert_eq!(usage.entries, u64::from(ENTRIES));
        let (grown, weight) = (resident() - before, usage.index_bytes);
        println!(
            "names of {length}: {} bytes an entry, weighed as {}",
            grown / u64::from(ENTRIES),
            weight / u64::from(ENTRIES)
        );
        assert!(grown <= weight && grown >= weight / 3, "{length}: {grown} weighed as {weight}");
        // What was freed is used again by the next, and would not be seen: it is kept.
        std::mem::forget(store);
    }
}
