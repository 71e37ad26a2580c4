//! AVIF: read by safe Rust and [`av1`](super::av1), written by libavif and libaom.
//!
//! AVIF is read without C. The container is read by one walk of our own, which probe and decoder share and which is fuzzed
//! (`fuzz/targets/avif.rs`); AV1 by `rav1d`; YUV to RGB by one matrix in floating point (`rgb.rs`), within one level of
//! libavif's for every depth, sampling, range and matrix that libavif knows, and with the grain that libaom makes
//! (`tests/image/avif.rs`). `rav1d` shows only dav1d's C functions, so one module has the `unsafe` (`codec/av1.rs`): one
//! thread, and frames no larger than the stream announced.
//!
//! The assembly of `rav1d` is the part without bounds checks, and is in: a photo of 5 Mpx takes 88 ms of CPU with it and 215 ms
//! without (2.4 ×). Optimizing one of 18 Mpx for the first time, 1080 px wide, takes 0.16 s where libavif and libaom took 0.30,
//! and 87 MB where they took 298.
//!
//! Over some broken frames rav1d 1.1.0 (BSD-2, May 2025, of ISRG's Prossimo) ends the process, as a panic cannot leave a C
//! function; mends wait upstream without a release. It costs one process, which was given this original alone and would have
//! ended after it. The process says so first (the worker's `process.rs`), and the image is undecodable.
//!
//! Looked at and not taken: `re_rav1d` 0.1.3 (BSD-2, October 2024, of Rerun for their viewer) has that mended and a safe
//! interface, over rav1d 1.0.0 and its assembly. The checks of buffer sizes and the assembly's own mends since are worth more
//! here than a process that was to end anyway, and its interface does not say the layer of a frame. `libdav1d-sys` would be C
//! again. The crate `yuv` has a function for each format, in unsafe SIMD; ours is one for all.
//!
//! libavif and libaom still encode our own pixels; their decoder is an oracle in tests.
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
