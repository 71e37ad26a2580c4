//! One decoder of baseline and progressive JPEG to grey or RGB, at a scale of n/8.
//!
//! Only the picture up to its end-of-image marker counts: gain maps, depth maps and films that phones
//! append stay unread. Arithmetic coding, 12-bit and lossless files are not compiled into the codec and
//! fail to decode.

use std::cell::RefCell;
use std::ffi::{c_int, c_uint, c_ulong};
use std::ptr;
use std::rc::Rc;

use mozjpeg_sys::J_COLOR_SPACE::{JCS_CMYK, JCS_GRAYSCALE, JCS_RGB, JCS_YCCK};
use mozjpeg_sys::{
    J_DCT_METHOD, jpeg_common_struct, jpeg_create_decompress, jpeg_decompress_struct,
    jpeg_destroy_decompress, jpeg_error_mgr, jpeg_finish_decompress, jpeg_has_multiple_scans,
    jpeg_mem_src, jpeg_progress_mgr, jpeg_read_header, jpeg_read_scanlines, jpeg_save_markers,
    jpeg_start_decompress,
};

use super::feed::{Feed, Window, install};
use super::{guarded, raise, silent_errors};
use crate::Size;
use crate::geometry::DctScale;
use crate::ink::Inks;
use crate::picture::{Channels, Picture};

/// The marker code of Adobe's segment.
const APP14: c_int = 0xee;

/// How much of it is kept, which is all that libjpeg reads itself.
const APP14_BYTES: c_uint = 12;

/// How Adobe's marker begins (Adobe Technical Note 5116, 18). A file that has it stores its inks
/// inverted; other writers do not.
const ADOBE_TAG: &[u8; 5] = b"Adobe";

/// What is decoded, whatever the scale.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) source: &'a [u8],
    /// As the limits were checked against.
    pub(super) stored: Size,
    pub(super) scan_limit: u32,
    /// Converts inks to sRGB, if it is one of inks; other profiles are not applied here.
    pub(super) profile: Option<&'a [u8]>,
}

/// A decoder that has read its header, and the picture as far as it is decoded.
pub(super) struct Decoder<'a> {
    state: Owned,
    /// What the state points into.
    _source: &'a [u8],
    picture: Picture,
    rows: usize,
    /// And a row of them.
    inks: Option<(Inks, Vec<u8>)>,
}

impl<'a> Decoder<'a> {
    pub(super) fn open(task: Task<'a>, scale: DctScale) -> Result<Self, String> {
        let state = Owned::new(task.scan_limit);
        guarded(|| {
            // SAFETY: the state is live, and `source` outlives the decoder.
            let (channels, inked) = unsafe { start(state.0, task.source, task.stored, scale) };
            let picture = Picture::blank(scale.apply(task.stored), channels);
            let inks = inked.then(|| {
                // SAFETY: the header was read.
                let adobe = has_adobe_marker(unsafe { &(*state.0).jpeg });
                (Inks::new(task.profile, adobe), vec![0; 4 * picture.width()])
            });
            Self { state, _source: task.source, picture, rows: 0, inks }
        })
    }

    /// Whether what follows is the only scan.
    pub(super) fn single_scan(&self) -> bool {
        // SAFETY: a header was read.
        unsafe { jpeg_has_multiple_scans(&(*self.state.0).jpeg) == 0 }
    }

    /// From now on coefficients come from `window`, or, if it `notes`, go there. To be said before anything
    /// is decoded, of a file of one scan.
    pub(super) fn share(&mut self, window: &Rc<RefCell<Window>>, notes: bool) {
        assert!(self.single_scan() && self.rows == 0, "said too late, or of other files");
        // SAFETY: as asserted, and the decoder was started when it was opened.
        unsafe { install(self.state.0, Rc::clone(window), notes) };
    }

    /// Decodes the next row; false: there is none, or its coefficients are still to come.
    pub(super) fn advance(&mut self) -> Result<bool, String> {
        let Self { state, picture, rows, inks, .. } = self;
        let stride = picture.stride();
        let Some(row) = picture.samples.chunks_exact_mut(stride).nth(*rows) else {
            return Ok(false);
        };
        let advanced = guarded(|| {
            let mut into = inks.as_mut().map_or(row.as_mut_ptr(), |(_, row)| row.as_mut_ptr());
            // SAFETY: the state is live and only used by this thread; a row has room for the samples that
            // were planned when it was opened.
            unsafe { jpeg_read_scanlines(&mut (*state.0).jpeg, &mut into, 1) == 1 }
        })?;
        if advanced {
            *rows += 1;
            if let Some((inks, inked)) = inks {
                inks.to_rgb(inked, row);
            }
        }
        Ok(advanced)
    }

    /// Reads what follows the last row, which has been decoded.
    pub(super) fn finish(self) -> Result<Picture, String> {
        // SAFETY: the state is live; libjpeg raises an error if it was too early.
        guarded(|| unsafe { jpeg_finish_decompress(&mut (*self.state.0).jpeg) })?;
        Ok(self.picture)
    }

    /// The picture of a decoder that was given its coefficients, and has nothing to read.
    pub(super) fn into_picture(self) -> Result<Picture, String> {
        if self.rows == self.picture.height() {
            Ok(self.picture)
        } else {
            Err("there are fewer rows than were announced".into())
        }
    }
}

/// libjpeg's state and everything it points to, at one address.
pub(super) struct State {
    pub(super) jpeg: jpeg_decompress_struct,
    errors: jpeg_error_mgr,
    progress: jpeg_progress_mgr,
    scan_limit: c_int,
    pub(super) feed: Option<Feed>,
}

/// Owns the state as a raw pointer: libjpeg keeps pointers into it, which no reference may outlive.
struct Owned(*mut State);

impl Owned {
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
            feed: None,
        };
        Self(Box::into_raw(Box::new(state)))
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `Box::into_raw` and is freed once. Destroying a zeroed or a
        // half-used decompressor is allowed: it frees what its memory manager holds, if there is one.
        unsafe {
            jpeg_destroy_decompress(&mut (*self.0).jpeg);
            drop(Box::from_raw(self.0));
        }
    }
}

/// Reads the header and gets ready for the first row; gives what a pixel is, and whether its samples are
/// inks before. Must run below [`guarded`].
///
/// # Safety
/// `state` is live, new and only used by this thread; `source` outlives it.
unsafe fn start(
    state: *mut State,
    source: &[u8],
    stored: Size,
    scale: DctScale,
) -> (Channels, bool) {
    // SAFETY: error manager and progress monitor live as long as the decoder; fields are set in the order
    // that libjpeg asks for.
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
        (channels, space == JCS_CMYK)
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
