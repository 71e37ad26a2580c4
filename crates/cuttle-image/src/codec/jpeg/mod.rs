//! JPEG by mozjpeg, through libjpeg's own interface.
//!
//! libjpeg reports a fatal error by calling a hook that must not return. Ours unwinds with a private
//! payload (the library is compiled with `-fexceptions` and bound as `C-unwind`), and [`guarded`] turns
//! it into a value; no panic hook runs and nothing is printed.
#![expect(unsafe_code, reason = "calls into C")]

mod decode;
mod encode;
mod feed;
mod scaled;
mod state;

pub(crate) use decode::Task;
pub(crate) use encode::{encode, encode_at};
pub(crate) use scaled::{decode, whole};

use std::ffi::{CStr, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use mozjpeg_sys::{
    J_MESSAGE_CODE, JWRN_ADOBE_XFORM, JWRN_BOGUS_ICC, JWRN_BOGUS_PROGRESSION, JWRN_EXTRANEOUS_DATA,
    JWRN_JFIF_MAJOR, JWRN_JPEG_EOF, JWRN_NOT_SEQUENTIAL, JWRN_TOO_MUCH_DATA, jpeg_common_struct,
    jpeg_error_mgr, jpeg_std_error,
};

/// What libjpeg said when it gave up.
struct Raised(String);

/// Runs calls into libjpeg; `Err` is what the library said.
fn guarded<T>(calls: impl FnOnce() -> T) -> Result<T, String> {
    // What the calls borrow is a codec's state, which is only destroyed after an error.
    catch_unwind(AssertUnwindSafe(calls)).map_err(|payload| match payload.downcast::<Raised>() {
        Ok(raised) => raised.0,
        Err(panic) => resume_unwind(panic),
    })
}

/// Must only be called below [`guarded`].
fn raise(message: String) -> ! {
    resume_unwind(Box::new(Raised(message)))
}

/// Hooks that neither print nor exit.
fn silent_errors() -> jpeg_error_mgr {
    // SAFETY: the structure is plain data and optional function pointers, for which zero is valid.
    let mut errors: jpeg_error_mgr = unsafe { std::mem::zeroed() };
    // SAFETY: fills in a structure that we own.
    unsafe { jpeg_std_error(&mut errors) };
    errors.error_exit = Some(error_exit);
    errors.emit_message = Some(emit_message);
    errors.output_message = Some(output_message);
    errors
}

unsafe extern "C-unwind" fn error_exit(common: &mut jpeg_common_struct) {
    // SAFETY: libjpeg calls its hooks with the error manager that we installed.
    raise(text(unsafe { &*common.err }));
}

/// Warnings (level −1) after which no pixel is missing. In a file:
///
/// * odd JFIF or Adobe versions, a profile whose pieces do not fit together;
/// * bytes between the end of the entropy-coded data and the next marker, which whole phone and webcam
///   families write; more data than there are pixels;
/// * a scan header of a sequential file with other spectral limits than 0 and 63, which mean nothing there;
/// * a scan that refines a coefficient out of turn: its bits are read all the same.
///
/// All others mean lost pixels (`JWRN_HIT_MARKER`, `JWRN_HUFF_BAD_CODE`, `JWRN_MUST_RESYNC`,
/// `JWRN_ARITH_BAD_CODE`; `JWRN_JPEG_EOF`, but see [`state::only_its_end`]) and end the decode: a
/// truncated file must not become a grey rendition. (sharp refuses at every warning, and Next then serves the
/// original.)
const HARMLESS: [J_MESSAGE_CODE; 7] = [
    JWRN_ADOBE_XFORM,
    JWRN_BOGUS_ICC,
    JWRN_BOGUS_PROGRESSION,
    JWRN_EXTRANEOUS_DATA,
    JWRN_JFIF_MAJOR,
    JWRN_NOT_SEQUENTIAL,
    JWRN_TOO_MUCH_DATA,
];

unsafe extern "C-unwind" fn emit_message(common: &mut jpeg_common_struct, level: c_int) {
    if level >= 0 {
        return;
    }
    // SAFETY: as in `error_exit`.
    let errors = unsafe { &mut *common.err };
    errors.num_warnings += 1;
    let code = errors.msg_code;
    // SAFETY: only a decoder comes to the end of a file.
    if HARMLESS.contains(&code) || code == JWRN_JPEG_EOF && unsafe { state::only_its_end(common) } {
        return;
    }
    raise(text(errors));
}

unsafe extern "C-unwind" fn output_message(_: &mut jpeg_common_struct) {}

/// The message of the last error, without its parameters.
fn text(errors: &jpeg_error_mgr) -> String {
    let index = usize::try_from(errors.msg_code)
        .ok()
        .filter(|_| errors.msg_code <= errors.last_jpeg_message);
    let Some(index) = index else { return "unknown error".into() };
    // SAFETY: the table has `last_jpeg_message + 1` entries, each null or a static C string.
    let message = unsafe {
        let entry = *errors.jpeg_message_table.add(index);
        if entry.is_null() { c"unknown error" } else { CStr::from_ptr(entry.cast()) }
    };
    let message = message.to_string_lossy();
    // The rest is for printf, and format_message writes to a longer buffer than its binding says.
    message.split('%').next().unwrap_or_default().trim_end_matches([' ', ':', '(']).to_owned()
}
