//! One still AV1 frame: 8 bit, 4:2:0, full-range BT.601, tagged as sRGB.

use std::ffi::{CStr, c_int};

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
use crate::{Profile, RenderError, quality};

/// Quality of the alpha plane: edges that shimmer are seen before colours that do, and it is small.
const ALPHA_QUALITY: c_int = 90;

/// What libaom is told beside speed and quality, by measured bytes at equal SSIMULACRA2 (ten pictures, 640
/// and 1080 px wide): quantisation matrices −9 % at speed 9, measuring distortion through them −10 % at
/// speed 6. tune=psnr costs 3 %; 4:4:4 costs 5 % at speed 9; chroma and perceptual delta q, sharpness and
/// loop filters change less than 1 %, or for the worse.
const OPTIONS: [(&CStr, &CStr); 3] =
    [(c"tune", c"ssim"), (c"enable-qm", c"1"), (c"dist-metric", c"qm-psnr")];

/// Steeper matrices than libaom's 5 to 9, which pay where its fast search has little else to choose from:
/// −3 % at speed 9, nothing at 6.
const STEEP_MATRICES: [(&CStr, &CStr); 2] = [(c"qm-min", c"2"), (c"qm-max", c"8")];

/// Encodes RGB or RGBA.
pub(crate) fn encode(
    picture: &Picture,
    quality: u8,
    profile: Profile,
) -> Result<Vec<u8>, RenderError> {
    encode_at(picture, quality::avif(quality, profile), profile)
}

/// As [`encode`], at a number of libavif's own scale.
pub(crate) fn encode_at(
    picture: &Picture,
    number: f32,
    profile: Profile,
) -> Result<Vec<u8>, RenderError> {
    let run = || {
        let image = Image::new(picture)?;
        Encoder::new()?.run(&image, number, profile)
    };
    run().map_err(|reason: String| RenderError::Encode(format!("libavif: {reason}")))
}

pub(super) struct Image(pub(super) *mut avifImage);

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

pub(super) struct Encoder(pub(super) *mut avifEncoder);

impl Encoder {
    pub(super) fn new() -> Result<Self, String> {
        // SAFETY: no preconditions.
        let encoder = unsafe { avifEncoderCreate() };
        if encoder.is_null() { Err("out of memory".into()) } else { Ok(Self(encoder)) }
    }

    fn run(&self, image: &Image, number: f32, profile: Profile) -> Result<Vec<u8>, String> {
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
                Profile::Small => 4,
            };
            (*encoder).quality = quality::whole(number);
            (*encoder).qualityAlpha = ALPHA_QUALITY;
            let steep = if profile == Profile::Fast { &STEEP_MATRICES[..] } else { &[] };
            for (option, value) in OPTIONS.iter().chain(steep) {
                check(avifEncoderSetCodecSpecificOption(encoder, option.as_ptr(), value.as_ptr()))?;
            }
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

pub(super) struct Output(pub(super) avifRWData);

impl Drop for Output {
    fn drop(&mut self) {
        // SAFETY: empty or filled by libavif; freed once.
        unsafe { avifRWDataFree(&raw mut self.0) };
    }
}
