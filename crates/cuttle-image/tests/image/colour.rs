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

fn png_that_says(rgb: [u8; 3], chunks: &[([u8; 4], &[u8])]) -> Vec<u8> {
    png_with(4, 4, ColorType::Rgb, BitDepth::Eight, &rgb.repeat(16), chunks)
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

/// White, red, green and blue of Display P3 (x and y in 1/100,000).
const P3_POINTS: [u32; 8] = [31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000];

/// By the defining primaries and curves, in double precision, from one source colour.
const SAID: [u8; 3] = [200, 100, 50];
const AS_SRGB: [u8; 3] = SAID;
const AS_P3: [u8; 3] = [215, 93, 31];
const AS_BT2020: [u8; 3] = [241, 76, 29];
const AS_ADOBE: [u8; 3] = [227, 100, 42];
const AS_GAMMA_1_8: [u8; 3] = [210, 119, 65];
const AS_LINEAR: [u8; 3] = [229, 168, 122];
const AS_P3_GAMMA_1_8: [u8; 3] = [225, 113, 49];

#[test]
fn every_way_to_say_colours_in_png_is_read() {
    let profile =
        |profile: ColorProfile| [b"p\0\0".as_slice(), &zlib(&profile.encode().unwrap())].concat();
    let (p3, adobe) =
        (profile(ColorProfile::new_display_p3()), profile(ColorProfile::new_adobe_rgb()));
    let gamma = words(&[55_556]);
    let points = words(&P3_POINTS);
    type Row<'a> = (&'a str, &'a [([u8; 4], &'a [u8])], [u8; 3]);
    let rows: &[Row<'_>] = &[
        ("nothing", &[], AS_SRGB),
        ("sRGB", &[(*b"sRGB", &[0])], AS_SRGB),
        ("a profile", &[(*b"iCCP", &adobe)], AS_ADOBE),
        ("code points of P3", &[(*b"cICP", &[12, 13, 0, 1])], AS_P3),
        ("code points of BT.2020", &[(*b"cICP", &[9, 13, 0, 1])], AS_BT2020),
        ("BT.2020's own curve", &[(*b"cICP", &[9, 14, 0, 1])], AS_BT2020),
        ("linear light", &[(*b"cICP", &[1, 8, 0, 1])], AS_LINEAR),
        ("a gamma", &[(*b"gAMA", &gamma)], AS_GAMMA_1_8),
        ("chromaticities", &[(*b"cHRM", &points)], AS_P3),
        ("both", &[(*b"gAMA", &gamma), (*b"cHRM", &points)], AS_P3_GAMMA_1_8),
        ("the gamma of sRGB", &[(*b"gAMA", &words(&[45_455]))], AS_SRGB),
        // Precedence.
        ("cICP over iCCP", &[(*b"iCCP", &adobe), (*b"cICP", &[12, 13, 0, 1])], AS_P3),
        ("cICP as sRGB over iCCP", &[(*b"iCCP", &adobe), (*b"cICP", &[1, 13, 0, 1])], AS_SRGB),
        ("iCCP over sRGB", &[(*b"sRGB", &[0]), (*b"iCCP", &p3)], AS_P3),
        ("iCCP over gAMA", &[(*b"gAMA", &gamma), (*b"iCCP", &p3)], AS_P3),
        ("sRGB over gAMA", &[(*b"gAMA", &gamma), (*b"sRGB", &[0])], AS_SRGB),
        ("a broken iCCP", &[(*b"iCCP", b"p\0\0xx"), (*b"gAMA", &gamma)], AS_GAMMA_1_8),
        // What cannot be applied counts as absent.
        ("the narrow range", &[(*b"cICP", &[12, 13, 0, 0])], AS_SRGB),
        ("reserved primaries", &[(*b"cICP", &[3, 13, 0, 1])], AS_SRGB),
        ("no gamma", &[(*b"gAMA", &[0; 4])], AS_SRGB),
        ("no chromaticities", &[(*b"cHRM", &[0; 32])], AS_SRGB),
    ];
    for (name, chunks, expected) in rows {
        let found = pixels(&png_that_says(SAID, chunks), 4).rgb_at(1, 1);
        let near = found.iter().zip(expected).all(|(a, b)| a.abs_diff(*b) <= 2);
        assert!(near, "{name}: {found:?} instead of {expected:?}");
    }
}

