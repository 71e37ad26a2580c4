//! Luma and chroma to RGB (ITU-T H.273 §8.3), of every depth, sampling, range and matrix, row by row.
//!
//! All matrices are one: three rows of three weights and a constant, in floating point, which hold range and depth too.
//! Chroma lies in the middle of the pixels that share it and is enlarged by a line between neighbours, as libavif does it
//! without libyuv.

use moxcms::{Chromaticity, CicpColorPrimaries, ColorPrimaries};

use super::planes::Planes;
use crate::picture::{Channels, Picture};
use crate::probe::avif::{Chroma, Nclx};

/// Pixels that are made at a time, in registers.
const LANES: usize = 16;

/// A sample of RGB: 8 bits, or 16.
pub(super) trait Sample: Copy + Default {
    const MOST: f32;
    fn nearest(value: f32) -> Self;
}

/// From here on, a float of 32 bits has no fraction: its lowest bits are the whole number that was added.
const WHOLE: f32 = 8_388_608.0;

impl Sample for u8 {
    const MOST: f32 = 255.0;

    fn nearest(value: f32) -> Self {
        (value.clamp(0.0, Self::MOST) + WHOLE).to_bits() as Self
    }
}

impl Sample for u16 {
    const MOST: f32 = 65_535.0;

    fn nearest(value: f32) -> Self {
        (value.clamp(0.0, Self::MOST) + WHOLE).to_bits() as Self
    }
}

/// Makes rows of RGB.
pub(super) struct Rows<'a> {
    planes: &'a Planes,
    /// Weights of luma and both chroma samples, and a constant, for red, green and blue of `0..=1`.
    matrix: [[f32; 4]; 3],
    luma: Vec<f32>,
    /// Both planes as wide as luma, and one row as it is stored.
    chroma: [Vec<f32>; 2],
    stored: [Vec<f32>; 2],
}

impl<'a> Rows<'a> {
    pub(super) fn new(planes: &'a Planes, colours: Nclx) -> Result<Self, String> {
        let matrix = matrix(planes.depth(), planes.chroma(), colours)?;
        let width = planes.size().width as usize;
        let narrow = planes.chroma().plane(planes.size()).width as usize;
        let row = |width| [vec![0.0; width], vec![0.0; width]];
        Ok(Self { planes, matrix, luma: vec![0.0; width], chroma: row(width), stored: row(narrow) })
    }

    /// The first pixels of row `y`, of `N` samples each, of which three are written. `gain` is what each is multiplied by.
    pub(super) fn row<T: Sample, const N: usize>(
        &mut self,
        y: usize,
        gain: Option<&[f32]>,
        to: &mut [[T; N]],
    ) {
        self.planes.row(0, y, &mut self.luma);
        self.enlarge(y);
        let [blue, red] = &self.chroma;
        let matrix = self.matrix.map(|row| row.map(|weight| weight * T::MOST));
        let mut rgb = [[T::default(); LANES]; 3];
        for (at, to) in (0..).step_by(LANES).zip(to.chunks_mut(LANES)) {
            let lanes = |row: &[f32]| -> [f32; LANES] {
                match row.get(at..at + LANES) {
                    Some(lanes) => std::array::from_fn(|lane| lanes[lane]),
                    None => std::array::from_fn(|lane| row.get(at + lane).copied().unwrap_or(0.0)),
                }
            };
            let (luma, blue, red) = (lanes(&self.luma), lanes(blue), lanes(red));
            let gain = gain.map_or([1.0; LANES], lanes);
            for (channel, [of_luma, of_blue, of_red, constant]) in rgb.iter_mut().zip(matrix) {
                for lane in 0..LANES {
                    let sum = of_luma * luma[lane] + of_blue * blue[lane] + of_red * red[lane];
                    channel[lane] = T::nearest((sum + constant) * gain[lane]);
                }
            }
            for (lane, pixel) in to.iter_mut().enumerate() {
                pixel[0] = rgb[0][lane];
                pixel[1] = rgb[1][lane];
                pixel[2] = rgb[2][lane];
            }
        }
    }

    /// Chroma of row `y`, for each pixel.
    fn enlarge(&mut self, y: usize) {
        let Self { planes, chroma, stored: [near, far], .. } = self;
        for (plane, whole) in (1..).zip(chroma) {
            match planes.chroma() {
                Chroma::None => {}
                Chroma::Full => planes.row(plane, y, whole),
                Chroma::Half => {
                    planes.row(plane, y, near);
                    widen(near, whole);
                }
                Chroma::Quarter => {
                    let last = planes.size().height.div_ceil(2) as usize - 1;
                    planes.row(plane, y / 2, near);
                    planes.row(plane, neighbour(y, last), far);
                    for (near, far) in near.iter_mut().zip(&*far) {
                        *near = 0.75 * *near + 0.25 * far;
                    }
                    widen(near, whole);
                }
            }
        }
    }
}

