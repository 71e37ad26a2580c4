//! TIFF: every variant that is decoded, by a writer of our own, in both byte orders.

mod hostile;
mod page;

use std::io::Cursor;

use cuttle_image::{Kind, Limits, RenderError, Target, probe, render};
use moxcms::ColorProfile;

use crate::fixtures::{Scans, assert_near, gradient, jpeg, jpeg_rgb, options, pixels, rendition};
use page::{Page, RGB};

/// Bits, the first one the highest.
fn bits(text: &str) -> Vec<u8> {
    let all: Vec<u8> = text.bytes().filter(|byte| matches!(byte, b'0' | b'1')).collect();
    let byte = |bits: &[u8]| {
        (0..8).fold(0, |sum, at| (sum << 1) | (bits.get(at).copied().unwrap_or(b'0') - b'0'))
    };
    all.chunks(8).map(byte).collect()
}

#[test]
fn every_supported_variant_is_read_in_both_byte_orders() {
    type Row<'a> = (&'a str, Page<'a>, [[u8; 4]; 2]);
    let grey = |[a, b]: [u8; 2]| [[a, a, a, 255], [b, b, b, 255]];
    let one = Page { samples: 1, photometric: 1, ..RGB };
    let eol = "000000000001";
    // White, then black: a run of each, or where the colour changes.
    let fax2 = bits("000111 010");
    let fax3 = bits(&format!("{eol} 000111 010"));
    let sent = bits(&format!("0000 {eol} 000111 010 {}", eol.repeat(6)));
    let fax3_of_both = bits(&format!("{eol} 0 010 1"));
    let fax4 = bits(&format!("010 1 {eol} {eol}"));
    let fax = Page { bits: 1, photometric: 0, ..one };
    let rows: [Row<'_>; 34] = [
        ("RGB", RGB, [[1, 2, 3, 255], [200, 100, 50, 255]]),
        (
            "grey",
            Page { samples: 1, photometric: 1, data: &[7, 250], ..RGB },
            [[7, 7, 7, 255], [250, 250, 250, 255]],
        ),
        (
            "grey from white",
            Page { samples: 1, photometric: 0, data: &[7, 250], ..RGB },
            [[248, 248, 248, 255], [5, 5, 5, 255]],
        ),
        (
            "grey of 16 bits",
            Page { samples: 1, photometric: 1, bits: 16, data: &[7, 7, 250, 250], ..RGB },
            [[7, 7, 7, 255], [250, 250, 250, 255]],
        ),
        (
            "RGB of 16 bits",
            Page { bits: 16, data: &[1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6], ..RGB },
            [[1, 2, 3, 255], [4, 5, 6, 255]],
        ),
        (
            "straight alpha",
            Page {
                samples: 4,
                extra: &[(338, &[2])],
                data: &[80, 40, 0, 128, 9, 8, 7, 255],
                ..RGB
            },
            [[80, 40, 0, 128], [9, 8, 7, 255]],
        ),
        (
            "premultiplied alpha",
            Page {
                samples: 4,
                extra: &[(338, &[1])],
                data: &[40, 20, 0, 128, 9, 8, 7, 255],
                ..RGB
            },
            [[80, 40, 0, 128], [9, 8, 7, 255]],
        ),
        (
            "PackBits",
            Page { compression: 32_773, data: &[5, 1, 2, 3, 200, 100, 50], ..RGB },
            [[1, 2, 3, 255], [200, 100, 50, 255]],
        ),
        ("one bit", Page { bits: 1, data: &[0b0100_0000], ..one }, grey([0, 255])),
        (
            "one bit from white",
            Page { bits: 1, photometric: 0, data: &[0b0100_0000], ..one },
            grey([255, 0]),
        ),
        ("two bits", Page { bits: 2, data: &[0b0110_0000], ..one }, grey([85, 170])),
        ("four bits", Page { bits: 4, data: &[0x3c], ..one }, grey([51, 204])),
        (
            "a palette",
            Page {
                bits: 1,
                photometric: 3,
                data: &[0b0100_0000],
                extra: &[(320, &[0x0101, 0xc8c8, 0x0202, 0x6464, 0x0303, 0x3232])],
                ..one
            },
            [[1, 2, 3, 255], [200, 100, 50, 255]],
        ),
        (
            "a palette of eight bits",
            Page {
                photometric: 3,
                data: &[255, 0],
                extra: &[(320, &{
                    let mut colours = [0; 768];
                    colours[255] = 0xffff;
                    colours[256] = 0xffff;
                    colours
                })],
                ..one
            },
            [[255, 0, 0, 255], [0, 255, 0, 255]],
        ),
        (
            "CMYK",
            Page { samples: 4, photometric: 5, data: &[0, 0, 0, 0, 255, 0, 0, 51], ..RGB },
            [[255, 255, 255, 255], [0, 204, 204, 255]],
        ),
        (
            "CMYK with alpha",
            Page {
                samples: 5,
                photometric: 5,
                extra: &[(338, &[2])],
                data: &[0, 0, 0, 0, 128, 255, 0, 0, 51, 255],
                ..RGB
            },
            [[255, 255, 255, 128], [0, 204, 204, 255]],
        ),
        (
            "CMYK with premultiplied alpha",
            Page {
                samples: 5,
                photometric: 5,
                extra: &[(338, &[1])],
                data: &[51, 0, 0, 0, 51, 255, 0, 0, 51, 255],
                ..RGB
            },
            [[0, 255, 255, 51], [0, 204, 204, 255]],
        ),
        (
            "grey with alpha",
            Page { samples: 2, extra: &[(338, &[2])], data: &[7, 128, 250, 255], ..one },
            [[7, 7, 7, 128], [250, 250, 250, 255]],
        ),
        (
            "YCbCr",
            Page {
                photometric: 6,
                extra: &[(530, &[1, 1])],
                fractions: &[
                    (529, &[299, 587, 114]),
                    (532, &[0, 255_000, 128_000, 255_000, 128_000, 255_000]),
                ],
                data: &[76, 85, 255, 128, 128, 128],
                ..RGB
            },
            [[254, 0, 0, 255], [128, 128, 128, 255]],
        ),
        (
            "planes",
            Page { extra: &[(284, &[2])], strips: 3, data: &[1, 200, 2, 100, 3, 50], ..RGB },
            [[1, 2, 3, 255], [200, 100, 50, 255]],
        ),
        (
            "bits in reverse",
            Page { extra: &[(266, &[2])], data: &[128, 64, 192, 19, 38, 76], ..RGB },
            [[1, 2, 3, 255], [200, 100, 50, 255]],
        ),
        ("fax, group 3", Page { compression: 3, data: &fax3, ..fax }, grey([255, 0])),
        (
            "fax as it is sent",
            Page { compression: 3, data: &sent, extra: &[(292, &[4])], ..fax },
            grey([255, 0]),
        ),
        ("fax without ends of lines", Page { compression: 2, data: &fax2, ..fax }, grey([255, 0])),
        (
            "fax, group 3, of two dimensions",
            Page { compression: 3, data: &fax3_of_both, extra: &[(292, &[1])], ..fax },
            grey([255, 0]),
        ),
        ("fax, group 4", Page { compression: 4, data: &fax4, ..fax }, grey([255, 0])),
        (
            "fax, group 4, no end",
            Page { compression: 4, data: &bits("010 1"), ..fax },
            grey([255, 0]),
        ),
        (
            "LZW of before 1992",
            // Clear, two bytes, end: nine bits each, the lowest one first.
            Page { compression: 5, data: &[0x00, 0x0f, 0xe8, 0x0b, 0x08], ..one },
            grey([7, 250]),
        ),
        (
            "grey and a sample of no meaning",
            Page { samples: 2, extra: &[(338, &[0])], data: &[7, 128, 250, 255], ..one },
            [[7, 7, 7, 128], [250, 250, 250, 255]],
        ),
        (
            "four samples that nobody explains",
            Page { samples: 4, data: &[80, 40, 0, 128, 9, 8, 7, 255], ..RGB },
            [[80, 40, 0, 128], [9, 8, 7, 255]],
        ),
        (
            "a palette of 8 bits",
            Page {
                bits: 1,
                photometric: 3,
                data: &[0b0100_0000],
                extra: &[(320, &[1, 200, 2, 100, 3, 50])],
                ..one
            },
            [[1, 2, 3, 255], [200, 100, 50, 255]],
        ),
        ("fax from black", Page { bits: 1, compression: 4, data: &fax4, ..one }, grey([0, 255])),
        ("BigTIFF", Page { big: true, ..RGB }, [[1, 2, 3, 255], [200, 100, 50, 255]]),
        (
            "a predictor",
            Page {
                compression: 8,
                extra: &[(317, &[2])],
                // zlib with one stored block, and its Adler-32.
                data: &[0x78, 1, 1, 6, 0, 0xf9, 0xff, 1, 2, 3, 199, 98, 47, 0x03, 0x6a, 0x01, 0x5f],
                ..RGB
            },
            [[1, 2, 3, 255], [200, 100, 50, 255]],
        ),
    ];
    for (name, page, expected) in rows {
        for little in [true, false] {
            let source = Page { little, ..page }.write();
            let found = probe(Cursor::new(&source)).unwrap();
            assert_eq!((found.kind, found.supported), (Kind::Tiff, true), "{name}");
            assert_eq!(pixels(&source, 640).rgba, expected, "{name}, little-endian: {little}");
        }
    }
}

