//! Pictures that move stay moving: every frame, its time, and the whole as often as before.

use std::borrow::Cow;
use std::io::Cursor;

use cuttle_demo::fixtures::{Film, Fixture, film_of, fixtures};
use cuttle_image::{
    Excess, Kind, Limits, Profile, RenderError, RenderOptions, Rendition, Target, probe, render,
};
use gif::{Encoder, Frame, Repeat};
use image_webp::WebPDecoder;

use crate::fixtures::{options, pixels};

fn animated() -> Vec<Fixture> {
    fixtures().into_iter().filter(|fixture| fixture.film.is_some()).collect()
}

/// An animated WebP, taken apart by RFC 9649 §2.7.1. `image-webp` decodes every frame as a still of its
/// own; its version 0.2.4 forgets to clear a frame that is disposed of, so canvases are composited here.
pub(crate) fn watch(rendition: &Rendition) -> Film {
    assert_eq!(rendition.kind, Kind::Webp);
    let (width, height) = (rendition.width as usize, rendition.height as usize);
    let mut film = Film { canvases: Vec::new(), delays: Vec::new(), plays: 1 };
    let mut canvas = vec![[0; 4]; width * height];
    for (name, body) in chunks(&rendition.bytes[12..]) {
        let u24 = |at: usize| u32::from_le_bytes([body[at], body[at + 1], body[at + 2], 0]);
        match &name {
            b"VP8X" => assert_eq!((u24(4) + 1, u24(7) + 1), (rendition.width, rendition.height)),
            b"ANIM" => film.plays = u16::from_le_bytes([body[4], body[5]]).into(),
            b"ANMF" => {
                let [left, top, across, down] = [2 * u24(0), 2 * u24(3), u24(6) + 1, u24(9) + 1];
                let (blend, clear) = (body[15] & 2 == 0, body[15] & 1 != 0);
                let drawn = still(across, down, &body[16..]);
                let at = |index: u32| {
                    ((top + index / across) * rendition.width + left + index % across) as usize
                };
                for (index, pixel) in (0..).zip(drawn) {
                    // Our encoder is asked for no half transparency in these films.
                    if !blend || pixel[3] > 127 {
                        canvas[at(index)] = pixel;
                    }
                }
                film.delays.push(u24(12));
                film.canvases.push(canvas.concat());
                if clear {
                    (0..across * down).for_each(|index| canvas[at(index)] = [0; 4]);
                }
            }
            _ => {}
        }
    }
    film
}

fn chunks(mut rest: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (name, after) = rest.split_first_chunk::<4>()?;
        let (len, after) = after.split_first_chunk::<4>()?;
        let len = u32::from_le_bytes(*len) as usize;
        rest = &after[(len + len % 2).min(after.len())..];
        Some((*name, &after[..len]))
    })
}

/// The chunks of a frame in a file of their own, as RGBA.
fn still(width: u32, height: u32, body: &[u8]) -> Vec<[u8; 4]> {
    let side = |pixels: u32| (pixels - 1).to_le_bytes()[..3].to_vec();
    let alpha = if body.starts_with(b"ALPH") { 0x10 } else { 0 };
    let extended = [vec![alpha, 0, 0, 0], side(width), side(height)].concat();
    let extended = [b"WEBPVP8X".as_slice(), &10u32.to_le_bytes(), &extended].concat();
    // Lossless frames say by themselves whether they have alpha, and need no extension.
    let head = if body.starts_with(b"VP8L") { b"WEBP".to_vec() } else { extended };
    let len = u32::try_from(head.len() + body.len()).unwrap().to_le_bytes();
    let file = [b"RIFF".as_slice(), &len, &head, body].concat();
    let mut decoder = WebPDecoder::new(Cursor::new(&file)).unwrap();
    assert_eq!(decoder.dimensions(), (width, height));
    let mut samples = vec![0; decoder.output_buffer_size().unwrap()];
    decoder.read_image(&mut samples).unwrap();
    if decoder.has_alpha() {
        samples.as_chunks().0.to_vec()
    } else {
        samples.as_chunks().0.iter().map(|[r, g, b]| [*r, *g, *b, 255]).collect()
    }
}

/// Columns in the middle of what has one colour: codecs blur the edges between.
const PLAIN: [usize; 5] = [0, 10, 24, 38, 46];

