//! PNG by the `png` crate, in safe Rust.

use std::io::Cursor;

use png::{
    Adam7Info, BitDepth, ColorType, Compression, Decoder, Encoder, Filter, Reader, Transformations,
};

use crate::colour::{Converter, Meaning};
use crate::depth::narrow_row;
use crate::palette::Indexed;
use crate::picture::{Channels, Picture};
use crate::sink::Sink;
use crate::{Profile, RenderError, Size};

/// Any colour type and depth as 8-bit grey or RGB, palettes and `tRNS` expanded, row by row; an interlaced
/// frame, whose rows do not come in order, is held whole. The high byte of 16-bit samples is kept, as libvips
/// does, unless their meaning asks for all of them (`deep`): then they are sRGB when they come out.
pub(crate) fn decode(
    source: &[u8],
    size: Size,
    deep: Option<&Meaning>,
    rows: &mut Sink<'_>,
) -> Result<(), RenderError> {
    let transformations = match deep {
        Some(_) => Transformations::EXPAND,
        None => Transformations::normalize_to_color8(),
    };
    let mut reader = open(source, transformations)?;
    let (channels, depth) = layout(&reader)?;
    let bytes = if depth == BitDepth::Sixteen { 2 } else { 1 };
    let (width, height) = (size.width as usize, size.height as usize);
    let stride = width * channels.count();
    if reader.output_buffer_size() != Some(bytes * stride * height) || bytes == 2 && deep.is_none()
    {
        return Err(unannounced());
    }
    let mut narrow = deep.map(|meaning| Narrow::new(meaning, channels, bytes, stride));
    rows.begin(size, channels);
    let mut take = |row: &[u8]| match &mut narrow {
        Some(narrow) => rows.row(narrow.row(row)),
        None => rows.row(row),
    };
    // What follows the last row is not read: a file without its end shows all the same, and one that lacks
    // a row never gets there.
    if reader.info().interlaced {
        let mut frame = vec![0; bytes * stride * height];
        let bits = u8::try_from(8 * bytes * channels.count()).map_err(|_| unannounced())?;
        for place in interlaced(size) {
            let row = reader.next_row().map_err(failed)?.ok_or_else(unannounced)?;
            png::expand_interlaced_row(&mut frame, bytes * stride, row.data(), &place, bits);
        }
        frame.chunks_exact(bytes * stride).try_for_each(take)?;
    } else {
        for _ in 0..height {
            let row = reader.next_row().map_err(failed)?;
            take(row.ok_or_else(unannounced)?.data())?;
        }
    }
    Ok(())
}

/// The rows of an interlaced picture in the order of the file (PNG §8.1); a pass without columns has none.
fn interlaced(size: Size) -> impl Iterator<Item = Adam7Info> {
    /// Where a pass begins, and its steps.
    const PASSES: [[u32; 3]; 7] =
        [[0, 0, 8], [4, 0, 8], [0, 4, 8], [2, 0, 4], [0, 2, 4], [1, 0, 2], [0, 1, 2]];
    (1..).zip(PASSES).flat_map(move |(pass, [left, top, down])| {
        let rows =
            if size.width > left { size.height.saturating_sub(top).div_ceil(down) } else { 0 };
        (0..rows).map(move |row| Adam7Info::new(pass, row, size.width))
    })
}

/// `source` without its animation, whose chunks the decoder would stumble over.
pub(crate) fn without_film(source: &[u8]) -> Vec<u8> {
    let (start, mut rest) = source.split_at(source.len().min(8));
    let mut plain = start.to_vec();
    while let Some((length, _)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (chunk, after) = rest.split_at(rest.len().min(length.saturating_add(12)));
        if !matches!(chunk.get(4..8), Some(b"acTL" | b"fcTL" | b"fdAT")) {
            plain.extend_from_slice(chunk);
        }
        rest = after;
    }
    plain
}

/// Samples of 8 or 16 bits by what they mean.
struct Narrow {
    converter: Option<Converter>,
    bytes: usize,
    wide: Vec<u16>,
    narrow: Vec<u8>,
}

impl Narrow {
    fn new(meaning: &Meaning, channels: Channels, bytes: usize, stride: usize) -> Self {
        let converter = meaning.converter(channels, true);
        Self { converter, bytes, wide: vec![0; stride], narrow: vec![0; stride] }
    }

