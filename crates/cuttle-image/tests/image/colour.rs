//! Embedded profiles, against the defining formulas.

use cuttle_image::{Excess, Limits, RenderError, Target, render};
use jpeg_encoder::ColorType as JpegColour;
use moxcms::ColorProfile;
use png::{BitDepth, ColorType};

use crate::fixtures::{
    Scans, assert_near, gradient, jpeg, jpeg_rgb, options, pixels, png_rgb, png_with, read,
    rendition, with_segment, zlib,
};

fn png_with_profile(
    width: u32,
    height: u32,
    layout: ColorType,
    samples: &[u8],
    profile: &[u8],
) -> Vec<u8> {
    let chunk = [b"profile\0\0".as_slice(), &zlib(profile)].concat();
    png_with(width, height, layout, BitDepth::Eight, samples, &[(*b"iCCP", &chunk)])
}

/// The profile split over two APP2 segments, the second written first.
fn jpeg_with_profile(source: &[u8], profile: &[u8]) -> Vec<u8> {
    let (one, two) = profile.split_at(profile.len() / 2);
    let segment =
        |number: u8, part: &[u8]| [b"ICC_PROFILE\0".as_slice(), &[number, 2], part].concat();
    with_segment(&with_segment(source, 0xe2, &segment(1, one)), 0xe2, &segment(2, two))
}

fn display_p3() -> Vec<u8> {
    ColorProfile::new_display_p3().encode().unwrap()
}

/// Display P3, and sRGB by the defining primaries and curve in double precision, clipped. sharp (lcms), on
/// a Display P3 profile of its own, is within one step of the second row.
const P3: [([u8; 3], [u8; 3]); 5] = [
    ([255, 0, 0], [255, 0, 0]),
    ([200, 100, 50], [215, 93, 31]),
    ([128, 128, 128], [128, 128, 128]),
    ([60, 180, 120], [0, 183, 114]),
    ([255, 255, 255], [255, 255, 255]),
];

#[test]
fn display_p3_becomes_srgb_from_png() {
    for (p3, srgb) in P3 {
        let source = png_with_profile(4, 4, ColorType::Rgb, &p3.repeat(16), &display_p3());
        assert_near(&pixels(&source, 4).rgb_at(1, 1), &srgb, 2);
    }
}

#[test]
fn display_p3_becomes_srgb_from_jpeg() {
    for (p3, srgb) in P3 {
        let source = jpeg_with_profile(&jpeg_rgb(16, 16, &p3.repeat(256)), &display_p3());
        assert_near(&pixels(&source, 16).rgb_at(7, 7), &srgb, 6);
    }
}

#[test]
fn alpha_is_no_colour() {
    let source =
        png_with_profile(4, 4, ColorType::Rgba, &[200, 100, 50, 77].repeat(16), &display_p3());
    assert_near(&pixels(&source, 4).at(1, 1), &[215, 93, 31, 77], 2);
}

#[test]
fn an_srgb_profile_changes_no_sample() {
    let samples = gradient(32, 32);
    let profile = ColorProfile::new_srgb().encode().unwrap();
    let source = png_with_profile(32, 32, ColorType::Rgb, &samples, &profile);
    let found: Vec<u8> =
        pixels(&source, 32).rgba.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
    assert_eq!(found, samples);
}

#[test]
fn a_grey_profile_is_applied_to_grey() {
    // Linear light: a quarter of the light is shown as sRGB 137, half of it as 188.
    let profile = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let samples: Vec<u8> = [64, 128].repeat(8);
    let from_png = pixels(&png_with_profile(4, 4, ColorType::Grayscale, &samples, &profile), 4);
    assert_near(&from_png.rgb_at(0, 0), &[137, 137, 137], 2);
    assert_near(&from_png.rgb_at(1, 0), &[188, 188, 188], 2);
    let grey = jpeg(8, 8, JpegColour::Luma, &[128; 64], Scans::Baseline);
    let from_jpeg = pixels(&jpeg_with_profile(&grey, &profile), 8);
    assert_near(&from_jpeg.rgb_at(4, 4), &[188, 188, 188], 3);
}

#[test]
fn a_broken_or_foreign_profile_is_ignored() {
    let samples = [200, 100, 50].repeat(16);
    let p3 = display_p3();
    let grey = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    for profile in [b"not a profile".as_slice(), &p3[..p3.len() / 3], &[0; 200], &grey] {
        let source = png_with_profile(4, 4, ColorType::Rgb, &samples, profile);
        assert_eq!(pixels(&source, 4).rgb_at(1, 1), [200, 100, 50]);
    }
    let broken_zlib =
        png_with(4, 4, ColorType::Rgb, BitDepth::Eight, &samples, &[(*b"iCCP", b"p\0\0xx")]);
    assert_eq!(pixels(&broken_zlib, 4).rgb_at(1, 1), [200, 100, 50]);
}

#[test]
fn a_profile_with_a_missing_piece_is_ignored() {
    let profile = display_p3();
    let first = [b"ICC_PROFILE\0".as_slice(), &[1, 2], &profile].concat();
    let source = with_segment(&jpeg_rgb(16, 16, &[200, 100, 50].repeat(256)), 0xe2, &first);
    assert_near(&pixels(&source, 16).rgb_at(7, 7), &[200, 100, 50], 4);
}

#[test]
fn a_profile_that_inflates_past_the_limit_is_refused() {
    let source = png_with_profile(4, 4, ColorType::Rgb, &[0; 48], &vec![0; 5000]);
    let limits = Limits { icc_bytes: 4999, ..Limits::default() };
    let outcome = render(&source, &options(4, Target::Png), &limits);
    assert_eq!(outcome, Err(RenderError::Excess(Excess::Metadata { limit: 4999 })));
}

#[test]
fn no_profile_means_srgb() {
    let seen = read(&rendition(&png_rgb(4, 4, &[200, 100, 50].repeat(16)), 4, Target::Png));
    assert_eq!(seen.rgb_at(1, 1), [200, 100, 50]);
}
