//! Many frames to one size: the resizer and its buffers are kept from frame to frame.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::geometry::Framing;
use crate::picture::{Channels, Picture};
use crate::resize::Cut;
use crate::{Fit, RenderError, Size, salience};

/// As [`crate::resize`], for RGBA that stays where it is.
pub(super) struct Scaler {
    resizer: Resizer,
    cut: Cut,
    size: Size,
}

impl Scaler {
    /// What is cut off is decided by the first frame: a cut that followed the motion would itself move.
    pub(super) fn new(framing: Framing, fit: Fit, first: &Picture) -> Self {
        let cut = salience::cut(first, first.size, framing.region, fit);
        Self { resizer: Resizer::new(), cut, size: framing.target }
    }

    /// A copy of the cut of `canvas` at exactly the size that was set, colours weighted by their alpha.
    pub(super) fn scale(&mut self, canvas: &Picture) -> Result<Picture, RenderError> {
        let Picture { size, channels, samples } = canvas;
        if *size == self.size && self.cut == Cut::whole(*size) {
            return Ok(Picture { size: *size, channels: *channels, samples: samples.clone() });
        }
        let failed = |error: &dyn std::fmt::Display| RenderError::Decode(error.to_string());
        let source = ImageRef::new(size.width, size.height, samples, PixelType::U8x4)
            .map_err(|error| failed(&error))?;
        let mut scaled = Image::new(self.size.width, self.size.height, PixelType::U8x4);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
            .crop(self.cut.left, self.cut.top, self.cut.width, self.cut.height)
            .use_alpha(canvas.transparent());
        self.resizer.resize(&source, &mut scaled, &options).map_err(|error| failed(&error))?;
        Ok(Picture { size: self.size, channels: Channels::Rgba, samples: scaled.into_vec() })
    }
}
