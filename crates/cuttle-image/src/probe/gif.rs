//! GIF (version 89a): one walk over all blocks, for whoever counts pictures and for whoever decodes them.
//!
//! Files end in many ways, and we read them as Chromium does: what is not a block is the end, so is the end of
//! the file, and what came before is shown. A picture that is cut off does not count, unless it is the first:
//! then only its codes can tell whether a row is missing. Codes are not read here.

use std::io::{Read, Seek};
use std::ops::RangeInclusive;

use super::window::{Fault, Window};
use super::{Extent, MAX_FRAMES, Probe};
use crate::Size;

/// SECURITY: blocks in all. A frame has two, and comments or application data come before the first.
const MAX_BLOCKS: u32 = 2 * MAX_FRAMES + 1024;

/// Whose loop count it is: both names mean the same to every browser.
const LOOPS: [&[u8; 11]; 2] = [b"NETSCAPE2.0", b"ANIMEXTS1.0"];

/// What an index can have: one of more bits is not from a table of 256 colours.
pub(crate) const CODE_SIZES: RangeInclusive<u8> = 1..=8;

/// A picture as its descriptor, and the graphic control before it, describe it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    /// Left, top, width, height.
    pub(crate) rect: [u32; 4],
    pub(crate) interlaced: bool,
    /// Its own colour table, or that of all.
    pub(crate) colours: Extent,
    /// 0 to 7.
    pub(crate) disposal: u8,
    pub(crate) transparent: Option<u8>,
    /// Hundredths of a second.
    pub(crate) delay: u16,
    /// Bits of an index.
    pub(crate) code_size: u8,
    /// Where the blocks of its codes begin.
    pub(crate) codes: u64,
    /// Whether the blocks of its codes have an end.
    pub(crate) ended: bool,
}

/// All pictures of a file.
#[derive(Debug)]
pub(crate) struct Pictures {
    /// The screen, as the first picture widens it.
    pub(crate) canvas: Size,
    pub(crate) frames: Vec<Frame>,
    /// How often the whole is shown, 0 for ever. GIF counts repetitions, and without a number shows it once.
    pub(crate) plays: u32,
}

pub(super) fn read<R: Read + Seek>(file: &mut Window<R>, probe: &mut Probe) -> Result<(), Fault> {
    probe.alpha = true;
    probe.paletted = true;
    let mut walk = Walk::open(file)?;
    let counted = walk.read_all();
    probe.stored = Some(walk.canvas);
    match counted {
        Ok(()) => {
            probe.count_frames(u32::try_from(walk.frames.len()).unwrap_or(u32::MAX));
            // A picture may be larger than the screen, and its codes must be read all the same.
            let pixels = |frame: &Frame| u64::from(frame.rect[2]) * u64::from(frame.rect[3]);
            let shown = walk.canvas.pixels();
            probe.frames_pixels = walk.frames.iter().map(|frame| pixels(frame).max(shown)).sum();
            Ok(())
        }
        // More than is counted: an animation of no known length, which no limit lets through.
        Err(Fault::Broken(_)) if !walk.frames.is_empty() => {
            probe.animated = true;
            Ok(())
        }
        Err(fault) => Err(fault),
    }
}

/// All pictures, for the decoder.
pub(crate) fn pictures<R: Read + Seek>(file: &mut Window<R>) -> Result<Pictures, Fault> {
    let mut walk = Walk::open(file)?;
    walk.read_all()?;
    Ok(Pictures { canvas: walk.canvas, frames: walk.frames, plays: walk.plays })
}

struct Walk<'a, R> {
    file: &'a mut Window<R>,
    at: u64,
    canvas: Size,
    colours: Extent,
    control: Control,
    frames: Vec<Frame>,
    plays: u32,
}

/// What a graphic control says of the next picture.
#[derive(Clone, Copy, Default)]
struct Control {
    disposal: u8,
    transparent: Option<u8>,
    delay: u16,
}

impl<'a, R: Read + Seek> Walk<'a, R> {
    fn open(file: &'a mut Window<R>) -> Result<Self, Fault> {
        let [w0, w1, h0, h1, flags] = file.array(6)?;
        let side = |bytes| u32::from(u16::from_le_bytes(bytes));
        let colours = Extent { at: 13, len: colour_table(flags) };
        Ok(Self {
            file,
            at: colours.at + colours.len,
            canvas: Size { width: side([w0, w1]), height: side([h0, h1]) },
            colours,
            control: Control::default(),
            frames: Vec::new(),
            plays: 1,
        })
    }

