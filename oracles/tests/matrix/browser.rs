//! What is odd, beside Chromium: the fixtures say what a browser shows, and here one is asked.

use cuttle_demo::fixtures::odd;
use cuttle_oracles::Chromium;

use crate::rows::canvases;

/// Where Chromium shows something else, and why we do not.
pub(crate) const EXCEPTIONS: [(&str, &str); 5] = [
    ("no-end.jpg", "it waits for what follows the last rows, and they are all there"),
    ("restarts-no-end.jpg", "as before"),
    ("no-frame.png", "it shows nothing, and there is a picture for those who know no animations"),
    ("no-good-frame.png", "as before"),
    ("turn-announced.webp", "it turns no WebP; sharp does, and Next with it"),
];

#[test]
fn every_odd_picture_is_what_chromium_shows() {
    let mut chromium = Chromium::start();
    let mut failed = Vec::new();
    for odd in odd() {
        let film = match chromium.film(&odd.bytes, odd.media_type) {
            Ok(film) => film,
            Err(_) if EXCEPTIONS.iter().any(|(name, _)| *name == odd.name) => continue,
            Err(error) => {
                failed.push(format!("{}: {error}", odd.name));
                continue;
            }
        };
        let mut expect = |fact: bool, what: String| {
            if !fact {
                failed.push(format!("{}: {what}", odd.name));
            }
        };
        let size = film.frames[0].size();
        if EXCEPTIONS.iter().any(|(name, _)| *name == odd.name) {
            let differs = size != odd.size
                || distance(&film.frames[0].rgba, &odd.canvases[0]) > odd.tolerance;
            expect(differs, "is no exception any more".to_owned());
            continue;
        }
        expect(size == odd.size, format!("{size:?} pixels"));
        let canvases = canvases(&film);
        let moves = film.plays.is_some();
        expect(moves != odd.delays.is_empty(), format!("{} frames", film.frames.len()));
        expect(canvases.len() == odd.canvases.len(), format!("{} canvases", canvases.len()));
        for (number, (found, expected)) in canvases.iter().zip(&odd.canvases).enumerate() {
            let far = distance(&found.0.rgba, expected);
            expect(far <= odd.tolerance, format!("canvas {number} is {far} away"));
        }
        if moves {
            let times: Vec<f64> = canvases.iter().map(|(_, time)| *time).collect();
            let wanted: Vec<f64> = odd.delays.iter().map(|delay| f64::from(*delay)).collect();
            expect(times == wanted, format!("{times:?} ms"));
            expect(film.plays == Some(odd.plays), format!("played {:?} times", film.plays));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The furthest sample of what is seen: a canvas in a browser is premultiplied, and forgets colours of pixels that
/// let most of the background through.
fn distance(found: &[u8], expected: &[u8]) -> u8 {
    let seen = |pixel: &[u8], at: usize| match at {
        3 => pixel[3],
        _ => u8::try_from(u32::from(pixel[at]) * u32::from(pixel[3]) / 255).unwrap(),
    };
    let pairs = found.chunks_exact(4).zip(expected.chunks_exact(4));
    let far = pairs.flat_map(|(a, b)| (0..4).map(move |at| seen(a, at).abs_diff(seen(b, at))));
    far.max().unwrap_or(0)
}
