//! Progressive JPEG with optimised Huffman tables.

use mozjpeg_sys::J_BOOLEAN_PARAM::{
    JBOOLEAN_OPTIMIZE_SCANS, JBOOLEAN_TRELLIS_QUANT, JBOOLEAN_TRELLIS_QUANT_DC,
};
use mozjpeg_sys::J_COLOR_SPACE::{JCS_GRAYSCALE, JCS_RGB};
use mozjpeg_sys::J_INT_PARAM::JINT_BASE_QUANT_TBL_IDX;
use mozjpeg_sys::{
    boolean, jpeg_c_set_bool_param, jpeg_c_set_int_param, jpeg_compress_struct,
    jpeg_create_compress, jpeg_destination_mgr, jpeg_destroy_compress, jpeg_error_mgr,
    jpeg_finish_compress, jpeg_set_defaults, jpeg_set_quality, jpeg_simple_progression,
    jpeg_start_compress, jpeg_write_scanlines,
};

use super::{guarded, raise, silent_errors};
use crate::picture::{Channels, Picture};
use crate::{Profile, RenderError, quality};

/// mozjpeg's table tuned for PSNR-HVS-M: at SSIMULACRA2 69 it takes 11 % fewer bytes than its default, over
/// ten pictures. Chroma is always 4:2:0, as in WebP: full chroma costs 20 % and more at equal SSIMULACRA2.
const QUANTISATION: i32 = 4;

/// Bytes that libjpeg writes before it hands them over.
const CHUNK: usize = 64 << 10;

/// Encodes a picture without alpha.
pub(crate) fn encode(
    picture: &Picture,
    quality: u8,
    profile: Profile,
) -> Result<Vec<u8>, RenderError> {
    encode_at(picture, quality::jpeg(quality, profile), profile)
}

/// As [`encode`], at a number of mozjpeg's own scale.
pub(crate) fn encode_at(
    picture: &Picture,
    number: f32,
    profile: Profile,
) -> Result<Vec<u8>, RenderError> {
    let compressor = Compressor::new();
    guarded(|| compressor.run(picture, number, profile)).map_err(RenderError::Encode)
}

/// libjpeg's state and everything it points to, at one address.
struct State {
    jpeg: jpeg_compress_struct,
    errors: jpeg_error_mgr,
    sink: jpeg_destination_mgr,
    chunk: Vec<u8>,
    bytes: Vec<u8>,
}

/// Owns the state as a raw pointer: libjpeg keeps pointers into it, which no reference may outlive.
struct Compressor(*mut State);

impl Compressor {
    fn new() -> Self {
        let state = State {
            // SAFETY: plain data, pointers, and C enums that have a variant 0.
            jpeg: unsafe { std::mem::zeroed() },
            errors: silent_errors(),
            sink: jpeg_destination_mgr {
                next_output_byte: std::ptr::null_mut(),
                free_in_buffer: 0,
                init_destination: Some(open),
                empty_output_buffer: Some(spill),
                term_destination: Some(close),
            },
            chunk: vec![0; CHUNK],
            bytes: Vec::new(),
        };
        Self(Box::into_raw(Box::new(state)))
    }

    /// Calls into libjpeg from beginning to end; must run below [`guarded`].
    fn run(&self, picture: &Picture, number: f32, profile: Profile) -> Vec<u8> {
        let (components, space) = match picture.channels {
            Channels::Grey => (1, JCS_GRAYSCALE),
            Channels::Rgb => (3, JCS_RGB),
            Channels::GreyAlpha | Channels::Rgba => raise("JPEG has no alpha".into()),
        };
        let state = self.0;
        // SAFETY: `state` is live and only used by this thread; error manager and destination outlive
        // every call made here; each row has `width × components` samples.
        unsafe {
            (*state).jpeg.common.err = &raw mut (*state).errors;
            jpeg_create_compress(&raw mut (*state).jpeg);
            (*state).jpeg.common.client_data = state.cast();
            (*state).jpeg.dest = &raw mut (*state).sink;
            let jpeg = &mut (*state).jpeg;
            jpeg.image_width = picture.size.width;
            jpeg.image_height = picture.size.height;
            jpeg.input_components = components;
            jpeg.in_color_space = space;
            jpeg_set_defaults(jpeg);
            let effort = boolean::from(profile != Profile::Fast);
            jpeg_c_set_bool_param(jpeg, JBOOLEAN_TRELLIS_QUANT, effort);
            jpeg_c_set_bool_param(jpeg, JBOOLEAN_TRELLIS_QUANT_DC, effort);
            jpeg_c_set_bool_param(jpeg, JBOOLEAN_OPTIMIZE_SCANS, effort);
            jpeg.optimize_coding = 1;
            // Only now: the script of scans depends on whether they are to be optimised.
            jpeg_simple_progression(jpeg);
            jpeg_c_set_int_param(jpeg, JINT_BASE_QUANT_TBL_IDX, QUANTISATION);
            jpeg_set_quality(jpeg, quality::whole(number), 1);
            jpeg_start_compress(jpeg, 1);
            for row in picture.samples.chunks_exact(picture.stride()) {
                jpeg_write_scanlines(jpeg, &row.as_ptr(), 1);
            }
            jpeg_finish_compress(jpeg);
            std::mem::take(&mut (*state).bytes)
        }
    }
}

impl Drop for Compressor {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `Box::into_raw` and is freed once; destroying a compressor is
        // allowed in any state.
        unsafe {
            jpeg_destroy_compress(&mut (*self.0).jpeg);
            drop(Box::from_raw(self.0));
        }
    }
}

unsafe extern "C-unwind" fn open(jpeg: &mut jpeg_compress_struct) {
    let state: *mut State = jpeg.common.client_data.cast();
    // SAFETY: `client_data` is the state that owns this compressor; libjpeg writes within the chunk.
    unsafe {
        (*state).sink.next_output_byte = (*state).chunk.as_mut_ptr();
        (*state).sink.free_in_buffer = CHUNK;
    }
}

/// Called when the chunk is full, whatever `free_in_buffer` says then.
unsafe extern "C-unwind" fn spill(jpeg: &mut jpeg_compress_struct) -> boolean {
    let state: *mut State = jpeg.common.client_data.cast();
    // SAFETY: as in `open`.
    unsafe {
        let State { chunk, bytes, .. } = &mut *state;
        bytes.extend_from_slice(chunk);
        open(jpeg);
    }
    1
}

unsafe extern "C-unwind" fn close(jpeg: &mut jpeg_compress_struct) {
    let state: *mut State = jpeg.common.client_data.cast();
    // SAFETY: as in `open`.
    unsafe {
        let State { chunk, bytes, sink, .. } = &mut *state;
        bytes.extend_from_slice(&chunk[..CHUNK - sink.free_in_buffer]);
    }
}
