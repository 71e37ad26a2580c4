//! A folder of mixed pictures in Chromium: it is shown each, and what we make of it at full size, and must see the same
//! pictures, for the same times, as often. Of what it does not show, nothing is asked.

use std::io::Cursor;

use cuttle_demo::fixtures::{contained, fixtures, odd, several_tracks};
use cuttle_image::{Kind, Target, probe};
use cuttle_oracles::{Chromium, Film};

use crate::browser::{self, shown_for};
use crate::rows::{pictures, rendition};

/// Of 255, in the mean of a canvas.
const MEAN: f64 = 6.0;

/// Where the two differ, and why; those of `browser.rs` are judged there.
const EXCEPTIONS: [(&[&str], &str); 4] = [
    (
        &["hlg.avif", "hlg.png", "pq.avif", "pq-12.avif", "pq-unsaid.avif", "pq.png"],
        "Light beyond white, which we map by another curve: `docs/formats.md`.",
    ),
    (
        &["8-alpha.avif", "8-mono-alpha.avif", "10-alpha.avif", "12-alpha.avif"],
        "It shows alpha that uses all codes as if it did not: 240 is 255. sharp and Pillow show it as we do.",
    ),
    (
        &["animated.avif", "animated-alpha.avif", "animated-depth.avif", "animated-sound.avif"],
        "The same with the colours that ImageDecoder hands out of a sequence. Pillow sees ours.",
    ),
    (
        &["alpha-half.avif", "alpha-narrow.avif"],
        "Where alpha has another size or another depth than the picture, it draws nothing.",
    ),
];

/// Whatever is drawn for any test, and what lies in the folder.
fn folder() -> Vec<(String, Vec<u8>)> {
    let ours = fixtures().into_iter().map(|file| (file.name.to_owned(), file.bytes));
    let odd = odd().into_iter().map(|file| (file.name.to_owned(), file.bytes));
    let contained = contained().into_iter().map(|file| (file.name.to_owned(), file.bytes));
    let tracks = several_tracks().into_iter().map(|(name, bytes, _)| (name.to_owned(), bytes));
    let dropped = pictures().into_iter().map(|file| (file.name, file.bytes));
    let mut all: Vec<_> = ours.chain(odd).chain(contained).chain(tracks).chain(dropped).collect();
    all.sort();
    all.dedup();
    all
}

/// Canvases that differ from the one before, and for how long each is seen.
fn seen(film: &Film) -> Vec<(&[u8], f64)> {
    let mut canvases: Vec<(&[u8], f64)> = Vec::new();
    for (frame, said) in film.frames.iter().zip(&film.durations) {
        match canvases.last_mut() {
            Some((last, time)) if *last == frame.rgba => *time += shown_for(*said),
            _ => canvases.push((&frame.rgba, shown_for(*said))),
        }
    }
    canvases
}

/// The mean of what is seen on black: a canvas forgets the colours of what lets the background through.
fn mean(one: &[u8], other: &[u8]) -> f64 {
    let seen = |rgba: &[u8]| -> Vec<f64> {
        let pixels = rgba.chunks_exact(4);
        let on_black = |p: &[u8]| {
            let alpha = f64::from(p[3]) / 255.0;
            [
                f64::from(p[0]) * alpha,
                f64::from(p[1]) * alpha,
                f64::from(p[2]) * alpha,
                f64::from(p[3]),
            ]
        };
        pixels.flat_map(on_black).collect()
    };
    let (one, other) = (seen(one), seen(other));
    let sum: f64 = one.iter().zip(&other).map(|(a, b)| (a - b).abs()).sum();
    sum / one.len() as f64
}

/// What differs between a file and what we make of it, as Chromium sees both.
fn difference(chromium: &mut Chromium, bytes: &[u8]) -> Option<String> {
    let kind = cuttle_image::sniff(bytes, bytes.len() as u64)?;
    // Stated in `docs/formats.md`: they pass through, so that browsers have the file itself.
    if matches!(kind, Kind::Svg | Kind::Ico | Kind::Bmp) {
        return None;
    }
    let theirs = chromium.film(bytes, kind.media_type()).ok()?;
    let moves = probe(Cursor::new(bytes)).is_ok_and(|found| found.animated);
    let target = if moves { Target::Webp } else { Target::Png };
    let (width, height) = theirs.frames[0].size();
    let made = match rendition(bytes, width, target) {
        Ok(made) => made,
        Err(error) => return Some(format!("is not rendered: {error}")),
    };
    let ours = match chromium.film(&made.bytes, made.kind.media_type()) {
        Ok(ours) => ours,
        Err(error) => return Some(format!("what we made is not shown: {error}")),
    };
    if ours.frames[0].size() != (width, height) {
        return Some(format!("{:?} pixels, not {:?}", ours.frames[0].size(), (width, height)));
    }
    let (found, expected) = (seen(&ours), seen(&theirs));
    let times =
        |canvases: &[(&[u8], f64)]| canvases.iter().map(|(_, time)| *time).collect::<Vec<_>>();
    if found.len() != expected.len() || (moves && times(&found) != times(&expected)) {
        return Some(format!("{:?} ms, not {:?}", times(&found), times(&expected)));
    }
    if moves && ours.plays != theirs.plays {
        return Some(format!("is played {:?} times, not {:?}", ours.plays, theirs.plays));
    }
    let far = found.iter().zip(&expected).map(|(a, b)| mean(a.0, b.0)).fold(0.0, f64::max);
    (far > MEAN).then(|| format!("is {far:.1} away"))
}

#[test]
fn chromium_sees_in_what_we_make_what_it_sees_in_the_file() {
    let mut chromium = Chromium::start();
    let mut failed = Vec::new();
    for (name, bytes) in folder() {
        if browser::EXCEPTIONS.iter().any(|(excepted, _)| *excepted == name) {
            continue;
        }
        let excepted = EXCEPTIONS.iter().any(|(names, _)| names.contains(&name.as_str()));
        match difference(&mut chromium, &bytes) {
            Some(difference) if !excepted => failed.push(format!("{name}: {difference}")),
            None if excepted => failed.push(format!("{name} is no exception any more")),
            _ => {}
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
