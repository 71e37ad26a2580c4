//! Broken pictures, thousands of them, through the server: a refusal, a fallback or a rendition.
//! Never a dead server, a hang, or memory past the ceiling.
//!
//! `CUTTLE_MUTATIONS` sets how many random mutations are tried (10,000), `CUTTLE_SEED` where the
//! sequence starts; a failure names the picture, which is kept.
#![expect(clippy::disallowed_macros, reason = "what a test says")]

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use cuttle_demo::fixtures::{contained, fixtures, several_tracks};
use cuttle_e2e::{Client, Server, alone, folder_with_a_photo, place};

/// What the server is told to stay under, all processes together.
const CEILING: u64 = 400 << 20;
/// The server's own budget for a request, and slack for a machine that does other things too.
const LONGEST: Duration = Duration::from_secs(40);
/// Clients at a time: more than workers, so that the queue is part of it.
const CLIENTS: u64 = 4;

#[test]
fn sixty_four_truncations_of_every_fixture_are_answered() {
    alone();
    let (folder, server) = start();
    let all = fixtures();
    let highest = server.peak_memory(|| {
        thread::scope(|scope| {
            let share = all.len().div_ceil(usize::try_from(CLIENTS).expect("a few"));
            for slice in all.chunks(share) {
                let (folder, server) = (folder.path(), &server);
                scope.spawn(move || {
                    for fixture in slice {
                        for place in 0..64 {
                            let bytes = &fixture.bytes[..fixture.bytes.len() * place / 64];
                            let name = format!("t{place}-{}", fixture.name);
                            probe_with(folder, server.client, &name, bytes);
                        }
                    }
                });
            }
        });
    });
    alive(&server);
    assert!(highest < CEILING, "{} MiB", highest >> 20);
}

#[test]
fn random_mutations_are_answered() {
    alone();
    let (folder, server) = start();
    let plain = fixtures().into_iter().filter(|fixture| !fixture.bytes.is_empty());
    let contained = contained().into_iter().map(|file| (file.name, file.bytes));
    let tracks = several_tracks().into_iter().map(|(name, bytes, _)| (name, bytes));
    let all: Vec<(&str, Vec<u8>)> =
        plain.map(|fixture| (fixture.name, fixture.bytes)).chain(contained).chain(tracks).collect();
    let wanted = number("CUTTLE_MUTATIONS", 10_000);
    let seed = number("CUTTLE_SEED", 1);
    let highest = server.peak_memory(|| {
        thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (folder, server, all) = (folder.path(), &server, &all);
                scope.spawn(move || {
                    for n in (client..wanted).step_by(usize::try_from(CLIENTS).expect("a few")) {
                        let start = seed.wrapping_add(n).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                        let mut dice = Dice(start | 1);
                        let (name, bytes) = &all[dice.below(all.len())];
                        let bytes = mutate(bytes, &mut dice);
                        let name = format!("m{n}-{name}");
                        probe_with(folder, server.client, &name, &bytes);
                    }
                });
            }
        });
    });
    alive(&server);
    assert!(highest < CEILING, "{} MiB", highest >> 20);
    eprintln!("{wanted} mutations, at most {} MiB", highest >> 20);
}

#[test]
fn a_small_file_that_unfolds_into_a_huge_picture_is_refused_before_it_is_decoded() {
    alone();
    let (folder, server) = start();
    for (name, bytes) in bombs() {
        place(folder.path(), name, &bytes);
        let strict = server.client.get(&format!("/_cuttle/image?src=/{name}&w=64"));
        assert_eq!(
            (strict.status, strict.header("x-cuttle-error")),
            (413, "image_too_large"),
            "{name}"
        );
        let next = server.client.get(&format!("/_next/image?url=/{name}&w=64&q=75"));
        assert_eq!(
            (next.status, next.header("cache-control")),
            (200, "private, no-store"),
            "{name}: the original"
        );
        assert_eq!(next.body, bytes, "{name}");
    }
    place(folder.path(), "long.jpg", &vec![0xFF; 20_000_001]);
    for target in ["/_cuttle/image?src=/long.jpg&w=64", "/_next/image?url=/long.jpg&w=64&q=75"] {
        assert_eq!(server.client.get(target).status, 413, "{target}");
    }
    assert!(server.memory() < 60 << 20, "nothing was spent: {} MiB", server.memory() >> 20);
}

fn start() -> (tempfile::TempDir, Server) {
    let folder = folder_with_a_photo();
    let ceiling = format!("{CEILING}");
    let server = Server::with(folder.path(), &["--workers", "2", "--memory", &ceiling]);
    (folder, server)
}

