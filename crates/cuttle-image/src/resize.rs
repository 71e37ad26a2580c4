//! Lanczos3 on 8-bit samples as stored (no linear light), which is what sharp and browsers do.
//!
//! Colours are weighted by their alpha, so that what a transparent pixel happens to hold never bleeds
//! into its neighbours.
//!
//! Both directions are reduced alike, and what rounding adds to a side is beyond the image's edges, as by sharp. Stretched to
//! whole pixels instead, rows were out of place by up to a quarter, which cost 1.0 of SSIMULACRA2 and hid what left-out scans
//! cost.

use std::borrow::Cow;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{MulDiv, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use crate::geometry::{Axis, Framing};
use crate::picture::{Channels, Picture};
use crate::{RenderError, Size, lanczos};

/// What rounding does to a side, at most, and what a quotient of floats may add.
const HALF_A_PIXEL: f64 = 0.5 + 1e-9;
/// Rows that are put together at a time where columns are made apart: little memory, and little of it twice.
const BLOCK_ROWS: u32 = 64;

/// A part of a picture, in its pixels. Corners may lie between pixels, and two opposite edges as much as a quarter of a
/// pixel of the rendition outside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cut {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Cut {
    /// The region of `framing`, said in pixels of the picture as `stored`, as a part of what was `decoded` from
    /// it; `at` is how much of the slack lies before it, 0 to 1.
    pub(crate) fn place(decoded: Size, stored: Size, framing: Framing, at: f64) -> Self {
        let whole = Self::whole(decoded);
        let region = framing.region;
        if region == stored {
            return whole.unstretched(stored, framing);
        }
        let width = whole.width * f64::from(region.width) / f64::from(stored.width);
        let height = whole.height * f64::from(region.height) / f64::from(stored.height);
        let (left, top) = ((whole.width - width) * at, (whole.height - height) * at);
        // Rounding must not push the far edge out of the picture.
        Self {
            left,
            top,
            width: width.min(whole.width - left),
            height: height.min(whole.height - top),
        }
    }

    /// All of a picture as `stored`, larger or smaller at both ends by what rounding did to one side of the target: both
    /// directions are then reduced alike, as by sharp. Stretched to the rounded height instead, the rows of 607.5 made 608 are
    /// out of place by up to a quarter, which costs a photograph 1.0 of SSIMULACRA2 at quality 75.
    fn unstretched(self, stored: Size, framing: Framing) -> Self {
        let side = |stored: u32, other: u32, target: u32, exact: u32| {
            let exact = f64::from(stored) * f64::from(exact) / f64::from(other);
            let rounded = f64::from(target);
            // A side of less than a pixel was not rounded but made one.
            if (rounded - exact).abs() > HALF_A_PIXEL { 0.0 } else { rounded / exact - 1.0 }
        };
        let Size { width, height } = framing.target;
        match framing.rounded {
            Some(Axis::Down) => {
                let more = side(stored.height, stored.width, height, width);
                let top = self.top - self.height * more / 2.0;
                Self { top, height: self.height * (1.0 + more), ..self }
            }
            Some(Axis::Across) => {
                let more = side(stored.width, stored.height, width, height);
                let left = self.left - self.width * more / 2.0;
                Self { left, width: self.width * (1.0 + more), ..self }
            }
            None => self,
        }
    }

    /// All of a picture of this size.
    pub(crate) fn whole(size: Size) -> Self {
        Self { left: 0.0, top: 0.0, width: size.width.into(), height: size.height.into() }
    }
}

/// `cut` of `picture` at exactly `size`. At the edges of the cut the filter sees what lies beyond, as when a
/// picture is resized first and cut then. One that is owned is moved when nothing is to be done.
pub(crate) fn resize(
    picture: Cow<'_, Picture>,
    cut: Cut,
    size: Size,
) -> Result<Picture, RenderError> {
    if picture.size == size && cut == Cut::whole(size) {
        return Ok(picture.into_owned());
    }
    let mut resized = Picture::blank(size, picture.channels);
    let from = Samples::of(picture.size, picture.channels, &picture.samples);
    resample(&mut Resizer::new(), from, cut, size, &mut resized.samples)?;
    Ok(resized)
}

/// Rows of pixels.
#[derive(Clone, Copy)]
pub(crate) struct Samples<'a> {
    pub(crate) size: Size,
    pub(crate) channels: Channels,
    pub(crate) samples: &'a [u8],
    /// Colours are weighted by their alpha already, and stay so.
    pub(crate) premultiplied: bool,
}

impl<'a> Samples<'a> {
    pub(crate) fn of(size: Size, channels: Channels, samples: &'a [u8]) -> Self {
        Self { size, channels, samples, premultiplied: false }
    }

    /// Of pixels that went through [`premultiply`].
    pub(crate) fn premultiplied(size: Size, channels: Channels, samples: &'a [u8]) -> Self {
        Self { size, channels, samples, premultiplied: true }
    }

    fn transparent(self) -> bool {
        match self.channels {
            Channels::Grey | Channels::Rgb => false,
            Channels::GreyAlpha => self.samples.as_chunks().0.iter().any(|[_, a]| *a != 255),
            Channels::Rgba => self.samples.as_chunks().0.iter().any(|[_, _, _, a]| *a != 255),
        }
    }
}

