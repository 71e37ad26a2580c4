//! Pictures made by independent encoders, and renditions read by independent decoders.

use std::io::Cursor;
use std::time::Duration;

use cuttle_image::{Kind, Limits, Profile, RenderError, RenderOptions, Rendition, Target, render};
use png::{BitDepth, ColorType};
use rustix::time::{ClockId, clock_gettime};

pub(crate) const RED: [u8; 3] = [255, 0, 0];
pub(crate) const GREEN: [u8; 3] = [0, 255, 0];
pub(crate) const BLUE: [u8; 3] = [0, 0, 255];
pub(crate) const WHITE: [u8; 3] = [255, 255, 255];

/// Red, green over blue, white: no turning or mirroring leaves it as it was.
pub(crate) fn quadrants(width: usize, height: usize) -> Vec<u8> {
    let corner = |x, y| match (2 * x < width, 2 * y < height) {
        (true, true) => RED,
        (false, true) => GREEN,
        (true, false) => BLUE,
        (false, false) => WHITE,
    };
    (0..height).flat_map(|y| (0..width).flat_map(move |x| corner(x, y))).collect()
}

/// Smooth in both directions, so that lossy codecs keep it within a few steps.
pub(crate) fn gradient(width: usize, height: usize) -> Vec<u8> {
    let step = |at: usize, of: usize| u8::try_from(255 * at / of.max(1)).unwrap();
    (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| [step(x, width), step(y, height), 128]))
        .collect()
}

pub(crate) fn png(
    width: u32,
    height: u32,
    colour: ColorType,
    depth: BitDepth,
    samples: &[u8],
) -> Vec<u8> {
    png_with(width, height, colour, depth, samples, &[])
}

/// A PNG with extra chunks before the pixels (`PLTE` and `tRNS` among them).
pub(crate) fn png_with(
    width: u32,
    height: u32,
    colour: ColorType,
    depth: BitDepth,
    samples: &[u8],
    chunks: &[([u8; 4], &[u8])],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    for (name, data) in chunks {
        match name {
            b"PLTE" => encoder.set_palette(data.to_vec()),
            b"tRNS" => encoder.set_trns(data.to_vec()),
            _ => {}
        }
    }
    let mut writer = encoder.write_header().unwrap();
    for (name, data) in chunks.iter().filter(|(name, _)| !matches!(name, b"PLTE" | b"tRNS")) {
        writer.write_chunk(png::chunk::ChunkType(*name), data).unwrap();
    }
    writer.write_image_data(samples).unwrap();
    writer.finish().unwrap();
    bytes
}

pub(crate) fn png_rgb(width: u32, height: u32, samples: &[u8]) -> Vec<u8> {
    png(width, height, ColorType::Rgb, BitDepth::Eight, samples)
}

pub(crate) fn png_rgba(width: u32, height: u32, samples: &[u8]) -> Vec<u8> {
    png(width, height, ColorType::Rgba, BitDepth::Eight, samples)
}

/// A chunk by hand, for files that the encoder does not write.
pub(crate) fn png_chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let named = [name, body].concat();
    let len = u32::try_from(body.len()).unwrap().to_be_bytes();
    [len.as_slice(), &named, &crc32(&named).to_be_bytes()].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}

/// zlib (RFC 1950) with stored blocks only, so that no compressor is needed.
pub(crate) fn zlib(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = data.chunks(65_535).peekable();
    while let Some(block) = blocks.next() {
        let len = u16::try_from(block.len()).unwrap();
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend_from_slice(&len.to_le_bytes());
        stream.extend_from_slice(&(!len).to_le_bytes());
        stream.extend_from_slice(block);
    }
    let (a, b) = data.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    stream.extend_from_slice(&((b << 16) | a).to_be_bytes());
    stream
}

pub(crate) fn jpeg(
    width: u16,
    height: u16,
    colour: jpeg_encoder::ColorType,
    samples: &[u8],
    scans: Scans,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
    encoder.set_progressive(scans == Scans::Progressive);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
    encoder.encode(samples, width, height, colour).unwrap();
    bytes
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scans {
    Baseline,
    Progressive,
}

pub(crate) fn jpeg_rgb(width: u16, height: u16, samples: &[u8]) -> Vec<u8> {
    jpeg(width, height, jpeg_encoder::ColorType::Rgb, samples, Scans::Baseline)
}

/// `source` with a segment right after its start of image.
pub(crate) fn with_segment(source: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&source[..2], &[0xff, marker], &len, body, &source[2..]].concat()
}

