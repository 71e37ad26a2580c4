//! AVIF: read by safe Rust and [`av1`](super::av1), written by libavif and libaom.
#![expect(unsafe_code, reason = "calls into C")]

mod decode;
mod encode;
#[cfg(feature = "specimens")]
pub mod oracle;
mod planes;
mod rgb;
mod sequence;
#[cfg(feature = "specimens")]
pub mod specimen;
mod yuv;

pub(crate) use decode::decode;
pub(crate) use encode::{encode, encode_at};
pub(crate) use sequence::Sequence;

use std::ffi::CStr;

use libavif_sys::{AVIF_RESULT_OK, avifResult, avifResultToString};

/// `Err` with libavif's own words.
fn check(result: avifResult) -> Result<(), String> {
    if result == AVIF_RESULT_OK {
        return Ok(());
    }
    // SAFETY: gives a static C string for any value.
    let text = unsafe { CStr::from_ptr(avifResultToString(result)) };
    Err(text.to_string_lossy().into_owned())
}
