//! PNG comes out as the smallest type that holds the picture.

use cuttle_image::{Rendition, Target};
use png::BitDepth::{self, Eight, Four, One, Two};
use png::ColorType::{self, Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};

use crate::fixtures::{
    assert_near, gradient, pixels, png, png_rgb, png_rgba, png_with, read, rendition,
};

/// Colour type and depth, as the header says them.
fn kind_of(rendition: &Rendition) -> (ColorType, BitDepth) {
    let (bits, colour) = (rendition.bytes[24], rendition.bytes[25]);
    (ColorType::from_u8(colour).unwrap(), BitDepth::from_u8(bits).unwrap())
}

/// `count` colours in stripes, over a picture of 96 × 96 pixels.
fn stripes(count: usize) -> Vec<u8> {
    let colour = |at: usize| [(at * 37 % 256) as u8, (at * 101 % 251) as u8, at as u8];
    (0..96 * 96).flat_map(|at| colour(at % 96 / 3 * 8 % count + at / 96 / 12 % count)).collect()
}

fn distinct(samples: &[u8]) -> usize {
    let (colours, _) = samples.as_chunks::<3>();
    colours.iter().collect::<std::collections::HashSet<_>>().len()
}

#[test]
fn few_colours_are_kept_exactly_in_as_few_bits_as_they_need() {
    for (count, depth) in [(2, One), (4, Two), (16, Four), (32, Eight), (200, Eight)] {
        let samples = stripes(count);
        let written = rendition(&png_rgb(96, 96, &samples), 96, Target::Png);
        assert!(distinct(&samples) <= 256, "{count}");
        assert_eq!(kind_of(&written).0, Indexed, "{count}");
        if distinct(&samples) <= count {
            assert_eq!(kind_of(&written).1, depth, "{count}");
        }
        let found: Vec<u8> =
            read(&written).rgba.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
        assert_eq!(found, samples, "{count}");
    }
}

#[test]
fn grey_stays_grey_in_as_few_bits_as_it_needs() {
    let levels = |step: u32| -> Vec<u8> { (0..64 * 64).map(|at| (at % 64 * step) as u8).collect() };
    let ramp: Vec<u8> = levels(4);
    for (samples, depth) in [
        ((0..64 * 64).map(|at| if at / 64 % 2 == 0 { 0 } else { 255 }).collect(), One),
        ((0..64 * 64_u32).map(|at| (at % 4 * 85) as u8).collect::<Vec<u8>>(), Two),
        ((0..64 * 64_u32).map(|at| (at % 16 * 17) as u8).collect(), Four),
        (ramp, Eight),
    ] {
        let coloured: Vec<u8> = samples.iter().flat_map(|level| [*level; 3]).collect();
        for source in [png(64, 64, Grayscale, Eight, &samples), png_rgb(64, 64, &coloured)] {
            let written = rendition(&source, 64, Target::Png);
            let (colour, bits) = kind_of(&written);
            assert!(colour == Grayscale || samples[1] == 4, "{colour:?}");
            assert!(bits as u8 <= depth as u8, "{bits:?} for {depth:?}");
            let found: Vec<u8> = read(&written).rgba.iter().map(|pixel| pixel[1]).collect();
            assert_eq!(found, samples);
        }
    }
}

#[test]
fn odd_widths_begin_each_row_on_a_byte() {
    for width in 1..12_u32 {
        let samples: Vec<u8> = (0..width * 3)
            .flat_map(|at| if at % 3 == 0 { [9, 99, 199] } else { [1, 2, 3] })
            .collect();
        let written = rendition(&png_rgb(width, 3, &samples), 12, Target::Png);
        let found: Vec<u8> =
            read(&written).rgba.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
        assert_eq!(found, samples, "{width}");
    }
}

#[test]
fn transparency_is_kept_in_a_palette() {
    let samples: Vec<u8> = (0..64 * 64)
        .flat_map(|at| if at / 64 < 20 { [0, 0, 0, 0] } else { [200, at as u8 & 0xc0, 9, 99] })
        .collect();
    let written = rendition(&png_rgba(64, 64, &samples), 64, Target::Png);
    assert_eq!(kind_of(&written).0, Indexed);
    assert_eq!(read(&written).rgba.as_flattened(), samples);
}

/// 64 colours of a palette in a picture of steps, whose edges get hundreds of colours when it is resized.
fn paletted() -> Vec<u8> {
    let palette: Vec<u8> = (0..64_u32)
        .flat_map(|at| [(at * 4) as u8, (at * 83 % 256) as u8, (255 - at * 3) as u8])
        .collect();
    let indices: Vec<u8> =
        (0..240 * 240_u32).map(|at| ((at % 240 / 7 * 5 + at / 240 / 11 * 13) % 64) as u8).collect();
    png_with(240, 240, Indexed, Eight, &indices, &[(*b"PLTE", &palette)])
}

#[test]
fn a_palette_survives_a_resize_and_is_smaller_than_truecolour() {
    let source = paletted();
    let written = rendition(&source, 160, Target::Png);
    assert_eq!(kind_of(&written), (Indexed, Eight));
    // The same pixels, from a source that is not paletted.
    let plain: Vec<u8> =
        pixels(&source, 640).rgba.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
    let truecolour = rendition(&png_rgb(240, 240, &plain), 160, Target::Png);
    assert_eq!(kind_of(&truecolour).0, Rgb);
    assert!(written.bytes.len() < truecolour.bytes.len() * 2 / 3);
    let (found, exact) = (read(&written), read(&truecolour));
    let off: u64 = found
        .rgba
        .as_flattened()
        .iter()
        .zip(exact.rgba.as_flattened())
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    let mean = off as f64 / found.rgba.as_flattened().len() as f64;
    assert!(mean < 4.0, "a mean difference of {mean:.2}");
    assert_eq!(written, rendition(&source, 160, Target::Png));
}

#[test]
fn a_palette_is_never_larger_than_truecolour() {
    // 256 colours in 256 pixels: the palette alone is as long as the pixels.
    let samples: Vec<u8> = (0..=255).flat_map(|at| [at, at ^ 0x55, 255 - at]).collect();
    let written = rendition(&png_rgb(256, 1, &samples), 256, Target::Png);
    assert_eq!(kind_of(&written).0, Rgb);
}

#[test]
fn many_colours_stay_truecolour_and_exact() {
    let samples = gradient(128, 128);
    let written = rendition(&png_rgb(128, 128, &samples), 128, Target::Png);
    assert_eq!(kind_of(&written), (Rgb, Eight));
    let faded: Vec<u8> =
        samples.as_chunks::<3>().0.iter().flat_map(|[r, g, b]| [*r, *g, *b, *r]).collect();
    let written = rendition(&png_rgba(128, 128, &faded), 128, Target::Png);
    assert_eq!(kind_of(&written), (Rgba, Eight));
    let grey: Vec<u8> =
        (0..128 * 128_u32).flat_map(|at| [(at % 128 * 2) as u8, (at / 128) as u8]).collect();
    let written = rendition(&png(128, 128, GrayscaleAlpha, Eight, &grey), 128, Target::Png);
    assert_eq!(kind_of(&written), (GrayscaleAlpha, Eight));
    assert_near(&read(&written).at(100, 100), &[200, 200, 200, 100], 0);
}