/// `cut` of `from` into `to`, which holds `size` pixels of the same channels.
///
/// Where the cut sticks out, its first or last row or column is made alone, of as much as lies inside around the same
/// middle: the filter takes its width from the cut, and sees nothing beyond the picture anyway.
pub(crate) fn resample(
    resizer: &mut Resizer,
    from: Samples<'_>,
    cut: Cut,
    size: Size,
    to: &mut [u8],
) -> Result<(), RenderError> {
    let columns = bands(cut.left, cut.width, from.size.width, size.width);
    if columns[1].pixels == size.width {
        return resample_rows(resizer, from, cut, size, to);
    }
    // A picture that lies on its side: rows of a band are not beside each other, so it is made apart.
    let (stride, row) = (to.len() / size.height as usize, cut.height / f64::from(size.height));
    let mut top = cut.top;
    for block in to.chunks_mut(stride * BLOCK_ROWS as usize) {
        let height = u32::try_from(block.len() / stride).unwrap_or(BLOCK_ROWS);
        let deep = f64::from(height) * row;
        let mut at = 0;
        for band in columns.iter().filter(|band| band.pixels > 0) {
            let part = Cut { left: band.from, width: band.length, top, height: deep };
            let bytes = band.pixels as usize * from.channels.count();
            let mut made = vec![0; bytes * height as usize];
            let shape = Size { width: band.pixels, height };
            resample_rows(resizer, from, part, shape, &mut made)?;
            for (row, piece) in block.chunks_exact_mut(stride).zip(made.chunks_exact(bytes)) {
                row[at..at + bytes].copy_from_slice(piece);
            }
            at += bytes;
        }
        top += deep;
    }
    Ok(())
}

fn resample_rows(
    resizer: &mut Resizer,
    from: Samples<'_>,
    cut: Cut,
    size: Size,
    to: &mut [u8],
) -> Result<(), RenderError> {
    let stride = to.len() / size.height as usize;
    let mut rest = to;
    for band in bands(cut.top, cut.height, from.size.height, size.height) {
        let (rows, after) = rest.split_at_mut(band.pixels as usize * stride);
        if band.pixels > 0 {
            let part = Cut { top: band.from, height: band.length, ..cut };
            resample_inside(resizer, from, part, Size { height: band.pixels, ..size }, rows)?;
        }
        rest = after;
    }
    Ok(())
}

/// So many pixels of the rendition, and the part of one side of the source that they are made of.
struct Band {
    pixels: u32,
    from: f64,
    length: f64,
}

/// The first and the last pixel alone where `length` from `start` on sticks out of a side of `source`; what is between them.
fn bands(start: f64, length: f64, source: u32, target: u32) -> [Band; 3] {
    let (end, step) = (f64::from(source), length / f64::from(target));
    let before = u32::from(start < 0.0);
    let after = u32::from(start + length > end).min(target - before.min(target));
    let mut from = start;
    [before, target - before - after, after].map(|pixels| {
        let length = f64::from(pixels) * step;
        let outside = (-from).max(from + length - end).max(0.0);
        let band = Band { pixels, from: from + outside, length: length - 2.0 * outside };
        from += length;
        band
    })
}

fn resample_inside(
    resizer: &mut Resizer,
    from: Samples<'_>,
    cut: Cut,
    size: Size,
    to: &mut [u8],
) -> Result<(), RenderError> {
    match from.channels {
        Channels::Grey => resample_as::<U8>(resizer, from, cut, size, to),
        Channels::GreyAlpha => resample_as::<U8x2>(resizer, from, cut, size, to),
        Channels::Rgb => resample_as::<U8x3>(resizer, from, cut, size, to),
        Channels::Rgba => resample_as::<U8x4>(resizer, from, cut, size, to),
    }
}

fn resample_as<P: PixelTrait>(
    resizer: &mut Resizer,
    from: Samples<'_>,
    cut: Cut,
    size: Size,
    to: &mut [u8],
) -> Result<(), RenderError> {
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(lanczos::filter()))
        .crop(cut.left, cut.top, cut.width, cut.height)
        // Weights of one change nothing, so what is opaque saves them.
        .use_alpha(!from.premultiplied && from.transparent());
    let source = TypedImageRef::<P>::from_buffer(from.size.width, from.size.height, from.samples)
        .map_err(failed)?;
    let mut resized = TypedImage::<P>::from_buffer(size.width, size.height, to).map_err(failed)?;
    resizer.resize_typed(&source, &mut resized, &options).map_err(failed)
}

/// Weighs the colours of these pixels by their alpha, in place. What is opaque stays as it is.
pub(crate) fn premultiply(channels: Channels, samples: &mut [u8]) -> Result<(), RenderError> {
    match channels {
        Channels::Grey | Channels::Rgb => Ok(()),
        Channels::GreyAlpha => {
            MulDiv::new().multiply_alpha_inplace_typed(&mut row::<U8x2>(samples)?).map_err(failed)
        }
        Channels::Rgba => {
            MulDiv::new().multiply_alpha_inplace_typed(&mut row::<U8x4>(samples)?).map_err(failed)
        }
    }
}

/// Gives these pixels back the colours that [`premultiply`] weighed.
pub(crate) fn unpremultiply(channels: Channels, samples: &mut [u8]) -> Result<(), RenderError> {
    match channels {
        Channels::Grey | Channels::Rgb => Ok(()),
        Channels::GreyAlpha => {
            MulDiv::new().divide_alpha_inplace_typed(&mut row::<U8x2>(samples)?).map_err(failed)
        }
        Channels::Rgba => {
            MulDiv::new().divide_alpha_inplace_typed(&mut row::<U8x4>(samples)?).map_err(failed)
        }
    }
}

/// Any number of pixels as one row, for what looks at each alone.
fn row<P: PixelTrait>(samples: &mut [u8]) -> Result<TypedImage<'_, P>, RenderError> {
    let width = u32::try_from(samples.len() / size_of::<P>()).map_err(failed)?;
    TypedImage::from_buffer(width, 1, samples).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> RenderError {
    RenderError::Decode(error.to_string())
}
