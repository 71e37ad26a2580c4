//! AVIF whose container is made to cost time or memory: refused within 50 ms of processor time, whatever it claims.

use std::io::Cursor;

use cuttle_demo::fixtures::container::{
    Container, Item, auxiliary, boxed, extents, grid, without_frames,
};
use cuttle_image::{Target, probe};

use crate::fixtures::{at_once, options};

const ALPHA: &str = "urn:mpeg:hevc:2015:auxid:1";

/// Coded pictures of which none has a frame.
fn coded(payload: Vec<u8>, properties: Vec<Vec<u8>>) -> Item {
    let properties = properties.into_iter().map(|property| (property, false)).collect();
    Item { kind: *b"av01", payload, properties }
}

fn empty(width: u32, height: u32) -> Item {
    coded(without_frames(width, height), vec![extents(width, height)])
}

/// A grid of these items, from the first to the last and over again.
fn grid_of(columns: u32, rows: u32, (width, height): (u32, u32), items: Vec<Item>) -> Container {
    let head = Item {
        kind: *b"grid",
        payload: grid(columns, rows, width, height),
        properties: vec![(extents(width, height), false)],
    };
    let order = (2..2 + items.len() as u16).cycle().take((columns * rows) as usize);
    let order: Vec<u16> = order.collect();
    Container::of([vec![head], items].concat()).refers(b"dimg", 1, &order)
}

/// 8,192 cells.
fn thousands_of(items: Vec<Item>) -> Container {
    grid_of(128, 64, (128 * 64, 64 * 64), items)
}

/// A picture that says where it lies, or anything else, as it should not.
fn patched(name: &[u8; 4], skip: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = Container::of(vec![empty(64, 64)]).file();
    let at = file.windows(4).position(|found| found == name).unwrap() + 4 + skip;
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

/// What comes after the brands of a file.
fn after_brands(bytes: &[u8]) -> Vec<u8> {
    [&boxed(b"ftyp", &[b"avif\0\0\0\0mif1miaf"]), bytes].concat()
}

/// Boxes, and what they say that they are not.
fn claims() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let many = 0x7fff_ffff_u32.to_be_bytes();
    let nested: Vec<u8> = (0..100_000_u32)
        .flat_map(|at| [&(12 * (100_000 - at)).to_be_bytes()[..], b"meta\0\0\0\0"].concat())
        .collect();
    let two_tables = {
        let iinf = boxed(b"iinf", &[&[0; 6]]);
        let mut file = patched(b"hdlr", 0, &[0]);
        let at = file.windows(4).position(|name| name == b"meta").unwrap();
        let size = u32::from_be_bytes(file[at - 4..at].try_into().unwrap());
        file[at - 4..at].copy_from_slice(&(size + iinf.len() as u32).to_be_bytes());
        file.splice(at + 8..at + 8, iinf);
        file
    };
    vec![
        ("2^31 associations", patched(b"ipma", 4, &many), "too short"),
        ("items of 65,535", patched(b"iinf", 4, &[0xff; 2]), "there is no frame"),
        ("places of 65,535", patched(b"iloc", 6, &[0xff; 2]), "too many items"),
        (
            "pieces of no bytes",
            patched(b"iloc", 4, &[0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0xff, 0xff]),
            "too many items",
        ),
        ("numbers of 15 bytes", patched(b"iloc", 4, &[0xff]), "odd sizes"),
        ("an item longer than the file", patched(b"iloc", 20, &[0x7f; 4]), "lies outside the file"),
        ("an item beyond the file", patched(b"iloc", 16, &[0xff; 4]), "lies outside the file"),
        ("nested boxes", after_brands(&nested), "no primary item"),
        ("small boxes", after_brands(&boxed(b"free", &[]).repeat(500_000)), "too many boxes"),
        ("two tables of items", two_tables, "comes twice"),
        (
            "an item of another codec",
            { Container::of(vec![Item { kind: *b"hvc1", ..empty(64, 64) }]).file() },
            "neither AV1",
        ),
        ("a stream without frames", Container::of(vec![empty(64, 64)]).file(), "there is no frame"),
        (
            "a stream for smaller frames",
            { Container::of(vec![coded(without_frames(32, 32), vec![extents(64, 64)])]).file() },
            "smaller than the image",
        ),
        (
            "no stream",
            Container::of(vec![coded(vec![0; 64], vec![extents(64, 64)])]).file(),
            "no sequence header",
        ),
        (
            "no pixels",
            Container::of(vec![coded(without_frames(64, 64), vec![extents(0, 64)])]).file(),
            "no pixels",
        ),
        ("too many pixels", Container::of(vec![empty(60_000, 60_000)]).file(), "3600000000"),
    ]
}

