//! Coefficients from one entropy decoding into decoders of several scales.
//!
//! libjpeg's stages call each other through structs of function pointers; the one between entropy decoding
//! and inverse DCT gives an MCU a call and may say that it has none yet. Ours stands in its place: it
//! either notes what libjpeg's own decoding gives, or gives what was noted. Everything after it, SIMD
//! included, is unchanged.

use std::cell::RefCell;
use std::ffi::c_void;
use std::mem::{offset_of, size_of};
use std::rc::Rc;

use mozjpeg_sys::{boolean, jpeg_decompress_struct};

use super::state::{DecodeMcu, Feed, State, Window};
use crate::progressive::Block;

/// `struct jpeg_entropy_decoder` of jpegint.h, up to what is used here.
#[repr(C)]
struct EntropyDecoder {
    start_pass: *const c_void,
    decode_mcu: DecodeMcu,
}

/// The links to libjpeg's stages, which the binding keeps to itself: how `jpeg_decompress_struct` ends,
/// in every version of libjpeg. That the struct is as long as libjpeg takes it for is checked by libjpeg
/// itself when a decoder is created.
#[repr(C)]
struct Links {
    _master_main_coef_post_inputctl_marker: [*mut c_void; 6],
    entropy: *mut EntropyDecoder,
    _idct_upsample_cconvert_cquantize: [*mut c_void; 4],
}

/// Where libjpeg keeps the link to its entropy decoder.
///
/// # Safety
/// `jpeg` is live.
unsafe fn entropy_link(jpeg: *mut jpeg_decompress_struct) -> *mut *mut EntropyDecoder {
    let end = size_of::<jpeg_decompress_struct>() - size_of::<Links>();
    // SAFETY: within the struct, see `Links`; its end is aligned for the pointers that it ends with.
    unsafe { jpeg.cast::<u8>().add(end + offset_of!(Links, entropy)).cast() }
}

/// Puts ours in place of libjpeg's entropy decoding.
///
/// # Safety
/// `state` is live; its decoder was started, reads a file of one scan, and has decoded nothing yet.
pub(super) unsafe fn install(state: *mut State, window: Rc<RefCell<Window>>, notes: bool) {
    // SAFETY: libjpeg made the entropy decoder when it was started, for as long as the picture lasts, and
    // `comp_info` has `num_components` entries.
    unsafe {
        let entropy = *entropy_link(&raw mut (*state).jpeg);
        let jpeg = &(*state).jpeg;
        let count = usize::try_from(jpeg.num_components).unwrap_or(0);
        let components = std::slice::from_raw_parts(jpeg.comp_info, count);
        let blocks: i32 = components.iter().map(|it| it.h_samp_factor * it.v_samp_factor).sum();
        // One component alone comes block by block (T.81 A.2.2).
        let mcu_blocks = if count == 1 { 1 } else { usize::try_from(blocks).unwrap_or(0) };
        let decode = notes.then_some((*entropy).decode_mcu);
        (*state).feed = Some(Feed { window, given: 0, mcu_blocks, decode });
        (*entropy).decode_mcu = if notes { note } else { give };
    }
}

unsafe extern "C-unwind" fn note(
    jpeg: &mut jpeg_decompress_struct,
    mcu: *const *mut Block,
) -> boolean {
    let state: *const State = jpeg.common.client_data.cast();
    // SAFETY: `client_data` is the state that owns this decoder, which was given a feed. libjpeg's own
    // function is called as libjpeg would, and fills `mcu_blocks` blocks.
    unsafe {
        let Some(feed) = &(*state).feed else { return 0 };
        let Some(decode) = feed.decode else { return 0 };
        if decode(jpeg, mcu) == 0 {
            return 0;
        }
        let blocks = &mut feed.window.borrow_mut().row.blocks;
        blocks.extend((0..feed.mcu_blocks).map(|at| **mcu.add(at)));
    }
    1
}

unsafe extern "C-unwind" fn give(
    jpeg: &mut jpeg_decompress_struct,
    mcu: *const *mut Block,
) -> boolean {
    let state: *mut State = jpeg.common.client_data.cast();
    // SAFETY: as in `note`; libjpeg wants `mcu_blocks` blocks filled, and nothing else of the state is
    // borrowed.
    unsafe {
        let Some(feed) = &mut (*state).feed else { return 0 };
        let window = feed.window.borrow();
        let from = feed.given - window.before;
        let Some(blocks) = window.row.blocks.get(from..from + feed.mcu_blocks) else { return 0 };
        for (at, block) in blocks.iter().enumerate() {
            **mcu.add(at) = *block;
        }
        feed.given += feed.mcu_blocks;
    }
    1
}
