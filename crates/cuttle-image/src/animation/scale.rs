//! Many frames to one size: the resizer and its buffers are kept from frame to frame.

use fast_image_resize::Resizer;

use crate::geometry::Framing;
use crate::picture::Picture;
use crate::resize::{Cut, Samples, resample};
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
        let cut = salience::cut(first, first.size, framing, fit);
        Self { resizer: Resizer::new(), cut, size: framing.target }
    }

    /// A copy of the cut of `canvas` at exactly the size that was set, colours weighted by their alpha.
    pub(super) fn scale(&mut self, canvas: &Picture) -> Result<Picture, RenderError> {
        let Picture { size, channels, samples } = canvas;
        if *size == self.size && self.cut == Cut::whole(*size) {
            return Ok(Picture { size: *size, channels: *channels, samples: samples.clone() });
        }
        let mut scaled = Picture::blank(self.size, *channels);
        let from = Samples::of(*size, *channels, samples);
        resample(&mut self.resizer, from, self.cut, self.size, &mut scaled.samples)?;
        Ok(scaled)
    }
}