    fn read_all(&mut self) -> Result<(), Fault> {
        for _ in 0..MAX_BLOCKS {
            if !self.block()? {
                return match self.frames.len() {
                    0 => Err(Fault::Broken("there is no image")),
                    _ => Ok(()),
                };
            }
            if self.frames.len() > MAX_FRAMES as usize {
                return Err(Fault::Broken("too many images"));
            }
        }
        Err(Fault::Broken("too many blocks"))
    }

    /// Reads one block; false: it was the end.
    fn block(&mut self) -> Result<bool, Fault> {
        if !self.there(self.at, 1) {
            return Ok(false);
        }
        match self.file.u8(self.at)? {
            0x2c => self.picture(),
            0x21 => self.extension(),
            _ => Ok(false),
        }
    }

    fn picture(&mut self) -> Result<bool, Fault> {
        if !self.there(self.at, 10) {
            return Ok(false);
        }
        let [x0, x1, y0, y1, w0, w1, h0, h1, flags] = self.file.array(self.at + 1)?;
        let rect = [[x0, x1], [y0, y1], [w0, w1], [h0, h1]].map(|b| u16::from_le_bytes(b).into());
        let own = Extent { at: self.at + 10, len: colour_table(flags) };
        let codes = own.at + own.len + 1;
        if !self.there(codes, 1) {
            return Ok(false);
        }
        let code_size = self.file.u8(codes - 1)?;
        let end = self.skip_blocks(codes)?;
        if self.frames.is_empty() {
            let [left, top, width, height] = rect;
            self.canvas.width = self.canvas.width.max(left + width);
            self.canvas.height = self.canvas.height.max(top + height);
        } else if end.is_none() || !CODE_SIZES.contains(&code_size) {
            return Ok(false);
        }
        let Control { disposal, transparent, delay } = std::mem::take(&mut self.control);
        self.frames.push(Frame {
            rect,
            interlaced: flags & 0x40 != 0,
            colours: if own.len > 0 { own } else { self.colours },
            disposal,
            transparent,
            delay,
            code_size,
            codes,
            ended: end.is_some(),
        });
        self.at = end.unwrap_or(u64::MAX);
        Ok(end.is_some())
    }

    /// An extension of whatever name is skipped by its blocks; one that we do know must be whole.
    fn extension(&mut self) -> Result<bool, Fault> {
        if !self.there(self.at, 3) {
            return Ok(false);
        }
        // Read on the way, as going back would fetch a block of the file twice.
        let [label, len] = self.file.array(self.at + 1)?;
        let body = self.at + 3;
        match (label, len) {
            (0xf9, 4) if self.there(body, 4) => {
                let [flags, d0, d1, index] = self.file.array(body)?;
                self.control = Control {
                    disposal: (flags >> 2) & 7,
                    transparent: (flags & 1 != 0).then_some(index),
                    delay: u16::from_le_bytes([d0, d1]),
                };
            }
            (0xf9, _) => return Ok(false),
            (0xff, 11) if self.there(body, 15) => {
                let name: [u8; 11] = self.file.array(body)?;
                if let ([3, 1, r0, r1], true) =
                    (self.file.array(body + 11)?, LOOPS.contains(&&name))
                {
                    let repetitions = u32::from(u16::from_le_bytes([r0, r1]));
                    self.plays = if repetitions == 0 { 0 } else { repetitions + 1 };
                }
            }
            _ => {}
        }
        match self.skip_blocks(self.at + 2)? {
            Some(end) => {
                self.at = end;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Where the blocks that begin at `at` have ended; `None`: the file ends first.
    fn skip_blocks(&mut self, mut at: u64) -> Result<Option<u64>, Fault> {
        while self.there(at, 1) {
            let len = u64::from(self.file.u8(at)?);
            at += 1 + len;
            if len == 0 {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    fn there(&self, at: u64, bytes: u64) -> bool {
        at.checked_add(bytes).is_some_and(|end| end <= self.file.len())
    }
}

/// Bytes of the colour table that the flags announce.
fn colour_table(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}