/// Items that are few, and named by thousands.
fn multiples() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let itself = Container::of(vec![Item {
        kind: *b"grid",
        payload: grid(1, 1, 64, 64),
        properties: vec![(extents(64, 64), false)],
    }]);
    let overlapping = Container { repeats: 8000, ..Container::of(vec![empty(64, 64)]) };
    let in_pieces = coded(vec![0x0a], vec![extents(64, 64)]);
    let in_pieces = Container { repeats: 4000, ..thousands_of(vec![in_pieces]) };
    let with_properties = |count: usize| {
        let one = |last: u32| {
            let properties = [vec![extents(64, last)], vec![extents(64, 64); count - 1]].concat();
            coded(without_frames(64, 64), properties)
        };
        thousands_of(vec![one(64), one(32)]).file()
    };
    let large = |(width, height): (u32, u32)| {
        let properties = vec![extents(width, height), auxiliary(ALPHA)];
        coded(without_frames(width, height), properties)
    };
    let mut alphas =
        grid_of(64, 64, (64 * 64, 64 * 64), vec![empty(64, 64), empty(64, 64), large((64, 64))]);
    alphas.references = vec![(*b"dimg", 1, vec![2; 4096])];
    for auxiliary in std::iter::repeat_n(3, 4000).chain([4]) {
        alphas = alphas.refers(b"auxl", auxiliary, &[2]);
    }
    let sides = (40_000, 40_000);
    vec![
        ("a grid of itself", itself.refers(b"dimg", 1, &[1]).file(), "not AV1"),
        ("overlapping pieces", overlapping.file(), "longer than the file"),
        ("cells in thousands of pieces", in_pieces.file(), "too many items"),
        ("cells with many properties", with_properties(60), "8192"),
        ("cells with too many properties", with_properties(250), "too many items"),
        ("cells with thousands of auxiliaries", alphas.file(), "4096"),
        (
            "40,000 x 40,000 in few cells",
            grid_of(2, 2, sides, vec![empty(64, 64)]).file(),
            "do not cover it",
        ),
        (
            "40,000 x 40,000 in many cells",
            grid_of(32, 32, sides, vec![empty(1250, 1250)]).file(),
            "1600000000",
        ),
        (
            "alpha larger than itself",
            Container::of(vec![empty(64, 64), large((60_000, 60_000))])
                .refers(b"auxl", 2, &[1])
                .file(),
            "larger than itself",
        ),
    ]
}

#[test]
fn a_hostile_container_is_refused_at_once() {
    for (name, file, reason) in [claims(), multiples()].concat() {
        let said = at_once(name, &file).map(drop).unwrap_err().to_string();
        assert!(said.contains(reason), "{name}: {said}");
    }
}

/// What a stream may hold in memory is its frame as announced by the stream, not by the container; that of alpha too.
#[test]
fn a_stream_that_is_larger_than_its_picture_is_weighed() {
    let estimate = |(width, height), (alpha_width, alpha_height)| {
        let picture = coded(without_frames(width, height), vec![extents(64, 64)]);
        let properties = vec![extents(64, 64), auxiliary(ALPHA)];
        let alpha = coded(without_frames(alpha_width, alpha_height), properties);
        let file = Container::of(vec![picture, alpha]).refers(b"auxl", 2, &[1]).file();
        probe(Cursor::new(&file)).unwrap().decode_bytes(&options(24, Target::Webp))
    };
    let (small, large) = ((64, 64), (4000, 4000));
    for estimate in [estimate(large, small), estimate(small, large)] {
        assert!(estimate > 4000 * 4000 * 3, "{estimate}");
    }
    assert!(estimate(small, small) < 4000 * 4000 * 3);
}
