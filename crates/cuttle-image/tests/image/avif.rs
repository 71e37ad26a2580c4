//! AVIF as browsers show it: containers of every make, and colours of every kind beside libavif.

use std::io::Cursor;

use cuttle_demo::fixtures::container::{Container, Item, boxed, extents, find, grid};
use cuttle_demo::fixtures::{contained, fixtures, photo, several_tracks};
use cuttle_image::specimen::{Sampling, Specimen, layered};
use cuttle_image::{Size, Target, oracle, probe};

use crate::animation::watch;
use crate::fixtures::{assert_near, pixels, rendition};

#[test]
fn every_container_shows_what_is_in_it() {
    for file in contained() {
        let found =
            probe(Cursor::new(&file.bytes)).unwrap_or_else(|e| panic!("{}: {e}", file.name));
        let size = found.display_size().map(|size| (size.width, size.height));
        assert_eq!(size, Some((file.width, file.height)), "{}", file.name);
        let seen = pixels(&file.bytes, file.width);
        assert_eq!((seen.width, seen.height), (file.width as usize, file.height as usize));
        let Some(expected) = file.rgba else { continue };
        let (mean, most) = difference(&seen.rgba.concat(), &expected);
        // Edges are what the codec costs most, and fine colours what chroma at half size does: a picture that is out of
        // place is 20 off in the mean.
        let usual = if file.name == "grid-420.avif" { 6.0 } else { 2.5 };
        assert!(mean < usual && most < 110, "{}: {mean:.2} in the mean, {most} at most", file.name);
    }
}

#[test]
fn colours_said_by_the_stream_alone_count_as_those_of_a_box() {
    let named = |name| contained().into_iter().find(|file| file.name == name).unwrap();
    let unsaid = named("pq-unsaid.avif");
    let said = fixtures().into_iter().find(|fixture| fixture.name == "pq.avif").unwrap();
    // The same scene at another size: light beyond white is mapped, and much darker as it is stored.
    let mean = |source: &[u8], width| {
        let rgba = pixels(source, width).rgba.concat();
        rgba.iter().map(|sample| f64::from(*sample)).sum::<f64>() / rgba.len() as f64
    };
    let (unsaid, said) = (mean(&unsaid.bytes, 80), mean(&said.bytes, 80));
    assert!((unsaid - said).abs() < 6.0, "{unsaid:.1} and {said:.1}");
}

fn difference(found: &[u8], expected: &[u8]) -> (f64, u8) {
    assert_eq!(found.len(), expected.len());
    let apart = || found.iter().zip(expected).map(|(a, b)| a.abs_diff(*b));
    let sum: u64 = apart().map(u64::from).sum();
    (sum as f64 / found.len() as f64, apart().max().unwrap_or(0))
}

/// Samples of 16 bits, as 8.
fn narrowed(samples: &[u16]) -> Vec<u8> {
    samples.iter().map(|sample| ((u32::from(*sample) + 128) / 257) as u8).collect()
}

#[test]
fn of_several_tracks_only_alpha_counts() {
    for (name, bytes, expected) in several_tracks() {
        let found = probe(Cursor::new(&bytes)).unwrap();
        let alpha = expected.canvases.iter().any(|canvas| canvas.chunks(4).any(|p| p[3] < 255));
        assert_eq!((found.animated, found.frames, found.alpha), (true, Some(4), alpha), "{name}");
        let film = watch(&rendition(&bytes, 48, Target::Webp));
        assert_eq!((&film.delays, film.plays), (&expected.delays, expected.plays), "{name}");
        for (found, expected) in film.canvases.iter().zip(&expected.canvases) {
            // Away from the edges of the bar, which stands at the first in one frame.
            for at in [10 * 48 + 24, 20 * 48 + 46] {
                assert_near(&found[4 * at..4 * at + 4], &expected[4 * at..4 * at + 4], 8);
            }
        }
    }
}

#[test]
fn a_sequence_of_one_frame_is_a_still_picture() {
    let film = fixtures().into_iter().find(|fixture| fixture.name == "animated.avif").unwrap();
    let mut bytes = film.bytes;
    let count = bytes.windows(4).position(|name| name == b"stsz").unwrap() + 12;
    bytes[count..count + 4].copy_from_slice(&1_u32.to_be_bytes());
    let found = probe(Cursor::new(&bytes)).unwrap();
    assert_eq!((found.animated, found.frames), (false, Some(1)));
    assert_eq!(rendition(&bytes, 48, Target::Jpeg).width, 48);
}

