//! Which part of a picture a cover crop keeps.
//!
//! A cut is as large as the picture in one direction, so only its place along the other is chosen: one
//! number, found on a map of at most 96 cells a side. Energy of a cell is what the eye goes to first:
//! edges, strong colours, skin. Nothing is learnt and nothing is random, so equal pixels give equal cuts.

use crate::geometry::Framing;
use crate::picture::Picture;
use crate::resize::Cut;
use crate::{Crop, Fit, Size};

/// Cells along the longer side of the map. A crop is off by at most one of them, about 1 %.
const MAP_SIDE: usize = 96;

/// Pixels looked at along each side of a cell: sixteen give its mean within the noise of a photograph,
/// and the cost no longer grows with the picture.
const LOOKS: usize = 4;

/// A place must hold this much more than the middle (in 1/16) before the middle is left: photographers
/// centre, and on an even texture the largest sum is chance.
const ADVANTAGE: u64 = 1;

/// What skin adds to a cell, on the scale of an edge of full contrast (510). Faces are smooth: without it
/// hair and foliage win over them.
const SKIN: u64 = 120;

/// The region of `framing`, said in pixels of the picture as `stored`, as a part of what was decoded from it.
pub(crate) fn cut(decoded: &Picture, stored: Size, framing: Framing, fit: Fit) -> Cut {
    let region = framing.region;
    let smart = matches!(fit, Fit::Cover { crop: Crop::Smart, .. }) && region != stored;
    let at = if smart {
        let across = region.width < stored.width;
        let kept = if across {
            f64::from(region.width) / f64::from(stored.width)
        } else {
            f64::from(region.height) / f64::from(stored.height)
        };
        place(&profile(decoded, across), kept)
    } else {
        0.5
    };
    Cut::place(decoded.size, stored, framing, at)
}

/// Where along the slack (0 to 1) a window of `kept` of the profile holds the most.
fn place(profile: &[u64], kept: f64) -> f64 {
    let window = ((profile.len() as f64 * kept).round() as usize).clamp(1, profile.len());
    let slack = profile.len() - window;
    if slack == 0 {
        return 0.5;
    }
    let mut sums = vec![0];
    for energy in profile {
        sums.push(sums[sums.len() - 1] + energy);
    }
    let holds = |start: usize| sums[start + window] - sums[start];
    // With an odd slack the middle lies between two windows.
    let middle = holds(slack / 2).max(holds(slack.div_ceil(2)));
    let from_middle = |start: usize| (2 * start).abs_diff(slack);
    let best = (0..=slack)
        .max_by_key(|start| (holds(*start), std::cmp::Reverse(from_middle(*start))))
        .unwrap_or(slack / 2);
    if 16 * holds(best) <= (16 + ADVANTAGE) * middle {
        return 0.5;
    }
    best as f64 / slack as f64
}

/// Energy of each column (`across`) or row of the map.
fn profile(picture: &Picture, across: bool) -> Vec<u64> {
    let cell = picture.width().max(picture.height()).div_ceil(MAP_SIDE);
    let (columns, rows) = (picture.width().div_ceil(cell), picture.height().div_ceil(cell));
    let map: Vec<[u64; 4]> =
        (0..rows * columns).map(|at| mean(picture, cell, at % columns, at / columns)).collect();
    let at = |x: usize, y: usize| map[y * columns + x];
    let mut energies = vec![0; if across { columns } else { rows }];
    for y in 0..rows {
        for x in 0..columns {
            let here = at(x, y);
            // Both neighbours on each axis, so that a mirrored picture has a mirrored map.
            let contrast = |a: [u64; 4], b: [u64; 4]| luma(a).abs_diff(luma(b));
            let edges = contrast(at(x.saturating_sub(1), y), at((x + 1).min(columns - 1), y))
                + contrast(at(x, y.saturating_sub(1)), at(x, (y + 1).min(rows - 1)));
            let [r, g, b, alpha] = here;
            let saturation = r.max(g).max(b) - r.min(g).min(b);
            let skin = if is_skin(r, g, b) { SKIN } else { 0 };
            energies[if across { x } else { y }] += (edges + saturation / 4 + skin) * alpha / 255;
        }
    }
    energies
}

