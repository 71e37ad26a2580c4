//! One small file for each limit, refused before the memory that it asks for is spent.
#![cfg(feature = "codecs")]
#![expect(clippy::unwrap_used, reason = "a test that cannot make its picture fails")]
#![expect(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use cuttle_demo::fixtures::container::{Container, Item, extents, grid, without_frames};
use cuttle_image::{Excess, Limits, Profile, RenderOptions, Target, render};

/// Bytes held now and at most, by Rust code. The C codecs are reached only after every limit.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: forwards to the system's allocator and counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller's promises are the callee's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as in `alloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// More than any header takes, and less than any of these files would make a decoder take.
const ENOUGH: usize = 256 << 10;

fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).unwrap().to_be_bytes();
    // Nothing checks a sum before a limit.
    [len.as_slice(), name, body, &[0; 4]].concat()
}

fn png(width: u32, height: u32, chunks: &[u8]) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let tail = [chunk(b"IDAT", &[]), chunk(b"IEND", &[])].concat();
    [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", &header).as_slice(), chunks, &tail].concat()
}

/// zlib (RFC 1950, 1951): one block of fixed codes, a zero, then `matches` copies of 258 zeros.
fn inflating(matches: usize) -> Vec<u8> {
    let mut bits: Vec<u8> = vec![1, 1, 0];
    bits.extend([0, 0, 1, 1, 0, 0, 0, 0]);
    for _ in 0..matches {
        bits.extend([1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
    }
    bits.extend([0; 7]);
    let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit);
    [&[0x78, 0x01][..], &bits.chunks(8).map(byte).collect::<Vec<u8>>(), &[0; 4]].concat()
}

/// An AVIF that is put together from so many pictures, none of which has a pixel.
fn avif_grid(columns: u32, rows: u32, side: u32) -> Vec<u8> {
    let (width, height) = (columns * side, rows * side);
    let head = Item {
        kind: *b"grid",
        payload: grid(columns, rows, width, height),
        properties: vec![(extents(width, height), false)],
    };
    let cell = Item {
        kind: *b"av01",
        payload: without_frames(side, side),
        properties: vec![(extents(side, side), false)],
    };
    let cells = columns * rows;
    let order: Vec<u16> = (2..).take(cells as usize).collect();
    let items = std::iter::once(head).chain(std::iter::repeat_n(cell, cells as usize));
    Container::of(items.collect()).refers(b"dimg", 1, &order).file()
}

/// A progressive JPEG of 8000 × 6000, 96 MB of coefficients, and `scans` scans of a few bytes.
fn jpeg(scans: usize) -> Vec<u8> {
    let frame = [0xff, 0xc2, 0, 11, 8, 0x17, 0x70, 0x1f, 0x40, 1, 1, 0x11, 0];
    let scan = [0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0, 0x12, 0xff, 0, 0x34, 0xff, 0xd0, 0x56];
    [&[0xff, 0xd8][..], &frame, &scan.repeat(scans), &[0xff, 0xd9]].concat()
}

fn tiff(width: u32, height: u32) -> Vec<u8> {
    let entry = |tag: u16, value: u32| {
        [&tag.to_le_bytes()[..], &[4, 0, 1, 0, 0, 0], &value.to_le_bytes()].concat()
    };
    let entries =
        [entry(256, width), entry(257, height), entry(258, 8), entry(262, 1), entry(277, 1)];
    [b"II*\0\x08\0\0\0\x05\0".as_slice(), &entries.concat(), &[0; 4]].concat()
}

fn refused(source: &[u8], limits: &Limits) -> (Result<(), cuttle_image::RenderError>, usize) {
    let options = RenderOptions::new(64, Target::Webp, 75, Profile::Fast);
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let outcome = render(source, &options, limits).map(drop);
    (outcome, PEAK.load(Ordering::Relaxed) - before)
}

/// One test, because the counter is one for the whole process.
#[test]
fn every_limit_refuses_before_its_memory_is_spent() {
    let limits = Limits::default();
    let mebibytes = limits.icc_bytes / 258;
    let metadata = Excess::Metadata { limit: limits.metadata_bytes };
    let profile = |matches| chunk(b"iCCP", &[b"p\0\0".as_slice(), &inflating(matches)].concat());
    let long = [jpeg(1), vec![0; 20_000_000]].concat();
    let rows: [(&str, Vec<u8>, Excess); 10] = [
        (
            "bytes",
            long.clone(),
            Excess::SourceBytes { found: long.len() as u64, limit: 20_000_000 },
        ),
        ("side", png(65_536, 1, &[]), Excess::Side { found: 65_536, limit: 65_535 }),
        (
            "pixels",
            png(60_000, 60_000, &[]),
            Excess::Pixels { found: 3_600_000_000, limit: 50_000_000 },
        ),
        (
            "pixels of a TIFF",
            tiff(60_000, 60_000),
            Excess::Pixels { found: 3_600_000_000, limit: 50_000_000 },
        ),
        ("grid cells", avif_grid(41, 25, 64), Excess::GridCells { found: 1025, limit: 1024 }),
        (
            "pixels of a grid",
            avif_grid(32, 32, 1250),
            Excess::Pixels { found: 1_600_000_000, limit: 50_000_000 },
        ),
        ("scans", jpeg(101), Excess::Scans { limit: 100 }),
        ("metadata", png(1, 1, &chunk(b"eXIf", &vec![b'a'; (1 << 20) + 1])), metadata),
        (
            "a profile as stored",
            png(1, 1, &chunk(b"iCCP", &[b"p\0\0".as_slice(), &vec![0; 5 << 20]].concat())),
            Excess::Metadata { limit: limits.icc_bytes },
        ),
        // Held while it is inflated, so up to the limit and not a byte more is spent on it.
        (
            "a profile as inflated",
            png(1, 1, &profile(100 * mebibytes)),
            Excess::Metadata { limit: limits.icc_bytes },
        ),
    ];
    for (name, source, excess) in rows {
        let (outcome, spent) = refused(&source, &limits);
        assert_eq!(outcome, Err(excess.into()), "{name}");
        let most = if name.ends_with("inflated") { 3 * limits.icc_bytes } else { ENOUGH };
        assert!(spent < most, "{name}: {spent} bytes were spent before it was refused");
    }
}

#[test]
fn what_is_just_within_a_limit_is_not_refused_for_it() {
    let limits = Limits::default();
    for source in [avif_grid(32, 32, 64), jpeg(100), png(65_535, 1, &[]), png(10_000, 5_000, &[])] {
        let (outcome, _) = refused(&source, &limits);
        // They are no pictures: that is found out by decoding them.
        assert!(matches!(outcome, Err(cuttle_image::RenderError::Decode(_))), "{outcome:?}");
    }
}
