//! WebP (RFC 9649): the first chunk for the size, the others for colour, orientation and animation.

use std::io::{Read, Seek};

use super::window::{Fault, Window};
use super::{Extent, Icc, MAX_FRAMES, Probe, exif};
use crate::Size;

/// SECURITY: chunks beside frames. An extended file has six.
const MAX_CHUNKS: u32 = 256;

/// Flags of the `VP8X` chunk (RFC 9649 §2.7).
const ALPHA: u8 = 0x10;
const EXIF: u8 = 0x08;
const ANIMATION: u8 = 0x02;

pub(super) fn read<R: Read + Seek>(file: &mut Window<R>, probe: &mut Probe) -> Result<(), Fault> {
    let end = (u64::from(file.u32_le(4)?) + 8).min(file.len());
    let mut at = 12;
    let mut frames = 0;
    let mut left = MAX_CHUNKS;
    // Of an extended file; there, an `ALPH` or `EXIF` that they do not announce is not part of the picture.
    let mut flags = None;
    while at + 8 <= end {
        let [n0, n1, n2, n3, l0, l1, l2, l3] = file.array(at)?;
        let len = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
        let body = at + 8;
        at = body + len + (len & 1);
        match &[n0, n1, n2, n3] {
            b"VP8X" if probe.stored.is_none() => {
                let [said, _, _, _, w0, w1, w2, h0, h1, h2] = file.array(body)?;
                let side = |bytes| u32::from_le_bytes(bytes) + 1;
                probe.stored =
                    Some(Size { width: side([w0, w1, w2, 0]), height: side([h0, h1, h2, 0]) });
                probe.alpha = said & ALPHA != 0;
                probe.animated = said & ANIMATION != 0;
                flags = Some(said);
            }
            b"VP8 " if probe.stored.is_none() => probe.stored = Some(lossy(file, body)?),
            b"VP8L" => {
                let (size, alpha) = lossless(file, body)?;
                probe.stored.get_or_insert(size);
                probe.alpha |= alpha;
            }
            b"ANIM" => probe.animated = true,
            b"ANMF" if frames < MAX_FRAMES => {
                frames += 1;
                continue;
            }
            b"ANMF" => return Ok(()),
            b"ICCP" => probe.icc = Icc { extents: vec![Extent { at: body, len }], deflated: false },
            b"EXIF" if flags.is_some_and(|flags| flags & EXIF != 0) => {
                // Some writers keep the prefix that only JPEG needs.
                let prefix = if len > 6 && file.array(body)? == *b"Exif\0\0" { 6 } else { 0 };
                probe.orientation = exif::orientation(file, body + prefix, len - prefix)?;
            }
            _ => {}
        }
        if probe.stored.is_none() {
            return Err(Fault::Broken("it does not begin with an image"));
        }
        left -= 1;
        if left == 0 {
            break;
        }
    }
    if probe.stored.is_none() {
        return Err(Fault::Broken("there is no image"));
    }
    if probe.animated && left > 0 {
        probe.count_frames(frames);
    }
    Ok(())
}

/// A VP8 key frame (RFC 6386 §9.1): three bytes of tag, a start code, two sides of 14 bits.
fn lossy<R: Read + Seek>(file: &mut Window<R>, body: u64) -> Result<Size, Fault> {
    let [tag, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = file.array(body)? else {
        return Err(Fault::Broken("the VP8 start code is missing"));
    };
    if tag & 1 != 0 {
        return Err(Fault::Broken("the VP8 frame is not a key frame"));
    }
    let side = |bytes| u32::from(u16::from_le_bytes(bytes) & 0x3fff);
    Ok(Size { width: side([w0, w1]), height: side([h0, h1]) })
}

/// A VP8L header (RFC 9649 §3.4): signature, two sides of 14 bits less one, whether alpha is used.
fn lossless<R: Read + Seek>(file: &mut Window<R>, body: u64) -> Result<(Size, bool), Fault> {
    let [0x2f, b0, b1, b2, b3] = file.array(body)? else {
        return Err(Fault::Broken("the VP8L signature is missing"));
    };
    let bits = u32::from_le_bytes([b0, b1, b2, b3]);
    let size = Size { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
    Ok((size, bits & (1 << 28) != 0))
}
