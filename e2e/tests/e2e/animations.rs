//! Pictures that move, over HTTP: still moving when they were made smaller, whole when they were not made.

use std::borrow::Cow;
use std::io::Cursor;
use std::path::Path;

use cuttle_demo::fixtures::{Fixture, fixtures};
use cuttle_e2e::{Answer, Server, place};
use image_webp::{LoopCount, WebPDecoder};

fn moving() -> Vec<Fixture> {
    let all: Vec<_> = fixtures().into_iter().filter(|fixture| fixture.animated).collect();
    assert!(all.len() >= 12, "the set was made");
    all
}

fn serving(fixtures: &[Fixture]) -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for fixture in fixtures {
        place(folder.path(), fixture.name, &fixture.bytes);
    }
    let server = Server::start(folder.path());
    (folder, server)
}

/// Sides, delays and number of plays of an answer, by an independent decoder.
fn watch(answer: &Answer) -> ((u32, u32), Vec<u32>, u32) {
    assert_eq!((answer.status, answer.header("content-type")), (200, "image/webp"));
    let mut decoder = WebPDecoder::new(Cursor::new(&answer.body)).expect("a WebP");
    let mut canvas = vec![0; decoder.output_buffer_size().expect("a size")];
    let mut next = || decoder.read_frame(&mut canvas).expect("a frame");
    let frames = WebPDecoder::new(Cursor::new(&answer.body)).expect("a WebP").num_frames();
    let delays = (0..frames).map(|_| next()).collect();
    let plays = match decoder.loop_count() {
        LoopCount::Forever => 0,
        LoopCount::Times(times) => u32::from(times.get()),
    };
    (decoder.dimensions(), delays, plays)
}

#[test]
fn an_animation_is_made_smaller_and_keeps_its_time() {
    let fixtures = moving();
    let (_folder, server) = serving(&fixtures);
    for fixture in &fixtures {
        let (name, film) = (fixture.name, fixture.film.as_ref().expect("what moves in it"));
        let next = format!("/_next/image?url=/{name}&w=32&q=75");
        let strict = format!("/_cuttle/image?src=/{name}&w=32");
        for (accept, target) in [
            ("image/webp", next),
            ("image/avif,image/webp", strict.clone()),
            ("image/avif", strict.clone()),
            ("*/*", format!("{strict}&f=avif")),
            ("*/*", format!("{strict}&f=webp")),
        ] {
            let (size, delays, plays) = watch(&server.client.accepting(accept, &target));
            assert_eq!(size, (32, 21), "{target} {accept}");
            assert_eq!((&delays, plays), (&film.delays, film.plays), "{target} {accept}");
        }
    }
}

#[test]
fn who_does_not_name_a_modern_format_gets_the_original() {
    let fixtures = moving();
    let (_folder, server) = serving(&fixtures);
    for fixture in &fixtures {
        let name = fixture.name;
        let next = format!("/_next/image?url=/{name}&w=32&q=75");
        let strict = format!("/_cuttle/image?src=/{name}&w=32");
        for (accept, target) in [("*/*", &next), ("image/avif", &next), ("*/*", &strict)] {
            whole(&server.client.accepting(accept, target), &fixture.bytes, target);
        }
    }
}

#[test]
fn an_animation_over_a_limit_is_passed_through() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let few = blank_gif(folder.path(), "few.gif", 16, 500);
    let many = blank_gif(folder.path(), "many.gif", 16, 501);
    let large = blank_gif(folder.path(), "large.gif", 8_000, 2);
    assert!(few.len() < many.len());
    let server = Server::start(folder.path());
    for (name, original) in [("many.gif", many), ("large.gif", large)] {
        for target in [
            format!("/_next/image?url=/{name}&w=640&q=75"),
            format!("/_cuttle/image?src=/{name}&w=640"),
            format!("/_cuttle/image?src=/{name}&w=640&f=webp"),
        ] {
            let answer = server.client.accepting("image/avif,image/webp", &target);
            whole(&answer, &original, &target);
            assert_eq!(answer.header("cache-status"), "cuttle; fwd=miss; detail=passthrough");
            assert!(answer.header("cache-control").contains("max-age=14400"), "{target}");
        }
    }
    let answer = server.client.accepting("image/webp", "/_cuttle/image?src=/few.gif&w=640&f=webp");
    assert_eq!((answer.status, answer.header("content-type")), (200, "image/webp"));
}

fn whole(answer: &Answer, original: &[u8], target: &str) {
    assert_eq!(answer.status, 200, "{target}");
    assert!(answer.body == original, "{target}: the original bytes");
    assert!(answer.header("cache-status").ends_with("detail=passthrough"), "{target}");
}

/// A screen of `side` × `side` on which one pixel blinks.
fn blank_gif(folder: &Path, name: &str, side: u16, frames: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut write = || -> Result<(), gif::EncodingError> {
        let mut encoder = gif::Encoder::new(&mut bytes, side, side, &[0, 0, 0, 255, 255, 255])?;
        for number in 0..frames {
            let mut frame = gif::Frame {
                width: 1,
                height: 1,
                delay: 5,
                buffer: Cow::Owned(vec![(number % 2) as u8]),
                ..gif::Frame::default()
            };
            frame.make_lzw_pre_encoded();
            encoder.write_lzw_pre_encoded_frame(&frame)?;
        }
        Ok(())
    };
    write().expect("frames fit the screen, and memory can be written to");
    place(folder, name, &bytes);
    bytes
}
