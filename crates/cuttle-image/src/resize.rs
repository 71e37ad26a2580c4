//! Lanczos3 on 8-bit samples as stored (no linear light), which is what sharp and browsers do.
//!
//! Colours are weighted by their alpha, so that what a transparent pixel happens to hold never bleeds
//! into its neighbours.

use std::borrow::Cow;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::picture::{Channels, Picture};
use crate::{RenderError, Size};

/// A part of a picture, in its pixels. Corners may lie between pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cut {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Cut {
    /// All of a picture of this size.
    pub(crate) fn whole(size: Size) -> Self {
        Self { left: 0.0, top: 0.0, width: size.width.into(), height: size.height.into() }
    }
}

/// `cut` of `picture` at exactly `size`; the filter sees nothing outside the cut. A picture that is owned
/// is moved when nothing is to be done.
pub(crate) fn resize(
    picture: Cow<'_, Picture>,
    cut: Cut,
    size: Size,
) -> Result<Picture, RenderError> {
    if picture.size == size && cut == Cut::whole(size) {
        return Ok(picture.into_owned());
    }
    let layout = match picture.channels {
        Channels::Grey => PixelType::U8,
        Channels::GreyAlpha => PixelType::U8x2,
        Channels::Rgb => PixelType::U8x3,
        Channels::Rgba => PixelType::U8x4,
    };
    let source = ImageRef::new(picture.size.width, picture.size.height, &picture.samples, layout)
        .map_err(|error| RenderError::Decode(error.to_string()))?;
    let mut resized = Image::new(size.width, size.height, layout);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .crop(cut.left, cut.top, cut.width, cut.height)
        .use_alpha(picture.channels.alpha());
    Resizer::new()
        .resize(&source, &mut resized, &options)
        .map_err(|error| RenderError::Decode(error.to_string()))?;
    Ok(Picture { size, channels: picture.channels, samples: resized.into_vec() })
}
