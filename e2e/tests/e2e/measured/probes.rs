//! Pictures whose headers are as long to read as any can be: no thread of the reactor is held by them, which hits would notice,
//! and the watchdog.

use std::thread::{self, available_parallelism};
use std::time::{Duration, Instant};

use cuttle_e2e::{Server, alone, photo, place};

/// Hits meanwhile.
const HITS: usize = 200;
/// Just below what an original may have.
const LONG: usize = 18 << 20;
/// Enough apart that each is a read of its own.
const BLOCK: usize = 4096;

/// Millions of sub-blocks of one byte, in one comment.
fn gif() -> Vec<u8> {
    let mut file = b"GIF89a\x01\0\x01\0\0\0\0\x21\xfe".to_vec();
    file.extend(b"\x01.".repeat(LONG / 2));
    file
}

/// As many chunks before the pixels as are looked at, the number of frames first.
fn apng() -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |name: &[u8; 4], body: &[u8]| {
        file.extend(u32::try_from(body.len()).expect("short").to_be_bytes());
        file.extend(name);
        file.extend(body);
        file.extend([0; 4]);
    };
    chunk(b"IHDR", &[0, 0, 0, 64, 0, 0, 0, 48, 8, 6, 0, 0, 0]);
    chunk(b"acTL", &[0, 0, 16, 0, 0, 0, 0, 0]);
    for _ in 0..2000 {
        chunk(b"fcTL", &[0; 26]);
        chunk(b"fdAT", &[0; BLOCK]);
    }
    file
}

fn boxed(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 8).expect("short");
    [&length.to_be_bytes(), name.as_slice(), body].concat()
}

/// Properties of nothing, eight bytes each.
fn avif() -> Vec<u8> {
    let empty = boxed(b"free", b"").repeat(LONG / 8);
    let properties = boxed(b"iprp", &[boxed(b"ipco", b""), empty].concat());
    let primary = boxed(b"pitm", &[0; 6]);
    let meta = boxed(b"meta", &[&[0; 4], primary.as_slice(), &properties].concat());
    [boxed(b"ftyp", b"avif\0\0\0\0"), meta].concat()
}

/// In a file that is small enough to be probed at once: properties that lie apart, named in turn as often as can be.
fn small() -> Vec<u8> {
    let size = boxed(b"ispe", &[0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 48]);
    let apart = boxed(b"free", &[0; 10 * BLOCK]);
    let depth = boxed(b"pixi", &[0, 0, 0, 0, 1, 8]);
    let container = boxed(b"ipco", &[size, apart, depth].concat());
    let of_one = [&[0, 1, 254], [1, 3].repeat(127).as_slice()].concat();
    let named =
        boxed(b"ipma", &[&[0, 0, 0, 0, 0, 0, 0, 16], of_one.repeat(16).as_slice()].concat());
    let properties = boxed(b"iprp", &[container, named].concat());
    let primary = boxed(b"pitm", &[0, 0, 0, 0, 0, 1]);
    let meta = boxed(b"meta", &[&[0; 4], primary.as_slice(), &properties].concat());
    [boxed(b"ftyp", b"avif\0\0\0\0"), meta].concat()
}

/// Tracks of nothing, each with references to look through.
fn sequence() -> Vec<u8> {
    let track = boxed(b"trak", &boxed(b"tref", &boxed(b"free", &[0; 2 * BLOCK])));
    [boxed(b"ftyp", b"avis\0\0\0\0"), boxed(b"moov", &track.repeat(1000))].concat()
}

/// Values that all lie somewhere else.
fn tiff() -> Vec<u8> {
    let mut file = b"II*\0\x08\0\0\0\0\x02".to_vec();
    for entry in 0..512_u32 {
        file.extend([0, 1, 3, 0, 3, 0, 0, 0]);
        file.extend(((512 - entry) * 2 * BLOCK as u32).to_le_bytes());
    }
    file.resize(513 * 2 * BLOCK, 0);
    file
}

/// Segments before the first scan.
fn jpeg() -> Vec<u8> {
    let segment = [&[0xff, 0xfe, 0x40, 0], [0; (0x40 << 8) - 2].as_slice()].concat();
    [&[0xff, 0xd8], segment.repeat(1100).as_slice()].concat()
}

fn svg() -> Vec<u8> {
    [b"<!--".as_slice(), &b"- ".repeat(LONG / 2)].concat()
}

#[test]
fn headers_that_are_long_to_read_hold_up_nothing_else() {
    alone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    place(folder.path(), "photo.jpg", &photo(64, 48, 1));
    let long = [
        ("gif", gif()),
        ("apng", apng()),
        ("avif", avif()),
        ("small", small()),
        ("sequence", sequence()),
        ("tiff", tiff()),
        ("jpeg", jpeg()),
        ("svg", svg()),
    ];
    let long = long.map(|(name, file)| {
        place(folder.path(), &format!("{name}.bin"), &file);
        name
    });
    let server = Server::start(folder.path());
    let hit = "/_cuttle/image?src=/photo.jpg&w=64";
    assert_eq!(server.client.get(hit).status, 200);
    thread::scope(|scope| {
        let threads = available_parallelism().map_or(1, usize::from);
        let asking: Vec<_> = (0..threads)
            .map(|thread| {
                let client = server.client;
                scope.spawn(move || {
                    // Whatever each of them is taken for; another width is another job.
                    for name in long {
                        for width in [32, 64, 96, 128] {
                            let width = width + 256 * thread;
                            let target = format!("/_cuttle/image?src=/{name}.bin&w={width}");
                            assert!(client.get(&target).status < 500, "{target}");
                        }
                    }
                })
            })
            .collect();
        let mut hits = Vec::new();
        while hits.len() < HITS || asking.iter().any(|asking| !asking.is_finished()) {
            let began = Instant::now();
            assert_eq!(server.client.get(hit).status, 200);
            hits.push(began.elapsed());
        }
        // By time and not by number: who waits is one, and those who would have come meanwhile are many.
        let slow = hits.iter().filter(|took| **took > Duration::from_millis(50));
        let (waited, all): (Duration, Duration) = (slow.sum(), hits.iter().sum());
        assert!(waited * 50 < all, "{waited:?} of {all:?}");
    });
}
