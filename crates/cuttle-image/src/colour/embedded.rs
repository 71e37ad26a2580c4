//! The embedded ICC profile, out of its file.

use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};

use crate::probe::{Extent, Icc};
use crate::{Excess, Limits};

/// The profile, inflated; `None` when there is none or it is cut off.
pub(super) fn profile(
    source: &[u8],
    icc: &Icc,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, Excess> {
    let piece = |extent: &Extent| {
        let from = usize::try_from(extent.at).ok()?;
        source.get(from..from.checked_add(usize::try_from(extent.len).ok()?)?)
    };
    let Some(pieces) = icc.extents.iter().map(piece).collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    let stored = pieces.concat();
    if stored.is_empty() {
        return Ok(None);
    }
    if !icc.deflated {
        return Ok(Some(stored));
    }
    // SECURITY: a kilobyte of zlib can stand for a megabyte; the limit holds while it is inflated.
    match decompress_to_vec_zlib_with_limit(&stored, limits.icc_bytes) {
        Ok(profile) => Ok(Some(profile)),
        Err(error) if error.status == TINFLStatus::HasMoreOutput => {
            Err(Excess::Metadata { limit: limits.icc_bytes })
        }
        Err(_) => Ok(None),
    }
}
