//! A folder of mixed pictures in Chromium: it is shown each, and what we make of it at full size, and must see the same
//! pictures, for the same times, as often. Of what it does not show, nothing is asked.

use std::io::Cursor;

use cuttle_image::{Kind, Target, probe};
use cuttle_oracles::Chromium;

use crate::browser;
use crate::rows::{canvases, everything, rendition};

/// Of 255, in the mean of a canvas.
const MEAN: f64 = 6.0;

/// Where the two differ, and why; those of `browser.rs` are judged there.
static EXCEPTIONS: [(&[&str], &str); 2] = [
    (
        &["hlg.avif", "hlg.png", "pq.avif", "pq-12.avif", "pq-unsaid.avif", "pq.png"],
        "Light beyond white, which we map by another curve: `docs/formats.md`.",
    ),
    (
        &["alpha-half.avif", "alpha-narrow.avif"],
        "Where alpha has another size or another depth than the picture, it draws nothing.",
    ),
];

/// What Chromium 156 shows as if its codes were 16 to 235, although the stream (`color_range`) and the container say that all
/// are used, as those of alpha must (AVIF 1.2, 4.1): on a page as in `ImageDecoder`, and of files that Pillow writes too. Of a
/// still its alpha: 39 is 27 and 219 is 236, where sharp and Pillow see what was written. Of a sequence its colours, not its
/// alpha: (200, 100, 50) is (212, 98, 42). So it must see the same of ours, changed alike, and not what it sees of ours.
static NARROWED: [(&[&str], Narrowed); 2] = [
    (
        &[
            "8-alpha.avif",
            "8-mono-alpha.avif",
            "10-alpha.avif",
            "12-alpha.avif",
            "alpha-two-ipma.avif",
            "still-alpha.avif",
        ],
        Narrowed { colours: false, alpha: true },
    ),
    (
        &["animated.avif", "animated-alpha.avif", "animated-depth.avif", "animated-sound.avif"],
        Narrowed { colours: true, alpha: false },
    ),
];

/// The names in both lists.
pub(crate) fn excepted() -> impl Iterator<Item = &'static &'static str> {
    let narrowed = NARROWED.iter().flat_map(|(names, _)| *names);
    EXCEPTIONS.iter().flat_map(|(names, _)| *names).chain(narrowed)
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Narrowed {
    colours: bool,
    alpha: bool,
}

impl Narrowed {
    /// What Chromium shows of a picture that is this.
    fn shown(self, rgba: &[u8]) -> Vec<u8> {
        let pixel = |pixel: &[u8; 4]| {
            let [r, g, b, a] = pixel.map(f64::from);
            let y = 0.299 * r + 0.587 * g + 0.114 * b;
            // Around their middles, chroma has 224 codes and luma 219.
            let luma = (y - 16.0) * 255.0 / 219.0;
            let colour = |colour: f64| luma + (colour - y) * 255.0 / 224.0;
            let colours = if self.colours { [r, g, b].map(colour) } else { [r, g, b] };
            let alpha = if self.alpha { (a - 16.0) * 255.0 / 219.0 } else { a };
            let [r, g, b] = colours;
            [r, g, b, alpha].map(|sample| sample.round().clamp(0.0, 255.0) as u8)
        };
        rgba.as_chunks().0.iter().flat_map(pixel).collect()
    }
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

/// How far a file is from what we make of it, or what differs, as Chromium sees both.
fn difference(chromium: &mut Chromium, bytes: &[u8], narrowed: Narrowed) -> Result<f64, String> {
    let Some(kind) = cuttle_image::sniff(bytes, bytes.len() as u64) else { return Ok(0.0) };
    // Stated in `docs/formats.md`: they pass through, so that browsers have the file itself.
    if matches!(kind, Kind::Svg | Kind::Ico | Kind::Bmp) {
        return Ok(0.0);
    }
    let Ok(theirs) = chromium.film(bytes, kind.media_type()) else { return Ok(0.0) };
    let moves = probe(Cursor::new(bytes)).is_ok_and(|found| found.animated);
    let target = if moves { Target::Webp } else { Target::Png };
    let (width, height) = theirs.frames[0].size();
    let made = rendition(bytes, width, target).map_err(|e| format!("is not rendered: {e}"))?;
    let ours = chromium.film(&made.bytes, made.kind.media_type());
    let ours = ours.map_err(|error| format!("what we made is not shown: {error}"))?;
    if ours.frames[0].size() != (width, height) {
        return Err(format!("{:?} pixels, not {:?}", ours.frames[0].size(), (width, height)));
    }
    let (found, expected) = (canvases(&ours), canvases(&theirs));
    let times = |canvases: &[(_, f64)]| canvases.iter().map(|(_, time)| *time).collect::<Vec<_>>();
    if found.len() != expected.len() || (moves && times(&found) != times(&expected)) {
        return Err(format!("{:?} ms, not {:?}", times(&found), times(&expected)));
    }
    if moves && ours.plays != theirs.plays {
        return Err(format!("is played {:?} times, not {:?}", ours.plays, theirs.plays));
    }
    let apart = found.iter().zip(&expected);
    let far = apart.map(|(ours, theirs)| mean(&narrowed.shown(&ours.0.rgba), &theirs.0.rgba));
    Ok(far.fold(0.0, f64::max))
}

#[test]
fn chromium_sees_in_what_we_make_what_it_sees_in_the_file() {
    let mut chromium = Chromium::start();
    let mut failed = Vec::new();
    for (name, bytes) in everything() {
        if browser::EXCEPTIONS.iter().any(|(excepted, _)| *excepted == name) {
            continue;
        }
        let narrowed = NARROWED.iter().find(|(names, _)| names.contains(&name.as_str()));
        let narrowed = narrowed.map(|(_, narrowed)| *narrowed);
        let excepted = EXCEPTIONS.iter().any(|(names, _)| names.contains(&name.as_str()));
        let far = difference(&mut chromium, &bytes, narrowed.unwrap_or_default());
        let wrong = match far {
            Ok(far) if far > MEAN => Some(format!("is {far:.1} away")),
            Ok(_) => None,
            Err(ref different) => Some(different.clone()),
        };
        match wrong {
            Some(wrong) if !excepted => failed.push(format!("{name}: {wrong}")),
            None if excepted => failed.push(format!("{name} is no exception any more")),
            _ => {}
        }
        // Another Chromium may be right.
        if let (Some(_), Ok(far)) = (narrowed, far)
            && difference(&mut chromium, &bytes, Narrowed::default()).is_ok_and(|it| it <= far)
        {
            failed.push(format!("{name} is not narrowed any more"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
