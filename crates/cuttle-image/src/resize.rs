//! Lanczos3 on 8-bit samples as stored (no linear light), which is what sharp and browsers do.
//!
//! Colours are weighted by their alpha, so that what a transparent pixel happens to hold never bleeds
//! into its neighbours.

use std::borrow::Cow;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use crate::geometry::Framing;
use crate::picture::{Channels, Picture};
use crate::{RenderError, Size};

/// What rounding does to a height, at most, and what a quotient of floats may add.
const HALF_A_ROW: f64 = 0.5 + 1e-9;

/// A part of a picture, in its pixels. Corners may lie between pixels, and upper and lower edge as much as a
/// quarter of a row of the rendition outside.
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
        let Framing { region, target } = framing;
        if region == stored {
            return whole.unstretched(stored, target);
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

    /// All of a picture as `stored`, higher or lower at both ends by what rounding did to the height of `target`:
    /// both directions are then reduced alike, as by sharp. Stretched to the rounded height instead, the rows of
    /// 607.5 made 608 are out of place by up to a quarter, which costs a photograph 1.0 of SSIMULACRA2 at
    /// quality 75. Where more than the height was rounded, nothing changes.
    fn unstretched(self, stored: Size, target: Size) -> Self {
        let [width, height] = [stored.width, stored.height].map(f64::from);
        let rows = f64::from(target.height);
        let exact = height * f64::from(target.width) / width;
        if (rows - exact).abs() > HALF_A_ROW {
            return self;
        }
        let more = rows / exact - 1.0;
        Self {
            top: self.top - self.height * more / 2.0,
            height: self.height * (1.0 + more),
            ..self
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
    let from =
        Samples { size: picture.size, channels: picture.channels, samples: &picture.samples };
    resample(&mut Resizer::new(), from, cut, size, &mut resized.samples)?;
    Ok(resized)
}

/// Rows of pixels.
#[derive(Clone, Copy)]
pub(crate) struct Samples<'a> {
    pub(crate) size: Size,
    pub(crate) channels: Channels,
    pub(crate) samples: &'a [u8],
}

impl Samples<'_> {
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
/// Where the cut sticks out, its first or last row is made alone, of as much as lies inside around the same
/// middle: the filter takes its width from the cut, and sees nothing beyond the picture anyway.
pub(crate) fn resample(
    resizer: &mut Resizer,
    from: Samples<'_>,
    cut: Cut,
    size: Size,
    to: &mut [u8],
) -> Result<(), RenderError> {
    let end = f64::from(from.size.height);
    let row = cut.height / f64::from(size.height);
    let above = u32::from(cut.top < 0.0);
    let below = u32::from(cut.top + cut.height > end);
    let inside = size.height.saturating_sub(above + below);
    let stride = to.len() / size.height as usize;
    let (mut top, mut rest) = (cut.top, to);
    for rows in [above, inside, size.height - above.min(size.height) - inside] {
        let (band, after) = rest.split_at_mut(rows as usize * stride);
        let height = f64::from(rows) * row;
        let outside = (-top).max(top + height - end).max(0.0);
        let part = Cut { top: top + outside, height: height - 2.0 * outside, ..cut };
        if rows > 0 {
            resample_inside(resizer, from, part, Size { height: rows, ..size }, band)?;
        }
        (top, rest) = (top + height, after);
    }
    Ok(())
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
    let failed = |error: &dyn std::fmt::Display| RenderError::Decode(error.to_string());
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .crop(cut.left, cut.top, cut.width, cut.height)
        // Weights of one change nothing, so what is opaque saves them.
        .use_alpha(from.transparent());
    let source = TypedImageRef::<P>::from_buffer(from.size.width, from.size.height, from.samples)
        .map_err(|error| failed(&error))?;
    let mut resized = TypedImage::<P>::from_buffer(size.width, size.height, to)
        .map_err(|error| failed(&error))?;
    resizer.resize_typed(&source, &mut resized, &options).map_err(|error| failed(&error))
}