    fn row(&mut self, from: &[u8]) -> &[u8] {
        let Self { converter, bytes, wide, narrow } = self;
        if *bytes == 1 {
            wide.iter_mut().zip(from).for_each(|(to, from)| *to = u16::from(*from) * 257);
        } else {
            let samples = from.as_chunks().0;
            wide.iter_mut().zip(samples).for_each(|(to, from)| *to = u16::from_be_bytes(*from));
        }
        match converter {
            Some(converter) => converter.row(wide, narrow),
            None => narrow_row(wide, narrow),
        }
        narrow
    }
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

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn failed(error: png::DecodingError) -> RenderError {
    RenderError::Decode(error.to_string())
}

/// As the smallest type that holds every pixel: grey where all are grey, of 1, 2 or 4 bits where that is
/// enough, a palette where there are at most 256 colours. More colours are quantised only when the source
/// was `paletted`: its look is that of a palette, and truecolour could be several times its size.
pub(crate) fn encode(
    picture: Picture,
    profile: Profile,
    paletted: bool,
) -> Result<Vec<u8>, RenderError> {
    let picture = picture.without_idle_colour();
    if let Some(bits) = grey_bits(&picture).filter(|bits| *bits < 8) {
        let indices = picture.samples.iter().map(|level| level >> (8 - bits));
        let samples = pack(indices, picture.width(), bits);
        let header = Header { colour: ColorType::Grayscale, bits, ..Header::new(&picture) };
        return write(&header, &samples, profile);
    }
    let whole = write(&Header::new(&picture), &picture.samples, profile)?;
    let indexed = Indexed::exact(&picture);
    let indexed = indexed.or_else(|| paletted.then(|| Indexed::nearest(&picture)));
    let Some(Indexed { colours, indices }) = indexed else { return Ok(whole) };
    let bits = match colours.len() {
        0..=2 => 1,
        3..=4 => 2,
        5..=16 => 4,
        _ => 8,
    };
    let opaque = colours.iter().position(|[.., alpha]| *alpha == 255).unwrap_or(colours.len());
    let header = Header {
        colour: ColorType::Indexed,
        bits,
        palette: colours.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect(),
        alphas: colours[..opaque].iter().map(|[.., alpha]| *alpha).collect(),
        ..Header::new(&picture)
    };
    let by_palette = write(&header, &pack(indices.into_iter(), picture.width(), bits), profile)?;
    Ok(if by_palette.len() < whole.len() { by_palette } else { whole })
}

/// What stands before the pixels.
struct Header {
    size: Size,
    colour: ColorType,
    bits: u8,
    palette: Vec<u8>,
    alphas: Vec<u8>,
}

impl Header {
    /// Of 8 bits a sample.
    fn new(picture: &Picture) -> Self {
        let colour = match picture.channels {
            Channels::Grey => ColorType::Grayscale,
            Channels::GreyAlpha => ColorType::GrayscaleAlpha,
            Channels::Rgb => ColorType::Rgb,
            Channels::Rgba => ColorType::Rgba,
        };
        Self { size: picture.size, colour, bits: 8, palette: Vec::new(), alphas: Vec::new() }
    }
}

fn write(header: &Header, samples: &[u8], profile: Profile) -> Result<Vec<u8>, RenderError> {
    let failed = |error: png::EncodingError| RenderError::Encode(error.to_string());
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, header.size.width, header.size.height);
    encoder.set_color(header.colour);
    encoder.set_depth(match header.bits {
        1 => BitDepth::One,
        2 => BitDepth::Two,
        4 => BitDepth::Four,
        _ => BitDepth::Eight,
    });
    let numbered = header.colour == ColorType::Indexed || header.bits < 8;
    encoder.set_compression(match profile {
        Profile::Fast if !numbered => Compression::Fast,
        // A quarter of the bytes or less: there is time.
        Profile::Fast | Profile::Balanced => Compression::Balanced,
        Profile::Small => Compression::High,
    });
    if numbered {
        // Neighbouring numbers of a palette are no neighbouring colours (PNG §12.7).
        encoder.set_filter(Filter::NoFilter);
    }
    if !header.palette.is_empty() {
        encoder.set_palette(&header.palette);
    }
    if !header.alphas.is_empty() {
        encoder.set_trns(&header.alphas);
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(samples).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

/// The fewest bits that every level of a grey picture is exact in.
fn grey_bits(picture: &Picture) -> Option<u8> {
    let fits = |bits: &u8| {
        let step = 255 / ((1_u8 << bits) - 1);
        picture.samples.iter().all(|level| level % step == 0)
    };
    let grey = picture.channels == Channels::Grey;
    grey.then(|| [1, 2, 4].into_iter().find(fits).unwrap_or(8))
}

/// Numbers of `bits` each, the first in the highest bits; every row begins a byte.
fn pack(numbers: impl Iterator<Item = u8>, width: usize, bits: u8) -> Vec<u8> {
    if bits == 8 {
        return numbers.collect();
    }
    let per_byte = usize::from(8 / bits);
    let mut packed = Vec::new();
    for (at, number) in numbers.enumerate() {
        let place = at % width % per_byte;
        if place == 0 {
            packed.push(0);
        }
        if let Some(byte) = packed.last_mut() {
            *byte |= number << (8 - bits as usize * (place + 1));
        }
    }
    packed
}
