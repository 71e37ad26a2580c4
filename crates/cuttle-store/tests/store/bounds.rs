//! How much the disk keeps, and what goes first.

use std::fs;
use std::path::Path;

use cuttle_store::{Entry, Scope, Store, StoreSettings, Trouble};

use crate::common::{
    SMALL_BYTES, State, disk_only, disk_usage, entry, files, found, keep, layout, open, picture,
    request, small, until, variant,
};

#[tokio::test]
async fn the_oldest_go_when_there_are_too_many_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(small(folder.path()));
    for n in 0..60 {
        keep(&store, (n, 1));
        store.flush().await;
        let usage = disk_usage(folder.path());
        assert!(usage <= SMALL_BYTES, "{usage} after {n}");
    }
    let usage = store.usage();
    assert!(usage.evicted > 10 && usage.disk.unwrap().variants > 5, "{usage:?}");
    assert_eq!(found(&store, 0).await, None);
    assert_eq!(found(&store, 59).await, Some((59, 1)));
}

/// Keeps a picture under so many names of 3,000 bytes each.
fn keep_named(store: &Store<State>, names: std::ops::Range<u32>) {
    for n in names {
        let source = format!("/{n:04}{}", "x".repeat(2995)).into();
        let entry = Entry { source, ..entry((0, 1)) };
        store.record(store.epoch(), request(n), entry, &picture((0, 1)));
    }
}

fn at_most(folder: &Path, max_bytes: u64) -> StoreSettings {
    let mut settings = disk_only(folder);
    settings.disk.as_mut().expect("a disk").max_bytes = Some(max_bytes);
    settings
}

#[tokio::test]
async fn rows_are_charged_what_they_cost() {
    const MAX: u64 = 10 << 20;
    let folder = tempfile::tempdir().unwrap();
    let store = open(at_most(folder.path(), MAX));
    for n in 0..60 {
        keep_named(&store, n * 50..n * 50 + 50);
        store.flush().await;
        let usage = disk_usage(folder.path());
        assert!(usage <= MAX, "{usage} after {n}");
    }
    let usage = store.usage();
    assert!(usage.evicted > 1000 && usage.disk.unwrap().entries > 500, "{usage:?}");
    assert!(store.find(&request(2999)).await.is_some());
    assert_eq!(store.find(&request(0)).await, None);
}

#[tokio::test]
async fn an_index_over_the_bound_is_begun_anew_and_what_it_named_is_swept() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(at_most(folder.path(), 64 << 20));
    for n in 0..60 {
        keep_named(&store, n * 50..n * 50 + 50);
        keep(&store, (10_000 + n, 1));
        store.flush().await;
    }
    drop(store);
    let index = || fs::metadata(layout(folder.path()).join("index.sqlite")).unwrap().len();
    assert!(index() > 10 << 20, "{}", index());
    let store = open(at_most(folder.path(), 8 << 20));
    assert!(index() < 1 << 20, "{}", index());
    assert_eq!(store.find(&request(10_059)).await, None);
    keep(&store, (1, 1));
    store.flush().await;
    assert_eq!(files(folder.path()).len(), 1, "nothing is written beside what is to be swept");
    assert_eq!(found(&store, 1).await, Some((1, 1)));
}

#[tokio::test]
async fn what_is_purged_is_given_back_to_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(at_most(folder.path(), 64 << 20));
    for n in 0..60 {
        keep_named(&store, n * 50..n * 50 + 50);
        store.flush().await;
    }
    let full = disk_usage(folder.path());
    assert!(full > 10 << 20, "{full}");
    store.purge(Scope::Prefix("/".into())).await;
    until("given back", || async { disk_usage(folder.path()) < 6 << 20 }).await;
}

/// Keeps pictures from the tenth on, until so many entries had to go.
async fn crowd(store: &Store<State>, evicted: u64) -> u32 {
    let mut last = 9;
    while store.usage().evicted < evicted {
        last += 1;
        keep(store, (last, 1));
        store.flush().await;
    }
    last
}

#[tokio::test]
async fn what_was_read_goes_after_what_was_not_and_the_accounts_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(small(folder.path()));
    for n in 0..10 {
        keep(&store, (n, 1));
    }
    store.flush().await;
    let accounts = |store: &Store<State>| {
        let kept = store.usage().disk.unwrap();
        (kept.variants, kept.bytes, kept.entries)
    };
    let kept = accounts(&store);
    drop(store);
    let store = open(small(folder.path()));
    assert_eq!(accounts(&store), kept);
    assert_eq!(found(&store, 0).await, Some((0, 1)));
    drop(store);
    let store = open(small(folder.path()));
    let last = crowd(&store, 5).await;
    assert_eq!(found(&store, 0).await, Some((0, 1)), "read before the restart");
    for n in 1..6 {
        assert_eq!(found(&store, n).await, None, "never read: {n}");
    }
    assert_eq!(found(&store, last).await, Some((last, 1)));
    let kept = store.usage().disk.unwrap();
    let blocks = |path: &std::path::PathBuf| path.metadata().unwrap().len().next_multiple_of(4096);
    let on_disk = files(folder.path());
    assert_eq!(kept.variants, on_disk.len() as u64);
    assert_eq!(kept.bytes, on_disk.iter().map(blocks).sum::<u64>());
}

