//! Animated WebP, both ways: libwebp composites what it reads and cuts what it writes into rectangles
//! that changed.

use std::ffi::{CStr, c_int};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

use libwebp_sys::{
    WEBP_CSP_MODE, WEBP_DEMUX_ABI_VERSION, WEBP_MUX_ABI_VERSION, WebPAnimDecoder,
    WebPAnimDecoderDelete, WebPAnimDecoderGetInfo, WebPAnimDecoderGetNext,
    WebPAnimDecoderHasMoreFrames, WebPAnimDecoderNewInternal, WebPAnimDecoderOptionsInitInternal,
    WebPAnimEncoder, WebPAnimEncoderAdd, WebPAnimEncoderAssemble, WebPAnimEncoderDelete,
    WebPAnimEncoderGetError, WebPAnimEncoderNewInternal, WebPAnimEncoderOptionsInitInternal,
    WebPAnimInfo, WebPConfig, WebPData, WebPDataClear,
};

use super::{Frame, settings};
use crate::animation::frames::Frames;
use crate::options::WEBP_SIDE_MAX;
use crate::picture::{Channels, Picture};
use crate::{Profile, RenderError, Size, quality};

/// How often an animation may be said to play; 0 is for ever.
const PLAYS_MAX: u32 = 65_535;

/// The frames of an animated WebP.
pub(crate) struct Decoder<'a> {
    decoder: *mut WebPAnimDecoder,
    canvas: Picture,
    plays: u32,
    /// Milliseconds from the start to the end of the frame that is shown.
    end: c_int,
    /// libwebp keeps pointers into the source.
    source: PhantomData<&'a [u8]>,
}

impl<'a> Decoder<'a> {
    pub(crate) fn open(source: &'a [u8], size: Size) -> Result<Self, RenderError> {
        let data = WebPData { bytes: source.as_ptr(), size: source.len() };
        let mut options = MaybeUninit::uninit();
        let abi = WEBP_DEMUX_ABI_VERSION as c_int;
        // SAFETY: the options are filled before they are read; the source outlives the decoder, which
        // keeps pointers into it, by the lifetime of `Self`.
        let decoder = unsafe {
            if WebPAnimDecoderOptionsInitInternal(options.as_mut_ptr(), abi) == 0 {
                return Err(broken());
            }
            let mut options = options.assume_init();
            options.color_mode = WEBP_CSP_MODE::MODE_RGBA;
            options.use_threads = 0;
            WebPAnimDecoderNewInternal(&raw const data, &raw const options, abi)
        };
        if decoder.is_null() {
            return Err(broken());
        }
        let mut opened = Self {
            decoder,
            canvas: Picture::blank(size, Channels::Rgba),
            plays: 0,
            end: 0,
            source: PhantomData,
        };
        let mut info = WebPAnimInfo::default();
        // SAFETY: the decoder is live and fills a structure of ours.
        let known = unsafe { WebPAnimDecoderGetInfo(opened.decoder, &raw mut info) };
        if known == 0 || (info.canvas_width, info.canvas_height) != (size.width, size.height) {
            return Err(RenderError::Decode("the size is not the one that was announced".into()));
        }
        opened.plays = info.loop_count;
        Ok(opened)
    }
}

impl Frames for Decoder<'_> {
    fn advance(&mut self) -> Result<Option<Duration>, RenderError> {
        let mut samples = ptr::null_mut();
        let mut end = 0;
        // SAFETY: the decoder is live. The buffer it returns is its own, of four bytes for each pixel of a
        // canvas whose sides were compared, and valid until the next call.
        unsafe {
            if WebPAnimDecoderHasMoreFrames(self.decoder) == 0 {
                return Ok(None);
            }
            if WebPAnimDecoderGetNext(self.decoder, &raw mut samples, &raw mut end) == 0 {
                return Err(broken());
            }
            let len = self.canvas.samples.len();
            self.canvas.samples.copy_from_slice(std::slice::from_raw_parts(samples, len));
        }
        let shown = end.checked_sub(self.end).and_then(|ms| u64::try_from(ms).ok());
        self.end = end;
        shown.map(|ms| Some(Duration::from_millis(ms))).ok_or_else(broken)
    }

    fn canvas(&self) -> &Picture {
        &self.canvas
    }

    fn plays(&self) -> u32 {
        self.plays
    }
}

impl Drop for Decoder<'_> {
    fn drop(&mut self) {
        // SAFETY: created once, deleted once.
        unsafe { WebPAnimDecoderDelete(self.decoder) };
    }
}

