//! What only JPEG has: inks, restarts, scans, and what phones append.

use cuttle_image::{Limits, RenderError, Target, probe, render};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::fixtures::{
    Scans, assert_near, exif, gradient, jpeg, jpeg_rgb, options, pixels, rendition, with_segment,
};

/// 16 × 16 pixels of one ink mixture, as Adobe's programs store it.
fn inked(colour: ColorType, inks: [u8; 4]) -> Vec<u8> {
    jpeg(16, 16, colour, &inks.repeat(256), Scans::Baseline)
}

/// `source` without its Adobe marker.
fn without_adobe(source: &[u8]) -> Vec<u8> {
    let at = source.windows(2).position(|marker| marker == [0xff, 0xee]).unwrap();
    let len = usize::from(u16::from_be_bytes([source[at + 2], source[at + 3]]));
    [&source[..at], &source[at + 2 + len..]].concat()
}

#[test]
fn inks_without_a_profile_are_shown_by_the_plain_formula() {
    for (inks, expected) in [
        ([0, 0, 0, 0], [255, 255, 255]),
        ([255, 0, 0, 0], [0, 255, 255]),
        ([0, 255, 0, 0], [255, 0, 255]),
        ([0, 0, 255, 0], [255, 255, 0]),
        ([0, 0, 0, 255], [0, 0, 0]),
        ([0, 100, 200, 51], [204, 124, 44]),
    ] {
        for colour in [ColorType::Cmyk, ColorType::CmykAsYcck] {
            let seen = pixels(&inked(colour, inks), 16).rgb_at(8, 8);
            assert_near(&seen, &expected, 4);
        }
        // Whoever wrote it.
        let seen = pixels(&without_adobe(&inked(ColorType::Cmyk, inks)), 16).rgb_at(8, 8);
        assert_near(&seen, &expected, 4);
    }
}

/// A profile (ICC.1:2022, `lut8Type`) of a strange press: its cyan is red, its black black, and the other
/// two inks are invisible.
fn strange_press() -> Vec<u8> {
    let mut lut = b"mft1\0\0\0\0\x04\x03\x02\0".to_vec();
    for at in 0..9 {
        lut.extend_from_slice(&(if at % 4 == 0 { 0x1_0000_u32 } else { 0 }).to_be_bytes());
    }
    lut.extend((0..4).flat_map(|_| 0..=255u8));
    for corner in 0..16 {
        // The first ink changes slowest. 8-bit Lab: white, red, black.
        let (cyan, black) = (corner & 8 != 0, corner & 1 != 0);
        lut.extend_from_slice(match (cyan, black) {
            (_, true) => &[0, 128, 128],
            (true, false) => &[138, 208, 195],
            (false, false) => &[255, 128, 128],
        });
    }
    lut.extend((0..3).flat_map(|_| 0..=255u8));
    let mut profile = vec![0; 128];
    profile[8..12].copy_from_slice(&[2, 0x40, 0, 0]);
    profile[12..24].copy_from_slice(b"prtrCMYKLab ");
    profile[36..40].copy_from_slice(b"acsp");
    for (at, xyz) in (68..).step_by(4).zip([0xf6d6_u32, 0x1_0000, 0xd32d]) {
        profile[at..at + 4].copy_from_slice(&xyz.to_be_bytes());
    }
    profile.extend_from_slice(&1u32.to_be_bytes());
    profile.extend_from_slice(b"A2B0");
    profile.extend_from_slice(&144u32.to_be_bytes());
    profile.extend_from_slice(&u32::try_from(lut.len()).unwrap().to_be_bytes());
    profile.extend_from_slice(&lut);
    let len = u32::try_from(profile.len()).unwrap();
    profile[..4].copy_from_slice(&len.to_be_bytes());
    profile
}

#[test]
fn inks_are_shown_as_their_profile_says() {
    let segment = [b"ICC_PROFILE\0\x01\x01".as_slice(), &strange_press()].concat();
    for (inks, expected) in [
        ([0, 0, 0, 0], [255, 255, 255]),
        ([255, 0, 0, 0], [255, 0, 0]),
        ([0, 255, 255, 0], [255, 255, 255]),
        ([255, 0, 0, 255], [0, 0, 0]),
    ] {
        let source = with_segment(&inked(ColorType::Cmyk, inks), 0xe2, &segment);
        assert_near(&pixels(&source, 16).rgb_at(8, 8), &expected, 12);
    }
}

