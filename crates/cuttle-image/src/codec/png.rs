//! PNG by the `png` crate, in safe Rust.

use std::io::Cursor;

use png::{BitDepth, ColorType, Compression, Decoder, Encoder, Transformations};

use crate::picture::{Channels, Picture};
use crate::{Profile, RenderError, Size};

/// Any colour type and depth as 8-bit grey or RGB, palettes and `tRNS` expanded. The high byte of
/// 16-bit samples is kept, as libvips does.
pub(crate) fn decode(source: &[u8], size: Size) -> Result<Picture, RenderError> {
    let failed = |error: png::DecodingError| RenderError::Decode(error.to_string());
    let mut decoder = Decoder::new(Cursor::new(source));
    decoder.set_transformations(Transformations::normalize_to_color8());
    // Text and profile are never read: the probe found the profile, inflated within its limit.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(failed)?;
    let (colour, depth) = reader.output_color_type();
    let channels = match (colour, depth) {
        (ColorType::Grayscale, BitDepth::Eight) => Channels::Grey,
        (ColorType::GrayscaleAlpha, BitDepth::Eight) => Channels::GreyAlpha,
        (ColorType::Rgb, BitDepth::Eight) => Channels::Rgb,
        (ColorType::Rgba, BitDepth::Eight) => Channels::Rgba,
        _ => return Err(RenderError::Decode("the samples were not expanded to 8 bits".into())),
    };
    let mut picture = Picture::blank(size, channels);
    if reader.output_buffer_size() != Some(picture.samples.len()) {
        return Err(RenderError::Decode("the size is not the one that was announced".into()));
    }
    reader.next_frame(&mut picture.samples).map_err(failed)?;
    // A file without its end is truncated, even when every pixel happened to arrive.
    reader.finish().map_err(failed)?;
    Ok(picture)
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
        Profile::Small => Compression::High,
    });
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&picture.samples).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}
