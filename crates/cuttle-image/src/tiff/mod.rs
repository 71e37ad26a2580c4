//! The samples of the first page of a TIFF: its blocks, strips or tiles of all samples or of one, put together.
//!
//! Safe Rust over `weezl`, `miniz_oxide` and `fax`. The `tiff` crate, up to 0.11.3, knows neither palettes nor group 3
//! nor the order of bits, fails at LZW tiles that reach beyond the edge, and makes a whole picture of a JPEG before it
//! looks at its size. JPEG is read by whoever calls. Tags are the probe's, and only variants that it calls supported
//! come here. A block that is shorter than its rows is refused.
//!
//! With all its features the `tiff` crate would also bring a second JPEG decoder, and Zstandard in C. One walk over the tags
//! serves whoever decides and whoever decodes.

mod fax;
mod stored;
mod unpack;

use std::io::Cursor;

use crate::probe::Extent;
use crate::probe::tiff::{Model, Packing, Page, Values, page};
use crate::probe::window::{Fault, Window};
use crate::{RenderError, Size};

/// SECURITY: pixels of a tile beyond those of the page, for which the budget has room (`Probe::decode_bytes`).
const SPARE_PIXELS: u64 = 1 << 20;

/// SECURITY: bytes of the tables that all JPEGs share, which are read with each of them. Four of quantisation and eight
/// of codes, more than any has, are 3 KB.
const MAX_TABLES: usize = 16 << 10;

/// A JPEG that holds one block.
pub(crate) struct Jpeg<'a> {
    pub(crate) data: &'a [u8],
    /// What all of the page have in common.
    pub(crate) tables: &'a [u8],
    pub(crate) width: u32,
    /// Rows that are needed, and those that the JPEG may have: some writers give the last strip as many as all.
    pub(crate) rows: std::ops::RangeInclusive<u32>,
    pub(crate) channels: usize,
}

/// Decodes a JPEG to its rows, 8 bits a sample.
pub(crate) type JpegDecoder<'a> = &'a mut dyn FnMut(Jpeg<'_>) -> Result<Vec<u8>, RenderError>;

/// The first page, which must be as large as was announced, before any of its pixels.
pub(crate) fn open(source: &[u8], size: Size) -> Result<Page, RenderError> {
    let file = Window::new(Cursor::new(source)).map_err(Fault::Io);
    let page = file.and_then(|mut file| page(&mut file)).ok();
    page.filter(|page| page.size == size && page.supported()).ok_or_else(unannounced)
}

/// The samples of all pixels, 8 bits each; indices of a palette as they are, and three of a pixel where JPEGs hold four
/// inks.
pub(crate) fn samples(
    page: &Page,
    source: &[u8],
    jpeg: JpegDecoder<'_>,
) -> Result<Vec<u8>, RenderError> {
    let Page { size, samples, planar, .. } = *page;
    let packing = page.packing().ok_or_else(unannounced)?;
    let strip = Size { width: size.width, height: page.rows_per_strip.min(size.height) };
    let block = page.tiles.unwrap_or(strip);
    if block.pixels() == 0 || block.pixels() > size.pixels() + SPARE_PIXELS {
        return Err(broken("its tiles are too large for it"));
    }
    let tables = match page.tables.filter(|_| packing == Packing::Jpeg) {
        None => &[],
        Some(Extent { at, len }) => slice(source, at, len)
            .filter(|tables| tables.len() <= MAX_TABLES)
            .ok_or_else(|| broken("the tables of its JPEGs are not valid"))?,
    };
    let inks = matches!(page.model(), Some((Model::Cmyk, _)));
    let pixel = if inks && packing == Packing::Jpeg { 3 } else { samples as usize };
    let bytes = usize::try_from(size.pixels()).map_err(|_| unannounced())? * pixel;
    let mut pages = Blocks {
        page,
        source,
        packing,
        tables,
        pixel,
        block,
        left: source.len(),
        whole: vec![0; bytes],
    };
    let planes = if planar { samples } else { 1 };
    let mut index = 0;
    for plane in 0..planes {
        for top in (0..size.height).step_by(block.height as usize) {
            for left in (0..size.width).step_by(block.width as usize) {
                pages.put(index, [left, top], plane, jpeg)?;
                index += 1;
            }
        }
    }
    Ok(pages.whole)
}

struct Blocks<'a> {
    page: &'a Page,
    source: &'a [u8],
    packing: Packing,
    /// Of all JPEGs.
    tables: &'a [u8],
    /// Samples of a pixel as they come out.
    pixel: usize,
    /// Of a whole block.
    block: Size,
    /// Bytes that no block has used.
    left: usize,
    whole: Vec<u8>,
}