/// As if all of it had been used so many milliseconds later.
fn later(folder: &Path, milliseconds: i64) {
    let index = rusqlite::Connection::open(layout(folder).join("index.sqlite")).expect("the index");
    index.execute("UPDATE entries SET used = used + ?1", [milliseconds]).expect("a column");
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_make_the_newest_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(small(folder.path()));
    for n in 0..10 {
        keep(&store, (n, 1));
    }
    drop(store);
    // Ten years from now.
    later(folder.path(), 315_360_000_000);
    let store = open(small(folder.path()));
    let last = crowd(&store, 10).await;
    for n in 0..10 {
        assert_eq!(found(&store, n).await, None);
    }
    assert_eq!(found(&store, last).await, Some((last, 1)));
}

#[tokio::test]
async fn what_is_neither_used_nor_confirmed_for_too_long_goes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(disk_only(folder.path()));
    keep(&store, (0, 1));
    drop(store);
    let month = disk_only(folder.path()).disk.unwrap().max_age.as_millis();
    later(folder.path(), -i64::try_from(month).unwrap());
    let store = open(disk_only(folder.path()));
    until("too old", || async {
        keep(&store, (1, fastrand::u32(..)));
        store.flush().await;
        store.usage().evicted == 1
    })
    .await;
    assert_eq!(found(&store, 0).await, None);
    assert!(found(&store, 1).await.is_some());
    assert_eq!(files(folder.path()).len(), 1);
}

#[tokio::test]
async fn a_picture_over_an_eighth_of_the_disk_is_not_kept_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(small(folder.path()));
    keep(&store, (1, 1));
    store.flush().await;
    let mut bytes = picture((1, 2)).bytes.to_vec();
    bytes.resize(usize::try_from(SMALL_BYTES / 8 + 1).unwrap(), 0);
    store.record(store.epoch(), request(1), entry((1, 2)), &variant(bytes));
    store.flush().await;
    assert_eq!(store.usage().dropped_writes, 1);
    assert_eq!(found(&store, 1).await, None, "the picture before it would be out of date");
    assert_eq!((files(folder.path()).len(), store.trouble()), (0, None));
}

#[tokio::test]
async fn the_oldest_go_when_there_are_too_many_entries() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = disk_only(folder.path());
    settings.disk.as_mut().unwrap().max_entries = 10;
    let store = open(settings);
    for n in 0..20 {
        store.record(store.epoch(), request(n), entry((1, 1)), &picture((1, 1)));
    }
    store.flush().await;
    let usage = store.usage();
    assert_eq!(
        (usage.disk.unwrap().entries, usage.disk.unwrap().variants, usage.evicted),
        (10, 1, 10)
    );
}

/// 4 MiB, and what one transaction may add.
const MAX_LOG: u64 = 8 << 20;

#[tokio::test]
async fn the_log_of_the_index_is_bounded_although_someone_always_reads() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(disk_only(folder.path()));
    keep(&store, (0, 1));
    store.flush().await;
    let path = layout(folder.path()).join("index.sqlite");
    // Two readers in turn, each of which begins before the other ends.
    let readers = [(); 2].map(|()| rusqlite::Connection::open(&path).unwrap());
    let begin = |reader: &rusqlite::Connection| {
        reader.execute_batch("BEGIN; SELECT count(*) FROM totals").unwrap();
    };
    begin(&readers[0]);
    let (mut turn, mut longest) = (0, 0);
    until("begun anew", || {
        let (old, new) = (&readers[turn % 2], &readers[(turn + 1) % 2]);
        turn += 1;
        begin(new);
        old.execute_batch("COMMIT").unwrap();
        let source: std::sync::Arc<str> = "/".repeat(3_000).into();
        for n in 0..20 {
            let entry = Entry { source: source.clone(), ..entry((0, 1)) };
            store.record(store.epoch(), request(fastrand::u32(..) | n), entry, &picture((0, 1)));
        }
        let log = fs::metadata(layout(folder.path()).join("index.sqlite-wal")).unwrap().len();
        longest = longest.max(log);
        async move { longest > 3 << 20 && log < 2 << 20 }
    })
    .await;
    assert!(longest < MAX_LOG, "{longest}");
}

#[tokio::test]
async fn nothing_is_written_while_someone_reads_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(disk_only(folder.path()));
    keep(&store, (0, 1));
    store.flush().await;
    let reader = rusqlite::Connection::open(layout(folder.path()).join("index.sqlite")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM totals").unwrap();
    let source: std::sync::Arc<str> = "/".repeat(3_000).into();
    until("said", || async {
        for _ in 0..20 {
            let entry = Entry { source: source.clone(), ..entry((0, 1)) };
            store.record(store.epoch(), request(fastrand::u32(1..)), entry, &picture((0, 1)));
        }
        matches!(store.trouble(), Some(Trouble::Busy(_)))
    })
    .await;
    let log = || fs::metadata(layout(folder.path()).join("index.sqlite-wal")).unwrap().len();
    assert!(log() < MAX_LOG, "{}", log());
    assert_eq!(found(&store, 0).await, Some((0, 1)), "it can be read");
    reader.execute_batch("COMMIT").unwrap();
    until("recovered", || async { store.trouble().is_none() && log() <= 4 << 20 }).await;
}

#[tokio::test]
async fn a_queue_that_is_full_drops_pictures_and_counts_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(disk_only(folder.path()));
    keep(&store, (1, 1));
    store.flush().await;
    let mut bytes = picture((1, 2)).bytes.to_vec();
    bytes.resize(5 << 20, 0);
    store.record(store.epoch(), request(1), entry((1, 2)), &variant(bytes));
    assert_eq!(store.usage().dropped_writes, 1);
    store.flush().await;
    assert_eq!(found(&store, 1).await, None, "the picture before it would be out of date");
}
