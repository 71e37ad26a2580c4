//! Pictures by number, and stores to keep them in.
#![allow(dead_code, unreachable_pub, reason = "two other test binaries use some of it")]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cuttle_image::Kind;
use cuttle_store::{ContentKey, DiskSettings, Entry, RequestDigest, Store, StoreSettings, Variant};

/// Number and version of a picture.
pub type State = (u32, u32);

pub fn request(n: u32) -> RequestDigest {
    RequestDigest(*blake3::hash(&n.to_le_bytes()).as_bytes())
}

pub fn content(state: State) -> ContentKey {
    ContentKey(*blake3::hash(format!("{state:?}").as_bytes()).as_bytes())
}

/// Between 1 and 33 KB of noise behind a signature; always the same for the same state.
pub fn picture(state: State) -> Variant {
    let mut noise = fastrand::Rng::with_seed(u64::from(state.0) << 32 | u64::from(state.1));
    let mut bytes = b"RIFF\0\0\0\0WEBPVP8 ".to_vec();
    bytes.extend((0..noise.usize(1000..33_000)).map(|_| noise.u8(..)));
    variant(bytes)
}

pub fn variant(bytes: Vec<u8>) -> Variant {
    let etag = format!("\"{}\"", blake3::hash(&bytes).to_hex()).into();
    Variant {
        bytes: Bytes::from(bytes),
        kind: Kind::Webp,
        width: 3,
        height: 2,
        etag,
        passthrough: false,
    }
}

pub fn entry(state: State) -> Entry<State> {
    let (application, source) = (application(state.0).into(), source(state.0).into());
    Entry { content: content(state), state, application, source }
}

/// Of two, each has every second picture.
pub fn application(n: u32) -> &'static str {
    if n.is_multiple_of(2) { "shop" } else { "docs" }
}

pub fn source(n: u32) -> String {
    format!("/photos/{}/{n}.jpg", n % 10)
}

/// A store whose memory keeps nothing, so that everything is read from the disk.
pub fn disk_only(folder: &Path) -> StoreSettings {
    StoreSettings {
        memory_bytes: 0,
        index_bytes: 0,
        index_entries: 1_000_000,
        queue_bytes: 8 << 20,
        disk: Some(DiskSettings {
            max_bytes: Some(64 << 20),
            ..DiskSettings::new(folder.to_owned())
        }),
    }
}

pub fn with_memory(folder: &Path) -> StoreSettings {
    StoreSettings { memory_bytes: 16 << 20, index_bytes: 8 << 20, ..disk_only(folder) }
}

/// A disk where some twenty pictures fit beside the log of the index, the index, and folders for each of them.
pub const SMALL_BYTES: u64 = 1_100_000;

pub fn small(folder: &Path) -> StoreSettings {
    let mut settings = disk_only(folder);
    settings.disk.as_mut().unwrap().max_bytes = Some(SMALL_BYTES);
    settings
}

/// What a folder takes on the disk, as `du` counts it.
pub fn disk_usage(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => found.blocks() * 512 + disk_usage(&entry.path()),
            Ok(found) => found.blocks() * 512,
            // Gone meanwhile.
            Err(_) => 0,
        })
        .sum()
}

/// Opens a store that must have no trouble.
pub fn open(settings: StoreSettings) -> Store<State> {
    let (store, trouble) = Store::open(settings);
    assert_eq!(trouble, None);
    store
}

pub fn keep(store: &Store<State>, state: State) {
    store.record(store.epoch(), request(state.0), entry(state), &picture(state));
}

/// What a store has of a picture; anything but the picture itself is a failure.
pub async fn found(store: &Store<State>, n: u32) -> Option<State> {
    let (entry, variant) = store.find(&request(n)).await?;
    let state = entry.state;
    assert_eq!(state.0, n, "another picture's state");
    assert_eq!(entry.content, content(state));
    assert_eq!(*entry.source, *source(n));
    assert!(variant == picture(state), "wrong bytes of {state:?}");
    Some(state)
}

/// Waits until something is so; fails after twenty seconds.
pub async fn until<F: Future<Output = bool>>(what: &str, mut is: impl FnMut() -> F) {
    let start = Instant::now();
    while !is().await {
        assert!(start.elapsed() < Duration::from_secs(20), "not in twenty seconds: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Where the layout of this version lies.
pub fn layout(folder: &Path) -> PathBuf {
    layouts(folder).pop().expect("one that was opened")
}

/// Where layouts lie, in order.
pub fn layouts(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_layout =
        |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("layout-");
    let mut layouts: Vec<_> = entries.filter(is_layout).collect();
    layouts.sort();
    layouts
}

/// Files of variants below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let shelves = std::fs::read_dir(layout(folder)).unwrap().map(|entry| entry.unwrap().path());
    let files =
        shelves.filter(|path| path.is_dir()).flat_map(|shelf| std::fs::read_dir(shelf).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}
