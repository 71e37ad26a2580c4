//! What headers say, on files made by hand where no encoder writes them.

use std::io::{Cursor, Read, Seek, SeekFrom};

use cuttle_demo::fixtures::container::{
    Container, Item, auxiliary, boxed, extents, without_frames,
};
use cuttle_demo::fixtures::film_of;
use cuttle_image::{Excess, Kind, Limits, Orientation, Probe, ProbeError, Size, Target, probe};
use png::{BitDepth, ColorType};

use crate::fixtures::{
    Scans, exif, gradient, jpeg, jpeg_rgb, options, png_with, rendition, webp_lossless,
    with_segment,
};

fn header(source: &[u8]) -> Probe {
    probe(Cursor::new(source)).unwrap()
}

fn size(width: u32, height: u32) -> Option<Size> {
    Some(Size { width, height })
}

#[test]
fn jpeg_says_size_scans_and_orientation() {
    let source = jpeg(40, 30, jpeg_encoder::ColorType::Rgb, &gradient(40, 30), Scans::Progressive);
    let found = header(&with_segment(&source, 0xe1, &[b"Exif\0\0".as_slice(), &exif(5)].concat()));
    assert_eq!(
        (found.kind, found.stored, found.display_size()),
        (Kind::Jpeg, size(40, 30), size(30, 40))
    );
    assert_eq!(found.orientation, Orientation::Transpose);
    assert!(found.progressive && !found.alpha && !found.animated);
    assert!(!header(&jpeg_rgb(40, 30, &gradient(40, 30))).progressive);
}

#[test]
fn exif_of_either_byte_order_is_read() {
    let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0\0\0\0\0";
    let source = jpeg_rgb(8, 8, &gradient(8, 8));
    let found = header(&with_segment(&source, 0xe1, &[b"Exif\0\0".as_slice(), little].concat()));
    assert_eq!(found.orientation, Orientation::Rotate180);
}

#[test]
fn broken_exif_means_upright() {
    let source = jpeg_rgb(8, 8, &gradient(8, 8));
    for exif in [b"MM\0*\0\0\xff\xff".as_slice(), b"MM\0*\0\0\0\x08\xff\xff", b"XX", &[0xff; 40]] {
        let found = header(&with_segment(&source, 0xe1, &[b"Exif\0\0".as_slice(), exif].concat()));
        assert_eq!(found.orientation, Orientation::Upright, "{}", exif.escape_ascii());
    }
}

#[test]
fn a_png_with_animation_control_is_animated() {
    let still = png_with(4, 4, ColorType::Rgb, BitDepth::Eight, &[0; 48], &[]);
    assert!(!header(&still).animated);
    let found = header(&film_of(8, 8, 3));
    assert_eq!((found.animated, found.frames), (true, Some(3)));
    // Announced, and not there.
    let control = [0, 0, 0, 3, 0, 0, 0, 0];
    let found =
        header(&png_with(4, 4, ColorType::Rgb, BitDepth::Eight, &[0; 48], &[(*b"acTL", &control)]));
    assert_eq!((found.animated, found.frames), (false, None));
}

#[test]
fn a_gif_with_two_pictures_is_animated() {
    let screen = b"GIF89a\x05\0\x04\0\x80\0\0\0\0\0\xff\xff\xff";
    let comment = b"\x21\xfe\x03abc\0";
    let picture = b"\x2c\0\0\0\0\x05\0\x04\0\x81\0\0\0\0\0\0\0\0\0\0\0\0\x02\x02\x4c\x01\0";
    let still = [screen.as_slice(), comment, picture, b"\x3b"].concat();
    let found = header(&still);
    assert_eq!((found.stored, found.animated, found.frames), (size(5, 4), false, Some(1)));
    let moving = [screen.as_slice(), picture, comment, picture, b"\x3b"].concat();
    let found = header(&moving);
    assert_eq!((found.animated, found.frames, found.frames_pixels), (true, Some(2), 40));
    let cut = header(&moving[..moving.len() - 1]);
    assert_eq!((cut.animated, cut.frames), (true, Some(2)), "only the trailer is missing");
    let cut = header(&moving[..moving.len() - 3]);
    assert_eq!((cut.animated, cut.frames), (false, Some(1)), "one picture is whole");
}

#[test]
fn webp_says_size_alpha_and_animation() {
    let opaque = webp_lossless(31, 17, image_webp::ColorType::Rgb8, &gradient(31, 17));
    assert_eq!((header(&opaque).stored, header(&opaque).alpha), (size(31, 17), false));
    let alpha = webp_lossless(4, 4, image_webp::ColorType::Rgba8, &[100; 64]);
    assert!(header(&alpha).alpha);
    let extended =
        b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\x12\0\0\0\x0f\x27\0\x63\0\0ANIM\x06\0\0\0\0\0\0\0\0\0";
    let found = header(extended);
    assert_eq!((found.stored, found.alpha, found.animated), (size(10_000, 100), true, true));
}

