//! Encoders for pictures that this crate draws: pure Rust, so that a fixture never depends on the
//! codecs it is meant to test.

use std::borrow::Cow;

use jpeg_encoder::{ColorType, Encoder, EncodingError};

pub use jpeg_encoder::SamplingFactor;

/// How to write a JPEG. [`Default`] is what cameras do: baseline, 4:2:0, no metadata.
#[derive(Debug, Clone, Default)]
pub struct JpegOptions<'a> {
    /// Several scans instead of one.
    pub progressive: bool,
    /// Huffman tables made for the picture; the encoder then writes each component as a scan of its own,
    /// which is still baseline.
    pub separate_scans: bool,
    /// How many chroma samples there are; 4:2:0 if nothing is said.
    pub sampling: Option<SamplingFactor>,
    /// Blocks between restart markers, 0 for none.
    pub restart: u16,
    /// The picture is `width × height` grey bytes instead of RGB triples.
    pub grey: bool,
    /// EXIF tag 0x0112.
    pub orientation: Option<u8>,
    /// Embedded colour profile.
    pub icc: Option<&'a [u8]>,
}

/// Encodes 8-bit sRGB triples (or grey bytes) as JPEG at `quality` 1 to 100.
///
/// # Panics
/// If `pixels` does not hold `width × height` pixels: a mistake of the caller, who drew them.
#[must_use]
pub fn jpeg(
    pixels: &[u8],
    width: u16,
    height: u16,
    quality: u8,
    options: &JpegOptions<'_>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encode = || -> Result<(), EncodingError> {
        let mut encoder = Encoder::new(&mut bytes, quality);
        encoder.set_progressive(options.progressive);
        encoder.set_optimized_huffman_tables(options.separate_scans);
        encoder.set_sampling_factor(options.sampling.unwrap_or(SamplingFactor::F_2_2));
        encoder.set_restart_interval(options.restart);
        if let Some(value) = options.orientation {
            encoder.add_exif_metadata(&exif(value))?;
        }
        if let Some(profile) = options.icc {
            encoder.add_icc_profile(profile)?;
        }
        let colour = if options.grey { ColorType::Luma } else { ColorType::Rgb };
        encoder.encode(pixels, width, height, colour)
    };
    encode().expect("sides and length agree, and memory can be written to");
    bytes
}

/// A little-endian TIFF block with one entry: 0x0112 (orientation), type 3 (short), count 1.
fn exif(orientation: u8) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    block.extend_from_slice(&[orientation, 0, 0, 0, 0, 0, 0, 0]);
    block
}

/// What a PNG holds, as its header says it.
#[derive(Debug, Clone)]
pub struct PngOptions<'a> {
    /// Grey, RGB, palette, with or without alpha.
    pub colour: png::ColorType,
    /// Bits of a sample.
    pub depth: png::BitDepth,
    /// `PLTE`: RGB triples.
    pub palette: Option<&'a [u8]>,
    /// `tRNS`: alpha of palette entries, or the one transparent colour.
    pub transparency: Option<&'a [u8]>,
    /// `iCCP`.
    pub icc: Option<&'a [u8]>,
}

impl PngOptions<'_> {
    /// Without palette, transparency or profile.
    #[must_use]
    pub fn new(colour: png::ColorType, depth: png::BitDepth) -> Self {
        Self { colour, depth, palette: None, transparency: None, icc: None }
    }
}

/// Encodes rows of packed samples (each row padded to whole bytes) as PNG.
///
/// # Panics
/// If `rows` has the wrong length for the header: a mistake of the caller.
#[must_use]
pub fn png(rows: &[u8], width: u32, height: u32, options: &PngOptions<'_>) -> Vec<u8> {
    let mut info = png::Info::with_size(width, height);
    info.color_type = options.colour;
    info.bit_depth = options.depth;
    info.palette = options.palette.map(|p| Cow::Owned(p.to_vec()));
    info.trns = options.transparency.map(|t| Cow::Owned(t.to_vec()));
    info.icc_profile = options.icc.map(|profile| Cow::Owned(profile.to_vec()));
    let mut bytes = Vec::new();
    let encode = |bytes: &mut Vec<u8>| -> Result<(), png::EncodingError> {
        let mut writer = png::Encoder::with_info(bytes, info)?.write_header()?;
        writer.write_image_data(rows)?;
        writer.finish()
    };
    encode(&mut bytes).expect("header and rows agree, and memory can be written to");
    bytes
}
