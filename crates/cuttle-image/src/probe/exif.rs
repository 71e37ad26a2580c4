//! The one EXIF field that changes what a picture looks like.

use std::io::{Read, Seek};

use super::window::{Fault, Window};
use crate::Orientation;

/// Tag of the orientation, a SHORT in the first directory (EXIF 2.32 §4.6.4).
const ORIENTATION: u16 = 0x0112;

/// SECURITY: entries of the first directory that are looked at. Cameras write a few dozen.
const MAX_ENTRIES: u16 = 512;

/// The orientation in the TIFF structure of `len` bytes at `at`. Broken EXIF is no reason to refuse a
/// picture: it is upright then, as in every viewer.
pub(super) fn orientation<R: Read + Seek>(
    file: &mut Window<R>,
    at: u64,
    len: u64,
) -> Result<Orientation, Fault> {
    match find(file, at, len) {
        Ok(value) => Ok(value.map_or(Orientation::Upright, Orientation::from_exif)),
        Err(Fault::Broken(_)) => Ok(Orientation::Upright),
        Err(fault) => Err(fault),
    }
}

fn find<R: Read + Seek>(file: &mut Window<R>, at: u64, len: u64) -> Result<Option<u16>, Fault> {
    let header: [u8; 8] = file.array(at)?;
    let little = match &header[..4] {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return Ok(None),
    };
    let u16_of =
        |bytes: [u8; 2]| if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) };
    let [_, _, _, _, offset @ ..] = header;
    let directory =
        u64::from(if little { u32::from_le_bytes(offset) } else { u32::from_be_bytes(offset) });
    if directory >= len {
        return Ok(None);
    }
    let entries = u16_of(file.array(at + directory)?).min(MAX_ENTRIES);
    for entry in 0..u64::from(entries) {
        let offset = directory + 2 + entry * 12;
        if offset + 12 > len {
            break;
        }
        let [tag_a, tag_b, kind_a, kind_b, _, _, _, _, value_a, value_b, _, _] =
            file.array(at + offset)?;
        // 3 is SHORT; the value stands in the first two bytes of its field in either byte order.
        if u16_of([tag_a, tag_b]) == ORIENTATION && u16_of([kind_a, kind_b]) == 3 {
            return Ok(Some(u16_of([value_a, value_b])));
        }
    }
    Ok(None)
}
