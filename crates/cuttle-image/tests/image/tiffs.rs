//! TIFF: every variant that is decoded, by a writer of our own, in both byte orders.

use std::io::Cursor;

use cuttle_image::{Excess, Kind, Limits, RenderError, Target, probe, render};
use moxcms::ColorProfile;

use crate::fixtures::{assert_near, options, pixels, rendition};

/// A page to write: TIFF 6.0, one strip.
struct Page<'a> {
    little: bool,
    size: (u32, u32),
    bits: u16,
    samples: u16,
    photometric: u16,
    compression: u16,
    /// Tags beside the usual ones, each one SHORT.
    extra: &'a [(u16, u16)],
    profile: &'a [u8],
    data: &'a [u8],
}

const RGB: Page<'_> = Page {
    little: true,
    size: (2, 1),
    bits: 8,
    samples: 3,
    photometric: 2,
    compression: 1,
    extra: &[],
    profile: &[],
    data: &[1, 2, 3, 200, 100, 50],
};

impl Page<'_> {
    fn write(&self) -> Vec<u8> {
        let short = |value: u16| {
            if self.little { value.to_le_bytes() } else { value.to_be_bytes() }
        };
        let long = |value: u32| {
            if self.little { value.to_le_bytes() } else { value.to_be_bytes() }
        };
        let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
        // The header, the bits of each sample, the strip, the profile, the directory.
        let mut body: Vec<u8> = short(self.bits).repeat(usize::from(self.samples));
        body.resize(8, 0);
        body.extend_from_slice(self.data);
        let profile_at = 8 + len(&body);
        body.extend_from_slice(self.profile);
        body.resize(body.len().next_multiple_of(2), 0);
        let one = |value: u16| [short(value), [0; 2]].concat();
        let bits = if self.samples > 2 {
            long(8).to_vec()
        } else {
            [short(self.bits), short(self.bits)].concat()
        };
        let mut entries = vec![
            (256, 4, 1, long(self.size.0).to_vec()),
            (257, 4, 1, long(self.size.1).to_vec()),
            (258, 3, u32::from(self.samples), bits),
            (259, 3, 1, one(self.compression)),
            (262, 3, 1, one(self.photometric)),
            (273, 4, 1, long(16).to_vec()),
            (277, 3, 1, one(self.samples)),
            (278, 4, 1, long(self.size.1).to_vec()),
            (279, 4, 1, long(len(self.data)).to_vec()),
        ];
        entries.extend(self.extra.iter().map(|(tag, value)| (*tag, 3, 1, one(*value))));
        if !self.profile.is_empty() {
            entries.push((34_675, 7, len(self.profile), long(profile_at).to_vec()));
        }
        entries.sort_by_key(|entry| entry.0);
        let magic: &[u8] = if self.little { b"II*\0" } else { b"MM\0*" };
        let directory = long(8 + len(&body));
        let mut file =
            [magic, &directory, &body, &short(entries.len().try_into().unwrap())].concat();
        for (tag, kind, count, value) in entries {
            file.extend([&short(tag)[..], &short(kind), &long(count), &value].concat());
        }
        file.extend([0; 4]);
        file
    }
}

#[test]
fn every_supported_variant_is_read_in_both_byte_orders() {
    type Row<'a> = (&'a str, Page<'a>, [[u8; 4]; 2]);
    let rows: [Row<'_>; 9] = [
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
            Page { samples: 4, extra: &[(338, 2)], data: &[80, 40, 0, 128, 9, 8, 7, 255], ..RGB },
            [[80, 40, 0, 128], [9, 8, 7, 255]],
        ),
        (
            "premultiplied alpha",
            Page { samples: 4, extra: &[(338, 1)], data: &[40, 20, 0, 128, 9, 8, 7, 255], ..RGB },
            [[80, 40, 0, 128], [9, 8, 7, 255]],
        ),
        (
            "PackBits",
            Page { compression: 32_773, data: &[5, 1, 2, 3, 200, 100, 50], ..RGB },
            [[1, 2, 3, 255], [200, 100, 50, 255]],
        ),
        (
            "a predictor",
            Page {
                compression: 8,
                extra: &[(317, 2)],
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
    let source = Page { extra: &[(274, 6)], ..RGB }.write();
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
    let page = Page { samples: 4, extra: &[(338, 2)], data: &[9, 9, 9, 0, 9, 9, 9, 9], ..RGB };
    assert_eq!(rendition(&page.write(), 640, Target::JpegOrPng).kind, Kind::Png);
}

#[test]
fn other_variants_have_a_size_and_are_not_decoded() {
    for (name, page) in [
        ("fax", Page { compression: 4, samples: 1, bits: 1, photometric: 0, ..RGB }),
        ("JPEG inside", Page { compression: 7, ..RGB }),
        ("old JPEG inside", Page { compression: 6, ..RGB }),
        ("a palette", Page { photometric: 3, samples: 1, ..RGB }),
        ("CMYK", Page { photometric: 5, samples: 4, ..RGB }),
        ("Lab", Page { photometric: 8, ..RGB }),
        ("planes", Page { extra: &[(284, 2)], ..RGB }),
        ("floats", Page { bits: 16, extra: &[(339, 3)], ..RGB }),
        ("32 bits", Page { bits: 32, ..RGB }),
        ("one bit", Page { bits: 1, samples: 1, photometric: 1, ..RGB }),
    ] {
        let source = page.write();
        let found = probe(Cursor::new(&source)).unwrap();
        assert!(found.stored.is_some() && !found.supported, "{name}");
        let outcome = render(&source, &options(8, Target::Webp), &Limits::default());
        assert_eq!(outcome, Err(RenderError::Unsupported(Kind::Tiff)), "{name}");
    }
}

#[test]
fn a_tiff_is_cut_off_or_too_large_before_it_is_decoded() {
    let source = RGB.write();
    for len in 8..source.len() - 4 {
        assert!(render(&source[..len], &options(8, Target::Webp), &Limits::default()).is_err());
    }
    let outcome = render(
        &Page { size: (20_000, 20_000), ..RGB }.write(),
        &options(8, Target::Webp),
        &Limits::default(),
    );
    let excess = Excess::Pixels { found: 400_000_000, limit: 50_000_000 };
    assert_eq!(outcome, Err(excess.into()));
    // Within the limits, but the strip does not hold what it should.
    let outcome = render(
        &Page { size: (2000, 2000), ..RGB }.write(),
        &options(8, Target::Webp),
        &Limits::default(),
    );
    assert!(matches!(outcome, Err(RenderError::Decode(_))), "{outcome:?}");
}
