//! What the disk keeps, and what becomes of it when it is damaged, foreign or gone.

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use common::{
    SMALL_BYTES, content, disk_only, disk_usage, entry, files, found, keep, open, picture, request,
    small, until, variant, with_memory,
};
use cuttle_store::{DiskSettings, Entry, Purge, Store, StoreSettings, Trouble};

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
fn keep_named(store: &Store<common::State>, names: std::ops::Range<u32>) {
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
    let index = || fs::metadata(folder.path().join("index.sqlite")).unwrap().len();
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
    store.purge(Purge::Prefix("/".into())).await;
    until("given back", || async { disk_usage(folder.path()) < 6 << 20 }).await;
}

/// Keeps pictures from the tenth on, until so many entries had to go.
async fn crowd(store: &Store<common::State>, evicted: u64) -> u32 {
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
    let accounts = |store: &Store<common::State>| {
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

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_make_the_newest_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(small(folder.path()));
    for n in 0..10 {
        keep(&store, (n, 1));
    }
    drop(store);
    // As if all of it had been written ten years from now.
    let index = rusqlite::Connection::open(folder.path().join("index.sqlite")).unwrap();
    index.execute("UPDATE entries SET used = used + 315360000000", []).unwrap();
    drop(index);
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
    let mut settings = disk_only(folder.path());
    settings.disk.as_mut().unwrap().max_age = Duration::from_secs(3);
    let store = open(settings);
    keep(&store, (0, 1));
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
    fs::create_dir(folder.join("00")).unwrap();
    fs::create_dir(folder.join("ff")).unwrap();
    let theirs = folder.join("00/holiday.jpg");
    fs::write(&theirs, b"precious").unwrap();
    fs::write(&precious, b"precious").unwrap();
    symlink(&precious, folder.join("probe")).unwrap();
    let stray = folder.join("ff").join("ff".repeat(32));
    fs::write(&stray, b"").unwrap();
    // After a trouble it is probed whether the disk can be written.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o770)).unwrap();
    let (store, trouble) = Store::<common::State>::open(disk_only(&folder));
    assert!(trouble.is_some());
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    until("recovered", || async { store.trouble().is_none() }).await;
    until("swept", || async { !stray.exists() }).await;
    for path in [theirs, precious] {
        assert_eq!(fs::read(path).unwrap(), b"precious");
    }
}

#[tokio::test]
async fn a_process_that_stopped_while_it_made_the_index_stops_no_other() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(disk_only(folder.path())));
    let lock = fs::File::open(folder.path().join("lock")).unwrap();
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
    let holder = rusqlite::Connection::open(folder.path().join("index.sqlite")).unwrap();
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

/// 4 MiB, and what one transaction may add.
const MAX_LOG: u64 = 8 << 20;

#[tokio::test]
async fn the_log_of_the_index_is_bounded_although_someone_always_reads() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(disk_only(folder.path()));
    keep(&store, (0, 1));
    store.flush().await;
    let path = folder.path().join("index.sqlite");
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
        let log = fs::metadata(folder.path().join("index.sqlite-wal")).unwrap().len();
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
    let reader = rusqlite::Connection::open(folder.path().join("index.sqlite")).unwrap();
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
    let log = || fs::metadata(folder.path().join("index.sqlite-wal")).unwrap().len();
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
    let (store, trouble) = Store::<common::State>::open(with_memory(volume.path()));
    assert!(trouble.is_some(), "a link leads wherever its owner wants");
    drop(store);
    if user.is_root() {
        fs::remove_file(&own).unwrap();
        fs::create_dir(&own).unwrap();
        std::os::unix::fs::chown(&own, Some(12_345), None).unwrap();
        let (_, trouble) = Store::<common::State>::open(with_memory(volume.path()));
        assert_eq!(trouble, Some(Trouble::Foreign { folder: own, owner: 12_345, user: 0 }));
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
    let shelf = own.join(&key[..2]);
    assert!(shelf.join(&key).exists());
    // A file of theirs is as good as ours, as far as its own digest goes.
    fs::rename(&own, volume.path().join("away")).unwrap();
    fs::create_dir_all(&shelf).unwrap();
    fs::write(shelf.join(&key), b"theirs").unwrap();
    assert_eq!(store.get(&content((1, 1))).await.map(|it| it.bytes), Some(picture((1, 1)).bytes));
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
        folder.exists() && store.trouble().is_none() && !files(&folder).is_empty()
    })
    .await;
}

#[tokio::test]
async fn an_index_that_vanishes_is_begun_anew_also_beside_a_log_that_stayed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
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
    fs::remove_file(folder.path().join("index.sqlite-wal")).unwrap();
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