fn assert_same(name: &str, found: &Film, expected: &Film, width: usize) {
    assert_eq!(found.delays, expected.delays, "{name}");
    assert_eq!(found.plays, expected.plays, "{name}");
    for (number, (found, expected)) in found.canvases.iter().zip(&expected.canvases).enumerate() {
        for (row, (found, expected)) in
            found.chunks(4 * width).zip(expected.chunks(4 * width)).enumerate()
        {
            for x in PLAIN {
                let (found, expected) = (&found[4 * x..4 * x + 4], &expected[4 * x..4 * x + 4]);
                let hidden = found[3] == 0 && expected[3] == 0;
                let near = found.iter().zip(expected).all(|(a, b)| a.abs_diff(*b) <= 16);
                assert!(
                    hidden || near,
                    "{name}, frame {number} at ({x}, {row}): {found:?} for {expected:?}"
                );
            }
        }
    }
}

#[test]
fn every_animation_shows_the_same_film_as_before() {
    let all = animated();
    assert!(all.len() >= 12, "the set was made");
    for profile in [Profile::Fast, Profile::Balanced] {
        for fixture in &all {
            let options = RenderOptions { profile, ..options(fixture.width, Target::Webp) };
            let rendition = render(&fixture.bytes, &options, &Limits::default())
                .unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
            let film = fixture.film.as_ref().unwrap();
            assert_same(fixture.name, &watch(&rendition), film, fixture.width as usize);
        }
    }
}

#[test]
fn the_header_says_how_many_frames_there_are() {
    for fixture in animated() {
        let found = probe(Cursor::new(&fixture.bytes)).unwrap();
        let size = found.display_size().unwrap();
        assert_eq!((size.width, size.height), (fixture.width, fixture.height), "{}", fixture.name);
        assert_eq!((found.animated, found.frames), (true, Some(4)), "{}", fixture.name);
        let pixels = 4 * u64::from(fixture.width * fixture.height);
        assert!(found.frames_pixels >= pixels, "{}: {}", fixture.name, found.frames_pixels);
    }
}

/// Frames that are black and white in turn.
fn blinking(width: u16, height: u16, frames: u16) -> Vec<u8> {
    gif(
        width,
        height,
        (0..frames).map(|number| {
            let buffer =
                vec![u8::try_from(number % 2).unwrap(); usize::from(width) * usize::from(height)];
            Frame { width, height, delay: 10, buffer: Cow::Owned(buffer), ..Frame::default() }
        }),
    )
}

fn gif(width: u16, height: u16, frames: impl Iterator<Item = Frame<'static>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height, &[0, 0, 0, 255, 255, 255]).unwrap();
    encoder.set_repeat(Repeat::Infinite).unwrap();
    for mut frame in frames {
        frame.make_lzw_pre_encoded();
        encoder.write_lzw_pre_encoded_frame(&frame).unwrap();
    }
    drop(encoder);
    bytes
}

/// Resized as one tall picture, as libvips holds them, frames of a broken height would bleed into each
/// other or lose a row.
#[test]
fn every_frame_is_resized_on_its_own_canvas() {
    for (width, height, frames, asked, expected) in [
        (498, 373, 20, 320, 240),
        (500, 281, 12, 320, 180),
        (333, 187, 5, 320, 180),
        (33, 17, 3, 16, 8),
    ] {
        let source = blinking(width, height, frames);
        let rendition = render(&source, &options(asked, Target::Webp), &Limits::default()).unwrap();
        assert_eq!((rendition.width, rendition.height), (asked, expected));
        let film = watch(&rendition);
        assert_eq!(film.delays, vec![100; frames.into()], "{width}×{height}");
        for (number, canvas) in film.canvases.iter().enumerate() {
            let wanted = if number % 2 == 0 { 0 } else { 255 };
            let clean = canvas.chunks(4).all(|p| p[0].abs_diff(wanted) <= 6 && p[3] == 255);
            assert!(clean, "{width}×{height}, frame {number}");
        }
    }
}

