//! What the disk keeps, in whose folder, and what a crash or others left there.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use cuttle_store::{Entry, Store, StoreSettings, Trouble};

use crate::common::{
    State, content, disk_only, entry, files, found, keep, layout, open, picture, request, until,
    with_memory,
};

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
        store.forget(&request(n)).await;
        assert_eq!(files(folder.path()).len(), left);
        assert!(store.find(&request(n)).await.is_none());
    }
    let usage = store.usage().disk.unwrap();
    assert_eq!((usage.entries, usage.variants, usage.bytes), (0, 0, 0));
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
async fn what_others_put_into_the_folder_is_neither_removed_nor_written_through() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, precious) = (parent.path().join("cache"), parent.path().join("precious"));
    drop(open(disk_only(&folder)));
    let (base, folder) = (folder.clone(), layout(&folder));
    fs::create_dir(folder.join("00")).unwrap();
    fs::create_dir(folder.join("ff")).unwrap();
    let theirs = folder.join("00/holiday.jpg");
    fs::write(&theirs, b"precious").unwrap();
    fs::write(&precious, b"precious").unwrap();
    symlink(&precious, folder.join("probe")).unwrap();
    let stray = folder.join("ff").join("ff".repeat(32));
    fs::write(&stray, b"").unwrap();
    // After a trouble it is probed whether the disk can be written.
    let lock = fs::File::open(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let (store, trouble) = Store::<State>::open(disk_only(&base));
    assert!(trouble.is_some());
    drop(lock);
    until("recovered", || async { store.trouble().is_none() }).await;
    until("swept", || async { !stray.exists() }).await;
    for path in [theirs, precious] {
        assert_eq!(fs::read(path).unwrap(), b"precious");
    }
}

#[tokio::test]
async fn in_a_folder_of_others_one_of_our_own_is_made() {
    let own = format!("cuttle-{}", rustix::process::geteuid().as_raw());
    for mode in [0o770, 0o777, 0o2775, 0o1777] {
        let volume = tempfile::tempdir().unwrap();
        fs::set_permissions(volume.path(), fs::Permissions::from_mode(mode)).unwrap();
        let (store, trouble) = Store::open(with_memory(volume.path()));
        assert_eq!(trouble, None, "{mode:o}");
        keep(&store, (1, 1));
        store.flush().await;
        let made = fs::metadata(volume.path().join(&own)).unwrap().permissions().mode();
        assert_eq!(made & 0o777, 0o700, "{mode:o}");
        drop(store);
        let store = open(disk_only(volume.path()));
        assert_eq!(found(&store, 1).await, Some((1, 1)), "{mode:o}: by the next process");
    }
}

#[tokio::test]
async fn a_folder_that_stays_someone_else_s_or_open_to_others_is_not_used() {
    let volume = tempfile::tempdir().unwrap();
    let user = rustix::process::geteuid();
    let own = volume.path().join(format!("cuttle-{}", user.as_raw()));
    fs::set_permissions(volume.path(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::create_dir(&own).unwrap();
    fs::set_permissions(&own, fs::Permissions::from_mode(0o770)).unwrap();
    let (store, trouble) = Store::open(with_memory(volume.path()));
    assert_eq!(trouble, Some(Trouble::Exposed { folder: own.clone(), mode: 0o770 }));
    keep(&store, (1, 1));
    assert_eq!(found(&store, 1).await, Some((1, 1)), "from memory");
    fs::set_permissions(&own, fs::Permissions::from_mode(0o700)).unwrap();
    until("recovered", || async { store.trouble().is_none() }).await;
    drop(store);
    fs::rename(&own, volume.path().join("elsewhere")).unwrap();
    symlink("elsewhere", &own).unwrap();
    let (store, trouble) = Store::<State>::open(with_memory(volume.path()));
    assert!(trouble.is_some(), "a link leads wherever its owner wants");
    drop(store);
    if user.is_root() {
        fs::remove_file(&own).unwrap();
        fs::create_dir(&own).unwrap();
        std::os::unix::fs::chown(&own, Some(12_345), None).unwrap();
        let (_, trouble) = Store::<State>::open(with_memory(volume.path()));
        assert_eq!(trouble, Some(Trouble::Foreign { folder: own, owner: 12_345, user: 0 }));
    } else {
        cuttle_testing::skip("only root can give a folder to somebody else");
    }
}

#[tokio::test]
async fn who_takes_our_folder_out_of_a_folder_of_others_puts_no_pictures_in_its_place() {
    let volume = tempfile::tempdir().unwrap();
    let own = volume.path().join(format!("cuttle-{}", rustix::process::geteuid().as_raw()));
    fs::set_permissions(volume.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let store = open(disk_only(volume.path()));
    keep(&store, (1, 1));
    store.flush().await;
    let key = blake3::Hash::from_bytes(content((1, 1)).0).to_hex().to_string();
    let shelf = layout(&own).join(&key[..2]);
    assert!(shelf.join(&key).exists());
    // A file of theirs is as good as ours, as far as its own digest goes.
    fs::rename(&own, volume.path().join("away")).unwrap();
    fs::create_dir_all(&shelf).unwrap();
    fs::write(shelf.join(&key), b"theirs").unwrap();
    assert_eq!(store.get(&content((1, 1))).await.map(|it| it.bytes), Some(picture((1, 1)).bytes));
}

#[tokio::test]
async fn without_a_disk_everything_is_in_memory() {
    let (store, trouble) = Store::open(StoreSettings {
        memory_bytes: 1 << 20,
        index_bytes: 1 << 20,
        index_entries: 100,
        queue_bytes: 0,
        disk: None,
    });
    assert_eq!(trouble, None);
    keep(&store, (1, 1));
    assert_eq!(found(&store, 1).await, Some((1, 1)));
    store.forget(&request(1)).await;
    assert_eq!(found(&store, 1).await, None);
    store.flush().await;
    assert_eq!(store.usage().disk, None);
}
