//! libavif's and libaom's way to read an AVIF, for tests: what decodes every picture that is served is ours and rav1d's,
//! and nobody should be checked by himself. Valid files only: this is the code that hostile ones are kept from.

use libavif_sys::{
    AVIF_CODEC_CHOICE_AOM, AVIF_DECODER_SOURCE_AUTO, AVIF_RGB_FORMAT_RGBA, avifDecoder,
    avifDecoderCreate, avifDecoderDestroy, avifDecoderNextImage, avifDecoderParse,
    avifDecoderSetIOMemory, avifImageYUVToRGB, avifRGBImage, avifRGBImageSetDefaults,
};

use super::check;
use crate::Size;

/// The first frame of a file as RGBA of 16 bits, not turned and not cut.
///
/// # Errors
/// libavif's own words.
pub fn decode(source: &[u8]) -> Result<(Size, Vec<u16>), String> {
    // SAFETY: no preconditions.
    let decoder = Decoder(unsafe { avifDecoderCreate() });
    if decoder.0.is_null() {
        return Err("out of memory".into());
    }
    // SAFETY: the decoder is live, and `source` outlives it. The conversion writes `height` rows of `rowBytes`, which is
    // what `samples` holds.
    unsafe {
        (*decoder.0).codecChoice = AVIF_CODEC_CHOICE_AOM;
        (*decoder.0).maxThreads = 1;
        (*decoder.0).requestedSource = AVIF_DECODER_SOURCE_AUTO;
        (*decoder.0).strictFlags = 0;
        check(avifDecoderSetIOMemory(decoder.0, source.as_ptr(), source.len()))?;
        check(avifDecoderParse(decoder.0))?;
        check(avifDecoderNextImage(decoder.0))?;
        let image = (*decoder.0).image;
        let size = Size { width: (*image).width, height: (*image).height };
        let mut samples = vec![0; 4 * size.width as usize * size.height as usize];
        let mut rgb = avifRGBImage::default();
        avifRGBImageSetDefaults(&raw mut rgb, image);
        rgb.depth = 16;
        rgb.format = AVIF_RGB_FORMAT_RGBA;
        rgb.maxThreads = 1;
        rgb.pixels = samples.as_mut_ptr().cast();
        rgb.rowBytes = 8 * size.width;
        check(avifImageYUVToRGB(image, &raw mut rgb))?;
        Ok((size, samples))
    }
}

struct Decoder(*mut avifDecoder);

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: created by `avifDecoderCreate` and destroyed once.
        unsafe { avifDecoderDestroy(self.0) };
    }
}
