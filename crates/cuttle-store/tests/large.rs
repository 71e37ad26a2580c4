//! An index that is large: opened at once, purged by prefix at once, and not held in memory.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a helper that fails is a test that fails, loudly"
)]

mod common;

use std::time::{Duration, Instant};

use common::{content, open, request, variant, with_memory};
use cuttle_store::{Entry, Purge, StoreSettings};

/// Bytes of this process that are in memory and in no file.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// As many entries of a thousand galleries, which share a hundred pictures.
async fn with_entries(entries: u32) {
    let folder = tempfile::tempdir().unwrap();
    let settings: StoreSettings = with_memory(folder.path());
    // Small, so that many fit into the queue.
    let pictures: Vec<_> =
        (0..100u8).map(|n| variant([&b"RIFF\0\0\0\0WEBPVP8 "[..], &[n]].concat())).collect();
    let store = open(settings.clone());
    let writing = Instant::now();
    for n in 0..entries {
        let state = (n % 100, 1);
        let source = format!("https://media.example.com/galleries/{:03}/{n}.jpg", n % 1000).into();
        let entry = Entry { content: content(state), state, source };
        store.record(store.epoch(), request(n), entry, &pictures[(n % 100) as usize]);
        if n % 4000 == 3999 {
            store.flush().await;
        }
    }
    store.flush().await;
    println!("{entries} entries written in {:?}", writing.elapsed());
    assert_eq!(store.usage().disk.unwrap().entries, u64::from(entries));
    drop(store);

    let before = resident();
    let opening = Instant::now();
    let store = open(settings);
    assert!(store.find(&request(entries / 2)).await.is_some());
    let opened = opening.elapsed();
    assert!(opened < Duration::from_millis(500), "{opened:?}");
    let finding = Instant::now();
    for n in (0..entries).step_by(entries as usize / 1000) {
        assert!(store.find(&request(n)).await.is_some());
    }
    let found = finding.elapsed() / 1000;
    let grown = resident().saturating_sub(before);

    let purging = Instant::now();
    let purged = store.purge(Purge::Prefix("https://media.example.com/galleries/12".into())).await;
    let purge = purging.elapsed();
    assert_eq!(purged.requests, u64::from(entries) / 100);
    assert!(purge < Duration::from_secs(1), "{purge:?}");
    assert!(store.find(&request(120)).await.is_none());
    assert!(store.find(&request(130)).await.is_some());
    let index = std::fs::metadata(folder.path().join("index.sqlite")).unwrap().len();
    println!(
        "opened and first found in {opened:?}, then {found:?} each; {} requests purged in {purge:?}; \
         {} KiB more memory; index of {} MiB",
        purged.requests,
        grown >> 10,
        index >> 20,
    );
    assert!(grown < 64 << 20, "{grown}");
}

#[tokio::test]
async fn a_hundred_thousand_entries() {
    with_entries(100_000).await;
}

#[tokio::test]
#[ignore = "writes for a minute"]
async fn a_million_entries() {
    with_entries(1_000_000).await;
}
