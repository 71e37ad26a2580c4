//! TIFF 6.0 and `BigTIFF`: the first page, for whoever decides and whoever decodes.
//!
//! Says also whether this is one of the variants that are decoded: TIFF is a container of a dozen compressions
//! and colour models. A tag that changes what samples mean, and says what is not understood here, makes it another.

mod tags;

use std::io::{Read, Seek};

use super::window::{Fault, Window};
use super::{Extent, Icc, Probe};
use crate::{Orientation, Size};
pub(crate) use tags::{Values, page};

/// SECURITY: sides of tiles are multiples of this (TIFF 6.0 §15), so that a page has no more of them than it has
/// room for.
const TILE_STEP: u32 = 16;

pub(super) fn read<R: Read + Seek>(file: &mut Window<R>, probe: &mut Probe) -> Result<(), Fault> {
    let page = match page(file) {
        Ok(page) => page,
        // A variant too odd to be read is one more that passes through.
        Err(Fault::Broken(_)) => {
            probe.supported = false;
            return Ok(());
        }
        Err(fault) => return Err(fault),
    };
    probe.stored = Some(page.size);
    probe.orientation = page.orientation;
    probe.bits_per_sample = u8::try_from(page.bits).unwrap_or(u8::MAX);
    probe.alpha = page.model().is_some_and(|(_, alpha)| alpha);
    probe.supported = page.supported();
    probe.icc = page.icc;
    Ok(())
}

/// What a pixel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    YCbCr,
}

impl Model {
    /// Samples of a pixel, without alpha.
    fn samples(self) -> u32 {
        match self {
            Self::WhiteIsZero | Self::BlackIsZero | Self::Palette => 1,
            Self::Rgb | Self::YCbCr => 3,
            Self::Cmyk => 4,
        }
    }
}

/// How a strip or tile is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    None,
    /// Lines of one dimension, each from a byte on.
    Fax2,
    /// Lines of one dimension, each behind an end of line.
    Fax3,
    /// Each behind an end of line and a bit that says whether it is of one dimension or of two.
    Fax3Tagged,
    /// Lines of two dimensions.
    Fax4,
    Lzw,
    Jpeg,
    Deflate,
    PackBits,
}

/// What the tags say; absent ones mean what TIFF 6.0 says they mean.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) size: Size,
    pub(crate) little: bool,
    pub(crate) bits: u32,
    /// Of a pixel.
    pub(crate) samples: u32,
    /// A plane for each sample, not a row of pixels.
    pub(crate) planar: bool,
    /// Colours are multiplied by alpha.
    pub(crate) premultiplied: bool,
    /// The lowest bit of each byte comes first.
    pub(crate) reversed: bool,
    /// Samples are differences to those on their left.
    pub(crate) predicted: bool,
    /// Lines of fax may be of two dimensions.
    tagged_lines: bool,
    /// Of the palette.
    pub(crate) colours: Extent,
    /// Of all JPEGs inside.
    pub(crate) tables: Option<Extent>,
    /// Sides of a tile; without, there are strips.
    pub(crate) tiles: Option<Size>,
    pub(crate) rows_per_strip: u32,
    pub(crate) offsets: Values,
    pub(crate) lengths: Values,
    compression: u32,
    photometric: Option<u32>,
    /// How many samples are beside the colours, and what the first one is.
    extra: (u32, u32),
    subsampled: bool,
    orientation: Orientation,
    icc: Icc,
    /// A tag says what is not understood.
    strange: bool,
    /// Only JPEG may have it, which knows better.
    strange_levels: bool,
}

impl Page {
    pub(crate) fn packing(&self) -> Option<Packing> {
        Some(match self.compression {
            1 => Packing::None,
            2 => Packing::Fax2,
            3 if self.tagged_lines => Packing::Fax3Tagged,
            3 => Packing::Fax3,
            4 => Packing::Fax4,
            5 => Packing::Lzw,
            7 => Packing::Jpeg,
            8 | 32_946 => Packing::Deflate,
            32_773 => Packing::PackBits,
            _ => return None,
        })
    }

    /// What a pixel is, and whether alpha follows.
    pub(crate) fn model(&self) -> Option<(Model, bool)> {
        let model = match self.photometric? {
            0 => Model::WhiteIsZero,
            1 => Model::BlackIsZero,
            2 => Model::Rgb,
            3 => Model::Palette,
            5 => Model::Cmyk,
            6 => Model::YCbCr,
            _ => return None,
        };
        let grey_or_rgb = matches!(model, Model::WhiteIsZero | Model::BlackIsZero | Model::Rgb);
        // A sample of unknown meaning behind grey or RGB is alpha to every reader; behind inks it is one more ink.
        let alpha = match (self.samples.checked_sub(model.samples())?, self.extra) {
            (0, (0, _)) => false,
            (1, (0, _) | (1, 0)) if grey_or_rgb => true,
            (1, (1, 1..=2)) if grey_or_rgb || model == Model::Cmyk => true,
            _ => return None,
        };
        Some((model, alpha))
    }

    pub(crate) fn supported(&self) -> bool {
        let (Some((model, alpha)), Some(packing)) = (self.model(), self.packing()) else {
            return false;
        };
        let grey = matches!(model, Model::WhiteIsZero | Model::BlackIsZero);
        let samples = match (packing, model) {
            (Packing::Fax2 | Packing::Fax3 | Packing::Fax3Tagged | Packing::Fax4, _) => {
                grey && self.bits == 1 && !alpha
            }
            (Packing::Jpeg, Model::BlackIsZero | Model::Rgb | Model::YCbCr | Model::Cmyk) => {
                self.bits == 8 && !alpha && !self.planar
            }
            (Packing::Jpeg, _) => false,
            (_, Model::YCbCr) => self.bits == 8 && !self.subsampled,
            (_, Model::Palette) => matches!(self.bits, 1 | 2 | 4 | 8) && self.colours.len > 0,
            (_, Model::Cmyk | Model::Rgb) => matches!(self.bits, 8 | 16),
            _ => matches!(self.bits, 1 | 2 | 4 | 8 | 16),
        };
        let predicted =
            !self.predicted || matches!(packing, Packing::Lzw | Packing::Deflate) && self.bits >= 8;
        let tiled = self.tiles.is_none_or(|Size { width, height }| {
            [width, height].iter().all(|side| *side > 0 && side % TILE_STEP == 0)
        });
        let levels = packing == Packing::Jpeg || !self.strange_levels;
        let blocks = self.offsets.count > 0 && self.rows_per_strip > 0;
        samples && predicted && tiled && levels && blocks && !self.strange
    }

    fn new(little: bool) -> Self {
        Self {
            size: Size { width: 0, height: 0 },
            little,
            bits: 1,
            samples: 1,
            planar: false,
            premultiplied: false,
            reversed: false,
            predicted: false,
            tagged_lines: false,
            colours: Extent { at: 0, len: 0 },
            tables: None,
            tiles: None,
            rows_per_strip: u32::MAX,
            offsets: Values::default(),
            lengths: Values::default(),
            compression: 1,
            photometric: None,
            extra: (0, 0),
            subsampled: true,
            orientation: Orientation::Upright,
            icc: Icc::default(),
            strange: false,
            strange_levels: false,
        }
    }
}
