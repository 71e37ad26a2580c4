//! WebP by libwebp.
//!
//! The fast profile is libwebp's method 2 with `sns_strength` 34 and `filter_strength` 73, and aims 0.3 of SSIMULACRA2 below
//! the anchor: the bytes of method 4 at the same number, in half of its time. The rest of the search is beside the settings.
#![expect(unsafe_code, reason = "calls into C")]

mod animation;

pub(crate) use animation::{Decoder as AnimationDecoder, Encoder as AnimationEncoder};

use std::ffi::{c_int, c_void};

use libwebp_sys::{
    WebPConfig, WebPDecodeRGBAInto, WebPDecodeRGBInto, WebPEncode, WebPEncodingError, WebPPicture,
    WebPPictureFree, WebPPictureImportRGB, WebPPictureImportRGBA,
};

use crate::picture::{Channels, Picture};
use crate::{Profile, RenderError, Size, quality};

/// A still picture as RGB, or RGBA when it may have alpha.
pub(crate) fn decode(source: &[u8], size: Size, alpha: bool) -> Result<Picture, RenderError> {
    let mut picture = Picture::blank(size, if alpha { Channels::Rgba } else { Channels::Rgb });
    let stride = c_int::try_from(picture.stride())
        .map_err(|_| RenderError::Decode("a row is too long".into()))?;
    let decode_into = if alpha { WebPDecodeRGBAInto } else { WebPDecodeRGBInto };
    let samples = &mut picture.samples;
    // SAFETY: source and buffer are live slices given with their lengths. libwebp refuses a picture whose
    // rows, at this stride, would not fit the buffer, whatever size the bitstream says.
    let decoded = unsafe {
        decode_into(source.as_ptr(), source.len(), samples.as_mut_ptr(), samples.len(), stride)
    };
    if decoded.is_null() {
        return Err(RenderError::Decode("the WebP bitstream is broken or cut off".into()));
    }
    Ok(picture)
}

/// Lossy, with a lossless alpha plane when the picture has one.
pub(crate) fn encode(
    picture: &Picture,
    quality: u8,
    profile: Profile,
) -> Result<Vec<u8>, RenderError> {
    encode_at(picture, quality::webp(quality, profile), profile)
}

/// As [`encode`], at a number of libwebp's own scale.
pub(crate) fn encode_at(
    picture: &Picture,
    number: f32,
    profile: Profile,
) -> Result<Vec<u8>, RenderError> {
    let failed = |what: &str| RenderError::Encode(format!("libwebp: {what}"));
    let config = settings(number, profile)?;
    let mut frame = Frame::new(picture)?;
    let mut bytes: Vec<u8> = Vec::new();
    frame.0.writer = Some(append);
    frame.0.custom_ptr = (&raw mut bytes).cast();
    // SAFETY: the frame holds an imported picture; `append` is given the vector that `custom_ptr` names,
    // which outlives the call and is not touched during it.
    let encoded = unsafe { WebPEncode(&raw const config, &raw mut frame.0) };
    if encoded == 0 {
        return Err(failed(reason(frame.0.error_code)));
    }
    Ok(bytes)
}

/// Effort and quality, for stills and frames alike.
fn settings(number: f32, profile: Profile) -> Result<WebPConfig, RenderError> {
    let mut config =
        WebPConfig::new().map_err(|()| RenderError::Encode("libwebp: version mismatch".into()))?;
    config.alpha_quality = 100;
    config.quality = number;
    config.method = match profile {
        Profile::Fast => 2,
        Profile::Balanced => 4,
        Profile::Small => 6,
    };
    if profile == Profile::Fast {
        // Instead of 50 and 60: worth 0.5 % of bytes at equal SSIMULACRA2, over the bench's pictures at quality 75.
        // A stronger filter smooths what method 2's modes leave at edges of blocks. No other setting helps:
        // sharpness, the simple filter, fewer or smoothed segments and more passes lose, better chroma
        // (`use_sharp_yuv`) costs as many bytes as it is worth, method 3 takes method 4's time.
        config.sns_strength = 34;
        config.filter_strength = 73;
    }
    Ok(config)
}

/// The encoder's own copy of the pixels.
struct Frame(WebPPicture);

impl Frame {
    /// In YUV, as stills are encoded.
    fn new(picture: &Picture) -> Result<Self, RenderError> {
        Self::import(picture, 0)
    }

    /// In ARGB, as frames are compared.
    fn in_argb(picture: &Picture) -> Result<Self, RenderError> {
        Self::import(picture, 1)
    }

    fn import(picture: &Picture, use_argb: c_int) -> Result<Self, RenderError> {
        let refused = || RenderError::Encode("libwebp did not take the image".into());
        let mut frame = Self(WebPPicture::new().map_err(|()| refused())?);
        frame.0.use_argb = use_argb;
        frame.0.width = c_int::try_from(picture.size.width).map_err(|_| refused())?;
        frame.0.height = c_int::try_from(picture.size.height).map_err(|_| refused())?;
        let stride = c_int::try_from(picture.stride()).map_err(|_| refused())?;
        let import = match picture.channels {
            Channels::Rgb => WebPPictureImportRGB,
            Channels::Rgba => WebPPictureImportRGBA,
            Channels::Grey | Channels::GreyAlpha => return Err(refused()),
        };
        // SAFETY: the samples are `height` rows of `stride` bytes, three or four per pixel as the function
        // chosen expects, and libwebp copies them.
        let imported = unsafe { import(&raw mut frame.0, picture.samples.as_ptr(), stride) };
        if imported == 0 { Err(refused()) } else { Ok(frame) }
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        // SAFETY: initialised by `WebPPicture::new`; freeing one that holds no memory is allowed.
        unsafe { WebPPictureFree(&raw mut self.0) };
    }
}

unsafe extern "C" fn append(data: *const u8, len: usize, frame: *const WebPPicture) -> c_int {
    // SAFETY: libwebp passes the frame that `encode` gave it, whose `custom_ptr` is a vector that nothing
    // else borrows meanwhile, and `len` readable bytes.
    unsafe {
        let bytes: *mut c_void = (*frame).custom_ptr;
        (*bytes.cast::<Vec<u8>>()).extend_from_slice(std::slice::from_raw_parts(data, len));
    }
    1
}

fn reason(code: WebPEncodingError) -> &'static str {
    match code {
        WebPEncodingError::VP8_ENC_ERROR_OUT_OF_MEMORY
        | WebPEncodingError::VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY => "out of memory",
        WebPEncodingError::VP8_ENC_ERROR_BAD_DIMENSION => "bad dimensions",
        WebPEncodingError::VP8_ENC_ERROR_PARTITION0_OVERFLOW
        | WebPEncodingError::VP8_ENC_ERROR_PARTITION_OVERFLOW => "a partition is too large",
        WebPEncodingError::VP8_ENC_ERROR_FILE_TOO_BIG => "the file is too large",
        _ => "internal error",
    }
}