/// An AVIF without pixels, whose primary item has every property given, in order.
fn avif(properties: &[Vec<u8>]) -> Container {
    let all = std::iter::once(extents(300, 200)).chain(properties.iter().cloned());
    let item = |properties| Item { kind: *b"av01", payload: without_frames(300, 200), properties };
    // Another has none; only the primary item's may count.
    Container::of(vec![item(all.map(|one| (one, false)).collect()), item(vec![])])
}

#[test]
fn avif_turning_and_mirroring_become_the_orientation() {
    let irot = |angle| boxed(b"irot", &[&[angle]]);
    let imir = |axis| boxed(b"imir", &[&[axis]]);
    let rows = [
        (vec![], Orientation::Upright),
        (vec![irot(1)], Orientation::Rotate270),
        (vec![irot(2)], Orientation::Rotate180),
        (vec![irot(3)], Orientation::Rotate90),
        (vec![imir(0)], Orientation::FlipVertical),
        (vec![imir(1)], Orientation::FlipHorizontal),
        (vec![irot(1), imir(0)], Orientation::Transpose),
        (vec![irot(3), imir(1)], Orientation::Transpose),
        (vec![irot(1), imir(1)], Orientation::Transverse),
        (vec![irot(3), imir(0)], Orientation::Transverse),
        (vec![irot(2), imir(1)], Orientation::FlipVertical),
        (vec![irot(2), imir(0)], Orientation::FlipHorizontal),
    ];
    for (properties, expected) in rows {
        let found = header(&avif(&properties).file());
        assert_eq!((found.stored, found.orientation), (size(300, 200), expected));
    }
}

#[test]
fn a_property_that_is_cut_off_is_no_other_s() {
    for name in [b"colr", b"ispe", b"clap", b"irot", b"imir", b"auxC", b"a1op", b"lsel"] {
        // What follows it in the file would read as its contents.
        let file = avif(&[boxed(name, &[]), boxed(b"free", &[&[0; 64]])]).file();
        let outcome = probe(Cursor::new(&file));
        assert!(matches!(outcome, Err(ProbeError::Malformed { .. })), "{name:?}: {outcome:?}");
    }
    // Empty but for its type, it says nothing.
    assert_eq!(header(&avif(&[boxed(b"colr", &[b"prof"])]).file()).icc_bytes(), 0);
}

#[test]
fn an_essential_property_that_is_not_known_makes_a_file_unreadable() {
    let mut file = avif(&[boxed(b"what", &[&[0; 4]])]);
    assert_eq!(header(&file.file()).stored, size(300, 200));
    file.items[0].properties[1].1 = true;
    assert!(probe(Cursor::new(&file.file())).is_err());
}

#[test]
fn avif_says_alpha_and_sequence() {
    let auxiliary = |kind| {
        let mut file = avif(&[]).refers(b"auxl", 2, &[1]);
        file.items[1].properties = vec![(extents(300, 200), false), (auxiliary(kind), true)];
        header(&file.file()).alpha
    };
    assert!(auxiliary("urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"));
    assert!(auxiliary("urn:mpeg:hevc:2015:auxid:1"));
    assert!(!auxiliary("urn:mpeg:hevc:2015:auxid:11"));
    assert!(!auxiliary("urn:mpeg:mpegB:cicp:systems:auxiliary:depth"));
    let hybrid = Container { brands: vec![*b"avif", *b"avis", *b"mif1"], ..avif(&[]) };
    assert!(!header(&hybrid.file()).animated, "the major brand says what is shown");
}

#[test]
fn a_kind_without_a_parser_has_no_size() {
    for source in [b"BM\0\0".as_slice(), b"<svg/>", b"\0\0\x01\0\x01\0", b"%PDF-1.7"] {
        assert_eq!(header(source).stored, None);
    }
}

#[test]
fn what_is_cut_off_still_has_a_kind() {
    let png = png_with(4, 4, ColorType::Rgb, BitDepth::Eight, &[0; 48], &[]);
    for (source, expected) in [
        (b"\xff\xd8\xff\xe0".as_slice(), Kind::Jpeg),
        (&png[..20], Kind::Png),
        (b"GIF89a", Kind::Gif),
        (b"RIFF\0\0\0\0WEBPVP8 ", Kind::Webp),
        (b"\0\0\0\x10ftypavif\0\0\0\0", Kind::Avif),
    ] {
        assert!(
            matches!(probe(Cursor::new(source)), Err(ProbeError::Malformed { kind, .. }) if kind == expected)
        );
    }
    assert!(matches!(probe(Cursor::new(b"")), Err(ProbeError::Unrecognised)));
}

