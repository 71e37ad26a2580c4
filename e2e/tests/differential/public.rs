//! The public folder that both servers look at, and what is true of each file in it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::sync::Arc;

use cuttle_demo::fixtures::{self, PngOptions, fixtures};
use cuttle_demo::scenes;
use cuttle_e2e::{NextApp, photo, place};

/// An original: its bytes, and what decides over its answer.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) bytes: Vec<u8>,
    /// By its signature.
    pub(crate) kind: Option<&'static str>,
    pub(crate) animated: bool,
    /// The format leaves room for transparency in this file.
    pub(crate) alpha: bool,
    /// As displayed.
    pub(crate) size: Option<(u32, u32)>,
}

impl Source {
    fn of(bytes: Vec<u8>) -> Self {
        let probe = cuttle_image::probe(Cursor::new(&bytes)).ok();
        let kind =
            cuttle_image::sniff(&bytes, bytes.len() as u64).map(cuttle_image::Kind::media_type);
        let animated = probe.as_ref().is_some_and(|probe| probe.animated);
        let alpha = probe.as_ref().is_some_and(|probe| probe.alpha);
        let size =
            probe.and_then(|probe| probe.display_size()).map(|size| (size.width, size.height));
        Self { bytes, kind, animated, alpha, size }
    }
}

/// By name, relative to `public/`.
pub(crate) type Sources = BTreeMap<String, Arc<Source>>;

/// File names of which every part has to be quoted, encoded or cut somewhere on the way to an answer.
pub(crate) const NAMES: [&str; 16] = [
    "a.b.c.jpg",
    "noext",
    ".hidden.jpg",
    "UPPER.JPG",
    "with space.jpg",
    "ünïcode š.jpg",
    "絵.jpg",
    "percent%41.jpg",
    "plus+.jpg",
    "hash#.jpg",
    "question?.jpg",
    "quote\".jpg",
    "semi;colon,comma.jpg",
    "(paren)[bracket]{brace}.jpg",
    "ampersand&equals=.jpg",
    "dots...jpg",
];

/// Everything that lies in `public/`.
pub(crate) fn sources() -> Sources {
    let mut all = Sources::new();
    let mut add = |name: &str, bytes: Vec<u8>| {
        all.insert(name.to_owned(), Arc::new(Source::of(bytes)));
    };
    for fixture in fixtures() {
        add(&format!("fixtures/{}", fixture.name), fixture.bytes);
    }
    let small = photo(120, 90, 6);
    for name in NAMES {
        add(&format!("names/{name}"), small.clone());
    }
    for (name, seed) in [
        ("moved.jpg", 2),
        ("swapped.jpg", 3),
        ("members.jpg", 4),
        ("private/secret.jpg", 5),
        ("labelled/a.jpg", 7),
        ("folder.jpg/inside.jpg", 8),
    ] {
        add(name, photo(120, 90, seed));
    }
    add("photo.jpg", photo(800, 600, 1));
    add("other.jpg", photo(640, 400, 9));
    add("wide.jpg", photo(1400, 300, 10));
    add("tall.jpg", photo(300, 900, 11));
    let rgb = |pixels: &[u8], width, height| {
        fixtures::png(
            pixels,
            width,
            height,
            &PngOptions::new(png::ColorType::Rgb, png::BitDepth::Eight),
        )
    };
    add("photo.png", rgb(&fixtures::photo(400, 300, 12), 400, 300));
    add("drawing.png", rgb(&scenes::report::draw(600, 400), 600, 400));
    add("clear.png", clear(300, 200));
    add("moving.png", fixtures::film_of(160, 120, 6));
    // What the formats cannot hold: libwebp ends at 16383 pixels.
    add("narrow.jpg", photo(5, 17_000, 13));
    add("broken/cut.jpg", cut(&photo(300, 200, 14)));
    add("broken/cut.png", cut(&rgb(&fixtures::photo(300, 200, 15), 300, 200)));
    add("broken/start.jpg", b"\xFF\xD8\xFF".to_vec());
    add("broken/start.webp", b"RIFF\x10\0\0\0WEBPVP8 ".to_vec());
    add("broken/bomb.png", bomb());
    all
}

/// Writes them, and nothing else, where both servers look.
pub(crate) fn publish(app: &NextApp, sources: &Sources) {
    let folder = app.folder().join("public");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the application's folder is ours");
    for (name, source) in sources {
        place(&folder, name, &source.bytes);
    }
}

fn cut(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len() / 2].to_vec()
}

/// Opaque at the left, clear at the right.
fn clear(width: u32, height: u32) -> Vec<u8> {
    let pixels: Vec<u8> = fixtures::photo(width, height, 16)
        .as_chunks::<3>()
        .0
        .iter()
        .zip(0_u32..)
        .flat_map(|([r, g, b], at)| [*r, *g, *b, 255 - (at % width * 255 / width) as u8])
        .collect();
    let options = PngOptions::new(png::ColorType::Rgba, png::BitDepth::Eight);
    fixtures::png(&pixels, width, height, &options)
}

/// A small PNG whose header says 30000 × 30000: 900 Mpx, more than either server decodes.
fn bomb() -> Vec<u8> {
    let mut bytes = clear(8, 8);
    bytes[16..24].copy_from_slice(&[30_000_u32.to_be_bytes(), 30_000_u32.to_be_bytes()].concat());
    let sum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// ISO 3309, as PNG's annex D has it, bit by bit: it is used once.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg())
        })
    })
}
