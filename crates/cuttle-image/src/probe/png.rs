//! PNG (W3C PNG third edition): the chunks before the first pixel data; of an animation all, to see how far it
//! is good.

use std::io::{Read, Seek};

use super::window::{Fault, Window};
use super::{Cicp, Extent, Icc, MAX_FRAMES, Probe, exif};
use crate::Size;

/// A profile's name (1 to 79 bytes of Latin-1), its final NUL and the compression method.
const ICC_NAME_MAX: usize = 79;

/// Chunks that nobody keeps are skipped, however long and many: the window's cap is theirs.
pub(super) fn read<R: Read + Seek>(file: &mut Window<R>, probe: &mut Probe) -> Result<(), Fault> {
    let mut at = 8;
    let mut announced = None;
    let mut film = Film::default();
    loop {
        let (name, body, len) = chunk(file, at)?;
        if (probe.stored.is_none()) != (name == *b"IHDR") {
            return Err(Fault::Broken("IHDR is not the first chunk"));
        }
        match &name {
            b"IHDR" => header(file, body, probe)?,
            b"IDAT" | b"IEND" => break,
            b"tRNS" => probe.alpha = true,
            // No frames at all is an error that browsers forgive: the picture stands still.
            b"acTL" => announced = Some(file.u32_be(body)?).filter(|frames| *frames > 0),
            b"fcTL" => film.control(file, body, len, probe.stored)?,
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
            _ => {}
        }
        at = body + len + 4;
    }
    let Some(announced) = announced else { return Ok(()) };
    match film.count(file, at, announced.min(MAX_FRAMES + 1), probe.stored) {
        Ok(0) => probe.broken_film = true,
        Ok(frames) if frames <= MAX_FRAMES => probe.count_frames(frames),
        Ok(_) => probe.animated = true,
        // Too long to be walked to its end.
        Err(Fault::Broken(_)) => probe.animated = true,
        Err(fault) => return Err(fault),
    }
    Ok(())
}

/// Name, and where the body lies.
fn chunk<R: Read + Seek>(file: &mut Window<R>, at: u64) -> Result<([u8; 4], u64, u64), Fault> {
    let [l3, l2, l1, l0, name @ ..] = file.array::<8>(at)?;
    Ok((name, at + 8, u32::from_be_bytes([l3, l2, l1, l0]).into()))
}

/// The frames of an animation as far as they are good (PNG §11.3.3.5): whole, in order, within the canvas.
#[derive(Default)]
struct Film {
    /// The number that the next chunk of the animation must have.
    sequence: u32,
    /// A control was read, and its pixels are still to come.
    pending: bool,
    bad: bool,
}

impl Film {
    fn control<R: Read + Seek>(
        &mut self,
        file: &mut Window<R>,
        body: u64,
        len: u64,
        canvas: Option<Size>,
    ) -> Result<(), Fault> {
        let Some(canvas) = canvas else { return Ok(()) };
        if len != 26 || file.len() < body + len {
            self.bad = true;
            return Ok(());
        }
        let bytes: [u8; 26] = file.array(body)?;
        let word = |at: usize| u32::from_be_bytes(std::array::from_fn(|byte| bytes[4 * at + byte]));
        let [width, height, left, top] = [1, 2, 3, 4].map(word);
        let fits = |start: u32, side: u32, of: u32| {
            side > 0 && start.checked_add(side).is_some_and(|end| end <= of)
        };
        let good = fits(left, width, canvas.width)
            && fits(top, height, canvas.height)
            && bytes[24] <= 2
            && bytes[25] <= 1
            && word(0) == self.sequence
            && !self.pending;
        self.bad |= !good;
        self.pending = true;
        self.sequence = self.sequence.wrapping_add(1);
        Ok(())
    }

    /// Walks over pixels from `at` on, and counts frames that have all of theirs, at most `limit`. As in Chromium,
    /// only the chunk that follows tells that they are all.
    fn count<R: Read + Seek>(
        mut self,
        file: &mut Window<R>,
        mut at: u64,
        limit: u32,
        canvas: Option<Size>,
    ) -> Result<u32, Fault> {
        let mut frames = 0;
        // Whether the chunks that come are those of the pending frame.
        let mut pixels = false;
        while !self.bad && frames < limit && file.len().saturating_sub(at) >= 8 {
            let (name, body, len) = chunk(file, at)?;
            let here = matches!(&name, b"IDAT" | b"fdAT");
            if pixels && !here {
                frames += u32::from(self.pending);
                self.pending = false;
                pixels = false;
            }
            if body + len + 4 > file.len() && name != *b"IEND" {
                return Ok(frames);
            }
            match &name {
                b"IEND" => return Ok(frames),
                b"IDAT" => pixels = true,
                b"fcTL" => self.control(file, body, len, canvas)?,
                b"fdAT" => {
                    if len < 4 || !self.pending || file.u32_be(body)? != self.sequence {
                        return Ok(frames);
                    }
                    self.sequence = self.sequence.wrapping_add(1);
                    pixels = true;
                }
                _ => {}
            }
            at = body + len + 4;
        }
        Ok(frames)
    }
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

/// Primaries, transfer, matrix, range. Other matrices than RGB's are forbidden (PNG §11.3.2.6; the decoder
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