pub(crate) fn webp_lossless(
    width: u32,
    height: u32,
    colour: image_webp::ColorType,
    samples: &[u8],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    image_webp::WebPEncoder::new(&mut bytes).encode(samples, width, height, colour).unwrap();
    bytes
}

/// The TIFF structure of an EXIF block that says nothing but the orientation.
pub(crate) fn exif(orientation: u8) -> Vec<u8> {
    let entry = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0];
    [b"MM\0*".as_slice(), &[0, 0, 0, 8, 0, 1], &entry, &[0; 4]].concat()
}

pub(crate) fn options(width: u32, target: Target) -> RenderOptions {
    RenderOptions::new(width, target, 75, Profile::Fast)
}

pub(crate) fn rendition(source: &[u8], width: u32, target: Target) -> Rendition {
    render(source, &options(width, target), &Limits::default()).unwrap()
}

/// Pixels of a rendition, as RGBA.
pub(crate) struct Pixels {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgba: Vec<[u8; 4]>,
}

impl Pixels {
    pub(crate) fn at(&self, x: usize, y: usize) -> [u8; 4] {
        self.rgba[y * self.width + x]
    }

    pub(crate) fn rgb_at(&self, x: usize, y: usize) -> [u8; 3] {
        let [r, g, b, _] = self.at(x, y);
        [r, g, b]
    }
}

/// Rendered to PNG, which loses nothing, and read back by the `png` crate.
pub(crate) fn pixels(source: &[u8], width: u32) -> Pixels {
    read(&rendition(source, width, Target::Png))
}

/// Reads PNG by `png`, JPEG by `zune-jpeg`, WebP by `image-webp`.
pub(crate) fn read(rendition: &Rendition) -> Pixels {
    let (width, height, channels, samples) = match rendition.kind {
        Kind::Png => {
            let mut decoder = png::Decoder::new(Cursor::new(&rendition.bytes));
            decoder.set_transformations(png::Transformations::EXPAND);
            let mut reader = decoder.read_info().unwrap();
            let mut samples = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut samples).unwrap();
            (info.width as usize, info.height as usize, info.color_type.samples(), samples)
        }
        Kind::Jpeg => {
            let mut decoder = zune_jpeg::JpegDecoder::new(Cursor::new(&rendition.bytes));
            let samples = decoder.decode().unwrap();
            let (width, height) = decoder.dimensions().unwrap();
            (width, height, samples.len() / (width * height), samples)
        }
        Kind::Webp => {
            let mut decoder = image_webp::WebPDecoder::new(Cursor::new(&rendition.bytes)).unwrap();
            let mut samples = vec![0; decoder.output_buffer_size().unwrap()];
            decoder.read_image(&mut samples).unwrap();
            let (width, height) = decoder.dimensions();
            (width as usize, height as usize, if decoder.has_alpha() { 4 } else { 3 }, samples)
        }
        kind => panic!("no independent decoder for {kind:?}"),
    };
    let rgba = samples.chunks_exact(channels).map(|pixel| match *pixel {
        [l] => [l, l, l, 255],
        [l, a] => [l, l, l, a],
        [r, g, b] => [r, g, b, 255],
        [r, g, b, a] => [r, g, b, a],
        _ => unreachable!("one to four channels"),
    });
    Pixels { width, height, rgba: rgba.collect() }
}

#[track_caller]
pub(crate) fn assert_near(found: &[u8], expected: &[u8], tolerance: u8) {
    let near = found.len() == expected.len()
        && found.iter().zip(expected).all(|(a, b)| a.abs_diff(*b) <= tolerance);
    assert!(near, "{found:?} is not within {tolerance} of {expected:?}");
}

/// What came of a hostile file, for which the processor may work as long.
///
/// # Panics
/// It took longer.
pub(crate) fn at_once(name: &str, source: &[u8]) -> Result<Rendition, RenderError> {
    // Of this thread: other tests run beside it.
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let begun = now();
    let outcome = render(source, &options(24, Target::Webp), &Limits::default());
    let took = now() - begun;
    assert!(took < Duration::from_millis(50), "{name}: {took:?}");
    outcome
}
