//! Every kind of source, made by an independent encoder.

use cuttle_image::Target;
use image_webp::ColorType as WebpColour;
use jpeg_encoder::ColorType as JpegColour;
use png::BitDepth::{Eight, Four, One, Sixteen, Two};
use png::ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};

use crate::fixtures::{
    Scans, assert_near, gradient, jpeg, pixels, png_chunk, png_rgb, png_with, quadrants, rendition,
    webp_lossless, zlib,
};

/// Colour type, depth, palette, `tRNS`, the samples of two pixels, and both pixels as RGBA.
type PngRow<'a> = (png::ColorType, png::BitDepth, &'a [u8], &'a [u8], &'a [u8], [[u8; 4]; 2]);

#[test]
fn every_colour_type_and_depth_of_png_is_read() {
    let palette: &[u8] = &[10, 20, 30, 200, 100, 50];
    let rows: &[PngRow<'_>] = &[
        (Grayscale, One, &[], &[], &[0b0100_0000], [[0, 0, 0, 255], [255, 255, 255, 255]]),
        (Grayscale, Two, &[], &[], &[0b0110_0000], [[85, 85, 85, 255], [170, 170, 170, 255]]),
        (Grayscale, Four, &[], &[], &[0x3c], [[51, 51, 51, 255], [204, 204, 204, 255]]),
        (Grayscale, Eight, &[], &[], &[7, 250], [[7, 7, 7, 255], [250, 250, 250, 255]]),
        (Grayscale, Sixteen, &[], &[], &[7, 255, 250, 0], [[7, 7, 7, 255], [250, 250, 250, 255]]),
        (Grayscale, Eight, &[], &[0, 7], &[7, 250], [[7, 7, 7, 0], [250, 250, 250, 255]]),
        (
            GrayscaleAlpha,
            Eight,
            &[],
            &[],
            &[7, 99, 250, 255],
            [[7, 7, 7, 99], [250, 250, 250, 255]],
        ),
        (
            GrayscaleAlpha,
            Sixteen,
            &[],
            &[],
            &[7, 1, 99, 2, 250, 3, 255, 4],
            [[7, 7, 7, 99], [250, 250, 250, 255]],
        ),
        (Rgb, Eight, &[], &[], &[1, 2, 3, 4, 5, 6], [[1, 2, 3, 255], [4, 5, 6, 255]]),
        (
            Rgb,
            Sixteen,
            &[],
            &[],
            &[1, 9, 2, 9, 3, 9, 4, 9, 5, 9, 6, 9],
            [[1, 2, 3, 255], [4, 5, 6, 255]],
        ),
        (Rgb, Eight, &[], &[0, 1, 0, 2, 0, 3], &[1, 2, 3, 4, 5, 6], [[1, 2, 3, 0], [4, 5, 6, 255]]),
        (Rgba, Eight, &[], &[], &[1, 2, 3, 40, 4, 5, 6, 255], [[1, 2, 3, 40], [4, 5, 6, 255]]),
        (
            Rgba,
            Sixteen,
            &[],
            &[],
            &[1, 9, 2, 9, 3, 9, 40, 9, 4, 9, 5, 9, 6, 9, 255, 255],
            [[1, 2, 3, 40], [4, 5, 6, 255]],
        ),
        (Indexed, One, palette, &[], &[0b0100_0000], [[10, 20, 30, 255], [200, 100, 50, 255]]),
        (Indexed, Two, palette, &[], &[0b0001_0000], [[10, 20, 30, 255], [200, 100, 50, 255]]),
        (Indexed, Four, palette, &[], &[0x01], [[10, 20, 30, 255], [200, 100, 50, 255]]),
        (Indexed, Eight, palette, &[], &[0, 1], [[10, 20, 30, 255], [200, 100, 50, 255]]),
        (Indexed, Eight, palette, &[128], &[0, 1], [[10, 20, 30, 128], [200, 100, 50, 255]]),
    ];
    for (colour, depth, palette, trns, samples, expected) in rows {
        let mut chunks: Vec<([u8; 4], &[u8])> = Vec::new();
        if !palette.is_empty() {
            chunks.push((*b"PLTE", palette));
        }
        if !trns.is_empty() {
            chunks.push((*b"tRNS", trns));
        }
        let seen = pixels(&png_with(2, 1, *colour, *depth, samples, &chunks), 640);
        assert_eq!(seen.rgba, expected, "{colour:?} {depth:?} tRNS {trns:?}");
    }
}

/// The passes of Adam7 (PNG §8.2): first column and row, and the steps between them.
const ADAM7: [[usize; 4]; 7] = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
];

