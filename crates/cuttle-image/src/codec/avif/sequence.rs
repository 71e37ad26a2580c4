//! AVIF image sequences to 8-bit RGBA, frame after frame.

use std::marker::PhantomData;
use std::time::Duration;

use libavif_sys::{
    AVIF_DECODER_SOURCE_TRACKS, AVIF_RESULT_NO_IMAGES_REMAINING, avifDecoderNextImage,
};

use super::check;
use super::decode::Decoder;
use crate::animation::Frames;
use crate::picture::{Channels, Picture};
use crate::{Limits, RenderError, Size};

/// The pictures of the track of colours, with the alpha of the track that goes with it.
pub(crate) struct Sequence<'a> {
    decoder: Decoder,
    canvas: Picture,
    /// libavif keeps a pointer to the source.
    source: PhantomData<&'a [u8]>,
}

impl<'a> Sequence<'a> {
    pub(crate) fn open(source: &'a [u8], size: Size, limits: &Limits) -> Result<Self, RenderError> {
        let decoder = Decoder::new()
            .and_then(|decoder| {
                // SAFETY: `source` outlives the decoder, by the lifetime of `Self`.
                unsafe { decoder.parse(source, AVIF_DECODER_SOURCE_TRACKS, limits) }?;
                Ok(decoder)
            })
            .map_err(failed)?;
        let canvas = Picture::blank(size, Channels::Rgba);
        Ok(Self { decoder, canvas, source: PhantomData })
    }
}

impl Frames for Sequence<'_> {
    fn advance(&mut self) -> Result<Option<Duration>, RenderError> {
        // SAFETY: the decoder is live and was parsed; the source it reads is borrowed by `self`.
        let (result, timing) = unsafe {
            let decoder = self.decoder.0;
            (avifDecoderNextImage(decoder), (*decoder).imageTiming)
        };
        if result == AVIF_RESULT_NO_IMAGES_REMAINING {
            return Ok(None);
        }
        check(result).map_err(failed)?;
        // SAFETY: the last call decoded an image.
        let image = unsafe { self.decoder.image() };
        image.rgb(self.canvas.size, true, &mut self.canvas.samples).map_err(failed)?;
        let shown = u128::from(timing.durationInTimescales) * 1_000_000_000
            / u128::from(timing.timescale.max(1));
        Ok(Some(u64::try_from(shown).map_or(Duration::MAX, Duration::from_nanos)))
    }

    fn canvas(&self) -> &Picture {
        &self.canvas
    }

    /// libavif counts repetitions. Browsers play a file that says nothing for ever.
    fn plays(&self) -> u32 {
        // SAFETY: the decoder is live.
        let repetitions = unsafe { (*self.decoder.0).repetitionCount };
        u32::try_from(repetitions).map_or(0, |repetitions| repetitions.saturating_add(1))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the argument of map_err")]
fn failed(reason: String) -> RenderError {
    RenderError::Decode(format!("libavif: {reason}"))
}
