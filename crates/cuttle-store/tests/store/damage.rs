//! A disk that is damaged, held by another process, or gone.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use cuttle_store::{Store, Trouble};

use crate::common::{disk_only, files, found, keep, layout, layouts, open, until, with_memory};

#[tokio::test]
async fn a_damaged_file_is_a_miss_is_counted_and_goes() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 8] = [
        ("short", |path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("empty", |path| fs::write(path, b"").unwrap()),
        ("a bit", |path| {
            let mut bytes = fs::read(path).unwrap();
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            fs::write(path, bytes).unwrap();
        }),
        ("foreign", |path| fs::write(path, b"<html>").unwrap()),
        ("gone", |path| fs::remove_file(path).unwrap()),
        ("a pipe", |path| {
            fs::remove_file(path).unwrap();
            let mode = rustix::fs::Mode::RWXU;
            let pipe = rustix::fs::FileType::Fifo;
            rustix::fs::mknodat(rustix::fs::CWD, path, pipe, mode, 0).unwrap();
        }),
        ("a link", |path| {
            let elsewhere = path.ancestors().nth(2).unwrap().join("elsewhere");
            fs::rename(path, &elsewhere).unwrap();
            symlink(elsewhere, path).unwrap();
        }),
        ("a folder", |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        }),
    ];
    for (name, damage) in damages {
        let folder = tempfile::tempdir().unwrap();
        let store = open(disk_only(folder.path()));
        keep(&store, (1, 1));
        store.flush().await;
        damage(&files(folder.path())[0]);
        keep(&store, (2, 1));
        store.flush().await;
        assert_eq!(found(&store, 1).await, None, "{name}");
        until("removed", || async { store.usage().corrupt == 1 }).await;
        assert_eq!(files(folder.path()).len(), 1, "{name}");
        assert_eq!(store.trouble(), None, "one file is not the disk: {name}");
        assert_eq!(found(&store, 2).await, Some((2, 1)), "{name}");
        keep(&store, (1, 1));
        store.flush().await;
        assert_eq!(found(&store, 1).await, Some((1, 1)), "{name}");
    }
}

#[tokio::test]
async fn the_file_of_another_picture_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(disk_only(folder.path()));
    keep(&store, (1, 1));
    store.flush().await;
    let first = files(folder.path()).remove(0);
    keep(&store, (2, 1));
    store.flush().await;
    let second = files(folder.path()).into_iter().find(|path| *path != first).unwrap();
    fs::copy(first, second).unwrap();
    assert_eq!(found(&store, 2).await, None);
    assert_eq!(found(&store, 1).await, Some((1, 1)));
}

#[tokio::test]
async fn a_process_that_stopped_while_it_made_the_index_stops_no_other() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(disk_only(folder.path())));
    let lock = fs::File::open(layout(folder.path()).join("lock")).unwrap();
    lock.lock().unwrap();
    let (store, trouble) = Store::open(with_memory(folder.path()));
    assert!(matches!(trouble, Some(Trouble::Busy(_))), "{trouble:?}");
    keep(&store, (1, 1));
    assert_eq!(found(&store, 1).await, Some((1, 1)), "from memory");
    drop(lock);
    until("recovered", || async { store.trouble().is_none() }).await;
}

#[tokio::test]
async fn an_index_that_another_process_holds_can_be_read_and_is_said_to_be_held() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(disk_only(folder.path()));
    keep(&store, (1, 1));
    store.flush().await;
    let holder = rusqlite::Connection::open(layout(folder.path()).join("index.sqlite")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    keep(&store, (2, 1));
    until("said", || async { matches!(store.trouble(), Some(Trouble::Busy(_))) }).await;
    assert_eq!(found(&store, 1).await, Some((1, 1)));
    holder.execute_batch("ROLLBACK").unwrap();
    until("recovered", || async { store.trouble().is_none() }).await;
    keep(&store, (3, 1));
    store.flush().await;
    assert_eq!(found(&store, 3).await, Some((3, 1)));
}

#[tokio::test]
async fn a_folder_that_vanishes_is_made_anew() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("cache");
    let store = open(with_memory(&folder));
    keep(&store, (1, 1));
    store.flush().await;
    fs::remove_dir_all(&folder).unwrap();
    until("said", || async { matches!(store.trouble(), Some(Trouble::Unusable(_))) }).await;
    assert_eq!(found(&store, 1).await, Some((1, 1)), "from memory");
    keep(&store, (2, 1));
    assert_eq!(found(&store, 2).await, Some((2, 1)), "from memory");
    until("made anew", || async {
        // A change, as confirmations are not written again at once.
        keep(&store, (3, fastrand::u32(..)));
        store.flush().await;
        folder.exists()
            && store.trouble().is_none()
            && !layouts(&folder).is_empty()
            && !files(&folder).is_empty()
    })
    .await;
}

#[tokio::test]
async fn an_index_that_vanishes_is_begun_anew_also_beside_a_log_that_stayed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| layout(folder.path()).join(name);
    let store = open(disk_only(folder.path()));
    for n in 0..10 {
        keep(&store, (n, 1));
    }
    store.flush().await;
    fs::copy(at("index.sqlite-wal"), at("log")).unwrap();
    fs::remove_file(at("index.sqlite")).unwrap();
    until("said", || async { matches!(store.trouble(), Some(Trouble::Unusable(_))) }).await;
    until("recovered", || async { store.trouble().is_none() }).await;
    until("swept", || async { files(folder.path()).is_empty() }).await;
    keep(&store, (1, 2));
    store.flush().await;
    assert_eq!(found(&store, 1).await, Some((1, 2)));
    drop(store);
    fs::remove_file(at("index.sqlite")).unwrap();
    fs::rename(at("log"), at("index.sqlite-wal")).unwrap();
    let store = open(disk_only(folder.path()));
    for n in 0..10 {
        assert_eq!(found(&store, n).await, None);
    }
    keep(&store, (1, 3));
    drop(store);
    assert_eq!(found(&open(disk_only(folder.path())), 1).await, Some((1, 3)));
}

#[tokio::test]
async fn an_index_whose_log_was_removed_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(disk_only(folder.path()));
    keep(&store, (1, 1));
    store.flush().await;
    fs::remove_file(layout(folder.path()).join("index.sqlite-wal")).unwrap();
    until("said", || async { matches!(store.trouble(), Some(Trouble::Corrupt(_))) }).await;
    until("recovered", || async { store.trouble().is_none() }).await;
    keep(&store, (2, 1));
    store.flush().await;
    drop(store);
    assert_eq!(found(&open(disk_only(folder.path())), 2).await, Some((2, 1)));
}

#[tokio::test]
async fn a_corrupt_index_is_moved_aside_and_begun_anew() {
    for damage in [0, 100, 5000] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(disk_only(folder.path()));
        for n in 0..100 {
            keep(&store, (n, 1));
        }
        drop(store);
        let index = layout(folder.path()).join("index.sqlite");
        let mut bytes = fs::read(&index).unwrap();
        bytes[damage..].fill(0x5a);
        fs::write(&index, bytes).unwrap();
        let (store, _) = Store::open(disk_only(folder.path()));
        for n in 0..100 {
            // None of it, or the right one.
            found(&store, n).await;
        }
        until("kept again", || async {
            keep(&store, (1, 2));
            store.flush().await;
            store.trouble().is_none() && found(&store, 1).await == Some((1, 2))
        })
        .await;
        assert!(layout(folder.path()).join("index.corrupt").exists(), "from byte {damage}");
        until("swept", || async { files(folder.path()).len() == 1 }).await;
    }
}
