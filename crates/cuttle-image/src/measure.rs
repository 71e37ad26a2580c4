//! For the bench only: a render that says when each stage is done, and encoders at numbers of their own.
//!
//! No server has a use for it, and nothing here renders differently from [`render`](crate::render()).

pub use crate::quality::ASKED as QUALITIES;
pub use crate::render::{Stage, render_watched};

use crate::codec::{avif, jpeg, webp};
use crate::picture::{Channels, Picture};
use crate::{Profile, RenderError, Size, Target, quality};

/// The number at which an encoder meets `quality` by the present table; `None` where there is no quality.
#[must_use]
pub fn number(target: Target, profile: Profile, quality: u8) -> Option<f32> {
    match target {
        Target::Avif => Some(quality::avif(quality, profile)),
        Target::Webp => Some(quality::webp(quality, profile)),
        Target::Jpeg => Some(quality::jpeg(quality, profile)),
        Target::Png | Target::JpegOrPng => None,
    }
}

/// Encodes `rgb` (rows from the top, three bytes a pixel) at `number` of the encoder's own scale: what the
/// calibration varies.
///
/// # Errors
/// [`RenderError::Encode`] when the samples are not those of `size`, when `target` has no lossy encoder, or
/// when the encoder fails.
pub fn encode_at(
    rgb: Vec<u8>,
    size: Size,
    target: Target,
    number: f32,
    profile: Profile,
) -> Result<Vec<u8>, RenderError> {
    if u64::try_from(rgb.len()).ok() != size.pixels().checked_mul(3) {
        return Err(RenderError::Encode("the samples are not those of the size".into()));
    }
    let picture = Picture { size, channels: Channels::Rgb, samples: rgb };
    match target {
        Target::Avif => avif::encode_at(&picture, number, profile),
        Target::Webp => webp::encode_at(&picture, number, profile),
        Target::Jpeg => jpeg::encode_at(&picture, number, profile),
        Target::Png | Target::JpegOrPng => {
            Err(RenderError::Encode("there is nothing to calibrate".into()))
        }
    }
}
