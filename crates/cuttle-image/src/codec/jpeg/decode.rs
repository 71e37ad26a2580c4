//! Baseline and progressive JPEG to grey or RGB, at a scale of n/8.
//!
//! What is reduced four times or more is read from an abridged file, see [`abridged`]. Only the picture
//! up to its end-of-image marker counts: gain maps, depth maps and films that phones append stay unread.
//! Arithmetic coding, 12-bit and lossless files are not compiled into the codec and fail to decode.

use std::ffi::{c_int, c_uint, c_ulong};
use std::ptr;

use moxcms::ColorProfile;
use mozjpeg_sys::J_COLOR_SPACE::{JCS_CMYK, JCS_GRAYSCALE, JCS_RGB, JCS_YCCK};
use mozjpeg_sys::{
    J_DCT_METHOD, jpeg_common_struct, jpeg_create_decompress, jpeg_decompress_struct,
    jpeg_destroy_decompress, jpeg_error_mgr, jpeg_finish_decompress, jpeg_mem_src,
    jpeg_progress_mgr, jpeg_read_header, jpeg_read_scanlines, jpeg_save_markers,
    jpeg_start_decompress,
};

use super::scans::abridged;
use super::{guarded, raise, silent_errors};
use crate::geometry::DctScale;
use crate::ink::Inks;
use crate::picture::{Channels, Picture};
use crate::{RenderError, Size};

/// The marker code of Adobe's segment.
const APP14: c_int = 0xee;

/// How much of it is kept, which is all that libjpeg reads itself.
const APP14_BYTES: c_uint = 12;

/// How Adobe's marker begins (Adobe Technical Note 5116, 18). A file that has it stores its inks
/// inverted; other writers do not.
const ADOBE_TAG: &[u8; 5] = b"Adobe";

/// Decodes `source`, which stores a picture of `stored` pixels, in at most `scan_limit` scans. Inks are
/// converted to sRGB by `profile`, if that is one of inks; other profiles are not applied here.
pub(crate) fn decode(
    source: &[u8],
    stored: Size,
    scale: DctScale,
    scan_limit: u32,
    profile: Option<&ColorProfile>,
) -> Result<Picture, RenderError> {
    whole(&abridged(source, scale, scan_limit), stored, scale, scan_limit, profile)
}

/// The same, of every scan in `source`.
pub(super) fn whole(
    source: &[u8],
    stored: Size,
    scale: DctScale,
    scan_limit: u32,
    profile: Option<&ColorProfile>,
) -> Result<Picture, RenderError> {
    let decompressor = Decompressor::new(scan_limit);
    guarded(|| decompressor.run(source, stored, scale, profile)).map_err(RenderError::Decode)
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
    fn run(
        &self,
        source: &[u8],
        stored: Size,
        scale: DctScale,
        profile: Option<&ColorProfile>,
    ) -> Picture {
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
            jpeg_save_markers(jpeg, APP14, APP14_BYTES);
            jpeg_read_header(jpeg, 1);
            // SECURITY: the memory budget and the limits were checked against the probe's reading.
            if (jpeg.image_width, jpeg.image_height) != (stored.width, stored.height) {
                raise("the size is not the one that was announced".into());
            }
            let (space, components, channels) = match jpeg.jpeg_color_space {
                JCS_CMYK | JCS_YCCK => (JCS_CMYK, 4, Channels::Rgb),
                JCS_GRAYSCALE => (JCS_GRAYSCALE, 1, Channels::Grey),
                _ => (JCS_RGB, 3, Channels::Rgb),
            };
            jpeg.out_color_space = space;
            jpeg.scale_num = scale.eighths;
            jpeg.scale_denom = 8;
            jpeg.dct_method = J_DCT_METHOD::JDCT_ISLOW;
            jpeg_start_decompress(jpeg);
            let size = Size { width: jpeg.output_width, height: jpeg.output_height };
            if size != scale.apply(stored) || jpeg.output_components != components {
                raise("the scaled size is not the one that was planned".into());
            }
            let mut picture = Picture::blank(size, channels);
            let stride = picture.stride();
            let inks_stride = 4 * picture.width();
            let rows = picture.samples.chunks_exact_mut(stride);
            // Without suspension every call gives the one row it was asked for.
            if space == JCS_CMYK {
                let inks = Inks::new(profile, has_adobe_marker(jpeg));
                let mut inked = vec![0; inks_stride];
                for row in rows {
                    jpeg_read_scanlines(jpeg, &mut inked.as_mut_ptr(), 1);
                    inks.to_rgb(&mut inked, row);
                }
            } else {
                for row in rows {
                    jpeg_read_scanlines(jpeg, &mut row.as_mut_ptr(), 1);
                }
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

fn has_adobe_marker(jpeg: &jpeg_decompress_struct) -> bool {
    // SAFETY: libjpeg's list of the segments that it was told to save: null, or live with the decompressor
    // and `data_length` bytes long. Nothing but the first bytes of APP14 is ever saved.
    unsafe {
        jpeg.marker_list.as_ref().is_some_and(|saved| {
            // At most `APP14_BYTES`.
            let len = saved.data_length as usize;
            !saved.data.is_null()
                && std::slice::from_raw_parts(saved.data, len).starts_with(ADOBE_TAG)
        })
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