/// Mean red, green, blue and alpha of a cell.
fn mean(picture: &Picture, cell: usize, column: usize, row: usize) -> [u64; 4] {
    let channels = picture.channels.count();
    let step = cell.div_ceil(LOOKS);
    let mut sum = [0; 4];
    let mut count = 0;
    for y in (row * cell..((row + 1) * cell).min(picture.height())).step_by(step) {
        let line = &picture.samples[y * picture.stride()..][..picture.stride()];
        for x in (column * cell..((column + 1) * cell).min(picture.width())).step_by(step) {
            let pixel = match line[x * channels..][..channels] {
                [l] => [l, l, l, 255],
                [l, a] => [l, l, l, a],
                [r, g, b] => [r, g, b, 255],
                [r, g, b, a, ..] => [r, g, b, a],
                [] => [0; 4],
            };
            for (sum, sample) in sum.iter_mut().zip(pixel) {
                *sum += u64::from(sample);
            }
            count += 1;
        }
    }
    sum.map(|sum| sum / count.max(1))
}

/// ITU-R BT.601 luma.
fn luma([r, g, b, _]: [u64; 4]) -> u64 {
    (299 * r + 587 * g + 114 * b) / 1000
}

/// The rule of Kovač, Peer and Solina (2003) for skin in daylight: redder than green, greener than
/// nothing, and not grey. It finds wood and sand as well, which rarely costs anything.
fn is_skin(r: u64, g: u64, b: u64) -> bool {
    r > 95 && g > 40 && b > 20 && r > g + 15 && r > b && r - g.min(b) > 15
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Channels;

    /// Grey noise of no structure, with a checked red patch whose left edge is at `x`.
    fn patch(width: u32, height: u32, x: usize) -> Picture {
        let mut picture = Picture::blank(Size { width, height }, Channels::Rgb);
        for (at, pixel) in picture.samples.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (column, row) = (at % width as usize, at / width as usize);
            let inside = (x..x + 40).contains(&column);
            let checked = (column / 8 + row / 8) % 2 == 0;
            *pixel = if inside && checked { [220, 30, 30] } else { [120; 3] };
        }
        picture
    }

    fn smart(picture: &Picture, width: u32, height: u32) -> Cut {
        let fit = Fit::Cover { height: 1, crop: Crop::Smart };
        let region = Size { width, height };
        cut(picture, picture.size, Framing { region, target: region, rounded: None }, fit)
    }

    #[test]
    fn a_smart_cut_holds_what_stands_out() {
        for x in [0, 90, 260, 360] {
            let cut = smart(&patch(400, 100, x), 100, 100);
            let (x, tolerance) = (x as f64, 5.0);
            assert!(cut.left <= x + tolerance, "{cut:?} begins right of {x}");
            assert!(cut.left + cut.width >= x + 40.0 - tolerance, "{cut:?} ends left of {x}");
        }
    }

    #[test]
    fn an_even_picture_is_cut_in_the_middle() {
        let even = Picture::blank(Size { width: 400, height: 100 }, Channels::Grey);
        assert_eq!(smart(&even, 100, 100).left, 150.0);
        assert_eq!(smart(&patch(400, 100, 180), 200, 100).left, 100.0);
    }

    #[test]
    fn a_tall_picture_is_cut_along_its_height() {
        let tall = patch(400, 100, 300).oriented(crate::Orientation::Rotate90);
        let cut = smart(&tall, 100, 100);
        assert_eq!((cut.left, cut.width, cut.height), (0.0, 100.0, 100.0));
        assert!((235.0..=305.0).contains(&cut.top), "{cut:?}");
    }

    #[test]
    fn a_mirrored_picture_has_the_mirrored_cut() {
        let there = patch(384, 96, 300);
        let cut = smart(&there, 96, 96);
        let mirrored = smart(&there.oriented(crate::Orientation::FlipHorizontal), 96, 96);
        assert!((cut.left - (384.0 - 96.0 - mirrored.left)).abs() < 1e-6, "{cut:?} {mirrored:?}");
    }

    #[test]
    fn a_cut_never_leaves_the_picture() {
        for (width, height) in [(1, 1), (7, 3), (3, 7), (97, 1), (1000, 999)] {
            let picture = Picture::blank(Size { width, height }, Channels::Rgba);
            let stored = Size { width: width * 8 - 3, height: height * 8 - 5 };
            for region in [Size { width: 1, ..stored }, Size { height: 1, ..stored }] {
                for crop in [Crop::Centre, Crop::Smart] {
                    let framing = Framing { region, target: region, rounded: None };
                    let cut = cut(&picture, stored, framing, Fit::Cover { height: 1, crop });
                    assert!(cut.left >= 0.0 && cut.top >= 0.0, "{cut:?}");
                    assert!(cut.left + cut.width <= f64::from(width), "{cut:?}");
                    assert!(cut.top + cut.height <= f64::from(height), "{cut:?}");
                }
            }
        }
    }
}
