//! What comes out: by other decoders, with nothing in it that was not asked for.

use cuttle_image::{Kind, Limits, Profile, RenderOptions, Target, probe, render};
use png::{BitDepth, ColorType};

use crate::fixtures::{
    assert_near, exif, gradient, jpeg_rgb, options, png, png_rgb, png_rgba, png_with, read,
    rendition, with_segment,
};

const TARGETS: [Target; 4] = [Target::Avif, Target::Webp, Target::Jpeg, Target::Png];

#[test]
fn other_decoders_see_the_same_picture() {
    let samples = gradient(200, 100);
    let source = png_rgb(200, 100, &samples);
    for target in [Target::Webp, Target::Jpeg, Target::Png] {
        for profile in [Profile::Fast, Profile::Balanced] {
            let options = RenderOptions { profile, ..options(200, target) };
            let seen = read(&render(&source, &options, &Limits::default()).unwrap());
            assert_eq!((seen.width, seen.height), (200, 100));
            let found: Vec<u8> = seen.rgba.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
            assert_near(&found, &samples, if target == Target::Png { 0 } else { 16 });
        }
    }
}

#[test]
fn the_header_says_what_the_rendition_says() {
    let source = jpeg_rgb(300, 201, &gradient(300, 201));
    for target in TARGETS {
        let rendition = rendition(&source, 151, target);
        let probe = probe(std::io::Cursor::new(&rendition.bytes)).unwrap();
        assert_eq!(probe.kind, rendition.kind, "{target:?}");
        let size = probe.display_size().unwrap();
        assert_eq!((size.width, size.height), (rendition.width, rendition.height), "{target:?}");
        assert!(!probe.alpha && !probe.animated, "{target:?}");
        assert_eq!(probe.bits_per_sample, 8, "{target:?}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let source = jpeg_rgb(300, 201, &gradient(300, 201));
    for target in TARGETS {
        for profile in [Profile::Fast, Profile::Balanced] {
            let options = RenderOptions { profile, ..options(151, target) };
            let run = || render(&source, &options, &Limits::default()).unwrap().bytes;
            assert_eq!(run(), run(), "{target:?} {profile:?}");
        }
    }
}

#[test]
fn more_quality_takes_more_bytes() {
    let noise: Vec<u8> =
        (0..200u32 * 200 * 3).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let source = png_rgb(200, 200, &noise);
    for target in [Target::Avif, Target::Webp, Target::Jpeg] {
        let bytes = |quality| {
            let options = RenderOptions { quality, ..options(200, target) };
            render(&source, &options, &Limits::default()).unwrap().bytes.len()
        };
        let sizes = [1, 25, 50, 75, 100].map(bytes);
        assert!(sizes.is_sorted() && sizes[0] < sizes[4], "{target:?}: {sizes:?}");
    }
}

#[test]
fn no_metadata_survives() {
    let secret = b"51.5007 N, 0.1246 W";
    let comment = [b"Exif\0\0".as_slice(), &exif(1), secret].concat();
    let jpeg = with_segment(
        &with_segment(&jpeg_rgb(40, 30, &gradient(40, 30)), 0xe1, &comment),
        0xfe,
        secret,
    );
    let text = [b"Comment\0".as_slice(), secret].concat();
    let png = png_with(
        40,
        30,
        ColorType::Rgb,
        BitDepth::Eight,
        &gradient(40, 30),
        &[(*b"tEXt", &text), (*b"eXIf", &comment)],
    );
    for source in [jpeg, png] {
        assert!(contains(&source, secret));
        for target in TARGETS {
            assert!(!contains(&rendition(&source, 20, target).bytes, secret), "{target:?}");
        }
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn jpeg_is_progressive() {
    let rendition = rendition(&png_rgb(64, 64, &gradient(64, 64)), 64, Target::Jpeg);
    assert!(probe(std::io::Cursor::new(&rendition.bytes)).unwrap().progressive);
}

#[test]
fn jpeg_flattens_transparency_on_white() {
    let half_red = png_rgba(16, 16, &[255, 0, 0, 128].repeat(256));
    let seen = read(&rendition(&half_red, 16, Target::Jpeg));
    assert_near(&seen.rgb_at(8, 8), &[255, 127, 127], 4);
    let nothing = png(16, 16, ColorType::GrayscaleAlpha, BitDepth::Eight, &[0, 0].repeat(256));
    assert_near(&read(&rendition(&nothing, 16, Target::Jpeg)).rgb_at(8, 8), &[255, 255, 255], 2);
}

#[test]
fn only_a_really_transparent_pixel_asks_for_png() {
    let mut samples = [9, 9, 9, 255].repeat(256);
    assert_eq!(rendition(&png_rgba(16, 16, &samples), 16, Target::JpegOrPng).kind, Kind::Jpeg);
    samples[3] = 254;
    assert_eq!(rendition(&png_rgba(16, 16, &samples), 16, Target::JpegOrPng).kind, Kind::Png);
}

#[test]
fn an_alpha_channel_that_no_pixel_uses_is_dropped() {
    let source = png_rgba(16, 16, &[9, 99, 199, 255].repeat(256));
    for target in TARGETS {
        let rendition = rendition(&source, 16, target);
        assert!(!probe(std::io::Cursor::new(&rendition.bytes)).unwrap().alpha, "{target:?}");
    }
}

#[test]
fn what_a_transparent_pixel_hides_does_not_bleed_into_its_neighbours() {
    // White beside a transparent black: without weighting by alpha the edge would turn grey.
    let row = [[255, 255, 255, 255].repeat(33), [0, 0, 0, 0].repeat(33)].concat();
    let source = png_rgba(66, 66, &row.repeat(66));
    for target in [Target::Png, Target::Webp] {
        let seen = read(&rendition(&source, 22, target));
        let mut edge = 0;
        for [r, g, b, a] in &seen.rgba {
            if *a > 16 {
                assert!(*r.min(g).min(b) >= 250, "{target:?}: {:?} is a dark fringe", [r, g, b, a]);
                edge += u32::from(*a < 255);
            }
        }
        assert!(edge > 0 || target == Target::Webp, "the picture has an edge to look at");
    }
}

#[test]
fn webp_keeps_alpha_exactly() {
    let samples: Vec<u8> = (0..64 * 64).flat_map(|at| [200, 40, 40, (at % 64 * 4) as u8]).collect();
    let seen = read(&rendition(&png_rgba(64, 64, &samples), 64, Target::Webp));
    assert!(
        seen.rgba
            .iter()
            .zip(samples.as_chunks::<4>().0)
            .all(|(found, expected)| found[3] == expected[3])
    );
}

#[test]
fn a_side_that_a_format_cannot_say_gives_jpeg_or_png() {
    let grey = |width: u32| {
        png(width, 1, ColorType::Grayscale, BitDepth::Eight, &vec![90; width as usize])
    };
    for (width, target, expected) in [
        (16_383, Target::Webp, Kind::Webp),
        (16_384, Target::Webp, Kind::Jpeg),
        (32_769, Target::Avif, Kind::Jpeg),
        (65_500, Target::Jpeg, Kind::Jpeg),
        (65_501, Target::Jpeg, Kind::Png),
        (65_535, Target::Avif, Kind::Png),
    ] {
        let rendition = rendition(&grey(width), 65_535, target);
        assert_eq!((rendition.width, rendition.kind), (width, expected), "{target:?}");
        assert!(target.gives(rendition.kind, rendition.width, rendition.height));
        assert!(!target.gives(Kind::Gif, rendition.width, rendition.height));
    }
    let faded = png(20_000, 1, ColorType::GrayscaleAlpha, BitDepth::Eight, &[9, 99].repeat(20_000));
    assert_eq!(rendition(&faded, 20_000, Target::Webp).kind, Kind::Png);
}

#[test]
fn an_avif_as_long_as_it_may_be_is_read_back() {
    let source = png(32_768, 1, ColorType::Grayscale, BitDepth::Eight, &[90; 32_768]);
    let avif = rendition(&source, 32_768, Target::Avif);
    assert_eq!((avif.kind, avif.width), (Kind::Avif, 32_768));
    assert_near(&read(&rendition(&avif.bytes, 64, Target::Png)).rgb_at(9, 0), &[90; 3], 4);
}
