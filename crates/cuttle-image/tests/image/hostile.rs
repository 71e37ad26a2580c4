//! Files that are cut, bent or made to hurt: a refusal, never a panic, never a picture of what is missing.

use std::io::Cursor;

use cuttle_demo::fixtures::{Fixture, contained, odd, several_tracks};
use cuttle_image::{Excess, Kind, Limits, RenderError, Target, probe, render};
use jpeg_encoder::ColorType as JpegColour;
use png::{BitDepth, ColorType};

use crate::fixtures::{
    Scans, exif, gradient, jpeg, jpeg_rgb, options, png_rgb, png_with, rendition, webp_lossless,
    with_segment,
};

fn fixtures() -> Vec<(&'static str, Vec<u8>)> {
    let samples = gradient(48, 40);
    let source = png_rgb(48, 40, &samples);
    let with_alpha: Vec<u8> =
        samples.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], p[0]]).collect();
    let stills = vec![
        ("baseline", jpeg(48, 40, JpegColour::Rgb, &samples, Scans::Baseline)),
        ("progressive", jpeg(48, 40, JpegColour::Rgb, &samples, Scans::Progressive)),
        (
            "turned",
            with_segment(
                &jpeg_rgb(48, 40, &samples),
                0xe1,
                &[b"Exif\0\0".as_slice(), &exif(6)].concat(),
            ),
        ),
        ("png", source.clone()),
        ("png with alpha", crate::fixtures::png_rgba(48, 40, &with_alpha)),
        ("webp lossless", webp_lossless(48, 40, image_webp::ColorType::Rgba8, &with_alpha)),
        ("webp lossy", rendition(&source, 48, Target::Webp).bytes),
        (
            "webp with alpha",
            rendition(&crate::fixtures::png_rgba(48, 40, &with_alpha), 48, Target::Webp).bytes,
        ),
        ("avif", rendition(&source, 48, Target::Avif).bytes),
        (
            "avif with alpha",
            rendition(&crate::fixtures::png_rgba(48, 40, &with_alpha), 48, Target::Avif).bytes,
        ),
    ];
    let moves = |fixture: &Fixture| fixture.film.is_some() || fixture.name == "still.gif";
    let moving = cuttle_demo::fixtures::fixtures().into_iter().filter(moves);
    let moving = moving.map(|fixture| (fixture.name, fixture.bytes));
    let contained = contained().into_iter().map(|file| (file.name, file.bytes));
    let tracks = several_tracks().into_iter().map(|(name, bytes, _)| (name, bytes));
    stills.into_iter().chain(moving).chain(contained).chain(tracks).collect()
}

/// All that is bent: beside the sound ones, those that are odd from the start.
fn to_bend() -> Vec<(&'static str, Vec<u8>)> {
    let odd = odd().into_iter().filter(|odd| odd.bytes.len() < 100_000);
    fixtures().into_iter().chain(odd.map(|one| (one.name, one.bytes))).collect()
}

/// What is cut off is refused, unless no pixel is missing, or whole frames of a film are there.
#[test]
fn a_truncated_file_is_refused_wherever_it_is_cut() {
    let run = |source: &[u8]| render(source, &options(24, Target::Webp), &Limits::default());
    let frames = |source: &[u8]| probe(Cursor::new(source)).ok().and_then(|probe| probe.frames);
    for (name, source) in fixtures() {
        let whole = run(&source).unwrap();
        for place in 0..64 {
            let cut = &source[..source.len() * place / 64];
            let outcome = run(cut);
            let sound = match &outcome {
                Err(RenderError::Decode(_) | RenderError::Unrecognised) => true,
                Err(_) => false,
                Ok(shown) => *shown == whole || frames(cut) < frames(&source),
            };
            assert!(sound, "{name} cut at {place}/64: {outcome:?}");
        }
    }
}

/// A small generator (xorshift, Marsaglia 2003), seeded, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
}

