//! The primary item of an AVIF file to 8-bit RGB or RGBA.
//!
//! Turning and mirroring are not applied here: they are orientation, and fewer pixels are turned after
//! the resize.

use libavif_sys::{
    AVIF_CODEC_CHOICE_AOM, AVIF_DECODER_SOURCE_PRIMARY_ITEM, AVIF_RGB_FORMAT_RGB,
    AVIF_RGB_FORMAT_RGBA, AVIF_STRICT_ALPHA_ISPE_REQUIRED, AVIF_STRICT_CLAP_VALID, avifDecoder,
    avifDecoderCreate, avifDecoderDestroy, avifDecoderNextImage, avifDecoderParse,
    avifDecoderSetIOMemory, avifDecoderSource, avifImageYUVToRGB, avifRGBImage,
    avifRGBImageSetDefaults,
};

use super::check;
use crate::picture::{Channels, Picture};
use crate::{Limits, RenderError, Size};

/// libavif refuses to be given a higher limit of pixels (`AVIF_DEFAULT_IMAGE_SIZE_LIMIT`).
const PIXELS_MAX: u32 = 16_384 * 16_384;

/// Decodes `source`, whose header announced `size` and whether there may be alpha.
pub(crate) fn decode(
    source: &[u8],
    size: Size,
    alpha: bool,
    limits: &Limits,
) -> Result<Picture, RenderError> {
    Decoder::new()
        .and_then(|decoder| decoder.run(source, size, alpha, limits))
        .map_err(|reason| RenderError::Decode(format!("libavif: {reason}")))
}

/// Owns the decoder, and with it the decoded image.
pub(super) struct Decoder(pub(super) *mut avifDecoder);

impl Decoder {
    pub(super) fn new() -> Result<Self, String> {
        // SAFETY: no preconditions.
        let decoder = unsafe { avifDecoderCreate() };
        if decoder.is_null() { Err("out of memory".into()) } else { Ok(Self(decoder)) }
    }

    fn run(
        &self,
        source: &[u8],
        size: Size,
        alpha: bool,
        limits: &Limits,
    ) -> Result<Picture, String> {
        let mut picture = Picture::blank(size, if alpha { Channels::Rgba } else { Channels::Rgb });
        // SAFETY: the decoder is live, and `source` outlives every call that reads it: `self` is borrowed
        // throughout and no one decodes after this function.
        unsafe {
            self.parse(source, AVIF_DECODER_SOURCE_PRIMARY_ITEM, limits)?;
            check(avifDecoderNextImage(self.0))?;
            self.convert(&mut picture)?;
        }
        Ok(picture)
    }

    /// Sets the limits and reads the headers.
    ///
    /// # Safety
    /// `source` must outlive every later call that decodes.
    pub(super) unsafe fn parse(
        &self,
        source: &[u8],
        requested: avifDecoderSource,
        limits: &Limits,
    ) -> Result<(), String> {
        let pixels_limit = u32::try_from(limits.pixels).unwrap_or(PIXELS_MAX).clamp(1, PIXELS_MAX);
        // SAFETY: the decoder is live, and the caller keeps the source.
        unsafe {
            let decoder = self.0;
            (*decoder).codecChoice = AVIF_CODEC_CHOICE_AOM;
            (*decoder).maxThreads = 1;
            (*decoder).requestedSource = requested;
            (*decoder).ignoreExif = 1;
            (*decoder).ignoreXMP = 1;
            // SECURITY: checked by libavif before it allocates, whatever the bitstream says.
            (*decoder).imageSizeLimit = pixels_limit;
            (*decoder).imageDimensionLimit = limits.side;
            (*decoder).imageCountLimit = limits.frames;
            // Files of older encoders have no `pixi`; browsers show them.
            (*decoder).strictFlags = AVIF_STRICT_CLAP_VALID | AVIF_STRICT_ALPHA_ISPE_REQUIRED;
            check(avifDecoderSetIOMemory(decoder, source.as_ptr(), source.len()))?;
            check(avifDecoderParse(decoder))
        }
    }

    /// The decoded image as the RGB or RGBA of `picture`, whose size it must have.
    ///
    /// # Safety
    /// An image must have been decoded.
    pub(super) unsafe fn convert(&self, picture: &mut Picture) -> Result<(), String> {
        let stride = u32::try_from(picture.stride()).map_err(|_| "a row is too long")?;
        // SAFETY: the decoder owns `image` and keeps it until it is destroyed. The conversion writes
        // `height` rows of `rowBytes`, which is what `picture` holds once both sides are compared.
        unsafe {
            let image = (*self.0).image;
            if ((*image).width, (*image).height) != (picture.size.width, picture.size.height) {
                return Err("the size is not the one that was announced".into());
            }
            let mut rgb = avifRGBImage::default();
            avifRGBImageSetDefaults(&raw mut rgb, image);
            rgb.depth = 8;
            rgb.format =
                if picture.channels.alpha() { AVIF_RGB_FORMAT_RGBA } else { AVIF_RGB_FORMAT_RGB };
            rgb.maxThreads = 1;
            rgb.pixels = picture.samples.as_mut_ptr();
            rgb.rowBytes = stride;
            check(avifImageYUVToRGB(image, &raw mut rgb))
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: created by `avifDecoderCreate` and destroyed once.
        unsafe { avifDecoderDestroy(self.0) };
    }
}
