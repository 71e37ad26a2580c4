//! Baseline and progressive JPEG to grey or RGB, at a scale of n/8.

use std::ffi::{c_int, c_ulong};
use std::ptr;

use mozjpeg_sys::J_COLOR_SPACE::{JCS_CMYK, JCS_GRAYSCALE, JCS_RGB, JCS_YCCK};
use mozjpeg_sys::{
    J_DCT_METHOD, jpeg_common_struct, jpeg_create_decompress, jpeg_decompress_struct,
    jpeg_destroy_decompress, jpeg_error_mgr, jpeg_finish_decompress, jpeg_mem_src,
    jpeg_progress_mgr, jpeg_read_header, jpeg_read_scanlines, jpeg_start_decompress,
};

use super::{guarded, raise, silent_errors};
use crate::geometry::DctScale;
use crate::picture::{Channels, Picture};
use crate::{RenderError, Size};

/// Decodes `source`, which stores a picture of `stored` pixels, in at most `scan_limit` scans.
pub(crate) fn decode(
    source: &[u8],
    stored: Size,
    scale: DctScale,
    scan_limit: u32,
) -> Result<Picture, RenderError> {
    let decompressor = Decompressor::new(scan_limit);
    guarded(|| decompressor.run(source, stored, scale)).map_err(RenderError::Decode)
}

/// libjpeg's state and everything it points to, at one address.
struct State {
    jpeg: jpeg_decompress_struct,
    errors: jpeg_error_mgr,
    progress: jpeg_progress_mgr,
    scan_limit: c_int,
}

/// Owns the state as a raw pointer: libjpeg keeps pointers into it, which no reference may outlive.
struct Decompressor(*mut State);

impl Decompressor {
    fn new(scan_limit: u32) -> Self {
        let state = State {
            // SAFETY: plain data, pointers, and C enums that have a variant 0.
            jpeg: unsafe { std::mem::zeroed() },
            errors: silent_errors(),
            progress: jpeg_progress_mgr {
                progress_monitor: Some(count_scans),
                pass_counter: 0,
                pass_limit: 0,
                completed_passes: 0,
                total_passes: 0,
            },
            scan_limit: c_int::try_from(scan_limit).unwrap_or(c_int::MAX),
        };
        Self(Box::into_raw(Box::new(state)))
    }

    /// Calls into libjpeg from beginning to end; must run below [`guarded`].
    fn run(&self, source: &[u8], stored: Size, scale: DctScale) -> Picture {
        let state = self.0;
        // SAFETY: `state` is live and only used by this thread. The error manager, the progress monitor
        // and `source` outlive every call made here; fields are set in the order that libjpeg asks for.
        unsafe {
            (*state).jpeg.common.err = &raw mut (*state).errors;
            jpeg_create_decompress(&raw mut (*state).jpeg);
            (*state).jpeg.common.client_data = state.cast();
            (*state).jpeg.common.progress = &raw mut (*state).progress;
            let jpeg = &mut (*state).jpeg;
            let len = c_ulong::try_from(source.len())
                .unwrap_or_else(|_| raise("the source is too long".into()));
            jpeg_mem_src(jpeg, source.as_ptr(), len);
            jpeg_read_header(jpeg, 1);
            // SECURITY: the memory budget and the limits were checked against the probe's reading.
            if (jpeg.image_width, jpeg.image_height) != (stored.width, stored.height) {
                raise("the size is not the one that was announced".into());
            }
            let channels = match jpeg.jpeg_color_space {
                JCS_CMYK | JCS_YCCK => raise("CMYK colour is not supported".into()),
                JCS_GRAYSCALE => Channels::Grey,
                _ => Channels::Rgb,
            };
            jpeg.out_color_space = if channels == Channels::Grey { JCS_GRAYSCALE } else { JCS_RGB };
            jpeg.scale_num = scale.eighths;
            jpeg.scale_denom = 8;
            jpeg.dct_method = J_DCT_METHOD::JDCT_ISLOW;
            jpeg_start_decompress(jpeg);
            let size = Size { width: jpeg.output_width, height: jpeg.output_height };
            if size != scale.apply(stored)
                || usize::try_from(jpeg.output_components) != Ok(channels.count())
            {
                raise("the scaled size is not the one that was planned".into());
            }
            let mut picture = Picture::blank(size, channels);
            let stride = picture.stride();
            for row in picture.samples.chunks_exact_mut(stride) {
                // Without suspension every call gives the one row it was asked for.
                jpeg_read_scanlines(jpeg, &mut row.as_mut_ptr(), 1);
            }
            jpeg_finish_decompress(jpeg);
            picture
        }
    }
}

impl Drop for Decompressor {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `Box::into_raw` and is freed once. Destroying a zeroed or a
        // half-used decompressor is allowed: it frees what its memory manager holds, if there is one.
        unsafe {
            jpeg_destroy_decompress(&mut (*self.0).jpeg);
            drop(Box::from_raw(self.0));
        }
    }
}

/// SECURITY: each scan of a progressive file makes libjpeg visit every coefficient, and a scan can be a
/// few bytes: without a limit, kilobytes cost minutes.
unsafe extern "C-unwind" fn count_scans(common: &mut jpeg_common_struct) {
    let state: *const State = common.client_data.cast();
    // SAFETY: `client_data` is the state that owns this decompressor; plain integers are read.
    let (scan, limit) = unsafe {
        (
            ptr::read(&raw const (*state).jpeg.input_scan_number),
            ptr::read(&raw const (*state).scan_limit),
        )
    };
    if scan > limit {
        raise(format!("there are more than {limit} scans"));
    }
}
