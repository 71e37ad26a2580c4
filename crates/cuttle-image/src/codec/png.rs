//! PNG by the `png` crate, in safe Rust.

use std::io::Cursor;

use png::{BitDepth, ColorType, Compression, Decoder, Encoder, Reader, Transformations};

use crate::colour::{Meaning, narrow_row};
use crate::picture::{Channels, Picture};
use crate::{Profile, RenderError, Size};

/// Any colour type and depth as 8-bit grey or RGB, palettes and `tRNS` expanded. The high byte of
/// 16-bit samples is kept, as libvips does.
pub(crate) fn decode(source: &[u8], size: Size) -> Result<Picture, RenderError> {
    let mut reader = open(source, Transformations::normalize_to_color8())?;
    let (channels, depth) = layout(&reader)?;
    let mut picture = Picture::blank(size, channels);
    if depth != BitDepth::Eight || reader.output_buffer_size() != Some(picture.samples.len()) {
        return Err(unannounced());
    }
    reader.next_frame(&mut picture.samples).map_err(failed)?;
    // A file without its end is truncated, even when every pixel happened to arrive.
    reader.finish().map_err(failed)?;
    Ok(picture)
}

/// As [`decode`], with the colours converted from 16 bits by what they mean: row by row, so that no
/// deep copy of the frame exists, unless it is interlaced.
pub(crate) fn decode_deep(
    source: &[u8],
    size: Size,
    meaning: &Meaning,
) -> Result<Picture, RenderError> {
    let mut reader = open(source, Transformations::EXPAND)?;
    let (channels, depth) = layout(&reader)?;
    let bytes = if depth == BitDepth::Sixteen { 2 } else { 1 };
    let mut picture = Picture::blank(size, channels);
    if reader.output_buffer_size() != Some(bytes * picture.samples.len()) {
        return Err(unannounced());
    }
    let stride = picture.stride();
    let converter = meaning.converter(channels, true);
    let mut wide = vec![0; stride];
    let mut convert = |from: &[u8], to: &mut [u8]| {
        match bytes {
            1 => wide.iter_mut().zip(from).for_each(|(to, from)| *to = u16::from(*from) * 257),
            _ => {
                let samples = from.as_chunks().0;
                wide.iter_mut().zip(samples).for_each(|(to, from)| *to = u16::from_be_bytes(*from));
            }
        }
        match &converter {
            Some(converter) => converter.row(&wide, to),
            None => narrow_row(&wide, to),
        }
    };
    if reader.info().interlaced {
        let mut frame = vec![0; bytes * picture.samples.len()];
        reader.next_frame(&mut frame).map_err(failed)?;
        let rows = frame.chunks_exact(bytes * stride);
        for (from, to) in rows.zip(picture.samples.chunks_exact_mut(stride)) {
            convert(from, to);
        }
    } else {
        for to in picture.samples.chunks_exact_mut(stride) {
            let row = reader.next_row().map_err(failed)?;
            convert(row.ok_or_else(unannounced)?.data(), to);
        }
    }
    reader.finish().map_err(failed)?;
    Ok(picture)
}

fn open(
    source: &[u8],
    transformations: Transformations,
) -> Result<Reader<Cursor<&[u8]>>, RenderError> {
    let mut decoder = Decoder::new(Cursor::new(source));
    decoder.set_transformations(transformations);
    // Text and profile are never read: the probe found the profile, inflated within its limit.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.read_info().map_err(failed)
}

fn layout(reader: &Reader<Cursor<&[u8]>>) -> Result<(Channels, BitDepth), RenderError> {
    let (colour, depth) = reader.output_color_type();
    let channels = match colour {
        ColorType::Grayscale => Channels::Grey,
        ColorType::GrayscaleAlpha => Channels::GreyAlpha,
        ColorType::Rgb => Channels::Rgb,
        ColorType::Rgba => Channels::Rgba,
        ColorType::Indexed => return Err(unannounced()),
    };
    Ok((channels, depth))
}

fn unannounced() -> RenderError {
    RenderError::Decode("the pixels are not those that were announced".into())
}

fn failed(error: png::DecodingError) -> RenderError {
    RenderError::Decode(error.to_string())
}

/// Truecolour or grey, with alpha when the picture has it.
pub(crate) fn encode(picture: &Picture, profile: Profile) -> Result<Vec<u8>, RenderError> {
    let failed = |error: png::EncodingError| RenderError::Encode(error.to_string());
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, picture.size.width, picture.size.height);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_color(match picture.channels {
        Channels::Grey => ColorType::Grayscale,
        Channels::GreyAlpha => ColorType::GrayscaleAlpha,
        Channels::Rgb => ColorType::Rgb,
        Channels::Rgba => ColorType::Rgba,
    });
    encoder.set_compression(match profile {
        Profile::Fast => Compression::Fast,
        Profile::Balanced => Compression::Balanced,
    });
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&picture.samples).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}