#[test]
fn an_interlaced_png_is_read() {
    let (width, height) = (13, 11);
    let samples = gradient(width, height);
    let mut passes = Vec::new();
    for [x0, y0, dx, dy] in ADAM7 {
        for y in (y0..height).step_by(dy) {
            passes.push(0);
            for x in (x0..width).step_by(dx) {
                passes.extend_from_slice(&samples[3 * (y * width + x)..][..3]);
            }
        }
    }
    let header = [0, 0, 0, 13, 0, 0, 0, 11, 8, 2, 0, 0, 1];
    let chunks =
        [png_chunk(b"IHDR", &header), png_chunk(b"IDAT", &zlib(&passes)), png_chunk(b"IEND", &[])];
    let source = [b"\x89PNG\r\n\x1a\n".as_slice(), &chunks.concat()].concat();
    let found: Vec<u8> =
        pixels(&source, 640).rgba.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
    assert_eq!(found, samples);
}

#[test]
fn baseline_and_progressive_jpeg_are_read_alike() {
    let samples = gradient(64, 48);
    for scans in [Scans::Baseline, Scans::Progressive] {
        let seen = pixels(&jpeg(64, 48, JpegColour::Rgb, &samples, scans), 64);
        let found: Vec<u8> = seen.rgba.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
        assert_near(&found, &samples, 12);
    }
}

#[test]
fn grey_jpeg_stays_grey() {
    let samples: Vec<u8> = (0..64 * 48).map(|at| u8::try_from(at % 64 * 4).unwrap()).collect();
    for scans in [Scans::Baseline, Scans::Progressive] {
        let source = jpeg(64, 48, JpegColour::Luma, &samples, scans);
        let found: Vec<u8> = pixels(&source, 64).rgba.iter().map(|pixel| pixel[0]).collect();
        assert_near(&found, &samples, 8);
        let rendition = rendition(&source, 32, Target::Png);
        assert_eq!(rendition.bytes[25], 0, "the PNG has one channel");
    }
}

#[test]
fn a_jpeg_reduced_in_the_dct_looks_like_one_reduced_in_full() {
    let samples = gradient(1024, 768);
    let reduced = pixels(&jpeg(1024, 768, JpegColour::Rgb, &samples, Scans::Baseline), 100);
    let full = pixels(&png_rgb(1024, 768, &samples), 100);
    assert_eq!((reduced.width, reduced.height), (100, 75));
    assert_near(reduced.rgba.as_flattened(), full.rgba.as_flattened(), 6);
}

#[test]
fn lossless_webp_is_read_exactly() {
    let samples = quadrants(31, 17);
    let seen = pixels(&webp_lossless(31, 17, WebpColour::Rgb8, &samples), 640);
    let found: Vec<u8> = seen.rgba.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
    assert_eq!(found, samples);
}

#[test]
fn webp_alpha_is_read_exactly() {
    let samples: Vec<u8> =
        (0..16 * 16).flat_map(|at| [at as u8, 255 - at as u8, 7, (at % 16) as u8 * 17]).collect();
    let seen = pixels(&webp_lossless(16, 16, WebpColour::Rgba8, &samples), 640);
    // What a wholly transparent pixel hides need not survive.
    for (found, expected) in
        seen.rgba.iter().zip(samples.as_chunks::<4>().0).filter(|(_, pixel)| pixel[3] > 0)
    {
        assert_eq!(found, expected);
    }
    assert!(
        seen.rgba
            .iter()
            .zip(samples.as_chunks::<4>().0)
            .all(|(found, expected)| found[3] == expected[3])
    );
}

/// No other AVIF codec exists in Rust without C: ours reads its own, lossy WebP likewise.
#[test]
fn our_own_webp_and_avif_are_read_back() {
    let samples = gradient(320, 240);
    let source = png_rgb(320, 240, &samples);
    for target in [Target::Webp, Target::Avif] {
        let first = rendition(&source, 320, target);
        let seen = pixels(&first.bytes, 320);
        assert_eq!((seen.width, seen.height), (320, 240));
        let found: Vec<u8> = seen.rgba.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
        assert_near(&found, &samples, 16);
    }
}

#[test]
fn avif_alpha_survives_a_round_trip() {
    let samples: Vec<u8> =
        (0..64 * 64).flat_map(|at| [200, 40, 40, if at % 64 < 32 { 0 } else { 255 }]).collect();
    let source = crate::fixtures::png_rgba(64, 64, &samples);
    let seen = pixels(&rendition(&source, 64, Target::Avif).bytes, 64);
    assert!(seen.at(4, 30)[3] < 8, "transparent stays transparent");
    assert_near(&seen.at(60, 30), &[200, 40, 40, 255], 12);
}
