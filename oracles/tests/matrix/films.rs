//! Whatever moves, beside Pillow: our animated WebP read back frame by frame, and the source as Pillow
//! composites it, resized by Pillow.

use cuttle_demo::fixtures::film_of;
use cuttle_image::Target;
use cuttle_oracles::{Film, Pillow, Raster};

use crate::rows::{Bound, Picture, Table, pictures, rendition};

/// Of cells of 4 × 4 pixels; see `outputs.rs`. Whoever composites wrongly is off by a mean of 10 and more.
/// Alpha is lossless, so that only the filter may change it.
pub(crate) const BOUND: Bound = Bound { mean: 3.5, p99: 8.0, alpha: 1.0 };

/// Where Pillow 13 stumbles and the format's own words are with us. It is shown the same film as whole
/// frames, made from what the fixture was drawn from.
pub(crate) const STUMBLES: [(&str, &str); 4] = [
    ("outside.gif", "a frame beyond the screen makes its screen larger, halfway through"),
    ("apart.png", "the picture that is not part of the animation stays below it"),
    ("over.png", "a frame that blends and is to be taken away again stays"),
    ("interlaced-animated.png", "Adam7 in a frame smaller than the canvas is an error"),
];

#[test]
fn every_animation_shows_the_film_that_pillow_sees() {
    let mut pillow = Pillow::start();
    let mut table = Table::new("films");
    for picture in pictures().into_iter().filter(|picture| picture.moves) {
        for width in [picture.width, (picture.width * 5 / 8).max(1)] {
            compare(&mut pillow, &mut table, &picture, width);
        }
    }
    table.judge();
}

/// The heights that libvips gets wrong when it holds all frames as one tall picture.
#[test]
fn every_canvas_has_an_exact_height_and_all_its_frames() {
    let mut pillow = Pillow::start();
    let mut table = Table::new("canvases");
    for (width, height, frames, asked, expected) in [
        (498, 373, 20, 320, 240),
        (500, 281, 12, 320, 180),
        (333, 187, 5, 320, 180),
        (33, 17, 3, 16, 8),
    ] {
        let name = format!("{width}x{height}x{frames}.png");
        let bytes = film_of(width, height, frames);
        let picture = Picture { name, bytes, width, moves: true, film: None };
        let ours = compare(&mut pillow, &mut table, &picture, asked);
        assert_eq!(ours.frames[0].size(), (asked, expected));
        assert_eq!(ours.frames.len(), frames as usize);
    }
    table.judge();
}

fn compare(pillow: &mut Pillow, table: &mut Table, picture: &Picture, width: u32) -> Film {
    let row = format!("{} at {width}", picture.name);
    let made = rendition(&picture.bytes, width, Target::Webp)
        .unwrap_or_else(|error| panic!("{row}: {error}"));
    let ours = pillow.film(&made.bytes, None).unwrap_or_else(|error| panic!("{row}: {error}"));
    let size = ours.frames[0].size();
    assert_eq!(size, (made.width, made.height), "{row}");
    let film = picture.film.as_ref();
    let stumbles = STUMBLES.iter().any(|(name, _)| *name == picture.name);
    let plainly = film.filter(|_| stumbles).map(cuttle_demo::fixtures::Film::plainly);
    let theirs = pillow
        .film(plainly.as_ref().unwrap_or(&picture.bytes), Some(size))
        .unwrap_or_else(|error| panic!("{row}: {error}"));

    // A fixture knows its own time, which is that of browsers; elsewhere Pillow is believed.
    let times: Vec<f64> = match film {
        Some(film) => film.delays.iter().map(|delay| f64::from(*delay)).collect(),
        None => theirs.durations.clone(),
    };
    let plays = film.map(|film| film.plays).or(theirs.plays).unwrap_or(0);
    if ours.plays != Some(plays) {
        table.fail(&row, &format!("played {:?} times instead of {plays}", ours.plays));
    }
    let (total, wanted) = (ours.durations.iter().sum::<f64>(), times.iter().sum::<f64>());
    if (total - wanted).abs() > 0.5 {
        table.fail(&row, &format!("{total} ms instead of {wanted}"));
    }

    // Neighbours that do not differ are merged, so frames are matched by what is shown at a time.
    let mut began = 0.0;
    for (number, (frame, time)) in theirs.frames.iter().zip(&times).enumerate() {
        let ours = at(&ours, began + time / 2.0);
        let row = format!("{row}, frame {number}");
        table.compare(&row, &ours.coarse(4), &frame.coarse(4), BOUND);
        began += time;
    }
    if theirs.frames.len() != times.len() {
        table.fail(&row, &format!("Pillow sees {} frames", theirs.frames.len()));
    }
    ours
}

/// What is shown after so many milliseconds.
fn at(film: &Film, time: f64) -> &Raster {
    let mut ends = 0.0;
    let shown = film.durations.iter().position(|duration| {
        ends += duration;
        time < ends
    });
    &film.frames[shown.unwrap_or(film.frames.len() - 1)]
}