#[test]
fn sixteen_bits_of_linear_light_keep_their_shadows() {
    // Of 8 bits, 256 and 300 would be the same and show as sRGB 13; the last is the defining formula.
    for (level, expected) in [(256_u16, 13), (1000, 33), (5000, 78), (16_384, 137), (40_000, 205)] {
        let samples: Vec<u8> = level.to_be_bytes().repeat(3 * 16);
        let source = png_with(
            4,
            4,
            ColorType::Rgb,
            BitDepth::Sixteen,
            &samples,
            &[(*b"cICP", &[1, 8, 0, 1])],
        );
        assert_near(&pixels(&source, 4).rgb_at(1, 1), &[expected; 3], 1);
        let samples: Vec<u8> = level.to_be_bytes().repeat(16);
        let grey = png_with(
            4,
            4,
            ColorType::Grayscale,
            BitDepth::Sixteen,
            &samples,
            &[(*b"gAMA", &words(&[100_000]))],
        );
        assert_near(&pixels(&grey, 4).rgb_at(1, 1), &[expected; 3], 1);
    }
}

/// Code points, 16-bit samples, and sRGB by the formulas of BT.2100 and BT.2390 in double precision.
const HDR: &[([u8; 2], [u16; 3], [u8; 3])] = &[
    ([9, 16], [0; 3], [0; 3]),
    ([9, 16], [20_000; 3], [65; 3]),
    // 100, 203 and 1000 cd/m².
    ([9, 16], [33_293; 3], [186; 3]),
    ([9, 16], [38_047; 3], [229; 3]),
    ([9, 16], [49_271; 3], [255; 3]),
    ([9, 16], [65_535; 3], [255; 3]),
    ([9, 16], [30_000, 38_000, 25_000], [0, 238, 50]),
    ([12, 16], [45_000, 30_000, 30_000], [255, 75, 85]),
    ([9, 18], [10_000; 3], [32; 3]),
    ([9, 18], [30_000; 3], [124; 3]),
    ([9, 18], [49_151; 3], [229; 3]),
    ([9, 18], [65_535; 3], [255; 3]),
    ([9, 18], [40_000, 20_000, 10_000], [198, 64, 23]),
    ([9, 18], [20_000, 45_000, 30_000], [0, 214, 119]),
];

#[test]
fn light_beyond_white_is_mapped_by_the_documented_curve() {
    for ([primaries, transfer], rgb, expected) in HDR {
        let says = [*primaries, *transfer, 0, 1];
        let samples: Vec<u8> = rgb.iter().flat_map(|s| s.to_be_bytes()).collect();
        let deep = png_with(
            4,
            4,
            ColorType::Rgb,
            BitDepth::Sixteen,
            &samples.repeat(16),
            &[(*b"cICP", &says)],
        );
        assert_near(&pixels(&deep, 4).rgb_at(1, 1), expected, 2);
        // The same to within what 8 bits of source can say.
        let shallow = rgb.map(|sample| ((u32::from(sample) + 128) / 257) as u8);
        let source = png_that_says(shallow, &[(*b"cICP", &says)]);
        assert_near(&pixels(&source, 4).rgb_at(1, 1), expected, 5);
    }
}

#[test]
fn avif_is_read_by_its_code_points() {
    // Our own encoder writes sRGB's (1, 13); its file is changed to say something else.
    let source = png_that_says(SAID, &[]);
    let avif = rendition(&source, 4, Target::Avif).bytes;
    let at = avif.windows(8).position(|window| window == b"nclx\0\x01\0\x0d").unwrap();
    for ([primaries, transfer], expected) in [
        ([1, 13], AS_SRGB),
        ([2, 2], AS_SRGB),
        ([12, 13], AS_P3),
        ([9, 1], AS_BT2020),
        ([1, 8], AS_LINEAR),
    ] {
        let mut said = avif.clone();
        said[at + 5] = primaries;
        said[at + 7] = transfer;
        assert_near(&pixels(&said, 4).rgb_at(1, 1), &expected, 5);
    }
    let grey = rendition(&png_that_says([148; 3], &[]), 4, Target::Avif).bytes;
    let at = grey.windows(8).position(|window| window == b"nclx\0\x01\0\x0d").unwrap();
    for (transfer, expected) in [(16, 229), (18, 165)] {
        let mut said = grey.clone();
        said[at + 5] = 9;
        said[at + 7] = transfer;
        assert_near(&pixels(&said, 4).rgb_at(1, 1), &[expected; 3], 4);
    }
}
