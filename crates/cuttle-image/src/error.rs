//! Why a picture could not be rendered. Every variant is the picture's fault except [`RenderError::Encode`].

use serde::{Deserialize, Serialize};

use crate::Kind;

/// A limit that a picture broke: which, by how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Excess {
    /// The encoded file.
    #[error("the source has {found} bytes, more than the limit of {limit}")]
    SourceBytes {
        /// Bytes.
        found: u64,
        /// Bytes.
        limit: u64,
    },
    /// Width or height.
    #[error("a side has {found} pixels, more than the limit of {limit}")]
    Side {
        /// Pixels.
        found: u32,
        /// Pixels.
        limit: u32,
    },
    /// Width × height.
    #[error("the image has {found} pixels, more than the limit of {limit}")]
    Pixels {
        /// Pixels.
        found: u64,
        /// Pixels.
        limit: u64,
    },
    /// Frames of an animation: more than these, or more than could be counted.
    #[error("the animation has more frames than the limit of {limit}")]
    Frames {
        /// Frames.
        limit: u32,
    },
    /// Pixels of all frames.
    #[error("the frames have {found} pixels together, more than the limit of {limit}")]
    FramesPixels {
        /// Pixels.
        found: u64,
        /// Pixels.
        limit: u64,
    },
    /// Tiles of one AVIF picture.
    #[error("the image is a grid of {found} cells, more than the limit of {limit}")]
    GridCells {
        /// Cells.
        found: u32,
        /// Cells.
        limit: u32,
    },
    /// Scans of a JPEG.
    #[error("there are more than {limit} scans")]
    Scans {
        /// Scans.
        limit: u32,
    },
    /// Colour profile or other metadata.
    #[error("embedded metadata has more than {limit} bytes")]
    Metadata {
        /// Bytes.
        limit: usize,
    },
}

impl Excess {
    /// What there is too much of, for a sentence.
    #[must_use]
    pub fn what(&self) -> &'static str {
        match self {
            Self::SourceBytes { .. } => "bytes",
            Self::Side { .. } => "pixels on a side",
            Self::Pixels { .. } => "pixels",
            Self::Frames { .. } => "frames",
            Self::FramesPixels { .. } => "pixels in all frames together",
            Self::GridCells { .. } => "tiles",
            Self::Scans { .. } => "scans",
            Self::Metadata { .. } => "bytes of metadata",
        }
    }
}

/// Why there is no rendition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// No signature that we know.
    #[error("not an image in any format that Cuttle knows")]
    Unrecognised,
    /// Recognised, but not one that this engine decodes.
    #[error("{0:?} images are not decoded")]
    Unsupported(Kind),
    /// Over a limit; nothing was decoded.
    #[error(transparent)]
    Excess(#[from] Excess),
    /// The decoder gave up: truncated, corrupt or outside what the codec supports.
    #[error("decoding failed: {0}")]
    Decode(String),
    /// The encoder gave up.
    #[error("encoding failed: {0}")]
    Encode(String),
}
