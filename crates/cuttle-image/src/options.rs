//! What to render, said completely: the same options over the same bytes give the same rendition.

use serde::{Deserialize, Serialize};

use crate::Kind;

/// One rendition to make. Built by the pipeline from a validated request, never by a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RenderOptions {
    /// Width in pixels after orientation. Never enlarges: a smaller source keeps its size.
    pub width: u32,
    /// How the picture meets a height, when there is one.
    pub fit: Fit,
    /// What to encode as.
    pub target: Target,
    /// 1 to 100, on libwebp's scale: the same number asks for about the same look in every format.
    pub quality: u8,
    /// How much time the encoder may spend.
    pub profile: Profile,
}

impl RenderOptions {
    /// `width` pixels wide, the height by the picture's own aspect.
    #[must_use]
    pub fn new(width: u32, target: Target, quality: u8, profile: Profile) -> Self {
        Self { width, fit: Fit::Width, target, quality, profile }
    }
}

/// How a picture meets the box that it is asked for in. Nothing is ever enlarged, and nothing is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Fit {
    /// There is no box: the height follows from the width.
    #[default]
    Width,
    /// Whole inside width × height.
    Contain {
        /// Pixels.
        height: u32,
    },
    /// Fills width × height; what sticks out is cut off. A source that is too small to fill it gives
    /// the largest cut of the same aspect that it has.
    Cover {
        /// Pixels.
        height: u32,
        /// Which part is kept.
        crop: Crop,
    },
}

/// Which part of the picture [`Fit::Cover`] keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Crop {
    /// The middle.
    #[default]
    Centre,
    /// The part with the most in it: edges, strong colours, skin.
    Smart,
}

/// The encoding asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Target {
    /// AV1 still picture, 4:2:0, 8 bit.
    Avif,
    /// Lossy WebP, with alpha when the picture has any.
    Webp,
    /// JPEG; transparency is flattened on white.
    Jpeg,
    /// Lossless PNG, by palette where that is exact; resized from a palette, by one of 256 colours.
    Png,
    /// JPEG, or PNG when a pixel is really transparent. Only the decoder can tell.
    JpegOrPng,
}

/// Longest side that WebP can say: 14 bits.
pub(crate) const WEBP_SIDE_MAX: u32 = 16_383;
/// Longest side that libavif, and with it every browser, decodes by default
/// (`AVIF_DEFAULT_IMAGE_DIMENSION_LIMIT`). AV1 itself could say 65,536.
pub(crate) const AVIF_SIDE_MAX: u32 = 32_768;
/// Longest side that libjpeg writes (`JPEG_MAX_DIMENSION`).
pub(crate) const JPEG_SIDE_MAX: u32 = 65_500;

impl Target {
    /// Whether a rendition of this kind and size is an answer to this target. A side that a format cannot
    /// say makes it JPEG, or PNG with transparency; a side that JPEG cannot say makes it PNG.
    #[must_use]
    pub fn gives(self, kind: Kind, width: u32, height: u32) -> bool {
        match self.within(width.max(height)) {
            Self::Avif => kind == Kind::Avif,
            Self::Webp => kind == Kind::Webp,
            Self::Jpeg => kind == Kind::Jpeg,
            Self::Png => kind == Kind::Png,
            Self::JpegOrPng => matches!(kind, Kind::Jpeg | Kind::Png),
        }
    }

    /// What is encoded in place of a format that cannot say `side`.
    pub(crate) fn within(self, side: u32) -> Self {
        match self {
            _ if side > JPEG_SIDE_MAX => Self::Png,
            Self::Webp if side > WEBP_SIDE_MAX => Self::JpegOrPng,
            Self::Avif if side > AVIF_SIDE_MAX => Self::JpegOrPng,
            fits => fits,
        }
    }
}

/// Encoder effort. Renditions of different profiles have different content keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Profile {
    /// Someone is waiting: AVIF at speed 9, WebP at method 2.
    #[default]
    Fast,
    /// Nobody is waiting, or bytes matter more: AVIF at speed 6, WebP at method 4.
    Balanced,
    /// Nobody is waiting and the picture is served often: AVIF at speed 4, WebP at method 6.
    Small,
}

/// A finished picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendition {
    /// The encoded file.
    pub bytes: Vec<u8>,
    /// What it is encoded as.
    pub kind: Kind,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}
