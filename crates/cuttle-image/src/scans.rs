//! How many scans a JPEG has, counted in its markers before anything is decoded.
//!
//! Each scan of a progressive file makes libjpeg visit every coefficient, and a scan can be a few bytes:
//! without a limit, kilobytes cost minutes, and the coefficients are held from the first scan on.

use crate::Excess;

/// Refuses a file with more than `limit` scans, after a walk that ends with the one too many.
///
/// # Errors
/// [`Excess::Scans`].
pub(crate) fn check(source: &[u8], limit: u32) -> Result<(), Excess> {
    let mut scans = 0;
    let mut at = 2;
    while let Some(marker) = next_marker(source, &mut at) {
        match marker {
            // End of image.
            0xd9 => break,
            // Restarts, and what else has no segment.
            0x01 | 0xd0..=0xd8 => continue,
            0xda => {
                scans += 1;
                if scans > limit {
                    return Err(Excess::Scans { limit });
                }
            }
            _ => {}
        }
        let Some(len) = source.get(at..).and_then(|rest| rest.first_chunk()) else { break };
        at += usize::from(u16::from_be_bytes(*len)).max(2);
    }
    Ok(())
}

/// Moves past the next marker, over entropy-coded data (in which FF is followed by 00) and fill bytes.
fn next_marker(source: &[u8], at: &mut usize) -> Option<u8> {
    loop {
        let rest = source.get(*at..)?;
        let found = memchr::memchr(0xff, rest)?;
        let code = *rest.get(found + 1)?;
        *at += found + if code == 0xff { 1 } else { 2 };
        if !matches!(code, 0 | 0xff) {
            return Some(code);
        }
    }
}