impl<'a> Blocks<'a> {
    /// Decodes a block and puts what of it lies on the page into place.
    fn put(
        &mut self,
        index: u64,
        [left, top]: [u32; 2],
        plane: u32,
        jpeg: JpegDecoder<'_>,
    ) -> Result<(), RenderError> {
        let (page, block) = (self.page, self.block);
        let shown = Size {
            width: block.width.min(page.size.width - left),
            height: block.height.min(page.size.height - top),
        };
        // The last strip has no rows beyond the page.
        let stored = if page.tiles.is_some() { block } else { shown };
        let channels = if page.planar { 1 } else { self.pixel };
        let stride = stored.width as usize * channels;
        let packed =
            self.packed(index, stored::stride(page, stored, channels) * stored.height as usize)?;
        let rows = if self.packing == Packing::Jpeg {
            let rows = match page.tiles {
                Some(_) => stored.height..=stored.height,
                None => stored.height..=block.height,
            };
            let tables = self.tables;
            jpeg(Jpeg { data: packed, tables, width: stored.width, rows, channels })?
        } else {
            let rows = unpack::rows(page, self.packing, packed, stored, channels)
                .ok_or_else(|| broken("a strip or tile is broken or too short"))?;
            stored::narrow(page, rows, stored, channels)
        };
        let pixel = self.pixel;
        for (y, row) in rows.chunks_exact(stride).take(shown.height as usize).enumerate() {
            let start = (top as usize + y) * page.size.width as usize + left as usize;
            let line = &mut self.whole[start * pixel..][..shown.width as usize * pixel];
            if channels == pixel {
                line.copy_from_slice(&row[..line.len()]);
            } else {
                let line = line.iter_mut().skip(plane as usize).step_by(pixel);
                line.zip(row).for_each(|(to, from)| *to = *from);
            }
        }
        Ok(())
    }

    /// The bytes of a block, which are `wanted` ones if it is not packed.
    fn packed(&mut self, index: u64, wanted: usize) -> Result<&'a [u8], RenderError> {
        let (source, page) = (self.source, self.page);
        let outside = || broken("a strip or tile lies outside the file");
        let number = |values: Values| number(source, page.little, values, index);
        let at = number(page.offsets).and_then(|at| usize::try_from(at).ok());
        let rest = at.and_then(|at| source.get(at..)).ok_or_else(outside)?;
        // Old writers leave the length of the only strip out, or say 0.
        let said = match page.lengths.count > index {
            true => number(page.lengths).ok_or_else(outside)?,
            false => 0,
        };
        let len = match usize::try_from(said).map_err(|_| outside())? {
            0 if self.packing == Packing::None => wanted,
            0 => rest.len(),
            len if self.packing == Packing::None => len.min(wanted),
            len => len,
        };
        let packed = rest.get(..len).ok_or_else(outside)?;
        // SECURITY: one long block in the place of all would be read for hours.
        let left = self.left.checked_sub(len);
        self.left = left.ok_or_else(|| broken("its strips or tiles overlap"))?;
        Ok(packed)
    }
}

/// Number `index` of a tag.
fn number(source: &[u8], little: bool, values: Values, index: u64) -> Option<u64> {
    if index >= values.count {
        return None;
    }
    let at = values.at.checked_add(index.checked_mul(values.width)?)?;
    let bytes = slice(source, at, values.width)?;
    let digit = |sum: u64, byte: &u8| (sum << 8) | u64::from(*byte);
    Some(if little { bytes.iter().rev().fold(0, digit) } else { bytes.iter().fold(0, digit) })
}

/// A run of bytes, if it lies in the file.
pub(crate) fn slice(source: &[u8], at: u64, len: u64) -> Option<&[u8]> {
    let at = usize::try_from(at).ok()?;
    source.get(at..at.checked_add(usize::try_from(len).ok()?)?)
}

fn unannounced() -> RenderError {
    broken("the page is not the one that was announced")
}

pub(crate) fn broken(what: &str) -> RenderError {
    RenderError::Decode(format!("TIFF: {what}"))
}

/// Reads all blocks of `source` but JPEGs, for the fuzzer. Whether there was a page to be read.
#[cfg(feature = "fuzz")]
pub fn read_page(source: &[u8]) -> bool {
    // Less than in production, where the limits of a picture come first.
    const PIXELS: u64 = 1 << 16;
    let found = crate::probe(Cursor::new(source)).ok().filter(|found| found.supported);
    let size = found.and_then(|found| found.stored).filter(|size| size.pixels() <= PIXELS);
    let page = size.and_then(|size| open(source, size).ok());
    page.is_some_and(|page| {
        let mut none = |_: Jpeg<'_>| Err(broken("not read here"));
        samples(&page, source, &mut none).is_ok()
    })
}
