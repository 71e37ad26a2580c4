//! PNG (W3C PNG third edition): the chunks before the first pixel data.

use std::io::{Read, Seek};

use super::window::{Fault, Window};
use super::{Cicp, Extent, Icc, Probe, exif};
use crate::Size;

/// SECURITY: chunks before `IDAT`. A dozen is usual.
const MAX_CHUNKS: u32 = 1024;

/// A profile's name (1 to 79 bytes of Latin-1), its final NUL and the compression method.
const ICC_NAME_MAX: usize = 79;

pub(super) fn read<R: Read + Seek>(file: &mut Window<R>, probe: &mut Probe) -> Result<(), Fault> {
    let mut at = 8;
    for _ in 0..MAX_CHUNKS {
        let [l3, l2, l1, l0, name @ ..] = file.array::<8>(at)?;
        let len = u64::from(u32::from_be_bytes([l3, l2, l1, l0]));
        let body = at + 8;
        at = body + len + 4;
        if (probe.stored.is_none()) != (name == *b"IHDR") {
            return Err(Fault::Broken("IHDR is not the first chunk"));
        }
        match &name {
            b"IHDR" => header(file, body, probe)?,
            b"IDAT" | b"IEND" => return Ok(()),
            b"tRNS" => probe.alpha = true,
            // No frames at all is an error that browsers forgive: the picture stands still.
            b"acTL" => match file.u32_be(body)? {
                0 => {}
                frames => probe.count_frames(frames),
            },
            b"fcTL" => {}
            b"iCCP" => probe.icc = profile(file, body, len)?,
            b"eXIf" => {
                probe.metadata_bytes += len;
                probe.orientation = exif::orientation(file, body, len)?;
            }
            b"cICP" if len == 4 => probe.colour.cicp = code_points(file.array(body)?),
            b"sRGB" => probe.colour.srgb = true,
            b"gAMA" if len == 4 => {
                probe.colour.gamma.get_or_insert_default().exponent = Some(file.u32_be(body)?);
            }
            b"cHRM" if len == 32 => {
                let bytes: [u8; 32] = file.array(body)?;
                let mut points = [0; 8];
                for (point, word) in points.iter_mut().zip(bytes.as_chunks().0) {
                    *point = u32::from_be_bytes(*word);
                }
                probe.colour.gamma.get_or_insert_default().chromaticities = Some(points);
            }
            b"PLTE" => {}
            _ => probe.metadata_bytes += len,
        }
    }
    Err(Fault::Broken("there are too many chunks before the pixels"))
}

fn header<R: Read + Seek>(file: &mut Window<R>, body: u64, probe: &mut Probe) -> Result<(), Fault> {
    let width = file.u32_be(body)?;
    let height = file.u32_be(body + 4)?;
    let [bits, colour_type, _, _, interlaced] = file.array(body + 8)?;
    probe.stored = Some(Size { width, height });
    probe.bits_per_sample = bits;
    probe.alpha = matches!(colour_type, 4 | 6);
    probe.paletted = colour_type == 3;
    probe.interlaced = interlaced != 0;
    Ok(())
}

/// Primaries, transfer, matrix, range. Other matrices than RGB's are forbidden (§11.3.2.6; the decoder
/// refuses them), and the narrow range is for video frames: such a chunk counts as absent.
fn code_points([primaries, transfer, matrix, range]: [u8; 4]) -> Option<Cicp> {
    (matrix == 0 && range == 1).then_some(Cicp { primaries, transfer })
}

fn profile<R: Read + Seek>(file: &mut Window<R>, body: u64, len: u64) -> Result<Icc, Fault> {
    let look = usize::try_from(len).unwrap_or(usize::MAX).min(ICC_NAME_MAX + 2);
    let name = file.bytes(body, look)?.iter().position(|byte| *byte == 0);
    let Some(end) = name.and_then(|end| u64::try_from(end + 2).ok()).filter(|end| *end < len)
    else {
        return Ok(Icc::default());
    };
    Ok(Icc { extents: vec![Extent { at: body + end, len: len - end }], deflated: true })
}
