//! GIF (version 89a): the logical screen, and whether a second picture follows the first.

use std::io::{Read, Seek};

use super::Probe;
use super::window::{Fault, Window};
use crate::Size;

/// SECURITY: blocks before the second picture. Comments and application data come first, rarely ten.
const MAX_BLOCKS: u32 = 1024;

pub(super) fn read<R: Read + Seek>(file: &mut Window<R>, probe: &mut Probe) -> Result<(), Fault> {
    let [w0, w1, h0, h1, flags] = file.array(6)?;
    probe.stored = Some(Size {
        width: u16::from_le_bytes([w0, w1]).into(),
        height: u16::from_le_bytes([h0, h1]).into(),
    });
    probe.alpha = true;
    // A walk that is cut off or too long says "animated": then the file passes through untouched.
    match pictures(file, 13 + colour_table(flags)) {
        Ok(count) => {
            probe.animated = count > 1;
            probe.frames = (count <= 1).then_some(count);
        }
        Err(Fault::Broken(_)) => probe.animated = true,
        Err(fault) => return Err(fault),
    }
    Ok(())
}

/// Bytes of the colour table that the flags announce.
fn colour_table(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Counts pictures, up to two.
fn pictures<R: Read + Seek>(file: &mut Window<R>, mut at: u64) -> Result<u32, Fault> {
    let mut count = 0;
    for _ in 0..MAX_BLOCKS {
        match file.u8(at)? {
            0x2c => {
                count += 1;
                if count == 2 {
                    return Ok(count);
                }
                // Descriptor (10 bytes), local colour table, LZW code size.
                let flags = file.u8(at + 9)?;
                at = skip_sub_blocks(file, at + 11 + colour_table(flags))?;
            }
            0x21 => at = skip_sub_blocks(file, at + 2)?,
            0x3b => return Ok(count),
            _ => return Err(Fault::Broken("an unknown block")),
        }
    }
    Err(Fault::Broken("too many blocks"))
}

fn skip_sub_blocks<R: Read + Seek>(file: &mut Window<R>, mut at: u64) -> Result<u64, Fault> {
    loop {
        let len = u64::from(file.u8(at)?);
        at += 1 + len;
        if len == 0 {
            return Ok(at);
        }
    }
}
