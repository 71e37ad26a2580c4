//! Animated PNG by the `png` crate, in safe Rust (PNG third edition, §11.3.3.5: `acTL`, `fcTL`, `fdAT`).

use std::io::Cursor;
use std::time::Duration;

use png::{BlendOp, ColorType, Decoder, DisposeOp, Reader, Transformations};

use crate::animation::canvas::{Canvas, Disposal, Rect, over};
use crate::animation::frames;
use crate::picture::Picture;
use crate::{RenderError, Size};

/// The frames of an APNG, each drawn as its control chunk says.
pub(crate) struct Frames<'a> {
    reader: Reader<Cursor<&'a [u8]>>,
    canvas: Canvas,
    size: Size,
    /// Samples of one frame, reused.
    samples: Vec<u8>,
    left: u32,
    shown: bool,
    plays: u32,
}

impl<'a> Frames<'a> {
    pub(crate) fn open(source: &'a [u8], size: Size, frames: u32) -> Result<Self, RenderError> {
        let mut decoder = Decoder::new(Cursor::new(source));
        decoder.set_transformations(Transformations::normalize_to_color8());
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let mut reader = decoder.read_info().map_err(failed)?;
        let changed = || RenderError::Decode("the header is not the one that was announced".into());
        let plays = reader.info().animation_control().ok_or_else(changed)?.num_plays;
        let bytes = reader.output_buffer_size().ok_or_else(changed)?;
        // Four samples a pixel at most, of 8 bits.
        if reader.info().size() != (size.width, size.height) || bytes as u64 > 4 * size.pixels() {
            return Err(changed());
        }
        let mut samples = vec![0; bytes];
        if reader.info().frame_control().is_none() {
            // A picture for those who know no animations is not part of it.
            reader.next_frame(&mut samples).map_err(failed)?;
        }
        Ok(Self {
            reader,
            canvas: Canvas::new(size),
            size,
            samples,
            left: frames,
            shown: false,
            plays,
        })
    }
}

impl frames::Frames for Frames<'_> {
    fn advance(&mut self) -> Result<Option<Duration>, RenderError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let drawn = match self.reader.next_frame(&mut self.samples) {
            Ok(drawn) => drawn,
            // What was shown so far is good.
            Err(_) if self.shown => {
                self.left = 0;
                return Ok(None);
            }
            Err(error) => return Err(failed(error)),
        };
        self.shown = true;
        let info = self.reader.info();
        let control = info.frame_control().copied();
        let control =
            control.ok_or_else(|| RenderError::Decode("a frame has no control".into()))?;
        let rect = Rect::clipped(
            [control.x_offset, control.y_offset, control.width, control.height],
            self.size,
        );
        self.canvas.begin(
            rect,
            match control.dispose_op {
                DisposeOp::None => Disposal::Keep,
                DisposeOp::Background => Disposal::Clear,
                DisposeOp::Previous => Disposal::Restore,
            },
        );
        let channels = drawn.color_type.samples();
        // The rows of an interlaced frame are as far apart as those of the whole picture.
        let stride =
            if info.interlaced { self.size.width as usize * channels } else { drawn.line_size };
        for (row, line) in self.samples.chunks(stride).take(rect.height).enumerate() {
            let pixels = line.chunks_exact(channels);
            for (below, above) in self.canvas.row(rect, row).iter_mut().zip(pixels) {
                let above = rgba(drawn.color_type, above);
                *below = match control.blend_op {
                    BlendOp::Source => above,
                    BlendOp::Over => over(above, *below),
                };
            }
        }
        Ok(Some(delay(control.delay_num, control.delay_den)))
    }

    fn canvas(&self) -> &Picture {
        self.canvas.picture()
    }

    fn plays(&self) -> u32 {
        self.plays
    }
}

fn rgba(colour: ColorType, samples: &[u8]) -> [u8; 4] {
    match (colour, samples) {
        (ColorType::Grayscale, &[l]) => [l, l, l, 255],
        (ColorType::GrayscaleAlpha, &[l, a]) => [l, l, l, a],
        (ColorType::Rgb, &[r, g, b]) => [r, g, b, 255],
        (ColorType::Rgba, &[r, g, b, a]) => [r, g, b, a],
        // Palettes were expanded.
        _ => [0; 4],
    }
}

/// A fraction of a second; a denominator of 0 means 100.
fn delay(numerator: u16, denominator: u16) -> Duration {
    let denominator = if denominator == 0 { 100 } else { denominator };
    Duration::from_secs(1) * u32::from(numerator) / u32::from(denominator)
}

#[expect(clippy::needless_pass_by_value, reason = "the argument of map_err")]
fn failed(error: png::DecodingError) -> RenderError {
    RenderError::Decode(error.to_string())
}