/// Twice as wide, or one less: three parts of a sample, and one of its neighbour, or of itself at the edges.
fn widen(narrow: &[f32], whole: &mut [f32]) {
    let between = |near: f32, far: f32| 0.75 * near + 0.25 * far;
    let inner = whole.get_mut(2..).unwrap_or_default();
    for (near, pair) in narrow.windows(3).zip(inner.as_chunks_mut::<2>().0) {
        *pair = [between(near[1], near[0]), between(near[1], near[2])];
    }
    let last = narrow.len() - 1;
    for x in [0, 1, 2 * last, 2 * last + 1] {
        if let Some(pixel) = whole.get_mut(x) {
            *pixel = between(narrow[x / 2], narrow[neighbour(x, last)]);
        }
    }
}

/// The place of the chroma sample that pixel `at` lies towards, from the one that it has.
fn neighbour(at: usize, last: usize) -> usize {
    if at % 2 == 1 { (at / 2 + 1).min(last) } else { (at / 2).max(1) - 1 }
}

/// Luma alone, as alpha says it.
pub(super) fn grey(planes: &Planes) -> Picture {
    let [[weight, .., constant], ..] =
        affine(planes.depth(), planes.full_range(), [[1.0, 0.0, 0.0]; 3], Tint::Usual);
    let mut picture = Picture::blank(planes.size(), Channels::Grey);
    let mut luma = vec![0.0; picture.width()];
    let stride = picture.stride();
    for (y, line) in picture.samples.chunks_exact_mut(stride).enumerate() {
        planes.row(0, y, &mut luma);
        for (sample, luma) in line.iter_mut().zip(&luma) {
            *sample = u8::nearest((luma * weight + constant) * u8::MOST);
        }
    }
    picture
}

/// Weights for samples of `depth` bits.
fn matrix(depth: u8, chroma: Chroma, colours: Nclx) -> Result<[[f32; 4]; 3], String> {
    let Nclx { primaries, matrix, full_range, .. } = colours;
    let known = match (matrix, chroma) {
        (_, Chroma::None) => {
            return Ok(affine(depth, full_range, [[1.0, 0.0, 0.0]; 3], Tint::Usual));
        }
        // Green, blue and red themselves.
        (0, Chroma::Full) => {
            let weights = [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
            return Ok(affine(depth, full_range, weights, Tint::None));
        }
        // YCgCo, whose range is that of RGB.
        (8, _) => {
            let weights = [[1.0, -1.0, 1.0], [1.0, 1.0, 0.0], [1.0, -1.0, -1.0]];
            return Ok(affine(depth, full_range, weights, Tint::AsLuma));
        }
        (1, _) => [0.2126, 0.0722],
        (4, _) => [0.30, 0.11],
        // Where nothing is said: MIAF (ISO/IEC 23000-22 §7.3.6.4).
        (2 | 5 | 6, _) => [0.299, 0.114],
        (7, _) => [0.212, 0.087],
        (9, _) => [0.2627, 0.0593],
        (12, _) => of_primaries(primaries),
        _ => return Err(format!("matrix {matrix} is not known")),
    };
    let [kr, kb] = known;
    let kg = 1.0 - kr - kb;
    let (red, blue) = (2.0 * (1.0 - kr), 2.0 * (1.0 - kb));
    let weights = [[1.0, 0.0, red], [1.0, -blue * kb / kg, -red * kr / kg], [1.0, blue, 0.0]];
    Ok(affine(depth, full_range, weights, Tint::Usual))
}

/// How the samples of chroma planes are scaled.
#[derive(Clone, Copy, PartialEq)]
enum Tint {
    Usual,
    /// Around the middle, in units of luma.
    AsLuma,
    /// They are luma.
    None,
}

/// `weights` are of luma from 0 to 1 and chroma from -0.5 to 0.5; the result is of samples.
fn affine(depth: u8, full_range: bool, weights: [[f32; 3]; 3], tint: Tint) -> [[f32; 4]; 3] {
    let unit = f32::from(1_u16 << (depth - 8));
    let most = 256.0 * unit - 1.0;
    let (black, luma, chroma) =
        if full_range { (0.0, most, most) } else { (16.0 * unit, 219.0 * unit, 224.0 * unit) };
    let (middle, chroma) = match tint {
        Tint::Usual => (128.0 * unit, chroma),
        Tint::AsLuma => (128.0 * unit, luma),
        Tint::None => (black, luma),
    };
    weights.map(|[y, u, v]| {
        let (y, u, v) = (y / luma, u / chroma, v / chroma);
        [y, u, v, -(y * black + (u + v) * middle)]
    })
}

/// How much of white's light is red, and how much blue (H.273 equations 32 to 37).
fn of_primaries(code: u8) -> [f32; 2] {
    let (x, y) = match code {
        4 | 8 => (0.310, 0.316),
        10 => (1.0 / 3.0, 1.0 / 3.0),
        11 => (0.314, 0.351),
        _ => (0.3127, 0.3290),
    };
    let points = CicpColorPrimaries::try_from(code).and_then(ColorPrimaries::try_from);
    let points = points.unwrap_or(ColorPrimaries::BT_709);
    let [red, _, blue] = points.transform_to_xyz(Chromaticity { x, y }).v[1];
    [red, blue]
}
