//! GIF (version 89a): the logical screen, and a walk over all pictures to count them.

use std::io::{Read, Seek};

use super::window::{Fault, Window};
use super::{MAX_FRAMES, Probe};
use crate::Size;

/// SECURITY: blocks in all. A frame has two, and comments or application data come before the first.
const MAX_BLOCKS: u32 = 2 * MAX_FRAMES + 1024;

pub(super) fn read<R: Read + Seek>(file: &mut Window<R>, probe: &mut Probe) -> Result<(), Fault> {
    let [w0, w1, h0, h1, flags] = file.array(6)?;
    let screen = Size {
        width: u16::from_le_bytes([w0, w1]).into(),
        height: u16::from_le_bytes([h0, h1]).into(),
    };
    probe.stored = Some(screen);
    probe.alpha = true;
    probe.paletted = true;
    // A walk that is cut off or too long says "animated", of no known length: then the file passes
    // through untouched.
    match pictures(file, 13 + colour_table(flags), screen) {
        Ok((0, _)) => return Err(Fault::Broken("there is no picture")),
        Ok((frames, pixels)) => {
            probe.count_frames(frames);
            probe.frames_pixels = pixels;
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

/// Counts pictures, and the pixels that are decoded and shown for each: a picture may be larger than the
/// screen, and its codes must be read all the same.
fn pictures<R: Read + Seek>(
    file: &mut Window<R>,
    mut at: u64,
    screen: Size,
) -> Result<(u32, u64), Fault> {
    let (mut count, mut pixels) = (0, 0);
    for _ in 0..MAX_BLOCKS {
        match file.u8(at)? {
            0x2c => {
                // Left and top, sides, flags; then a local colour table and the LZW code size.
                let [_, _, _, _, w0, w1, h0, h1, flags] = file.array(at + 1)?;
                let side = |bytes| u64::from(u16::from_le_bytes(bytes));
                count += 1;
                pixels += (side([w0, w1]) * side([h0, h1])).max(screen.pixels());
                at = skip_sub_blocks(file, at + 11 + colour_table(flags))?;
            }
            0x21 => at = skip_sub_blocks(file, at + 2)?,
            0x3b => return Ok((count, pixels)),
            _ => return Err(Fault::Broken("an unknown block")),
        }
        if count > MAX_FRAMES {
            return Err(Fault::Broken("too many pictures"));
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
