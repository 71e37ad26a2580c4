//! Lines of fax (ITU-T T.4 and T.6) to rows of bits, white 0 and black 1. Codes are those of the `fax` crate, whose
//! reader of group 3 waits for an end of line behind the last one, which TIFFs do not have.

use std::convert::Infallible;

use fax::decoder::decode_g4;
use fax::maps::{black, white};
use fax::{BitReader, ByteReader, Color};

use crate::Size;

/// Codes are looked up by more bits than the last one may have.
const MARGIN: [u8; 3] = [0; 3];

/// What is before a line of one dimension.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// Zeros up to the next byte (TIFF 6.0 §10).
    NextByte,
    /// Any number of zeros, at least eleven, and a one (ITU-T T.4, 4.1.2).
    EndOfLine,
}

pub(super) fn one_dimension(packed: &[u8], size: Size, lead: Lead) -> Option<Vec<u8>> {
    let bytes = packed.iter().copied().chain(MARGIN).map(Ok::<u8, Infallible>);
    let mut bits = ByteReader::new(bytes).ok()?;
    let mut lines = Lines::new(size)?;
    let mut changes = Vec::new();
    for _ in 0..size.height {
        match lead {
            Lead::NextByte => bits.consume(bits.bits_to_byte_boundary()).ok()?,
            Lead::EndOfLine => {
                while bits.peek(1)? == 0 {
                    bits.consume(1).ok()?;
                }
                bits.consume(1).ok()?;
            }
        }
        changes.clear();
        let (mut at, mut colour) = (0_u32, Color::White);
        while at < lines.width {
            at = at.checked_add(run(&mut bits, colour)?)?;
            changes.push(at);
            colour = !colour;
            // SECURITY: runs of no length would go on as long as the file.
            if changes.len() > lines.width as usize + 1 {
                return None;
            }
        }
        lines.add(&changes);
    }
    lines.whole()
}

/// Any number of make-up codes, and the code that ends a run.
fn run(bits: &mut impl BitReader, colour: Color) -> Option<u32> {
    let mut sum = 0_u32;
    loop {
        let code = match colour {
            Color::White => white::decode(bits)?,
            Color::Black => black::decode(bits)?,
        };
        sum = sum.checked_add(code.into())?;
        if code < 64 {
            return Some(sum);
        }
    }
}

/// White lines at the end may be left out.
pub(super) fn two_dimensions(packed: &[u8], size: Size) -> Option<Vec<u8>> {
    let mut lines = Lines::new(size)?;
    // SECURITY: the decoder keeps 4 bytes of each change, and a line may go back and forth as long as there is data.
    // A sound one has at most 7 bits a pixel, and what ends it.
    let most = usize::try_from(size.pixels() + 16 * u64::from(size.height)).ok()?;
    let bytes = packed.iter().copied().take(most).chain(MARGIN);
    decode_g4(bytes, size.width, Some(size.height), |line| lines.add(line))?;
    lines.whole()
}

struct Lines {
    width: u32,
    stride: usize,
    wanted: usize,
    rows: Vec<u8>,
}

impl Lines {
    fn new(size: Size) -> Option<Self> {
        let stride = size.width.div_ceil(8) as usize;
        let wanted = stride.checked_mul(size.height as usize)?;
        Some(Self { width: size.width, stride, wanted, rows: Vec::with_capacity(wanted) })
    }

    /// By the places where the colour changes, white first.
    fn add(&mut self, changes: &[u32]) {
        let start = self.rows.len();
        self.rows.resize(start + self.stride, 0);
        let row = &mut self.rows[start..];
        // SECURITY: what was painted is not painted again, however often places go back.
        let mut painted = 0;
        for run in changes.chunks(2) {
            let end = run.get(1).copied().unwrap_or(self.width).min(self.width);
            for x in run[0].max(painted)..end {
                row[x as usize / 8] |= 0x80 >> (x % 8);
            }
            painted = painted.max(end);
        }
    }

    fn whole(self) -> Option<Vec<u8>> {
        (self.rows.len() == self.wanted).then_some(self.rows)
    }
}
