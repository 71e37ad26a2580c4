//! The first page of a TIFF by the `tiff` crate, in safe Rust.
//!
//! Only the variants that the probe calls supported come here; `docs/formats.md` lists them. Compression
//! by JPEG is not one: the crate decodes each strip whole, whatever size the JPEG inside says it has.

use std::io::Cursor;

use tiff::decoder::{Decoder, DecodingResult, Limits};

use crate::colour::narrow_row;
use crate::picture::{Channels, Picture};
use crate::{RenderError, Size};

/// Decodes `source`, whose header announced `size`; 16-bit samples are rounded to 8.
pub(crate) fn decode(
    source: &[u8],
    size: Size,
    premultiplied: bool,
) -> Result<Picture, RenderError> {
    let failed = |error: tiff::TiffError| RenderError::Decode(error.to_string());
    let unannounced = || RenderError::Decode("the page is not the one that was announced".into());
    // SECURITY: the crate's own ceilings, at the most that a picture of the announced size can need.
    let frame = usize::try_from(size.pixels() * 8).unwrap_or(usize::MAX);
    let mut limits = Limits::default();
    limits.decoding_buffer_size = frame;
    limits.intermediate_buffer_size = frame.saturating_add(1 << 20);
    let mut decoder = Decoder::new(Cursor::new(source)).map_err(failed)?.with_limits(limits);
    if decoder.dimensions().map_err(failed)? != (size.width, size.height) {
        return Err(unannounced());
    }
    let channels = match decoder.colortype().map_err(failed)? {
        tiff::ColorType::Gray(8 | 16) => Channels::Grey,
        tiff::ColorType::RGB(8 | 16) => Channels::Rgb,
        tiff::ColorType::RGBA(8 | 16) => Channels::Rgba,
        _ => return Err(unannounced()),
    };
    let mut picture = Picture::blank(size, channels);
    match decoder.read_image().map_err(failed)? {
        DecodingResult::U8(samples) if samples.len() == picture.samples.len() => {
            picture.samples = samples;
        }
        DecodingResult::U16(samples) if samples.len() == picture.samples.len() => {
            narrow_row(&samples, &mut picture.samples);
        }
        _ => return Err(unannounced()),
    }
    if premultiplied {
        undo_alpha(&mut picture);
    }
    Ok(picture)
}

/// Associated alpha (TIFF 6.0 §18) to straight.
fn undo_alpha(picture: &mut Picture) {
    if picture.channels != Channels::Rgba {
        return;
    }
    for [rgb @ .., alpha] in picture.samples.as_chunks_mut::<4>().0 {
        let a = u32::from(*alpha);
        for sample in rgb.iter_mut().filter(|_| a > 0) {
            *sample = u8::try_from((u32::from(*sample) * 255 + a / 2) / a).unwrap_or(u8::MAX);
        }
    }
}
