//! GIF by the `gif` crate, in safe Rust. Pictures are read a row at a time, so that one that is far
//! larger than the screen costs no memory.

use std::time::Duration;

use gif::{ColorOutput, DecodeOptions, Decoder, DisposalMethod, Repeat};

use crate::animation::{self, Canvas, Disposal, Rect};
use crate::picture::Picture;
use crate::{RenderError, Size};

/// Delays up to this many hundredths of a second are taken for a mistake by every browser …
const NO_DELAY: u16 = 1;
/// … which then waits this long.
const DEFAULT_DELAY: Duration = Duration::from_millis(100);

/// The pictures of a GIF, each on top of those before.
pub(crate) struct Frames<'a> {
    decoder: Decoder<&'a [u8]>,
    canvas: Canvas,
    size: Size,
}

impl<'a> Frames<'a> {
    pub(crate) fn open(source: &'a [u8], size: Size) -> Result<Self, RenderError> {
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::Indexed);
        let decoder = options.read_info(source).map_err(failed)?;
        if (u32::from(decoder.width()), u32::from(decoder.height())) != (size.width, size.height) {
            return Err(RenderError::Decode("the size is not the one that was announced".into()));
        }
        Ok(Self { decoder, canvas: Canvas::new(size), size })
    }
}

impl animation::Frames for Frames<'_> {
    fn advance(&mut self) -> Result<Option<Duration>, RenderError> {
        let Some(frame) = self.decoder.next_frame_info().map_err(failed)? else { return Ok(None) };
        let (width, height) = (usize::from(frame.width), usize::from(frame.height));
        let rect = Rect::clipped(
            [frame.left, frame.top, frame.width, frame.height].map(u32::from),
            self.size,
        );
        let (delay, interlaced) = (frame.delay, frame.interlaced);
        let disposal = match frame.dispose {
            DisposalMethod::Any | DisposalMethod::Keep => Disposal::Keep,
            DisposalMethod::Background => Disposal::Clear,
            DisposalMethod::Previous => Disposal::Restore,
        };
        let colours =
            colours(self.decoder.palette().map_err(failed)?, frame_transparency(&self.decoder));
        self.canvas.begin(rect, disposal);
        let mut indices = vec![0; width];
        for row in rows(height, interlaced) {
            if width > 0 && !self.decoder.fill_buffer(&mut indices).map_err(failed)? {
                return Err(RenderError::Decode("a picture is cut off".into()));
            }
            if row < rect.height {
                for (pixel, index) in self.canvas.row(rect, row).iter_mut().zip(&indices) {
                    if let Some(colour) = colours[usize::from(*index)] {
                        *pixel = colour;
                    }
                }
            }
        }
        let shown = Duration::from_millis(10) * u32::from(delay);
        Ok(Some(if delay <= NO_DELAY { DEFAULT_DELAY } else { shown }))
    }

    fn canvas(&self) -> &Picture {
        self.canvas.picture()
    }

    /// GIF counts repetitions, and without a number shows the whole once.
    fn plays(&self) -> u32 {
        match self.decoder.repeat() {
            Repeat::Infinite => 0,
            Repeat::Finite(repetitions) => u32::from(repetitions) + 1,
        }
    }
}

fn frame_transparency(decoder: &Decoder<&[u8]>) -> Option<u8> {
    decoder.current_frame_info().and_then(|frame| frame.transparent)
}

/// The colour of each index; `None` leaves what is below, as viewers do for one that the table lacks too.
fn colours(palette: &[u8], transparent: Option<u8>) -> [Option<[u8; 4]>; 256] {
    let mut colours = [None; 256];
    for (colour, [r, g, b]) in colours.iter_mut().zip(palette.as_chunks::<3>().0) {
        *colour = Some([*r, *g, *b, 255]);
    }
    if let Some(index) = transparent {
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

#[expect(clippy::needless_pass_by_value, reason = "the argument of map_err")]
fn failed(error: gif::DecodingError) -> RenderError {
    RenderError::Decode(format!("gif: {error}"))
}
