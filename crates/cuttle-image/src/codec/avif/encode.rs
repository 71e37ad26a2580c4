//! One still AV1 frame: 8 bit, 4:2:0, full-range BT.601, tagged as sRGB.

use std::ffi::c_int;

use libavif_sys::{
    AVIF_ADD_IMAGE_FLAG_SINGLE, AVIF_CODEC_CHOICE_AOM, AVIF_COLOR_PRIMARIES_BT709,
    AVIF_MATRIX_COEFFICIENTS_BT601, AVIF_PIXEL_FORMAT_YUV420, AVIF_PLANES_ALL, AVIF_PLANES_YUV,
    AVIF_RANGE_FULL, AVIF_TRANSFER_CHARACTERISTICS_SRGB, avifColorPrimaries, avifEncoder,
    avifEncoderAddImage, avifEncoderCreate, avifEncoderDestroy, avifEncoderFinish,
    avifEncoderSetCodecSpecificOption, avifImage, avifImageAllocatePlanes, avifImageCreate,
    avifImageDestroy, avifMatrixCoefficients, avifRWData, avifRWDataFree,
    avifTransferCharacteristics,
};

use super::check;
use super::yuv::{self, Plane};
use crate::picture::{Channels, Picture};
use crate::{Profile, RenderError};

/// Quality of the alpha plane: edges that shimmer are seen before colours that do, and it is small.
const ALPHA_QUALITY: c_int = 90;

/// Encodes RGB or RGBA.
pub(crate) fn encode(
    picture: &Picture,
    quality: u8,
    profile: Profile,
) -> Result<Vec<u8>, RenderError> {
    let run = || {
        let image = Image::new(picture)?;
        Encoder::new()?.run(&image, quality, profile)
    };
    run().map_err(|reason: String| RenderError::Encode(format!("libavif: {reason}")))
}

/// libavif's quality for ours, proportional. Provisional until the calibration is measured per width:
/// over six photos at 1080 px, WebP q 75 (SSIMULACRA2 68.0) is met at 58 with speed 9 (66.7 at 57, 69.9
/// at 60) and below 57 with speed 6 (70.2 at 57).
fn avif_quality(quality: u8, profile: Profile) -> c_int {
    let at_75 = match profile {
        Profile::Fast => 58,
        Profile::Balanced => 55,
    };
    (c_int::from(quality) * at_75 + 37) / 75
}

struct Image(*mut avifImage);

impl Image {
    /// libavif is built without libyuv and would convert in floating point; [`yuv`] counts in integers.
    fn new(picture: &Picture) -> Result<Self, String> {
        let alpha = picture.channels.alpha();
        if !matches!(picture.channels, Channels::Rgb | Channels::Rgba) {
            return Err("grey must be expanded first".into());
        }
        // SAFETY: plain constructor; null when there is no memory.
        let image = unsafe {
            avifImageCreate(picture.size.width, picture.size.height, 8, AVIF_PIXEL_FORMAT_YUV420)
        };
        if image.is_null() {
            return Err("out of memory".into());
        }
        let image = Self(image);
        // SAFETY: the image is live and ours alone. Once allocated, each plane has `rowBytes` bytes for
        // each of its rows, of which chroma has half as many, rounded up.
        unsafe {
            let raw = image.0;
            (*raw).yuvRange = AVIF_RANGE_FULL;
            (*raw).colorPrimaries = AVIF_COLOR_PRIMARIES_BT709 as avifColorPrimaries;
            (*raw).transferCharacteristics =
                AVIF_TRANSFER_CHARACTERISTICS_SRGB as avifTransferCharacteristics;
            (*raw).matrixCoefficients = AVIF_MATRIX_COEFFICIENTS_BT601 as avifMatrixCoefficients;
            check(avifImageAllocatePlanes(
                raw,
                if alpha { AVIF_PLANES_ALL } else { AVIF_PLANES_YUV },
            ))?;
            let rows = picture.height();
            let plane = |samples: *mut u8, stride: u32, rows: usize| {
                let stride = stride as usize;
                Plane { samples: std::slice::from_raw_parts_mut(samples, stride * rows), stride }
            };
            let [y, u, v] = (*raw).yuvPlanes;
            let [y_stride, u_stride, v_stride] = (*raw).yuvRowBytes;
            let half = rows.div_ceil(2);
            let planes =
                [plane(y, y_stride, rows), plane(u, u_stride, half), plane(v, v_stride, half)];
            yuv::from_rgb(picture, planes);
            if alpha {
                yuv::alpha(picture, &mut plane((*raw).alphaPlane, (*raw).alphaRowBytes, rows));
            }
        }
        Ok(image)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: created by `avifImageCreate`, destroyed once, with the planes it owns.
        unsafe { avifImageDestroy(self.0) };
    }
}

struct Encoder(*mut avifEncoder);

impl Encoder {
    fn new() -> Result<Self, String> {
        // SAFETY: no preconditions.
        let encoder = unsafe { avifEncoderCreate() };
        if encoder.is_null() { Err("out of memory".into()) } else { Ok(Self(encoder)) }
    }

    fn run(&self, image: &Image, quality: u8, profile: Profile) -> Result<Vec<u8>, String> {
        let mut output = Output(avifRWData::default());
        // SAFETY: encoder and image are live; libavif copies the option's strings; `output` is empty
        // until `avifEncoderFinish` fills it with `size` bytes.
        unsafe {
            let encoder = self.0;
            (*encoder).codecChoice = AVIF_CODEC_CHOICE_AOM;
            (*encoder).maxThreads = 1;
            (*encoder).speed = match profile {
                Profile::Fast => 9,
                Profile::Balanced => 6,
            };
            (*encoder).quality = avif_quality(quality, profile);
            (*encoder).qualityAlpha = ALPHA_QUALITY;
            check(avifEncoderSetCodecSpecificOption(encoder, c"tune".as_ptr(), c"ssim".as_ptr()))?;
            check(avifEncoderAddImage(encoder, image.0, 1, AVIF_ADD_IMAGE_FLAG_SINGLE))?;
            check(avifEncoderFinish(encoder, &raw mut output.0))?;
            Ok(std::slice::from_raw_parts(output.0.data, output.0.size).to_vec())
        }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: created by `avifEncoderCreate` and destroyed once.
        unsafe { avifEncoderDestroy(self.0) };
    }
}

struct Output(avifRWData);

impl Drop for Output {
    fn drop(&mut self) {
        // SAFETY: empty or filled by libavif; freed once.
        unsafe { avifRWDataFree(&raw mut self.0) };
    }
}
