//! AVIF files of every shape that the format has, for tests: the engine's own encoder makes one shape only,
//! and no encoder of AV1 in Rust makes the others.
//!
//! Behind a feature that no part of the product asks for. Pixels reach libavif's own conversion to YUV,
//! which the engine never uses, so that a mistake in the engine's arithmetic is not undone here.

use std::ffi::{CString, c_int};

use libavif_sys::{
    AVIF_ADD_IMAGE_FLAG_NONE, AVIF_ADD_IMAGE_FLAG_SINGLE, AVIF_CODEC_CHOICE_AOM,
    AVIF_PIXEL_FORMAT_YUV400, AVIF_PIXEL_FORMAT_YUV420, AVIF_PIXEL_FORMAT_YUV422,
    AVIF_PIXEL_FORMAT_YUV444, AVIF_RANGE_FULL, AVIF_RANGE_LIMITED, AVIF_RGB_FORMAT_RGB,
    AVIF_RGB_FORMAT_RGBA, AVIF_TRANSFORM_IMIR, AVIF_TRANSFORM_IROT, avifEncoderAddImage,
    avifEncoderFinish, avifEncoderSetCodecSpecificOption, avifImageCreate, avifImageRGBToYUV,
    avifImageSetProfileICC, avifRGBImage, avifRGBImageSetDefaults, avifRWData,
};

use super::check;
use super::encode::{Encoder, Image, Output};
use crate::Size;

/// Which chroma samples there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// None.
    Mono,
    /// One for four pixels.
    Yuv420,
    /// One for two.
    Yuv422,
    /// One for each.
    Yuv444,
}

/// What a file holds and says.
#[derive(Debug, Clone)]
pub struct Specimen<'a> {
    /// As stored.
    pub size: Size,
    /// 16-bit samples, RGB or, with `alpha`, RGBA.
    pub samples: &'a [u16],
    /// Four samples a pixel.
    pub alpha: bool,
    /// 8, 10 or 12 bits.
    pub depth: u8,
    /// Of the chroma.
    pub sampling: Sampling,
    /// Whether the YUV samples use all codes.
    pub full_range: bool,
    /// On libavif's scale; 100 loses nothing of the YUV samples.
    pub quality: u8,
    /// Primaries, transfer and matrix by ITU-T H.273.
    pub code_points: [u16; 3],
    /// An embedded profile, empty for none.
    pub icc: &'a [u8],
    /// `irot`: quarter turns against the clock.
    pub turns: Option<u8>,
    /// `imir`: 0 swaps top and bottom, 1 left and right.
    pub mirror: Option<u8>,
    /// Film grain of this number among libaom's (1 to 16), 0 for none.
    pub grain: u8,
}

/// A file of several layers, the best of which is the last. What they hold need not be the same picture.
///
/// # Errors
/// libavif's own words.
pub fn layered(layers: &[Specimen<'_>]) -> Result<Vec<u8>, String> {
    let (last, others) = layers.split_last().ok_or("there are no layers")?;
    let extra = u32::try_from(others.len()).map_err(|_| "too many layers")?;
    let encoder = Encoder::new()?;
    let grain = CString::new(last.grain.to_string()).map_err(|error| error.to_string())?;
    let mut output = Output(avifRWData::default());
    // SAFETY: encoder, image and strings are live for each call; `output` is empty until `avifEncoderFinish` fills it with
    // `size` bytes.
    unsafe {
        let raw = encoder.0;
        (*raw).codecChoice = AVIF_CODEC_CHOICE_AOM;
        (*raw).maxThreads = 1;
        (*raw).speed = 10;
        (*raw).quality = last.quality.into();
        (*raw).qualityAlpha = 100;
        (*raw).extraLayerCount = extra;
        if last.grain > 0 {
            let key = c"film-grain-test".as_ptr();
            check(avifEncoderSetCodecSpecificOption(raw, key, grain.as_ptr()))?;
        }
        let flag = if extra > 0 { AVIF_ADD_IMAGE_FLAG_NONE } else { AVIF_ADD_IMAGE_FLAG_SINGLE };
        for layer in layers {
            check(avifEncoderAddImage(raw, layer.image()?.0, 1, flag))?;
        }
        check(avifEncoderFinish(raw, &raw mut output.0))?;
        Ok(std::slice::from_raw_parts(output.0.data, output.0.size).to_vec())
    }
}

impl<'a> Specimen<'a> {
    /// Opaque sRGB of 8 bits, of which nothing is left out but what the codec costs.
    #[must_use]
    pub fn of(size: Size, samples: &'a [u16]) -> Self {
        Self {
            size,
            samples,
            alpha: false,
            depth: 8,
            sampling: Sampling::Yuv444,
            full_range: true,
            quality: 95,
            code_points: [1, 13, 6],
            icc: &[],
            turns: None,
            mirror: None,
            grain: 0,
        }
    }

    /// The file.
    ///
    /// # Errors
    /// libavif's own words.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        layered(std::slice::from_ref(self))
    }

    fn image(&self) -> Result<Image, String> {
        let pixels = usize::try_from(self.size.pixels()).map_err(|_| "too large")?;
        let channels = if self.alpha { 4 } else { 3 };
        if self.samples.len() != pixels * channels {
            return Err("the samples are not those of the size".into());
        }
        let format = match self.sampling {
            Sampling::Mono => AVIF_PIXEL_FORMAT_YUV400,
            Sampling::Yuv420 => AVIF_PIXEL_FORMAT_YUV420,
            Sampling::Yuv422 => AVIF_PIXEL_FORMAT_YUV422,
            Sampling::Yuv444 => AVIF_PIXEL_FORMAT_YUV444,
        };
        let Size { width, height } = self.size;
        // SAFETY: plain constructor; null when there is no memory.
        let image = unsafe { avifImageCreate(width, height, self.depth.into(), format) };
        if image.is_null() {
            return Err("out of memory".into());
        }
        let image = Image(image);
        let mut rgb = avifRGBImage::default();
        // SAFETY: the image is live and ours alone. libavif copies the profile, and reads `rowBytes` times
        // the height from the samples, whose number was compared with the size; it does not write there.
        unsafe {
            let raw = image.0;
            (*raw).yuvRange = if self.full_range { AVIF_RANGE_FULL } else { AVIF_RANGE_LIMITED };
            let [primaries, transfer, matrix] = self.code_points;
            (*raw).colorPrimaries = primaries;
            (*raw).transferCharacteristics = transfer;
            (*raw).matrixCoefficients = matrix;
            if let Some(turns) = self.turns {
                (*raw).transformFlags |= AVIF_TRANSFORM_IROT;
                (*raw).irot.angle = turns;
            }
            if let Some(axis) = self.mirror {
                (*raw).transformFlags |= AVIF_TRANSFORM_IMIR;
                (*raw).imir.axis = axis;
            }
            if !self.icc.is_empty() {
                check(avifImageSetProfileICC(raw, self.icc.as_ptr(), self.icc.len()))?;
            }
            avifRGBImageSetDefaults(&raw mut rgb, raw);
            let channels = if self.alpha { 4 } else { 3 };
            rgb.format = if self.alpha { AVIF_RGB_FORMAT_RGBA } else { AVIF_RGB_FORMAT_RGB };
            rgb.depth = 16;
            rgb.ignoreAlpha = c_int::from(!self.alpha);
            rgb.pixels = self.samples.as_ptr().cast_mut().cast();
            rgb.rowBytes = width * channels * 2;
            check(avifImageRGBToYUV(raw, &raw const rgb))?;
        }
        Ok(image)
    }
}
