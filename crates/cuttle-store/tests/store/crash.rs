//! What is read back after `kill -9` at any instant, on a disk that is full, and on one that cannot be written.
//!
//! The writers are this binary again: a process that is killed cannot be a thread.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a helper that fails is a test that fails, loudly"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cuttle_store::{Store, StoreSettings, Trouble};
use cuttle_testing::Disk;

use crate::common::{
    State, disk_only, disk_usage, files, found, keep, layout, open, request, until, with_memory,
};

const FOLDER: &str = "CUTTLE_STORE_STORM";
const PICTURES: u32 = 200;
const MAX_BYTES: u64 = 3 << 20;

fn bounded(folder: &Path) -> StoreSettings {
    let mut settings = disk_only(folder);
    settings.disk.as_mut().unwrap().max_bytes = Some(MAX_BYTES);
    settings
}

/// The other process; ends only when it is killed.
#[tokio::test]
#[ignore = "is started by the other tests"]
async fn storm() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let (store, _) = Store::<State>::open(bounded(&PathBuf::from(folder)));
    loop {
        let n = fastrand::u32(..PICTURES);
        keep(&store, (n, fastrand::u32(..)));
        if fastrand::u8(..) < 20 {
            store.forget(&request(fastrand::u32(..PICTURES))).await;
        }
        if fastrand::u8(..) < 10 {
            store.flush().await;
        }
    }
}