#[test]
fn a_turned_tiff_is_seen_upright() {
    let source = Page { extra: &[(274, &[6])], ..RGB }.write();
    let seen = pixels(&source, 640);
    assert_eq!((seen.width, seen.height), (1, 2));
    assert_eq!(seen.rgb_at(0, 1), [200, 100, 50]);
}

#[test]
fn the_profile_of_a_tiff_is_applied() {
    let profile = ColorProfile::new_display_p3().encode().unwrap();
    let source = Page { profile: &profile, ..RGB }.write();
    assert_near(&pixels(&source, 640).rgb_at(1, 0), &[215, 93, 31], 2);
}

#[test]
fn only_transparency_makes_a_png_of_a_tiff() {
    let opaque = rendition(&RGB.write(), 640, Target::JpegOrPng);
    assert_eq!(opaque.kind, Kind::Jpeg);
    let page = Page { samples: 4, extra: &[(338, &[2])], data: &[9, 9, 9, 0, 9, 9, 9, 9], ..RGB };
    assert_eq!(rendition(&page.write(), 640, Target::JpegOrPng).kind, Kind::Png);
}

/// A JPEG in a strip, with the tables that it shares with others before it (TIFF Technical Note 2).
#[test]
fn jpeg_inside_is_read_and_must_have_the_size_of_its_strip() {
    let samples = gradient(16, 8);
    let whole = jpeg_rgb(16, 8, &samples);
    let ycbcr = &[(530_u16, &[1_u16, 1][..])];
    let page =
        Page { size: (16, 8), compression: 7, photometric: 6, extra: ycbcr, data: &whole, ..RGB };
    let seen = pixels(&page.write(), 640);
    let expected = pixels(&whole, 640);
    assert_eq!(seen.rgba, expected.rgba);
    let grey: Vec<u8> = samples.chunks(3).map(|pixel| pixel[0]).collect();
    let grey = jpeg(16, 8, jpeg_encoder::ColorType::Luma, &grey, Scans::Baseline);
    let page = Page { samples: 1, photometric: 1, extra: &[], data: &grey, ..page };
    assert_eq!(pixels(&page.write(), 640).rgba, pixels(&grey, 640).rgba);
    // What is said to be RGB is not changed, whatever the JPEG says of itself: this is red as YCbCr.
    let red = jpeg_rgb(16, 8, &[255, 0, 0].repeat(128));
    let page = Page { photometric: 2, samples: 3, data: &red, ..page };
    assert_near(&pixels(&page.write(), 640).rgb_at(3, 3), &[76, 85, 255], 2);
    for size in [(16, 9), (17, 8), (8, 8)] {
        let page = Page { size, data: &whole, samples: 3, photometric: 6, extra: ycbcr, ..RGB };
        let page = Page { compression: 7, ..page };
        let outcome = render(&page.write(), &options(8, Target::Webp), &Limits::default());
        assert!(matches!(outcome, Err(RenderError::Decode(_))), "{size:?}: {outcome:?}");
    }
}