/// Where `VP8X` says that there is alpha (RFC 9649 §2.7): the first chunk, the first byte.
const FLAGS: usize = 20;
const ALPHA: u8 = 0x10;

/// Frames of one size to an animated WebP. A neighbour that does not differ is merged into the frame
/// before it, and an animation of one frame becomes a still picture.
pub(crate) struct Encoder {
    encoder: *mut WebPAnimEncoder,
    config: WebPConfig,
    /// Whether anything that is shown is not opaque.
    alpha: bool,
}

impl Encoder {
    pub(crate) fn new(
        size: Size,
        plays: u32,
        quality: u8,
        profile: Profile,
    ) -> Result<Self, RenderError> {
        if size.width.max(size.height) > WEBP_SIDE_MAX {
            return Err(RenderError::Encode(format!(
                "WebP cannot be more than {WEBP_SIDE_MAX} pixels wide or high"
            )));
        }
        let refused = || RenderError::Encode("libwebp did not take the size".into());
        let config = settings(quality::webp(quality, profile), profile)?;
        let width = c_int::try_from(size.width).map_err(|_| refused())?;
        let height = c_int::try_from(size.height).map_err(|_| refused())?;
        let plays = c_int::try_from(plays.min(PLAYS_MAX)).map_err(|_| refused())?;
        let mut options = MaybeUninit::uninit();
        let abi = WEBP_MUX_ABI_VERSION as c_int;
        // SAFETY: the options are filled before they are read, and copied.
        let encoder = unsafe {
            if WebPAnimEncoderOptionsInitInternal(options.as_mut_ptr(), abi) == 0 {
                return Err(refused());
            }
            // The defaults make no key frames, which only players that jump would want, and hold two
            // encoded frames at a time.
            let mut options = options.assume_init();
            options.anim_params.loop_count = plays;
            options.anim_params.bgcolor = 0;
            WebPAnimEncoderNewInternal(width, height, &raw const options, abi)
        };
        if encoder.is_null() { Err(refused()) } else { Ok(Self { encoder, config, alpha: false }) }
    }

    /// Adds a frame that is shown from `at` milliseconds on.
    pub(crate) fn add(&mut self, picture: &Picture, at: c_int) -> Result<(), RenderError> {
        self.alpha |= picture.transparent();
        let mut frame = Frame::in_argb(picture)?;
        // SAFETY: encoder, frame and settings are live; the encoder forgets the frame when it returns.
        let added = unsafe {
            WebPAnimEncoderAdd(self.encoder, &raw mut frame.0, at, &raw const self.config)
        };
        if added == 0 { Err(self.failed()) } else { Ok(()) }
    }

    /// The file, whose last frame is shown until `end`.
    pub(crate) fn finish(self, end: c_int) -> Result<Vec<u8>, RenderError> {
        let mut file = File(WebPData::default());
        // SAFETY: a null frame only tells the time; the data is ours to read and to clear.
        unsafe {
            let ended =
                WebPAnimEncoderAdd(self.encoder, ptr::null_mut(), end, &raw const self.config) != 0;
            if !ended || WebPAnimEncoderAssemble(self.encoder, &raw mut file.0) == 0 {
                return Err(self.failed());
            }
        }
        let alpha = self.alpha;
        // The encoder holds every frame once more.
        drop(self);
        // SAFETY: `size` bytes that libwebp allocated and nobody else knows.
        let mut bytes = unsafe { std::slice::from_raw_parts(file.0.bytes, file.0.size) }.to_vec();
        // libwebp asks whether a frame has alpha. Opaque frames that are cleared, or do not cover the canvas,
        // leave it transparent, and a reader that trusts the flag would show black there.
        if alpha && bytes.get(12..16) == Some(b"VP8X") {
            bytes[FLAGS] |= ALPHA;
        }
        Ok(bytes)
    }

    fn failed(&self) -> RenderError {
        // SAFETY: a C string inside the encoder.
        let text = unsafe { CStr::from_ptr(WebPAnimEncoderGetError(self.encoder)) };
        RenderError::Encode(format!("libwebp: {}", text.to_string_lossy()))
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: created once, deleted once.
        unsafe { WebPAnimEncoderDelete(self.encoder) };
    }
}

/// Bytes that libwebp allocated.
struct File(WebPData);

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: empty or filled by libwebp; cleared once.
        unsafe { WebPDataClear(&mut self.0) };
    }
}

fn broken() -> RenderError {
    RenderError::Decode("the animated WebP is broken or cut off".into())
}
