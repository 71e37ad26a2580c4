//! GIF, in safe Rust: blocks by the probe's walk, codes by `weezl`. Pictures are read a row at a time, so that
//! one that is far larger than the screen costs no memory.
//!
//! Codes of the first picture that end early leave what is below clear, and end the film. A later picture whose
//! codes end early or are wrong ends it before itself: both as Chromium shows it. What Chromium shows of a first
//! picture that is cut off by the end of the file, or whose codes are wrong, is refused here: that is damage.

use std::io::Cursor;
use std::time::Duration;

use weezl::decode::{Configuration, Decoder};
use weezl::{BitOrder, LzwStatus};

use crate::animation::canvas::{Canvas, Disposal, Rect};
use crate::animation::frames;
use crate::picture::Picture;
use crate::probe::gif::{CODE_SIZES, Frame, Pictures, pictures};
use crate::probe::window::{Fault, Window};
use crate::{RenderError, Size};

/// The pictures of a GIF, each on top of those before.
pub(crate) struct Frames<'a> {
    source: &'a [u8],
    frames: std::vec::IntoIter<Frame>,
    canvas: Canvas,
    size: Size,
    plays: u32,
    first: bool,
}

impl<'a> Frames<'a> {
    pub(crate) fn open(source: &'a [u8], size: Size) -> Result<Self, RenderError> {
        let walk = Window::new(Cursor::new(source)).map_err(Fault::Io);
        let Pictures { canvas, frames, plays } = walk
            .and_then(|mut file| pictures(&mut file))
            .map_err(|_| broken("the blocks are not those that were announced"))?;
        if canvas != size {
            return Err(broken("the size is not the one that was announced"));
        }
        let frames = frames.into_iter();
        Ok(Self { source, frames, canvas: Canvas::new(size), size, plays, first: true })
    }

    /// Draws a picture as far as its codes go, and says whether that is the whole.
    fn draw(&mut self, frame: &Frame, rect: Rect) -> Result<Drawn, RenderError> {
        let [_, _, width, height] = frame.rect.map(|side| side as usize);
        if width == 0 || height == 0 {
            return Ok(Drawn::Whole);
        }
        let colours = colours(self.source, frame);
        let mut codes = Codes::new(self.source, frame)?;
        let mut indices = vec![0; width];
        for (number, row) in rows(height, frame.interlaced).enumerate() {
            let filled = codes.fill(&mut indices)?;
            if row < rect.height {
                let pixels = self.canvas.row(rect, row).iter_mut();
                for (pixel, index) in pixels.zip(&indices[..filled]) {
                    if let Some(colour) = colours[usize::from(*index)] {
                        *pixel = colour;
                    }
                }
            }
            if filled < width {
                return Ok(if number == 0 { Drawn::Nothing } else { Drawn::Above });
            }
        }
        Ok(Drawn::Whole)
    }
}

/// How much of a picture was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drawn {
    Nothing,
    /// Rows, and none below them.
    Above,
    Whole,
}

impl frames::Frames for Frames<'_> {
    fn advance(&mut self) -> Result<Option<Duration>, RenderError> {
        let Some(frame) = self.frames.next() else { return Ok(None) };
        let rect = Rect::clipped(frame.rect, self.size);
        let disposal = match frame.disposal {
            2 => Disposal::Clear,
            // 4 is the third bit taken for the number: some writers meant 3.
            3 | 4 => Disposal::Restore,
            _ => Disposal::Keep,
        };
        self.canvas.begin(rect, disposal);
        let first = std::mem::take(&mut self.first);
        match self.draw(&frame, rect) {
            Ok(Drawn::Whole) => {}
            // Between the rows of an interlaced picture, something else would be made up.
            Ok(Drawn::Above) if first && frame.ended && !frame.interlaced => {
                self.frames = Vec::new().into_iter();
            }
            Err(error) if first => return Err(error),
            _ if first => return Err(broken("the image is cut off")),
            _ => {
                self.frames = Vec::new().into_iter();
                return Ok(None);
            }
        }
        Ok(Some(Duration::from_millis(10) * u32::from(frame.delay)))
    }

    fn canvas(&self) -> &Picture {
        self.canvas.picture()
    }

    fn plays(&self) -> u32 {
        self.plays
    }
}

/// The indices of a picture: its blocks, joined and decompressed.
struct Codes<'a> {
    decoder: Decoder,
    /// From the length of the next block on.
    rest: &'a [u8],
    block: &'a [u8],
    ended: bool,
}

impl<'a> Codes<'a> {
    fn new(source: &'a [u8], frame: &Frame) -> Result<Self, RenderError> {
        if !CODE_SIZES.contains(&frame.code_size) {
            return Err(broken("the size of the codes is not valid"));
        }
        // What follows the last index is not looked at: many files have more.
        let decoder = Configuration::new(BitOrder::Lsb, frame.code_size)
            .with_yield_on_full_buffer(true)
            .build();
        let from = usize::try_from(frame.codes).unwrap_or(usize::MAX);
        let rest = source.get(from..).unwrap_or_default();
        Ok(Self { decoder, rest, block: &[], ended: false })
    }

    /// Fills `row` as far as the codes go, and says how far.
    fn fill(&mut self, row: &mut [u8]) -> Result<usize, RenderError> {
        let mut filled = 0;
        // weezl 0.1 also says "no progress" where all that it read was a clear code, out of bits that it holds.
        let mut stalled = false;
        while filled < row.len() && !self.ended {
            let made = self.decoder.decode_bytes(self.block, &mut row[filled..]);
            self.block = &self.block[made.consumed_in..];
            filled += made.consumed_out;
            match made.status {
                Ok(LzwStatus::Done) => self.ended = true,
                Ok(LzwStatus::Ok) => stalled = false,
                Ok(LzwStatus::NoProgress) if !stalled => stalled = true,
                Ok(LzwStatus::NoProgress) if self.block.is_empty() => self.next_block(),
                _ => return Err(broken("a code is not valid")),
            }
        }
        Ok(filled)
    }

    fn next_block(&mut self) {
        let Some((len, rest)) = self.rest.split_first() else {
            self.ended = true;
            return;
        };
        let (block, rest) = rest.split_at(rest.len().min(usize::from(*len)));
        self.ended = block.is_empty();
        (self.block, self.rest) = (block, rest);
    }
}

/// The colour of each index; `None` leaves what is below. One that the table lacks is black to every viewer.
fn colours(source: &[u8], frame: &Frame) -> [Option<[u8; 4]>; 256] {
    let mut colours = [Some([0, 0, 0, 255]); 256];
    let from = usize::try_from(frame.colours.at).unwrap_or(usize::MAX);
    let len = usize::try_from(frame.colours.len).unwrap_or(0);
    let table = source.get(from..).unwrap_or_default();
    let table = &table[..table.len().min(len)];
    for (colour, [r, g, b]) in colours.iter_mut().zip(table.as_chunks::<3>().0) {
        *colour = Some([*r, *g, *b, 255]);
    }
    if let Some(index) = frame.transparent {
        colours[usize::from(index)] = None;
    }
    colours
}

/// Rows in the order of the file: every eighth, those between, and so on (GIF 89a, appendix E).
fn rows(height: usize, interlaced: bool) -> impl Iterator<Item = usize> {
    let passes: &[(usize, usize)] =
        if interlaced { &[(0, 8), (4, 8), (2, 4), (1, 2)] } else { &[(0, 1)] };
    passes.iter().flat_map(move |(first, step)| (*first..height).step_by(*step))
}

fn broken(what: &str) -> RenderError {
    RenderError::Decode(format!("GIF: {what}"))
}