#[test]
fn other_variants_have_a_size_and_are_not_decoded() {
    let one = Page { samples: 1, photometric: 1, ..RGB };
    let ycbcr = Page { photometric: 6, extra: &[(530, &[1, 1])], ..RGB };
    for (name, page) in [
        (
            "fax with parts not packed",
            Page { compression: 3, bits: 1, extra: &[(292, &[2])], ..one },
        ),
        ("fax that is not packed", Page { compression: 4, bits: 1, extra: &[(293, &[2])], ..one }),
        ("fax of colours", Page { compression: 4, ..RGB }),
        ("fax of levels", Page { compression: 4, ..one }),
        ("old JPEG inside", Page { compression: 6, ..RGB }),
        ("JPEG of planes", Page { compression: 7, extra: &[(284, &[2])], ..RGB }),
        ("WebP inside", Page { compression: 50_001, ..RGB }),
        ("a palette that is not there", Page { photometric: 3, ..one }),
        (
            "inks of other colours",
            Page { photometric: 5, samples: 4, extra: &[(332, &[2])], ..RGB },
        ),
        (
            "inks that begin at 10",
            Page { photometric: 5, samples: 4, extra: &[(336, &[10, 255])], ..RGB },
        ),
        ("Lab", Page { photometric: 8, ..RGB }),
        ("chroma of half size", Page { extra: &[(530, &[2, 2])], ..ycbcr }),
        ("other luma", Page { fractions: &[(529, &[213, 715, 72])], ..ycbcr }),
        (
            "levels as in films",
            Page {
                fractions: &[(532, &[16_000, 235_000, 128_000, 240_000, 128_000, 240_000])],
                ..ycbcr
            },
        ),
        ("an order of bits that is none", Page { extra: &[(266, &[3])], ..RGB }),
        ("planes that are none", Page { extra: &[(284, &[3])], ..RGB }),
        ("a predictor that is none", Page { compression: 5, extra: &[(317, &[9])], ..RGB }),
        ("a predictor of floats", Page { compression: 5, extra: &[(317, &[3])], ..RGB }),
        ("a predictor of bits", Page { compression: 5, bits: 4, extra: &[(317, &[2])], ..one }),
        ("a predictor of what is not packed", Page { extra: &[(317, &[2])], ..RGB }),
        ("samples of another meaning", Page { extra: &[(433, &[0, 1])], ..RGB }),
        ("strips of any height", Page { extra: &[(559, &[1])], ..RGB }),
        ("a picture with depth", Page { extra: &[(32_997, &[2])], ..RGB }),
        ("floats", Page { bits: 16, extra: &[(339, &[3])], ..RGB }),
        ("signed samples", Page { extra: &[(339, &[2, 2, 2])], ..RGB }),
        ("32 bits", Page { bits: 32, ..RGB }),
        ("12 bits", Page { bits: 12, ..one }),
        ("tiles of odd sides", Page { extra: &[(322, &[3]), (323, &[16])], ..RGB }),
        ("five samples", Page { samples: 5, extra: &[(338, &[0, 0])], ..RGB }),
        ("a fifth ink", Page { photometric: 5, samples: 5, extra: &[(338, &[0])], ..RGB }),
        ("a palette with alpha", Page { photometric: 3, samples: 2, extra: &[(338, &[2])], ..one }),
    ] {
        let source = page.write();
        let found = probe(Cursor::new(&source)).unwrap();
        assert!(found.stored.is_some() && !found.supported, "{name}");
        let outcome = render(&source, &options(8, Target::Webp), &Limits::default());
        assert_eq!(outcome, Err(RenderError::Unsupported(Kind::Tiff)), "{name}");
    }
}
