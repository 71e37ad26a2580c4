//! What to render, said completely: the same options over the same bytes give the same rendition.

use serde::{Deserialize, Serialize};

use crate::Kind;

/// One rendition to make. Built by the pipeline from a validated request, never by a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RenderOptions {
    /// Width in pixels after orientation. Never enlarges: a smaller source keeps its size.
    pub width: u32,
    /// What to encode as.
    pub target: Target,
    /// 1 to 100, on libwebp's scale: the same number asks for about the same look in every format.
    pub quality: u8,
    /// How much time the encoder may spend.
    pub profile: Profile,
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
    /// Truecolour or grey PNG, lossless.
    Png,
    /// JPEG, or PNG when a pixel is really transparent. Only the decoder can tell.
    JpegOrPng,
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
