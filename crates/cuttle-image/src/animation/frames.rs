//! What an animation is to whoever resizes its frames, whichever format it comes from.

use std::time::Duration;

use crate::RenderError;
use crate::picture::Picture;

/// An animation being decoded.
pub(crate) trait Frames {
    /// Composites the next frame and says how long it is shown; `None` after the last one.
    fn advance(&mut self) -> Result<Option<Duration>, RenderError>;

    /// What is shown now, as RGBA.
    fn canvas(&self) -> &Picture;

    /// How often the whole is played, 0 for ever. Known once the first frame is there.
    fn plays(&self) -> u32;
}
