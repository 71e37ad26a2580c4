//! What a JPEG decoder owns behind raw pointers: libjpeg's state, and the coefficients that decoders of several scales share.

use std::cell::RefCell;
use std::ffi::c_int;
use std::ptr;
use std::rc::Rc;

use mozjpeg_sys::{
    boolean, jpeg_common_struct, jpeg_decompress_struct, jpeg_destroy_decompress, jpeg_error_mgr,
    jpeg_progress_mgr,
};

use super::{raise, silent_errors};
use crate::progressive::{Block, Row};

/// One MCU at a time into as many blocks; false: there is none yet.
pub(super) type DecodeMcu =
    unsafe extern "C-unwind" fn(&mut jpeg_decompress_struct, *const *mut Block) -> boolean;

/// libjpeg's state and everything it points to, at one address.
pub(super) struct State {
    pub(super) jpeg: jpeg_decompress_struct,
    pub(super) errors: jpeg_error_mgr,
    pub(super) progress: jpeg_progress_mgr,
    scan_limit: c_int,
    /// Whether the header said that there is no more than one.
    pub(super) one_scan: bool,
    pub(super) feed: Option<Feed>,
}

/// Owns the state as a raw pointer: libjpeg keeps pointers into it, which no reference may outlive.
pub(super) struct Owned(pub(super) *mut State);

impl Owned {
    pub(super) fn new(scan_limit: u32) -> Self {
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
            one_scan: false,
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

/// Coefficients that are decoded but not yet shown at every scale.
#[derive(Debug, Default)]
pub(super) struct Window {
    pub(super) row: Row,
    /// Blocks of the picture before the first of these.
    pub(super) before: usize,
}

/// A decoder's place in the coefficients.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) window: Rc<RefCell<Window>>,
    /// Blocks given so far.
    pub(super) given: usize,
    pub(super) mcu_blocks: usize,
    /// libjpeg's own, of the decoder that notes.
    pub(super) decode: Option<DecodeMcu>,
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

/// Whether a file that ended lacks no more than its end marker: where all coefficients are in one scan, whoever
/// still needs some is told so by another warning. Between scans there is no other.
///
/// # Safety
/// `common` is that of a [`State`], as [`start`] made it.
pub(super) unsafe fn only_its_end(common: &jpeg_common_struct) -> bool {
    let state: *const State = common.client_data.cast();
    // SAFETY: `client_data` is the state that owns this decompressor; a plain value is read.
    unsafe { ptr::read(&raw const (*state).one_scan) }
}
