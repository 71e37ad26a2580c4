//! From samples as they are stored to samples of 8 bits.

use crate::Size;
use crate::depth;
use crate::probe::tiff::{Model, Page};

/// Bytes of a row as it is stored: a row begins with a byte.
pub(super) fn stride(page: &Page, size: Size, channels: usize) -> usize {
    (size.width as usize * channels * page.bits as usize).div_ceil(8)
}

/// Undoes the predictor and makes 8 bits of each sample.
pub(super) fn narrow(page: &Page, mut rows: Vec<u8>, size: Size, channels: usize) -> Vec<u8> {
    let stride = stride(page, size, channels);
    match page.bits {
        8 => {
            if page.predicted {
                rows.chunks_exact_mut(stride)
                    .for_each(|row| add_up(row, channels, u8::wrapping_add));
            }
            rows
        }
        16 => {
            let read = if page.little { u16::from_le_bytes } else { u16::from_be_bytes };
            let mut samples = Vec::with_capacity(rows.len() / 2);
            let mut wide = Vec::with_capacity(stride / 2);
            for row in rows.chunks_exact(stride) {
                wide.clear();
                wide.extend(row.as_chunks().0.iter().map(|bytes| read(*bytes)));
                if page.predicted {
                    add_up(&mut wide, channels, u16::wrapping_add);
                }
                samples.extend(wide.iter().map(|sample| depth::narrow(*sample)));
            }
            samples
        }
        bits => {
            let bits = bits as usize;
            let most = u8::MAX >> (8 - bits);
            // An index is no level.
            let indexed = matches!(page.model(), Some((Model::Palette, _)));
            let step = if indexed { 1 } else { u8::MAX / most };
            let samples = size.width as usize * channels;
            let mut widened = Vec::with_capacity(samples * size.height as usize);
            for row in rows.chunks_exact(stride) {
                widened.extend((0..samples).map(|at| {
                    let bit = at * bits;
                    ((row[bit / 8] >> (8 - bits - bit % 8)) & most) * step
                }));
            }
            widened
        }
    }
}

/// Each sample is the difference to that of the pixel before (TIFF 6.0 §14).
fn add_up<T: Copy>(row: &mut [T], channels: usize, add: impl Fn(T, T) -> T) {
    for at in channels..row.len() {
        row[at] = add(row[at], row[at - channels]);
    }
}