#[test]
fn neighbours_that_do_not_differ_are_merged_and_no_time_is_lost() {
    let source = gif(
        16,
        16,
        [0, 0, 1, 1, 1, 0].into_iter().zip([5, 6, 7, 8, 9, 10]).map(|(colour, delay)| Frame {
            width: 16,
            height: 16,
            delay,
            buffer: Cow::Owned(vec![colour; 256]),
            ..Frame::default()
        }),
    );
    let film = watch(&render(&source, &options(16, Target::Webp), &Limits::default()).unwrap());
    assert_eq!(film.delays, [110, 240, 100]);
}

#[test]
fn an_animation_is_never_made_into_one_frame() {
    for fixture in animated() {
        for target in [Target::Avif, Target::Jpeg, Target::Png, Target::JpegOrPng] {
            let outcome = render(&fixture.bytes, &options(24, target), &Limits::default());
            let refused = matches!(outcome, Err(RenderError::Unsupported(_)));
            assert!(refused, "{} as {target:?}: {outcome:?}", fixture.name);
        }
    }
}

#[test]
fn one_frame_in_a_moving_format_is_a_still_picture() {
    let slanting = |name: &str| {
        let all = fixtures();
        let fixture = all.iter().find(|fixture| fixture.name == name).unwrap();
        pixels(&fixture.bytes, 48)
    };
    let (still, interlaced) = (slanting("still.gif"), slanting("interlaced.gif"));
    assert!(still.rgba == interlaced.rgba, "rows are put in order");
    assert_eq!(
        [still.at(4, 0), still.at(19, 31), still.at(3, 0)].map(|p| p[0]),
        [0x2F, 0x2F, 0x0E]
    );
    let webp = slanting("one-frame.webp");
    assert_eq!([webp.at(31, 0), webp.at(32, 0)].map(|p| p[0]), [0x0E, 0x2F]);
}

#[test]
fn too_many_frames_are_refused_by_the_header() {
    let limits = Limits::default();
    let run = |source: &[u8]| render(source, &options(8, Target::Webp), &limits).map(drop);
    assert_eq!(run(&blinking(1, 1, 500)), Ok(()));
    assert_eq!(run(&blinking(1, 1, 501)), Err(Excess::Frames { limit: 500 }.into()));
    assert_eq!(run(&blinking(1, 1, 5000)), Err(Excess::Frames { limit: 500 }.into()));
    let apng = film_of(8, 8, 501);
    assert_eq!(run(&apng), Err(Excess::Frames { limit: 500 }.into()));
}

#[test]
fn too_many_pixels_are_refused_by_the_header() {
    let tiny = || Frame { width: 1, height: 1, buffer: Cow::Owned(vec![0]), ..Frame::default() };
    let run =
        |source: &[u8]| render(source, &options(8, Target::Webp), &Limits::default()).map(drop);
    let source = gif(7000, 7000, (0..3).map(|_| tiny()));
    let excess = Excess::FramesPixels { found: 147_000_000, limit: 100_000_000 };
    assert_eq!(run(&source), Err(excess.into()));
    // The first picture widens the screen.
    let mut source = gif(4, 4, (0..2).map(|_| tiny()));
    let descriptor = source.iter().position(|byte| *byte == 0x2c).unwrap();
    source[descriptor + 5..descriptor + 9].fill(0xff);
    let excess = Excess::Pixels { found: 65_535 * 65_535, limit: 50_000_000 };
    assert_eq!(run(&source), Err(excess.into()));
    // A later one far larger than the screen has to be decoded all the same.
    source[descriptor + 5..descriptor + 9].copy_from_slice(&[1, 0, 1, 0]);
    let descriptor = source.iter().rposition(|byte| *byte == 0x2c).unwrap();
    source[descriptor + 5..descriptor + 9].fill(0xff);
    let excess = Excess::FramesPixels { found: 65_535 * 65_535 + 16, limit: 100_000_000 };
    assert_eq!(run(&source), Err(excess.into()));
}

#[test]
fn the_memory_estimate_of_an_animation_grows_with_its_frames() {
    let estimate = |frames, width| {
        let header = probe(Cursor::new(&blinking(400, 300, frames))).unwrap();
        header.decode_bytes(&options(width, Target::Webp))
    };
    assert!(estimate(20, 400) > estimate(10, 400));
    assert!(estimate(10, 400) > estimate(10, 100));
    assert!(estimate(2, 100) > 2 * 4 * 400 * 300, "canvas and copies");
}