#[test]
fn a_profile_of_inks_means_nothing_to_other_pictures_and_the_reverse() {
    let segment = [b"ICC_PROFILE\0\x01\x01".as_slice(), &strange_press()].concat();
    let samples = [10, 200, 90].repeat(256);
    let source = jpeg_rgb(16, 16, &samples);
    let seen = pixels(&with_segment(&source, 0xe2, &segment), 16).rgb_at(8, 8);
    assert_eq!(seen, pixels(&source, 16).rgb_at(8, 8));

    let srgb = moxcms::ColorProfile::new_srgb().encode().unwrap();
    let segment = [b"ICC_PROFILE\0\x01\x01".as_slice(), &srgb].concat();
    let source = with_segment(&inked(ColorType::Cmyk, [255, 0, 0, 0]), 0xe2, &segment);
    assert_near(&pixels(&source, 16).rgb_at(8, 8), &[0, 255, 255], 4);
}

#[test]
fn restart_markers_change_nothing() {
    let samples = gradient(200, 120);
    for progressive in [false, true] {
        let encoded = |restart| {
            let mut bytes = Vec::new();
            let mut encoder = Encoder::new(&mut bytes, 90);
            encoder.set_progressive(progressive);
            encoder.set_sampling_factor(SamplingFactor::F_2_2);
            encoder.set_restart_interval(restart);
            encoder.encode(&samples, 200, 120, ColorType::Rgb).unwrap();
            bytes
        };
        let (plain, restarted) = (encoded(0), encoded(3));
        assert!(restarted.windows(2).any(|marker| marker == [0xff, 0xd3]));
        for width in [200, 20] {
            assert_eq!(pixels(&plain, width).rgba, pixels(&restarted, width).rgba);
        }
    }
}

#[test]
fn a_progressive_file_reduced_strongly_looks_like_a_sequential_one() {
    let samples = gradient(1024, 768);
    let [sequential, progressive] = [Scans::Baseline, Scans::Progressive]
        .map(|scans| jpeg(1024, 768, ColorType::Rgb, &samples, scans));
    for width in [250, 120, 60] {
        let [sequential, progressive] =
            [&sequential, &progressive].map(|source| pixels(source, width).rgba);
        assert_near(sequential.as_flattened(), progressive.as_flattened(), 4);
    }
    // Reduced less, nothing is left out.
    assert_eq!(pixels(&sequential, 300).rgba, pixels(&progressive, 300).rgba);
}

#[test]
fn a_progressive_file_cut_where_nobody_would_read_is_refused_all_the_same() {
    let source = jpeg(640, 480, ColorType::Rgb, &gradient(640, 480), Scans::Progressive);
    for place in 1..64 {
        let cut = &source[..source.len() * place / 64];
        let outcome = render(cut, &options(40, Target::Webp), &Limits::default());
        assert!(matches!(outcome, Err(RenderError::Decode(_))), "cut at {place}/64: {outcome:?}");
    }
}

#[test]
fn arithmetic_coding_is_refused() {
    let mut source = jpeg_rgb(16, 16, &gradient(16, 16));
    let at = source.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    source[at + 1] = 0xc9;
    let outcome = render(&source, &options(8, Target::Webp), &Limits::default());
    assert!(matches!(outcome, Err(RenderError::Decode(reason)) if reason.contains("arithmetic")));
}

/// The shape of a phone's file: megabytes of extended XMP before the picture, a gain map of its own
/// (MPF, Ultra HDR) after it.
#[test]
fn what_phones_add_is_neither_counted_nor_shown() {
    let base = jpeg_rgb(64, 48, &gradient(64, 48));
    let gain_map = jpeg_rgb(32, 24, &[255; 32 * 24 * 3]);
    let mut source = base.clone();
    for _ in 0..40 {
        source = with_segment(&source, 0xe1, &[7; 65_000]);
    }
    source = with_segment(&source, 0xe2, b"MPF\0MM\0*\0\0\0\x08");
    source = with_segment(&source, 0xe1, &[b"Exif\0\0".as_slice(), &exif(1)].concat());
    source.extend_from_slice(&gain_map);
    assert_eq!(probe(std::io::Cursor::new(&source)).unwrap().metadata_bytes, 0);
    let seen = rendition(&source, 64, Target::Png);
    assert_eq!(seen.bytes, rendition(&base, 64, Target::Png).bytes);
}