/// Asks for a picture made of `bytes` and holds the answer to what may be said of it.
fn probe_with(folder: &Path, client: Client, name: &str, bytes: &[u8]) {
    place(folder, name, bytes);
    let accept = ["image/avif", "image/webp", "*/*"][bytes.len() % 3];
    let target = if bytes.len().is_multiple_of(2) {
        format!("/_cuttle/image?src=/{name}&w=96")
    } else {
        format!("/_next/image?url=/{name}&w=64&q=75")
    };
    let began = Instant::now();
    let answer = client.try_send("GET", &target, &[("accept", accept)]);
    let kept = folder.join(name);
    let blame = || {
        let saved = std::env::temp_dir().join(format!("cuttle-hostile-{name}"));
        let _ = fs::copy(&kept, &saved);
        saved.display().to_string()
    };
    let Ok(answer) = answer else { panic!("no answer; the picture is kept in {}", blame()) };
    assert!(began.elapsed() < LONGEST, "{:?}: {}", began.elapsed(), blame());
    match answer.status {
        200 => {
            let kind = cuttle_image::sniff(&answer.body, answer.body.len() as u64);
            let sniffed = kind.map(cuttle_image::Kind::media_type);
            assert_eq!(
                Some(answer.header("content-type")),
                sniffed,
                "declared as sniffed: {}",
                blame()
            );
            let detail = answer.header("cache-status");
            if detail.contains("fallback") || detail.contains("passthrough") {
                assert_eq!(answer.body, bytes, "the original, whole: {}", blame());
            } else {
                let size = cuttle_image::probe(std::io::Cursor::new(&answer.body))
                    .ok()
                    .and_then(|p| p.display_size());
                assert!(size.is_some_and(|size| size.width <= 96), "a rendition: {}", blame());
            }
        }
        // 503 is the honest answer to a client that came while both workers were being replaced.
        400 | 413 | 415 | 502 | 503 => {
            assert!(!answer.body.is_empty(), "with a sentence: {}", blame());
        }
        other => panic!("{other} {}: {}", answer.text(), blame()),
    }
    let _ = fs::remove_file(kept);
}

fn alive(server: &Server) {
    assert_eq!(
        server.client.get("/_cuttle/image?src=/photo.jpg&w=640&f=webp").header("content-type"),
        "image/webp"
    );
    server.wait_until("both workers", |report| {
        report["workers"]["alive"] == 2 && report["queue"]["jobs"] == 0
    });
}

/// One to eight random edits: bits, bytes, runs and numbers that headers are made of.
fn mutate(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=dice.below(8) {
        // Half of all edits hit the first 512 bytes, where the headers are.
        let reach = if dice.below(2) == 0 { bytes.len().min(512) } else { bytes.len() };
        if reach == 0 {
            break;
        }
        let at = dice.below(reach);
        match dice.below(7) {
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => bytes[at] = dice.byte(),
            2 => bytes[at] = [0, 0xFF, 0x7F, 0x80][dice.below(4)],
            3 => {
                let end = (at + dice.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            4 => {
                let end = (at + dice.below(64)).min(bytes.len());
                let run = bytes[at..end].to_vec();
                bytes.splice(at..at, run);
            }
            5 => {
                let noise: Vec<u8> = (0..dice.below(16)).map(|_| dice.byte()).collect();
                bytes.splice(at..at, noise);
            }
            _ => bytes.truncate(at.max(16)),
        }
    }
    bytes
}

/// Headers that promise more than any limit.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let png = |side: u32| {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(side.to_be_bytes());
        bytes.extend(side.to_be_bytes());
        bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(b"\0\0\0\0IDAT\0\0\0\0");
        bytes
    };
    let jpeg = |side: u16| {
        let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8];
        bytes.extend(side.to_be_bytes());
        bytes.extend(side.to_be_bytes());
        bytes.extend([
            3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1, 0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0,
            63, 0,
        ]);
        bytes
    };
    let mut webp = b"RIFF\x22\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0".to_vec();
    webp.extend([0xFF, 0x3F, 0, 0xFF, 0x3F, 0]);
    webp.extend(b"VP8L\x05\0\0\0\x2f\xFF\xFF\xFF\x0f\0");
    vec![
        ("wide.png", png(70_000)),
        ("many.png", png(9_000)),
        ("many.jpg", jpeg(9_000)),
        ("many.webp", webp),
    ]
}

/// A small generator (xorshift64*), so that a failure can be made again from its number.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).expect("31 bits") % end
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
