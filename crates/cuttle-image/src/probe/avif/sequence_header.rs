//! The sequence header of AV1 (AV1 bitstream specification §5.5): how large its frames may be, their samples and colours.

use super::Nclx;
use crate::Size;

/// Type of an OBU (AV1 §6.2.2).
const SEQUENCE_HEADER: u8 = 1;

/// Which chroma samples there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chroma {
    /// 4:0:0.
    None,
    /// 4:2:0.
    Quarter,
    /// 4:2:2.
    Half,
    /// 4:4:4.
    Full,
}

impl Chroma {
    /// Samples of one of two planes, of which there are `size` of luma.
    pub(crate) fn plane(self, size: Size) -> Size {
        let Size { width, height } = size;
        match self {
            Self::None => Size { width: 0, height: 0 },
            Self::Quarter => Size { width: width.div_ceil(2), height: height.div_ceil(2) },
            Self::Half => Size { width: width.div_ceil(2), height },
            Self::Full => size,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SequenceHeader {
    /// No frame is larger.
    pub(crate) size: Size,
    pub(crate) depth: u8,
    pub(crate) chroma: Chroma,
    pub(crate) colours: Nclx,
}

impl SequenceHeader {
    /// The first one in a run of OBUs (AV1 §5.3).
    pub(crate) fn find(mut obus: &[u8]) -> Option<Self> {
        loop {
            let (header, rest) = obus.split_first()?;
            let extension = usize::from(header >> 2 & 1);
            let rest = rest.get(extension..)?;
            let (len, rest) = if header & 2 != 0 { leb128(rest)? } else { (rest.len(), rest) };
            if header >> 3 & 15 == SEQUENCE_HEADER {
                return Self::read(&mut Bits { bytes: rest, at: 0 });
            }
            obus = rest.get(len..)?;
        }
    }

    /// Bytes of the largest frame that there may be.
    pub(super) fn frame_bytes(&self) -> u64 {
        self.bytes(self.size)
    }

    /// Bytes of a frame of `size` as a decoder holds it, whose planes have sides of whole blocks of 128.
    pub(super) fn bytes(&self, size: Size) -> u64 {
        let padded = Size {
            width: size.width.next_multiple_of(128),
            height: size.height.next_multiple_of(128),
        };
        let samples = padded.pixels() + 2 * self.chroma.plane(padded).pixels();
        samples * if self.depth > 8 { 2 } else { 1 }
    }

    fn read(bits: &mut Bits<'_>) -> Option<Self> {
        let profile = bits.number(3)?;
        let _still = bits.flag()?;
        let reduced = bits.flag()?;
        if reduced {
            bits.number(5)?;
        } else {
            operating_points(bits)?;
        }
        let (width, height) = (bits.number(4)? + 1, bits.number(4)? + 1);
        let size = Size { width: bits.number(width)? + 1, height: bits.number(height)? + 1 };
        if !reduced && bits.flag()? {
            bits.number(7)?;
        }
        // Blocks of 128 and two tools for intra prediction.
        bits.number(3)?;
        if !reduced {
            tools(bits)?;
        }
        // Super-resolution, CDEF and restoration.
        bits.number(3)?;
        let (depth, chroma, colours) = colours(bits, profile)?;
        Some(Self { size, depth, chroma, colours })
    }
}

fn operating_points(bits: &mut Bits<'_>) -> Option<()> {
    let mut delay = None;
    if bits.flag()? {
        // Timing: two numbers of 32 bits, and whether pictures come at equal intervals.
        bits.number(32)?;
        bits.number(32)?;
        if bits.flag()? {
            let zeros = (0..32).take_while(|_| bits.flag() == Some(false)).count();
            bits.number(u32::try_from(zeros).ok().filter(|zeros| *zeros < 32)?)?;
        }
        if bits.flag()? {
            delay = Some(bits.number(5)? + 1);
            bits.number(32)?;
            bits.number(10)?;
        }
    }
    let display_delay = bits.flag()?;
    for _ in 0..=bits.number(5)? {
        bits.number(12)?;
        if bits.number(5)? > 7 {
            bits.flag()?;
        }
        if let Some(delay) = delay
            && bits.flag()?
        {
            bits.number(delay)?;
            bits.number(delay)?;
            bits.flag()?;
        }
        if display_delay && bits.flag()? {
            bits.number(4)?;
        }
    }
    Some(())
}

/// Tools for motion, of a sequence that may have any.
fn tools(bits: &mut Bits<'_>) -> Option<()> {
    bits.number(4)?;
    let order_hint = bits.flag()?;
    if order_hint {
        bits.number(2)?;
    }
    let screen_content = bits.flag()? || bits.flag()?;
    if screen_content && !bits.flag()? {
        bits.flag()?;
    }
    if order_hint {
        bits.number(3)?;
    }
    Some(())
}

/// AV1 §5.5.2.
fn colours(bits: &mut Bits<'_>, profile: u32) -> Option<(u8, Chroma, Nclx)> {
    let high = bits.flag()?;
    let depth = match (high, profile) {
        (true, 2) if bits.flag()? => 12,
        (true, _) => 10,
        (false, _) => 8,
    };
    let mono = profile != 1 && bits.flag()?;
    let mut colours = Nclx { primaries: 2, transfer: 2, matrix: 2, full_range: true };
    if bits.flag()? {
        colours.primaries = bits.byte()?;
        colours.transfer = bits.byte()?;
        colours.matrix = bits.byte()?;
    }
    if mono {
        colours.full_range = bits.flag()?;
        return Some((depth, Chroma::None, colours));
    }
    if (colours.primaries, colours.transfer, colours.matrix) == (1, 13, 0) {
        return Some((depth, Chroma::Full, colours));
    }
    colours.full_range = bits.flag()?;
    let chroma = match (profile, depth) {
        (0, _) => Chroma::Quarter,
        (1, _) => Chroma::Full,
        (_, 12) if !bits.flag()? => Chroma::Full,
        (_, 12) if bits.flag()? => Chroma::Quarter,
        _ => Chroma::Half,
    };
    Some((depth, chroma, colours))
}

/// A number in groups of seven bits, the lowest first (AV1 §4.10.5), and what follows it.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0;
    for (at, byte) in bytes.iter().take(8).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(number).ok()?, &bytes[at + 1..]));
        }
    }
    None
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// At most 32 bits.
    fn number(&mut self, bits: u32) -> Option<u32> {
        (0..bits).try_fold(0, |number, _| Some(number << 1 | u32::from(self.flag()?)))
    }

    fn byte(&mut self) -> Option<u8> {
        u8::try_from(self.number(8)?).ok()
    }
}