#[test]
fn every_kind_of_sample_is_the_colour_that_libavif_makes_of_it() {
    // Odd sides, so that chroma at half size has an edge of its own.
    let (width, height) = (61, 47);
    let mut samples: Vec<u16> =
        photo(width, height, 6).iter().map(|sample| u16::from(*sample) * 257).collect();
    // Colours at the corners of the cube, with edges between them.
    for (at, pixel) in samples.chunks_exact_mut(3).enumerate().filter(|(at, _)| at % 61 < 30) {
        let corner = (at % 61 / 5 + at / (61 * 6)) % 8;
        pixel
            .copy_from_slice(&[0, 1, 2].map(|bit| if corner >> bit & 1 == 1 { 65_535 } else { 0 }));
    }
    let mut rows = 0;
    for depth in [8, 10, 12] {
        for sampling in [Sampling::Mono, Sampling::Yuv420, Sampling::Yuv422, Sampling::Yuv444] {
            for full_range in [true, false] {
                for matrix in [0, 1, 2, 4, 5, 6, 7, 8, 9, 12] {
                    let identity = matrix == 0 && !matches!(sampling, Sampling::Yuv444);
                    // libavif knows no YCgCo of limited range.
                    if identity || (matrix == 8 && !full_range) {
                        continue;
                    }
                    let specimen = Specimen {
                        depth,
                        sampling,
                        full_range,
                        code_points: [1, 13, matrix],
                        ..Specimen::of(Size { width, height }, &samples)
                    };
                    let file = specimen.encode().unwrap();
                    let (_, expected) = oracle::decode(&file).unwrap();
                    let seen = pixels(&file, width).rgba.concat();
                    let (mean, most) = difference(&seen, &narrowed(&expected));
                    let name = format!("{depth} {sampling:?} full {full_range} matrix {matrix}");
                    assert!(mean <= 0.5 && most <= 1, "{name}: {mean:.3}, at most {most}");
                    rows += 1;
                }
            }
        }
    }
    assert!(rows > 200, "{rows}");
}

#[test]
fn grain_is_that_of_libaom() {
    let (width, height) = (97, 64);
    let samples: Vec<u16> =
        photo(width, height, 6).iter().map(|sample| u16::from(*sample) * 257).collect();
    for (depth, sampling) in [
        (8, Sampling::Mono),
        (8, Sampling::Yuv420),
        (8, Sampling::Yuv444),
        (10, Sampling::Yuv420),
        (12, Sampling::Yuv422),
    ] {
        let shown = |grain| {
            let size = Size { width, height };
            let specimen = Specimen { depth, sampling, grain, ..Specimen::of(size, &samples) };
            let file = specimen.encode().unwrap();
            let (_, expected) = oracle::decode(&file).unwrap();
            (pixels(&file, width).rgba.concat(), narrowed(&expected))
        };
        let ((smooth, _), (grainy, expected)) = (shown(0), shown(2));
        let (mean, most) = difference(&grainy, &expected);
        assert!(mean <= 0.5 && most <= 1, "{depth} {sampling:?}: {mean:.3}, at most {most}");
        let (mean, _) = difference(&grainy, &smooth);
        assert!(mean > 1.0, "{depth} {sampling:?}: there is no grain, {mean:.3}");
    }
}

#[test]
fn one_layer_of_several_is_shown() {
    let side = 64;
    let of = |rgb: [u16; 3]| rgb.map(|sample| sample * 257).repeat((side * side) as usize);
    let (base, best) = (of([200, 40, 30]), of([20, 90, 180]));
    let size = Size { width: side, height: side };
    let layers = [&base, &best].map(|samples| Specimen::of(size, samples));
    let file = layered(&layers).unwrap();
    let shown = |property: Option<Vec<u8>>| {
        let colr = boxed(b"colr", &[find(&file, b"colr")]);
        let properties = [(extents(side, side), false), (colr, false)];
        let properties = properties.into_iter().chain(property.map(|property| (property, true)));
        let payload = find(&file, b"mdat").to_vec();
        let item = Item { kind: *b"av01", payload, properties: properties.collect() };
        pixels(&Container::of(vec![item]).file(), side).rgb_at(32, 32)
    };
    let layer = |number: u16| shown(Some(boxed(b"lsel", &[&number.to_be_bytes()])));
    let operating_point = |number: u8| shown(Some(boxed(b"a1op", &[&[number]])));
    let (base, best) = ([200, 40, 30], [20, 90, 180]);
    for (seen, expected) in [
        (shown(None), best),
        (layer(0), base),
        (layer(1), best),
        (layer(0xffff), best),
        (operating_point(0), best),
        (operating_point(1), base),
    ] {
        assert_near(&seen, &expected, 6);
    }
}

/// A grid of one coded picture over and over.
fn repeated(columns: u32, rows: u32, cell: &Item, side: u32) -> Vec<u8> {
    let (width, height) = (columns * side, rows * side);
    let head = Item {
        kind: *b"grid",
        payload: grid(columns, rows, width, height),
        properties: vec![(extents(width, height), false)],
    };
    let cells = std::iter::repeat_n(cell.clone(), (columns * rows) as usize);
    let items = std::iter::once(head).chain(cells).collect();
    let order: Vec<u16> = (2..).take((columns * rows) as usize).collect();
    Container::of(items).refers(b"dimg", 1, &order).file()
}

#[test]
fn a_grid_of_a_thousand_cells_is_put_together() {
    let source = crate::fixtures::png_rgb(64, 64, &[200, 60, 30].repeat(64 * 64));
    let still = rendition(&source, 64, Target::Avif).bytes;
    let at = still.windows(4).position(|name| name == b"mdat").unwrap();
    let cell = Item {
        kind: *b"av01",
        payload: still[at + 4..].to_vec(),
        properties: vec![(extents(64, 64), false)],
    };
    for (columns, rows) in [(12, 9), (32, 32)] {
        let seen = pixels(&repeated(columns, rows, &cell, 64), 640);
        assert_eq!(seen.width, 640);
        for (x, y) in [(1, 1), (638, 1), (320, 240), (1, 470), (638, 470)] {
            assert_near(&seen.rgb_at(x, y), &[200, 60, 30], 3);
        }
    }
}
