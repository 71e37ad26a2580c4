//! RGB to full-range BT.601 4:2:0 in 16.16 fixed point (ITU-T H.273, matrix 6).
//!
//! Chroma is the mean of two by two pixels; an odd last column or row is repeated.

use crate::picture::Picture;

/// One plane of an image that libavif owns.
pub(super) struct Plane<'a> {
    pub(super) samples: &'a mut [u8],
    /// Bytes from a row to the next.
    pub(super) stride: usize,
}

/// 16.16 weights of R, G and B. The rows of chroma sum to zero, luma's to one, exactly.
const Y: [i32; 3] = [19_595, 38_470, 7_471];
const U: [i32; 3] = [-11_058, -21_710, 32_768];
const V: [i32; 3] = [32_768, -27_439, -5_329];

/// Fills luma and both chroma planes.
pub(super) fn from_rgb(picture: &Picture, [y, u, v]: [Plane<'_>; 3]) {
    let width = picture.width();
    let channels = picture.channels.count();
    let mut luma = y.samples.chunks_exact_mut(y.stride);
    let chroma = u.samples.chunks_exact_mut(u.stride).zip(v.samples.chunks_exact_mut(v.stride));
    for (rows, (u, v)) in picture.samples.chunks(2 * picture.stride()).zip(chroma) {
        let (top, bottom) = rows.split_at(picture.stride());
        let bottom_or_top = if bottom.is_empty() { top } else { bottom };
        for row in [top, bottom] {
            if let Some(line) = (!row.is_empty()).then(|| luma.next()).flatten() {
                for (sample, pixel) in line[..width].iter_mut().zip(row.chunks_exact(channels)) {
                    *sample = narrow((dot(Y, rgb(pixel)) + (1 << 15)) >> 16);
                }
            }
        }
        let pairs = top.chunks(2 * channels).zip(bottom_or_top.chunks(2 * channels));
        for ((u, v), (above, below)) in u.iter_mut().zip(v).zip(pairs) {
            let sum = [above, below].into_iter().fold([0; 3], |sum, pair| {
                let (left, right) = (rgb(pair), rgb(&pair[pair.len() - channels..]));
                std::array::from_fn(|c| sum[c] + left[c] + right[c])
            });
            *u = narrow(128 + ((dot(U, sum) + (1 << 17)) >> 18));
            *v = narrow(128 + ((dot(V, sum) + (1 << 17)) >> 18));
        }
    }
}

/// Fills the alpha plane from the last of four channels.
pub(super) fn alpha(picture: &Picture, plane: &mut Plane<'_>) {
    let rows = picture.samples.chunks_exact(picture.stride());
    for (line, row) in plane.samples.chunks_exact_mut(plane.stride).zip(rows) {
        for (sample, pixel) in line.iter_mut().zip(row.as_chunks::<4>().0) {
            *sample = pixel[3];
        }
    }
}

fn rgb(pixel: &[u8]) -> [i32; 3] {
    std::array::from_fn(|channel| i32::from(pixel[channel]))
}

fn dot(weights: [i32; 3], rgb: [i32; 3]) -> i32 {
    weights[0] * rgb[0] + weights[1] * rgb[1] + weights[2] * rgb[2]
}

fn narrow(sample: i32) -> u8 {
    u8::try_from(sample.clamp(0, 255)).unwrap_or(u8::MAX)
}