fn storm_on(folder: &Path) -> Child {
    Command::new("/proc/self/exe")
        .args(["--exact", "crash::storm", "--ignored"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// `CUTTLE_STORMS` rounds (40) of two processes that write, purge nothing, and die.
#[tokio::test]
async fn no_wrong_byte_is_read_after_kill_9_in_a_storm_of_writes() {
    let rounds = std::env::var("CUTTLE_STORMS").map_or(40, |rounds| rounds.parse().unwrap());
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("cache");
    let mut read = 0;
    for round in 0..rounds {
        let mut storms = [storm_on(&folder), storm_on(&folder)];
        tokio::time::sleep(Duration::from_millis(fastrand::u64(30..150))).await;
        for storm in &mut storms {
            storm.kill().unwrap();
            storm.wait().unwrap();
        }
        let store = open(bounded(&folder));
        for n in 0..PICTURES {
            read += u32::from(found(&store, n).await.is_some());
        }
        keep(&store, (0, round));
        store.flush().await;
        assert_eq!(found(&store, 0).await, Some((0, round)), "usable");
        until("within its cap", || async { disk_usage(&folder) <= MAX_BYTES }).await;
    }
    assert!(read > rounds * 5, "only {read} pictures survived");
    let store = open(bounded(&folder));
    // Whatever was half done is swept, and then the accounts are those of the files.
    until("accounts and files agree", || async {
        let files = files(&folder);
        let bytes: u64 = files
            .iter()
            .map(|file| file.metadata().map_or(0, |file| file.len().next_multiple_of(4096)))
            .sum();
        let kept = store.usage().disk.unwrap();
        (kept.variants, kept.bytes) == (files.len() as u64, bytes)
    })
    .await;
    println!("{read} pictures read back after {rounds} storms");
}

/// Two processes on one folder, of which one dies again and again: the other serves and keeps as if it were alone.
#[tokio::test]
async fn a_process_that_is_killed_leaves_nothing_to_the_one_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(bounded(folder.path()));
    for round in 0..10 {
        let mut storm = storm_on(folder.path());
        let killed = tokio::time::Instant::now() + Duration::from_millis(fastrand::u64(30..150));
        while tokio::time::Instant::now() < killed {
            found(&store, fastrand::u32(..PICTURES)).await;
            // Which the other does not touch.
            keep(&store, (PICTURES, round));
        }
        storm.kill().unwrap();
        storm.wait().unwrap();
        keep(&store, (PICTURES, round + 100));
        store.flush().await;
        assert_eq!(found(&store, PICTURES).await, Some((PICTURES, round + 100)));
        assert_eq!(store.trouble(), None);
    }
}

/// The other process; forgets a picture, with much to write before it, and dies as soon as it has.
#[tokio::test]
#[ignore = "is started by another test"]
async fn forgetter() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let (store, _) = Store::<State>::open(disk_only(&PathBuf::from(folder)));
    (2..PICTURES).for_each(|n| keep(&store, (n, 1)));
    store.forget(&request(1)).await;
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
        .unwrap();
}

#[tokio::test]
async fn what_was_said_to_be_forgotten_does_not_come_back_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..10 {
        let store = open(disk_only(folder.path()));
        keep(&store, (1, round));
        drop(store);
        let mut forgetter = Command::new("/proc/self/exe")
            .args(["--exact", "crash::forgetter", "--ignored"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        assert!(!forgetter.wait().unwrap().success());
        assert_eq!(found(&open(disk_only(folder.path())), 1).await, None);
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_nothing_is_read_wrong_and_it_recovers() {
    let Some(disk) = Disk::new(8) else { return };
    let folder = disk.path().join("cache");
    let store = open(with_memory(&folder));
    (0..50).for_each(|n| keep(&store, (n, 1)));
    store.flush().await;
    let kept = store.usage().disk.unwrap();
    assert!(kept.variants == 50 && kept.bytes <= 4 << 20, "{kept:?}");
    let ballast = disk.fill();
    // Whatever our own room-making frees is taken again.
    until("full", || async {
        let _ = disk.fill();
        keep(&store, (fastrand::u32(100..200), 1));
        store.flush().await;
        matches!(store.trouble(), Some(Trouble::Full(_)))
    })
    .await;
    keep(&store, (1, 2));
    assert_eq!(found(&store, 1).await, Some((1, 2)), "from memory");
    fs::remove_file(&ballast).unwrap();
    until("recovered", || async { store.trouble().is_none() }).await;
    keep(&store, (2, 2));
    drop(store);
    let store = open(disk_only(&folder));
    assert_eq!(found(&store, 2).await, Some((2, 2)));
    for n in 0..200 {
        found(&store, n).await;
    }
}

#[tokio::test]
async fn no_wrong_byte_is_read_after_kill_9_on_a_full_disk() {
    let Some(disk) = Disk::new(2) else { return };
    let folder = disk.path().join("cache");
    for round in 0..10 {
        let mut storm = storm_on(&folder);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(30..150))).await;
        // All but a little of what is left, in the middle of it.
        let ballast = disk.path().join("ballast");
        let _ = fs::write(&ballast, vec![0; disk.room().saturating_sub(40_000)]);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(30..150))).await;
        storm.kill().unwrap();
        storm.wait().unwrap();
        let (store, _) = Store::open(bounded(&folder));
        for n in 0..PICTURES {
            found(&store, n).await;
        }
        fs::remove_file(&ballast).unwrap();
        until("usable", || async {
            keep(&store, (0, round));
            store.flush().await;
            store.trouble().is_none() && found(&store, 0).await == Some((0, round))
        })
        .await;
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_said_and_memory_serves() {
    let Some(disk) = Disk::new(2) else { return };
    disk.writable(false);
    let (store, trouble) = Store::open(with_memory(&disk.path().join("state/cache")));
    assert!(matches!(trouble, Some(Trouble::ReadOnly(_))), "{trouble:?}");
    keep(&store, (1, 1));
    store.forget(&request(2)).await;
    assert_eq!(found(&store, 1).await, Some((1, 1)));
    disk.writable(true);
    until("recovered", || async { store.trouble().is_none() }).await;
}

#[tokio::test]
async fn a_read_only_disk_is_said_and_memory_serves() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, mut mounted) = (parent.path().join("cache"), None);
    if rustix::process::geteuid().is_root() {
        // Whom permissions do not stop, a mount does.
        let Some(tmpfs) = Disk::new(2) else { return };
        fs::create_dir(&folder).unwrap();
        let bind = |args: &[&str]| {
            Command::new("mount").args(args).arg(&folder).status().unwrap().success()
        };
        let cache = tmpfs.path().to_str().unwrap();
        drop(open(with_memory(tmpfs.path())));
        assert!(bind(&["--bind", cache]) && bind(&["-o", "remount,ro,bind"]));
        mounted = Some(tmpfs);
    } else {
        drop(open(with_memory(&folder)));
        fs::set_permissions(
            layout(&folder).join("index.sqlite"),
            fs::Permissions::from_mode(0o400),
        )
        .unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).unwrap();
    }
    let (store, trouble) = Store::open(with_memory(&folder));
    assert!(matches!(trouble, Some(Trouble::ReadOnly(_))), "{trouble:?}");
    keep(&store, (1, 1));
    assert_eq!(found(&store, 1).await, Some((1, 1)));
    if mounted.is_some() {
        assert!(Command::new("umount").arg(&folder).status().unwrap().success());
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    } else {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        fs::set_permissions(
            layout(&folder).join("index.sqlite"),
            fs::Permissions::from_mode(0o600),
        )
        .unwrap();
    }
    until("recovered", || async { store.trouble().is_none() }).await;
    keep(&store, (2, 1));
    drop(store);
    assert_eq!(found(&open(disk_only(&folder)), 2).await, Some((2, 1)));
}

/// A purge in this process is heard by another one, which looks four times a second and ends when it has heard.
#[tokio::test]
async fn another_process_hears_of_a_purge() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(with_memory(folder.path()));
    keep(&store, (1, 1));
    store.flush().await;
    let ready = folder.path().join("ready");
    let mut other = Command::new("/proc/self/exe")
        .args(["--exact", "crash::listener", "--ignored"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("the other has it in memory", || async { ready.exists() }).await;
    assert!(other.try_wait().unwrap().is_none());
    let purged = std::time::Instant::now();
    store.purge(cuttle_store::Scope::Prefix("/photos/".into())).await;
    until("heard", || std::future::ready(other.try_wait().unwrap().is_some())).await;
    println!("another process heard of a purge after {:?}", purged.elapsed());
    assert!(other.wait().unwrap().success());
}

#[tokio::test]
#[ignore = "is started by another test"]
async fn listener() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = PathBuf::from(folder);
    let store = open(with_memory(&folder));
    assert_eq!(found(&store, 1).await, Some((1, 1)));
    fs::write(folder.join("ready"), b"").unwrap();
    until("purged", || async { store.peek(&request(1)).is_none() }).await;
    assert_eq!(found(&store, 1).await, None);
}