/// A file far larger than memory, of one repeated byte after a head.
struct Endless {
    head: Vec<u8>,
    fill: u8,
    at: u64,
    read: u64,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        for byte in buffer.iter_mut() {
            *byte = usize::try_from(self.at)
                .ok()
                .and_then(|at| self.head.get(at))
                .copied()
                .unwrap_or(self.fill);
            self.at += 1;
        }
        self.read += buffer.len() as u64;
        Ok(buffer.len())
    }
}

impl Seek for Endless {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(_) => 1 << 50,
            SeekFrom::Current(by) => self.at.checked_add_signed(by).unwrap(),
        };
        Ok(self.at)
    }
}

#[test]
fn no_file_makes_a_probe_read_more_than_its_cap() {
    let heads: [&[u8]; 6] = [
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0",
        b"GIF89a\x05\0\x04\0\0\0\0\x2c\0\0\0\0\x05\0\x04\0\0\x02",
        b"GIF89a\x05\0\x04\0\0\0\0\x21\xfe",
        b"RIFF\xff\xff\xff\xffWEBPVP8X\x0a\0\0\0\x00\0\0\0\x0f\x27\0\x63\0\0",
        b"\0\0\0\x10ftypavif\0\0\0\0",
    ];
    for head in heads {
        for fill in [0, 1, 2, 0xfe, 0xff] {
            let mut file = Endless { head: head.to_vec(), fill, at: 0, read: 0 };
            let _ = probe(&mut file);
            assert!(
                file.read <= 24 << 20,
                "{} then {fill}: {} bytes",
                head.escape_ascii(),
                file.read
            );
        }
    }
}

#[test]
fn limits_refuse_by_the_header() {
    let found = header(&jpeg_rgb(40, 30, &gradient(40, 30)));
    let ample = Limits::default();
    assert_eq!(ample.check(&found), Ok(()));
    let bytes = found.source_bytes;
    assert_eq!(
        Limits { source_bytes: bytes - 1, ..ample }.check(&found),
        Err(Excess::SourceBytes { found: bytes, limit: bytes - 1 })
    );
    assert_eq!(
        Limits { side: 39, ..ample }.check(&found),
        Err(Excess::Side { found: 40, limit: 39 })
    );
    assert_eq!(
        Limits { pixels: 1199, ..ample }.check(&found),
        Err(Excess::Pixels { found: 1200, limit: 1199 })
    );
}

#[test]
fn the_memory_estimate_knows_what_is_kept() {
    let estimate =
        |source: &[u8], width| header(source).decode_bytes(&options(width, Target::Webp));
    let samples = gradient(800, 600);
    let baseline = jpeg(800, 600, jpeg_encoder::ColorType::Rgb, &samples, Scans::Baseline);
    let progressive = jpeg(800, 600, jpeg_encoder::ColorType::Rgb, &samples, Scans::Progressive);
    let coefficients = 800 * 600 * 3 * 2;
    assert!(estimate(&progressive, 100) > estimate(&baseline, 100) + coefficients / 2);
    assert!(estimate(&baseline, 800) > estimate(&baseline, 100), "a smaller rendition needs less");
    // A scan for each component makes the decoder keep all coefficients of a baseline file too.
    let mut scans = baseline.clone();
    let scan = scans.windows(2).position(|marker| marker == [0xff, 0xda]).unwrap();
    scans[scan + 4] = 1;
    assert!(estimate(&scans, 100) > estimate(&baseline, 100) + coefficients / 2);
    assert_eq!(estimate(b"BM\0\0", 100), 0);
    let avif = rendition(&baseline, 800, Target::Avif).bytes;
    assert!(estimate(&avif, 100) > 800 * 600 * 3);
}

#[test]
fn the_memory_estimate_of_several_renditions_knows_what_they_share() {
    let samples = gradient(800, 600);
    let baseline = jpeg(800, 600, jpeg_encoder::ColorType::Rgb, &samples, Scans::Baseline);
    let found = header(&baseline);
    let [small, middle, large] = [100, 200, 400].map(|width| options(width, Target::Webp));
    let alone: Vec<u64> =
        [small, middle, large].iter().map(|one| found.decode_bytes(one)).collect();
    let together = found.decode_bytes_many(&[small, middle, large]);
    assert!(alone.iter().all(|alone| together > *alone), "{together} {alone:?}");
    assert!(together < alone.iter().sum(), "{together} {alone:?}");
    // The source is there once, and the second waits, resized, while the first is encoded.
    let twice = found.decode_bytes_many(&[large, large]);
    assert!(twice > alone[2] && twice < 2 * alone[2], "{twice} {alone:?}");
}
