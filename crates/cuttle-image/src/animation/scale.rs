//! Many frames to one size: the resizer and its buffers are kept from frame to frame.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::picture::{Channels, Picture};
use crate::{RenderError, Size};

/// As [`crate::resize`], for RGBA that stays where it is.
pub(super) struct Scaler {
    resizer: Resizer,
    size: Size,
}

impl Scaler {
    pub(super) fn new(size: Size) -> Self {
        Self { resizer: Resizer::new(), size }
    }

    /// A copy of `canvas` at exactly the size that was set, colours weighted by their alpha.
    pub(super) fn scale(&mut self, canvas: &Picture) -> Result<Picture, RenderError> {
        let Picture { size, channels, samples } = canvas;
        if *size == self.size {
            return Ok(Picture { size: *size, channels: *channels, samples: samples.clone() });
        }
        let failed = |error: &dyn std::fmt::Display| RenderError::Decode(error.to_string());
        let source = ImageRef::new(size.width, size.height, samples, PixelType::U8x4)
            .map_err(|error| failed(&error))?;
        let mut scaled = Image::new(self.size.width, self.size.height, PixelType::U8x4);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
            .use_alpha(canvas.transparent());
        self.resizer.resize(&source, &mut scaled, &options).map_err(|error| failed(&error))?;
        Ok(Picture { size: self.size, channels: Channels::Rgba, samples: scaled.into_vec() })
    }
}
