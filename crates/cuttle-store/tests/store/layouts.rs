//! Versions of the tables side by side, as during an upgrade and after a step back.

use std::fs;
use std::path::Path;

use cuttle_store::{DiskSettings, Purge, Scope, Store, StoreSettings};

use crate::common::{State, found, keep, layouts, open, source, until, with_memory};

/// The settings of the version `state_layout`.
fn version(folder: &Path, state_layout: u16) -> StoreSettings {
    let settings = with_memory(folder);
    let disk = settings.disk.clone().map(|disk| DiskSettings { state_layout, ..disk });
    StoreSettings { disk, ..settings }
}

fn of_source(n: u32) -> Purge {
    Scope::Source(source(n).into()).into()
}

async fn gone(store: &Store<State>, n: u32) {
    until("heard of", || async { found(store, n).await.is_none() }).await;
}

#[tokio::test]
async fn an_old_and_a_new_version_run_side_by_side_and_tell_each_other_purges() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (open(version(folder.path(), 1)), open(version(folder.path(), 2)));
    for store in [&old, &new] {
        (1..=3).for_each(|n| keep(store, (n, 1)));
        store.flush().await;
    }
    assert!(!new.purge(of_source(1)).await.unreached);
    gone(&old, 1).await;
    assert!(!old.purge(of_source(2)).await.unreached);
    gone(&new, 2).await;
    for (name, store) in [("old", &old), ("new", &new)] {
        assert_eq!(found(store, 1).await, None, "{name}");
        assert_eq!(found(store, 3).await, Some((3, 1)), "{name}");
        assert_eq!(store.trouble(), None, "{name}");
    }
}

#[tokio::test]
async fn after_a_step_back_and_forth_what_was_purged_meanwhile_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let new = open(version(folder.path(), 2));
    (1..=2).for_each(|n| keep(&new, (n, 1)));
    new.flush().await;
    drop(new);
    let old = open(version(folder.path(), 1));
    old.purge(of_source(1)).await;
    drop(old);
    let new = open(version(folder.path(), 2));
    gone(&new, 1).await;
    assert_eq!(found(&new, 2).await, Some((2, 1)));
}

#[tokio::test]
async fn what_an_older_version_kept_goes_when_it_no_longer_runs() {
    let folder = tempfile::tempdir().unwrap();
    let old = open(version(folder.path(), 1));
    keep(&old, (1, 1));
    old.flush().await;
    let new = open(version(folder.path(), 2));
    assert_eq!(found(&new, 1).await, None);
    // Longer than it takes to look.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(layouts(folder.path()).len(), 2, "it is in use");
    assert_eq!(found(&old, 1).await, Some((1, 1)));
    drop(old);
    let left = || fs::read_dir(folder.path()).unwrap().count();
    until("removed", || async { layouts(folder.path()).len() == 1 && left() == 1 }).await;
    drop(new);
    // A newer one is not ours to remove.
    drop(open(version(folder.path(), 1)));
    assert_eq!(layouts(folder.path()).len(), 2);
}

#[tokio::test]
async fn of_versions_without_subfolders_only_what_was_ours_goes_and_until_then_a_purge_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index.sqlite");
    let old = rusqlite::Connection::open(&index).unwrap();
    old.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))
        .unwrap();
    old.execute_batch("CREATE TABLE t (a)").unwrap();
    let shelf = folder.path().join("00");
    fs::create_dir(&shelf).unwrap();
    let (ours, theirs) = (shelf.join("00".repeat(32)), shelf.join("holiday.jpg"));
    fs::write(&ours, b"").unwrap();
    fs::write(&theirs, b"precious").unwrap();
    let store = open(with_memory(folder.path()));
    assert!(store.purge(of_source(1)).await.unreached);
    drop(old);
    until("removed", || async { !ours.exists() && !index.exists() }).await;
    assert_eq!(fs::read(&theirs).unwrap(), b"precious");
    assert!(!store.purge(of_source(1)).await.unreached);
}
