//! Lines of fax (ITU-T T.4 and T.6) to rows of bits, white 0 and black 1.
//!
//! Codes are those of the `fax` crate. Lines are ours: its reader of group 3 waits for an end of line behind the last one,
//! which TIFFs do not have, and knows no lines of two dimensions; that of group 4 lets a line go back, and so on for as long
//! as there is data.

use std::convert::Infallible;

use fax::maps::{Mode, black, mode, white};
use fax::{BitReader, ByteReader, Color};

use crate::Size;

/// Codes are looked up by more bits than the last one may have.
const MARGIN: [u8; 3] = [0; 3];

/// What is before a line, and what that says of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// Zeros up to the next byte; it is of one dimension (TIFF 6.0 §10).
    NextByte,
    /// An end of line; it is of one dimension.
    EndOfLine,
    /// An end of line, and a bit that says whether it is of one dimension.
    Tagged,
    /// Nothing: all are of two dimensions.
    Nothing,
}

/// As many as the height. Of those of group 4, white ones at the end may be left out.
pub(super) fn rows(packed: &[u8], size: Size, lead: Lead) -> Option<Vec<u8>> {
    let bytes = packed.iter().copied().chain(MARGIN).map(Ok::<u8, Infallible>);
    let mut bits = ByteReader::new(bytes).ok()?;
    let mut rows = Rows::new(size)?;
    let mut line = Line { width: size.width, changes: Vec::new(), before: Vec::new() };
    for _ in 0..size.height {
        line.begin();
        let is_of_two = match lead {
            Lead::NextByte => {
                bits.consume(bits.bits_to_byte_boundary()).ok()?;
                false
            }
            Lead::EndOfLine => {
                end_of_line(&mut bits)?;
                false
            }
            Lead::Tagged => {
                end_of_line(&mut bits)?;
                bit(&mut bits)? == 0
            }
            Lead::Nothing => true,
        };
        if !is_of_two {
            line.one_dimension(&mut bits)?;
        } else if line.two_dimensions(&mut bits)? == Ended::All {
            if lead != Lead::Nothing {
                return None;
            }
            break;
        }
        rows.add(&line.changes);
    }
    Some(rows.whole())
}

/// Any number of zeros, at least eleven, and a one (ITU-T T.4, 4.1.2).
fn end_of_line(bits: &mut impl BitReader) -> Option<()> {
    while bit(bits)? == 0 {}
    Some(())
}

fn bit(bits: &mut impl BitReader) -> Option<u16> {
    let bit = bits.peek(1)?;
    bits.consume(1).ok()?;
    Some(bit)
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

/// Where the codes ended.
#[derive(PartialEq, Eq)]
enum Ended {
    Line,
    /// There is no line, nor any other.
    All,
}

/// A line by the places where its colour changes, from white on. None is before the last.
struct Line {
    width: u32,
    changes: Vec<u32>,
    /// Those of the line before.
    before: Vec<u32>,
}

impl Line {
    fn begin(&mut self) {
        std::mem::swap(&mut self.changes, &mut self.before);
        self.changes.clear();
    }

    fn one_dimension(&mut self, bits: &mut impl BitReader) -> Option<()> {
        let (mut at, mut colour) = (0_u32, Color::White);
        while at < self.width {
            at = at.checked_add(run(bits, colour)?)?;
            self.change(at)?;
            colour = !colour;
        }
        Some(())
    }

    /// By the changes of the line before (ITU-T T.4, 4.2).
    fn two_dimensions(&mut self, bits: &mut impl BitReader) -> Option<Ended> {
        let (mut at, mut colour) = (0_u32, Color::White);
        // The first change of the line before that is behind `at`.
        let mut next = 0;
        let mut has_begun = false;
        while at < self.width {
            let behind = |change: &u32| *change < at || has_begun && *change == at;
            next += self.before[next..].iter().take_while(|change| behind(change)).count();
            // The first one from this colour to the other: those of even numbers are to black.
            let opposite = next + usize::from((next % 2 == 0) != (colour == Color::White));
            match mode::decode(bits)? {
                Mode::Pass => at = self.above(opposite + 1),
                Mode::Vertical(far) => {
                    let to = self.above(opposite).checked_add_signed(far.into())?;
                    at = Some(to).filter(|to| (at..=self.width).contains(to))?;
                    self.change(at)?;
                    colour = !colour;
                }
                Mode::Horizontal => {
                    for colour in [colour, !colour] {
                        at = at.checked_add(run(bits, colour)?)?;
                        self.change(at)?;
                    }
                }
                Mode::EOF if !has_begun => return Some(Ended::All),
                Mode::EOF | Mode::Extension => return None,
            }
            has_begun = true;
        }
        Some(Ended::Line)
    }

    /// The change of that number in the line before, or the edge.
    fn above(&self, number: usize) -> u32 {
        self.before.get(number).map_or(self.width, |change| self.width.min(*change))
    }

    fn change(&mut self, at: u32) -> Option<()> {
        self.changes.push(at);
        // SECURITY: runs of no length would go on as long as the file.
        (self.changes.len() <= self.width as usize + 1).then_some(())
    }
}

/// The rows so far.
struct Rows {
    width: u32,
    stride: usize,
    wanted: usize,
    rows: Vec<u8>,
}

impl Rows {
    fn new(size: Size) -> Option<Self> {
        let stride = size.width.div_ceil(8) as usize;
        let wanted = stride.checked_mul(size.height as usize)?;
        Some(Self { width: size.width, stride, wanted, rows: Vec::with_capacity(wanted) })
    }

    fn add(&mut self, changes: &[u32]) {
        let start = self.rows.len();
        self.rows.resize(start + self.stride, 0);
        let row = &mut self.rows[start..];
        for run in changes.chunks(2) {
            let end = run.get(1).copied().unwrap_or(self.width).min(self.width);
            for x in run[0]..end {
                row[x as usize / 8] |= 0x80 >> (x % 8);
            }
        }
    }

    fn whole(mut self) -> Vec<u8> {
        self.rows.resize(self.wanted, 0);
        self.rows
    }
}
