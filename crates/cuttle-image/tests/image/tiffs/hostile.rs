//! TIFFs that are cut off, lie about numbers, or cost more than they show: refused within 50 ms of processor time.

use cuttle_image::{Excess, Limits, RenderError, Target, render};

use super::bits;
use super::page::{Page, RGB};
use crate::fixtures::{at_once, options};

#[test]
fn a_tiff_is_cut_off_or_too_large_before_it_is_decoded() {
    let source = RGB.write();
    for len in 8..source.len() - 8 {
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

/// A classic directory, or one of `BigTIFF`, of numbers as they are: tag, type, count, value or offset.
fn directory(big: bool, entries: &[(u16, u16, u64, u64)]) -> Vec<u8> {
    let number = |value: u64| value.to_le_bytes()[..if big { 8 } else { 4 }].to_vec();
    let mut file = if big { b"II\x2b\0\x08\0\0\0".to_vec() } else { b"II*\0".to_vec() };
    file.extend(number(if big { 16 } else { 8 }));
    file.extend(&(entries.len() as u64).to_le_bytes()[..if big { 8 } else { 2 }]);
    for (tag, kind, count, value) in entries {
        file.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        file.extend([number(*count), number(*value)].concat());
    }
    file.extend([0; 64]);
    file
}

/// Nothing of it is believed before it is there, and a file is not read more often than it is long.
#[test]
fn numbers_that_cannot_be_true_are_refused() {
    const HUGE: u64 = 1 << 31;
    let sides = |width, height| [(256, 4, 1, width), (257, 4, 1, height)];
    let kind = |compression, photometric| [(259, 3, 1, compression), (262, 3, 1, photometric)];
    let grey = |more: &[(u16, u16, u64, u64)]| {
        [&sides(60_000, 800)[..], &[(258, 3, 1, 8)], &kind(1, 1), more].concat()
    };
    let strip = [(273, 4, 1, 8), (279, 4, 1, 0)];
    let refused = [
        ("strips", grey(&[(273, 4, HUGE, 8), (278, 4, 1, 1), (279, 4, HUGE, 8)])),
        ("long strips", grey(&[(273, 4, 1, 8), (279, 4, 1, HUGE)])),
        ("no strips", grey(&[(273, 4, 0, 8), (279, 4, 0, 8)])),
        ("strips of no rows", grey(&[strip[0], (278, 4, 1, 0), strip[1]])),
        (
            "large tiles",
            grey(&[(322, 4, 1, HUGE), (323, 4, 1, HUGE), (324, 4, 1, 8), (325, 4, 1, 9)]),
        ),
        ("tiles", grey(&[(322, 4, 1, 16), (323, 4, 1, 16), (324, 4, HUGE, 8), (325, 4, HUGE, 8)])),
        (
            "a palette",
            [&sides(60_000, 800)[..], &[(258, 3, 1, 8)], &kind(1, 3), &strip, &[(320, 3, HUGE, 8)]]
                .concat(),
        ),
        (
            "tables of JPEG",
            [&sides(16, 16)[..], &[(258, 3, 1, 8)], &kind(7, 1), &strip, &[(347, 7, HUGE, 8)]]
                .concat(),
        ),
        ("samples", [&grey(&strip)[..], &[(277, 4, 1, HUGE)]].concat()),
        ("bits of each sample", [&grey(&strip)[..], &[(258, 3, HUGE, 8)]].concat()),
        ("more pages", [&grey(&strip)[..], &[(330, 13, HUGE, 8)]].concat()),
    ];
    for (name, entries) in refused {
        for big in [false, true] {
            let source = directory(big, &entries);
            let outcome = at_once(name, &source);
            let refused =
                matches!(outcome, Err(RenderError::Decode(_) | RenderError::Unsupported(_)));
            assert!(refused, "{name}, BigTIFF: {big}: {outcome:?}");
        }
    }
    let far = directory(true, &grey(&[(273, 16, 1, u64::MAX), (279, 16, 1, u64::MAX)]));
    let long = directory(true, &grey(&[(273, 16, 1 << 61, u64::MAX), (279, 16, 1, 8)]));
    let mut nowhere = directory(true, &grey(&strip));
    nowhere[8..16].fill(0xff);
    let mut endless = directory(true, &grey(&strip));
    endless[16..24].fill(0xff);
    for source in [far, long, nowhere, endless] {
        assert!(at_once("numbers of 64 bits", &source).is_err());
    }
    // A profile is refused as those of other formats are.
    let profile = [&grey(&strip)[..], &[(34_675, 7, HUGE, 8)]].concat();
    let outcome = at_once("a profile", &directory(false, &profile));
    assert_eq!(outcome, Err(Excess::Metadata { limit: 4 << 20 }.into()));
}

/// Each of some thousand strips is sound, and is the same megabyte.
#[test]
fn strips_that_overlap_are_refused() {
    const HEIGHT: u32 = 4000;
    let row = [vec![0x80; 1 << 20], vec![0xf1, 7]].concat();
    let long = |value: u32| value.to_le_bytes();
    let mut file = [b"II*\0", &long(8 + row.len() as u32)[..], &row].concat();
    let at = file.len() as u32 + 2 + 12 * 9 + 4;
    let entries = [
        (256, 1, 16),
        (257, 1, HEIGHT),
        (258, 1, 8),
        (259, 1, 32_773),
        (262, 1, 1),
        (273, HEIGHT, at),
        (277, 1, 1),
        (278, 1, 1),
        (279, HEIGHT, at + 4 * HEIGHT),
    ];
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, count, value) in entries {
        file.extend([&u16::to_le_bytes(tag)[..], &[4, 0], &long(count), &long(value)].concat());
    }
    file.extend([0; 4]);
    file.extend(long(8).repeat(HEIGHT as usize));
    file.extend(long(row.len() as u32).repeat(HEIGHT as usize));
    let outcome = at_once("strips that overlap", &file);
    let Err(RenderError::Decode(reason)) = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("overlap"), "{reason}");
}

/// A run of white and one of black, of no length, and so on: of group 4, and of group 3 where the line begins with a one.
#[test]
fn a_line_of_fax_without_an_end_is_refused() {
    let nowhere = "001 00110101 0000110111".repeat(1 << 17);
    let tagged = format!("1 0 {nowhere}");
    for (compression, codes) in [(4, &nowhere), (3, &tagged)] {
        let fax = Page {
            size: (60_000, 800),
            bits: 1,
            samples: 1,
            photometric: 0,
            compression,
            extra: if compression == 3 { &[(292, &[1])] } else { &[] },
            data: &bits(codes),
            ..RGB
        };
        let outcome = at_once("a line without an end", &fax.write());
        let Err(RenderError::Decode(reason)) = outcome else { panic!("{outcome:?}") };
        assert!(reason.contains("broken"), "{reason}");
    }
}
