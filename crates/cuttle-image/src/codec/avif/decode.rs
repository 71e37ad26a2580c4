//! The primary item of an AVIF file to 8-bit RGB or RGBA.
//!
//! Turning and mirroring are not applied here: they are orientation, and fewer pixels are turned after
//! the resize.

use std::marker::PhantomData;

use libavif_sys::{
    AVIF_CODEC_CHOICE_AOM, AVIF_DECODER_SOURCE_PRIMARY_ITEM, AVIF_RGB_FORMAT_RGB,
    AVIF_RGB_FORMAT_RGBA, AVIF_STRICT_ALPHA_ISPE_REQUIRED, AVIF_STRICT_CLAP_VALID, avifDecoder,
    avifDecoderCreate, avifDecoderDestroy, avifDecoderNextImage, avifDecoderParse,
    avifDecoderSetIOMemory, avifDecoderSource, avifImage, avifImageYUVToRGB, avifRGBImage,
    avifRGBImageSetDefaults,
};

use super::check;
use crate::colour::Meaning;
use crate::depth::narrow_row;
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
    let run = || {
        let decoder = Decoder::new()?;
        let image = decoder.run(source, size, limits)?;
        let mut picture = Picture::blank(size, channels(alpha));
        image.rgb(size, alpha, &mut picture.samples)?;
        Ok(picture)
    };
    run().map_err(|reason: String| RenderError::Decode(format!("libavif: {reason}")))
}

/// As [`decode`], with the colours converted from 16 bits by what they mean.
pub(crate) fn decode_deep(
    source: &[u8],
    size: Size,
    alpha: bool,
    meaning: &Meaning,
    limits: &Limits,
) -> Result<Picture, RenderError> {
    let run = || {
        let decoder = Decoder::new()?;
        let image = decoder.run(source, size, limits)?;
        let mut picture = Picture::blank(size, channels(alpha));
        let mut deep = vec![0_u16; picture.samples.len()];
        image.rgb(size, alpha, &mut deep)?;
        let converter = meaning.converter(picture.channels, true);
        let stride = picture.stride();
        let rows = deep.chunks_exact(stride).zip(picture.samples.chunks_exact_mut(stride));
        for (from, to) in rows {
            match &converter {
                Some(converter) => converter.row(from, to),
                None => narrow_row(from, to),
            }
        }
        Ok(picture)
    };
    run().map_err(|reason: String| RenderError::Decode(format!("libavif: {reason}")))
}

fn channels(alpha: bool) -> Channels {
    if alpha { Channels::Rgba } else { Channels::Rgb }
}

/// A frame that libavif decoded, for as long as its decoder lives.
pub(super) struct Image<'a> {
    raw: *const avifImage,
    owner: PhantomData<&'a Decoder>,
}

impl Image<'_> {
    /// Writes RGB or RGBA samples of the width of `T`, 8 or 16 bits, into exactly `size`.
    pub(super) fn rgb<T: Sample>(
        &self,
        size: Size,
        alpha: bool,
        samples: &mut [T],
    ) -> Result<(), String> {
        let row = size.width as usize * channels(alpha).count();
        if samples.len() != row * size.height as usize {
            return Err("the buffer is not that of the picture".into());
        }
        let stride = u32::try_from(row * size_of::<T>()).map_err(|_| "a row is too long")?;
        // SAFETY: the decoder owns the image and outlives `self`. The conversion writes `height` rows of
        // `rowBytes`, which is what `samples` holds once both sides are compared; any bits are a `T`.
        unsafe {
            if ((*self.raw).width, (*self.raw).height) != (size.width, size.height) {
                return Err("the size is not the one that was announced".into());
            }
            let mut rgb = avifRGBImage::default();
            avifRGBImageSetDefaults(&raw mut rgb, self.raw);
            rgb.depth = u32::try_from(8 * size_of::<T>()).unwrap_or(8);
            rgb.format = if alpha { AVIF_RGB_FORMAT_RGBA } else { AVIF_RGB_FORMAT_RGB };
            rgb.maxThreads = 1;
            rgb.pixels = samples.as_mut_ptr().cast();
            rgb.rowBytes = stride;
            check(avifImageYUVToRGB(self.raw, &raw mut rgb))
        }
    }
}

/// What libavif writes: bytes, or 16 bits in the machine's order.
pub(super) trait Sample {}
impl Sample for u8 {}
impl Sample for u16 {}

/// Owns the decoder, and with it the decoded image.
pub(super) struct Decoder(pub(super) *mut avifDecoder);

impl Decoder {
    pub(super) fn new() -> Result<Self, String> {
        // SAFETY: no preconditions.
        let decoder = unsafe { avifDecoderCreate() };
        if decoder.is_null() { Err("out of memory".into()) } else { Ok(Self(decoder)) }
    }

    fn run(&self, source: &[u8], size: Size, limits: &Limits) -> Result<Image<'_>, String> {
        // SAFETY: `source` outlives every call that reads it: the frame is whole before this function
        // ends, and no one decodes after it.
        unsafe {
            self.parse(source, AVIF_DECODER_SOURCE_PRIMARY_ITEM, limits)?;
            let announced = (*self.0).image;
            // SECURITY: libavif's limit is one number of pixels; the frame must be the one that was budgeted.
            if ((*announced).width, (*announced).height) != (size.width, size.height) {
                return Err("the size is not the one that was announced".into());
            }
            check(avifDecoderNextImage(self.0))?;
            Ok(self.image())
        }
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

    /// The frame that was decoded last.
    ///
    /// # Safety
    /// A frame must have been decoded.
    pub(super) unsafe fn image(&self) -> Image<'_> {
        // SAFETY: the decoder is live, and owns the image that the caller knows to be there.
        Image { raw: unsafe { (*self.0).image }, owner: PhantomData }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: created by `avifDecoderCreate` and destroyed once.
        unsafe { avifDecoderDestroy(self.0) };
    }
}