#[test]
fn garbage_never_panics() {
    // Longer by hand: CUTTLE_MUTATIONS=100000.
    let rounds: usize =
        std::env::var("CUTTLE_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    let limits = Limits { pixels: 1 << 20, frames_pixels: 1 << 20, ..Limits::default() };
    let mut dice = Dice(0x5eed_cafe);
    for (_, source) in to_bend() {
        for _ in 0..rounds {
            let mut bent = source.clone();
            for _ in 0..=dice.roll(6) {
                let at = dice.roll(bent.len());
                match dice.roll(4) {
                    0 => bent[at] = 0xff,
                    1 => bent[at] ^= 1 << dice.roll(8),
                    2 => bent[at] = u8::try_from(dice.roll(256)).unwrap(),
                    _ => drop(bent.splice(at..at, [0; 2])),
                }
            }
            let Ok(found) = probe(Cursor::new(&bent)) else { continue };
            // rav1d 1.1.0 ends the process over a broken frame (memorysafety/rav1d#1497): that is for workers, and for
            // `e2e/tests/e2e/measured/hostile.rs`. Here it is about the container.
            if found.kind == Kind::Avif {
                continue;
            }
            for target in [Target::Jpeg, Target::Webp] {
                let _ = render(&bent, &options(24, target), &limits);
            }
        }
    }
}

/// A PNG of a few bytes that claims to be enormous: only a check of the header can refuse it so.
#[test]
fn limits_refuse_before_anything_is_decoded() {
    let mut source = png_rgb(1, 1, &[0; 3]);
    source[16..20].copy_from_slice(&60_000u32.to_be_bytes());
    source[20..24].copy_from_slice(&60_000u32.to_be_bytes());
    let outcome = render(&source, &options(24, Target::Webp), &Limits::default());
    assert_eq!(outcome, Err(Excess::Pixels { found: 3_600_000_000, limit: 50_000_000 }.into()));
    source[16..20].copy_from_slice(&70_000u32.to_be_bytes());
    let outcome = render(&source, &options(24, Target::Webp), &Limits::default());
    assert_eq!(outcome, Err(Excess::Side { found: 70_000, limit: 65_535 }.into()));
}

#[test]
fn too_much_metadata_is_refused() {
    let exif = [exif(1), vec![b'x'; 1 << 20]].concat();
    let source =
        png_with(8, 8, ColorType::Rgb, BitDepth::Eight, &gradient(8, 8), &[(*b"eXIf", &exif)]);
    let outcome = render(&source, &options(8, Target::Webp), &Limits::default());
    assert_eq!(outcome, Err(Excess::Metadata { limit: 1 << 20 }.into()));
}

#[test]
fn a_profile_that_is_too_long_is_refused() {
    let mut source = jpeg_rgb(8, 8, &gradient(8, 8));
    for number in (1..=65).rev() {
        let piece = [b"ICC_PROFILE\0".as_slice(), &[number, 65], &[0; 65_000]].concat();
        source = with_segment(&source, 0xe2, &piece);
    }
    let outcome = render(&source, &options(8, Target::Webp), &Limits::default());
    assert_eq!(outcome, Err(Excess::Metadata { limit: 4 << 20 }.into()));
}

#[test]
fn a_jpeg_of_too_many_scans_is_refused() {
    let source = jpeg(64, 64, JpegColour::Rgb, &gradient(64, 64), Scans::Progressive);
    let limits = Limits { jpeg_scans: 2, ..Limits::default() };
    let outcome = render(&source, &options(64, Target::Webp), &limits);
    assert_eq!(outcome, Err(Excess::Scans { limit: 2 }.into()));
}

#[test]
fn stray_bytes_after_the_last_pixel_are_harmless() {
    let mut source = jpeg_rgb(64, 64, &gradient(64, 64));
    let end = source.len() - 2;
    assert_eq!(source[end..], [0xff, 0xd9]);
    source.splice(end..end, [0x12, 0x34, 0x56, 0x78]);
    assert_eq!(rendition(&source, 64, Target::Jpeg).kind, Kind::Jpeg);
}

#[test]
fn foreign_formats_are_not_decoded() {
    let rows: [(&[u8], Kind); 3] =
        [(b"BM\0\0", Kind::Bmp), (b"<svg/>", Kind::Svg), (b"%PDF-1.4", Kind::Pdf)];
    for (source, kind) in rows {
        let outcome = render(source, &options(8, Target::Webp), &Limits::default());
        assert_eq!(outcome, Err(RenderError::Unsupported(kind)));
    }
}
