//! What the disk keeps, and what becomes of it when it is damaged, foreign or gone.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use common::{
    content, disk_only, entry, files, found, keep, open, picture, request, until, variant,
    with_memory,
};
use cuttle_store::{DiskSettings, Entry, Store, StoreSettings, Trouble};

#[tokio::test]
async fn what_was_kept_is_found_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(with_memory(folder.path()));
    for n in 0..50 {
        keep(&store, (n, 1));
        assert_eq!(store.peek(&request(n)).map(|(entry, _)| entry.state), Some((n, 1)));
    }
    drop(store);
    let store = open(with_memory(folder.path()));
    for n in 0..50 {
        assert!(store.peek(&request(n)).is_none());
        assert_eq!(found(&store, n).await, Some((n, 1)));
        assert!(store.peek(&request(n)).is_some(), "found once, it is in memory");
    }
    assert_eq!(found(&store, 50).await, None);
    assert_eq!(store.usage().disk.unwrap().entries, 50);
}

#[tokio::test]
async fn a_picture_that_waits_to_be_written_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(disk_only(folder.path()));
    for n in 0..200 {
        keep(&store, (n, 1));
        assert_eq!(found(&store, n).await, Some((n, 1)));
    }
}

#[tokio::test]
async fn a_variant_is_found_by_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(disk_only(folder.path()));
    keep(&store, (1, 1));
    store.flush().await;
    assert_eq!(store.peek_variant(&content((1, 1))), None);
    assert_eq!(store.get(&content((1, 1))).await, Some(picture((1, 1))));
    assert_eq!(store.get(&content((2, 1))).await, None);
}

#[tokio::test]
async fn a_changed_picture_replaces_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(disk_only(folder.path()));
    for version in 1..=2 {
        keep(&store, (1, version));
        store.flush().await;
    }
    assert_eq!(found(&store, 1).await, Some((1, 2)));
    assert_eq!(files(folder.path()).len(), 1);
}

#[tokio::test]
async fn what_is_forgotten_leaves_no_bytes_unless_another_request_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(with_memory(folder.path()));
    let shared = Entry { source: "/other.jpg".into(), ..entry((1, 1)) };
    keep(&store, (1, 1));
    store.record(store.epoch(), request(2), shared, &picture((1, 1)));
    store.flush().await;
    for (n, left) in [(1, 1), (2, 0)] {
        store.forget(&request(n));
        assert!(store.find(&request(n)).await.is_none());
        store.flush().await;
        assert_eq!(files(folder.path()).len(), left);
        assert!(store.find(&request(n)).await.is_none());
    }
    let usage = store.usage().disk.unwrap();
    assert_eq!((usage.entries, usage.variants, usage.bytes), (0, 0, 0));
}

#[tokio::test]
async fn a_damaged_file_is_a_miss_is_counted_and_goes() {
    type Damage = fn(&std::path::Path);
    let damages: [(&str, Damage); 5] = [
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
    ];
    for (name, damage) in damages {
        let folder = tempfile::tempdir().unwrap();
        let store = open(disk_only(folder.path()));
        keep(&store, (1, 1));
        store.flush().await;
        damage(&files(folder.path())[0]);
        assert_eq!(found(&store, 1).await, None, "{name}");
        until("removed", || async { store.usage().corrupt == 1 }).await;
        assert_eq!(files(folder.path()).len(), 0, "{name}");
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
async fn the_oldest_go_when_there_are_too_many_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = disk_only(folder.path());
    settings.disk.as_mut().unwrap().max_bytes = Some(400_000);
    let store = open(settings);
    for n in 0..60 {
        keep(&store, (n, 1));
        store.flush().await;
        assert!(store.usage().disk.unwrap().bytes <= 400_000);
    }
    let usage = store.usage();
    assert!(usage.evicted > 10 && usage.disk.unwrap().variants > 5, "{usage:?}");
    assert_eq!(found(&store, 0).await, None);
    assert_eq!(found(&store, 59).await, Some((59, 1)));
    let on_disk: u64 = files(folder.path()).iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(on_disk <= 400_000, "{on_disk}");
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

#[tokio::test]
async fn what_a_crash_left_is_swept() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(disk_only(folder.path()));
    for n in 0..10 {
        keep(&store, (n, 1));
    }
    drop(store);
    let all = files(folder.path());
    fs::remove_file(&all[0]).unwrap();
    fs::write(all[1].with_file_name("00ff.new"), b"unfinished").unwrap();
    fs::copy(&all[1], all[2].with_file_name("ab".repeat(32))).unwrap();
    let store = open(disk_only(folder.path()));
    until("swept", || async { files(folder.path()).len() == 9 }).await;
    until("counted", || async { store.usage().disk.unwrap().variants == 9 }).await;
    assert_eq!(store.usage().disk.unwrap().entries, 9);
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

#[tokio::test]
async fn a_folder_of_someone_else_or_open_to_others_is_not_used() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("cache");
    drop(open(disk_only(&folder)));
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o770)).unwrap();
    let (store, trouble) = Store::open(with_memory(&folder));
    assert_eq!(trouble, Some(Trouble::Exposed { folder: folder.clone(), mode: 0o770 }));
    keep(&store, (1, 1));
    assert_eq!(found(&store, 1).await, Some((1, 1)), "from memory");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    until("recovered", || async { store.trouble().is_none() }).await;
    if rustix::process::geteuid().is_root() {
        drop(store);
        std::os::unix::fs::chown(&folder, Some(12_345), None).unwrap();
        let (_, trouble) = Store::<common::State>::open(with_memory(&folder));
        assert_eq!(trouble, Some(Trouble::Foreign { folder, owner: 12_345 }));
    }
}

#[tokio::test]
async fn a_folder_that_vanishes_is_made_anew() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("cache");
    let store = open(with_memory(&folder));
    keep(&store, (1, 1));
    store.flush().await;
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(found(&store, 1).await, Some((1, 1)), "from memory");
    keep(&store, (2, 1));
    until("made anew", || async {
        // A change, as confirmations are not written again at once.
        keep(&store, (3, fastrand::u32(..)));
        store.flush().await;
        folder.exists() && store.trouble().is_none() && !files(&folder).is_empty()
    })
    .await;
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
        let index = folder.path().join("index.sqlite");
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
        assert!(folder.path().join("index.corrupt").exists(), "from byte {damage}");
        until("swept", || async { files(folder.path()).len() == 1 }).await;
    }
}

#[tokio::test]
async fn an_older_layout_is_begun_anew_and_a_newer_one_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let layout = |state_layout| StoreSettings {
        disk: Some(DiskSettings { state_layout, ..disk_only(folder.path()).disk.unwrap() }),
        ..disk_only(folder.path())
    };
    let old = open(layout(1));
    keep(&old, (1, 1));
    old.flush().await;
    let new = open(layout(2));
    assert_eq!(found(&new, 1).await, None);
    keep(&new, (2, 1));
    new.flush().await;
    until("left alone", || async { matches!(old.trouble(), Some(Trouble::Newer { .. })) }).await;
    assert_eq!(found(&new, 2).await, Some((2, 1)));
}

#[tokio::test]
async fn without_a_disk_everything_is_in_memory() {
    let (store, trouble) = Store::open(StoreSettings {
        memory_bytes: 1 << 20,
        index_entries_in_memory: 100,
        disk: None,
    });
    assert_eq!(trouble, None);
    keep(&store, (1, 1));
    assert_eq!(found(&store, 1).await, Some((1, 1)));
    store.forget(&request(1));
    assert_eq!(found(&store, 1).await, None);
    store.flush().await;
    assert_eq!(store.usage().disk, None);
}
