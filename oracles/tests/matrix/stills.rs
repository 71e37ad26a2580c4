//! Stills beside sharp: whole, and at five eighths of their width.
//!
//! Five eighths because there neither side may cheat: the engine lets JPEG's DCT reduce only from a half on,
//! and sharp is asked for a whole decode (`fastShrinkOnLoad: false`) and for our height, which it would round
//! only after it has resized. So what differs is decoding, colour
//! and the filter, and nothing else.

use std::collections::HashMap;

use cuttle_oracles::{Pillow, Sharp};

use crate::rows::{Bound, Picture, Table, pictures, seen, to_png};

const BOUND: Bound = Bound { mean: 1.0, p99: 3.0, alpha: 1.0 };

/// What sharp does not read: it is shown the same samples with a profile that says the same.
const TWINS: [(&str, &str); 7] = [
    ("cicp-p3.png", "twin-p3.png"),
    ("cicp-over-iccp.png", "twin-p3.png"),
    ("cicp-bt2020.png", "twin-bt2020.png"),
    ("cicp-linear.png", "twin-linear.png"),
    ("gamma.png", "twin-gamma.png"),
    ("gamma-and-points.png", "twin-gamma-and-points.png"),
    ("p3-nclx.avif", "p3-icc.avif"),
];

/// What nobody maps to sRGB by our curve: the engine's PNG of one file is the oracle for the others. That
/// the curve is the documented one is tested in `crates/cuttle-image/tests/image/colour.rs`.
const LIGHT: [(&str, &str); 3] =
    [("pq.avif", "pq.png"), ("pq-12.avif", "pq.png"), ("hlg.avif", "hlg.png")];

/// Who is asked instead of sharp.
#[derive(Clone, Copy, PartialEq)]
enum Instead {
    Nobody,
    Pillow,
    /// sharp all the same, but where the picture was resized only within this.
    Loosely(Bound),
}

/// Where sharp is no oracle, and why.
static EXCEPTIONS: [(&[&str], Instead, &str); 7] = [
    (
        &["cmyk.jpg", "cmyk-progressive.jpg", "cmyk-not-adobe.jpg", "ycck.jpg", "cmyk-alpha.tiff"],
        Instead::Nobody,
        "Inks without a profile: libvips assumes a press of its own, we (as browsers do) the plain formula, \
         which cuttle-image's tests/image holds us to. Mean 5.5, 99th percentile 18.2.",
    ),
    (
        &["cmyk.tiff", "cmyk-tiles.tiff", "jpeg-cmyk.tiff", "ycbcr.tiff", "planes-tiles.tiff"],
        Instead::Pillow,
        "Inks, as above; libvips shows YCbCr as if it were RGB, and reads no tiles of planes.",
    ),
    (
        &["pq.png", "hlg.png"],
        Instead::Nobody,
        "Light beyond white: libvips shows the samples as if they were sRGB.",
    ),
    (
        &[
            "still.avif",
            "still-alpha.avif",
            "8-420.avif",
            "8-422.avif",
            "10-420.avif",
            "10-422.avif",
            "12-420.avif",
            "12-422.avif",
            "8-alpha.avif",
            "12-alpha.avif",
            "narrow.avif",
            "narrow-10.avif",
        ],
        Instead::Pillow,
        "Chroma at half size: libheif repeats its samples, libavif (under Pillow, too) interpolates.",
    ),
    (
        &["p3-nclx.avif", "p3-icc.avif"],
        Instead::Loosely(Bound { mean: 1.0, p99: 3.5, alpha: 1.0 }),
        "Chroma at half size, too, and in colours that Pillow does not convert.",
    ),
    (
        &[
            "irot-1.avif",
            "irot-2.avif",
            "irot-3.avif",
            "imir-0.avif",
            "imir-1.avif",
            "irot-1-imir-0.avif",
            "irot-3-imir-1.avif",
        ],
        Instead::Pillow,
        "Odd sides turned: libheif turns chroma of half size before it is enlarged, and its edge is off.",
    ),
    (
        &[
            "adobe.png",
            "cicp-bt2020.png",
            "cicp-linear.png",
            "display-p3.tiff",
            "gamma.png",
            "gamma-and-points.png",
            "twin-bt2020.png",
            "twin-linear.png",
            "twin-gamma.png",
            "twin-gamma-and-points.png",
        ],
        Instead::Loosely(Bound { mean: 1.5, p99: 7.0, alpha: 1.0 }),
        "Noise in colours that sRGB does not have, or seen through another curve: we convert after the \
         resize, libvips before, so that one clips the mean and the other takes the mean of what is clipped.",
    ),
];

/// The names in the list.
pub(crate) fn excepted() -> impl Iterator<Item = &'static &'static str> {
    EXCEPTIONS.iter().flat_map(|(names, ..)| *names)
}

#[test]
fn every_still_looks_as_it_does_to_sharp() {
    let (mut sharp, mut pillow) = (Sharp::start(), Pillow::start());
    let stills: Vec<Picture> = pictures().into_iter().filter(|picture| !picture.moves).collect();
    let by_name: HashMap<&str, &Picture> =
        stills.iter().map(|picture| (picture.name.as_str(), picture)).collect();
    let other = |list: &[(&str, &str)], name: &str| {
        list.iter().find(|(one, _)| *one == name).map(|(_, other)| by_name[other])
    };
    let mut table = Table::new("stills");
    for picture in &stills {
        let name = picture.name.as_str();
        let exception = EXCEPTIONS.iter().find(|(names, ..)| names.contains(&name));
        let instead = exception.map(|(_, instead, _)| *instead);
        if instead == Some(Instead::Nobody) {
            continue;
        }
        for width in [picture.width, (picture.width * 5 / 8).max(1)] {
            let row = format!("{name} at {width}");
            let ours = match seen(picture, width) {
                Ok(ours) => ours,
                Err(error) => {
                    table.fail(&row, &error);
                    continue;
                }
            };
            let asked = other(&TWINS, name).unwrap_or(picture);
            let size = Some(ours.size());
            let theirs = match other(&LIGHT, name) {
                Some(other) => seen(other, width),
                None if instead == Some(Instead::Pillow) => {
                    // Decoded by one, resized by the other as all others are.
                    let whole =
                        pillow.film(&asked.bytes, None).map(|mut film| film.frames.remove(0));
                    whole.and_then(|whole| sharp.still(&to_png(&whole), size))
                }
                None => sharp.still(&asked.bytes, size),
            };
            let bound = match instead {
                Some(Instead::Loosely(bound)) if width < picture.width => bound,
                _ => BOUND,
            };
            match theirs {
                Ok(theirs) => table.compare(&row, &ours, &theirs, bound),
                Err(error) => table.fail(&row, &error),
            }
        }
    }
    table.judge();
}
