//! The parts of a render, for whoever measures them.

/// Part of a render, for whoever watches one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Headers, limits and pixels.
    Decode,
    /// To the size of the rendition.
    Resize,
    /// To sRGB, and turned upright.
    Colour,
    /// To bytes.
    Encode,
}
