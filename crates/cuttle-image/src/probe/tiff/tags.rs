//! The entries of the first directory, in either byte order. Values that are read in bulk stay in the file.

use std::io::{Read, Seek};

use super::Page;
use crate::probe::window::{Fault, Window};
use crate::probe::{Extent, Icc};
use crate::{Orientation, Size};

/// SECURITY: entries of the directory. A camera writes a few dozen.
const MAX_ENTRIES: u64 = 512;

/// SECURITY: values of one tag that are looked at here; a pixel that is decoded has five samples at most.
const MAX_VALUES: u64 = 8;

/// The numbers of a tag, still in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Values {
    pub(crate) at: u64,
    pub(crate) count: u64,
    /// Bytes of each.
    pub(crate) width: u64,
}

/// The first page.
pub(crate) fn page<R: Read + Seek>(file: &mut Window<R>) -> Result<Page, Fault> {
    let [b0, b1, m0, m1] = file.array(0)?;
    let little = [b0, b1] == *b"II";
    let big = Order { little, big: true }.u16([m0, m1]) == 43;
    let order = Order { little, big };
    let directory = order.offset(file, if big { 8 } else { 4 })?;
    let (entries, first) = if big {
        (order.u64(file.array(directory)?), directory.checked_add(8))
    } else {
        (order.u16(file.array(directory)?).into(), directory.checked_add(2))
    };
    let first = first.filter(|_| directory >= 8 && entries <= MAX_ENTRIES);
    let first = first.ok_or(Fault::Broken("its first directory is no directory"))?;
    let mut page = Page::new(little);
    for number in 0..entries {
        let at = number.checked_mul(if big { 20 } else { 12 });
        let at =
            at.and_then(|at| first.checked_add(at)).ok_or(Fault::Broken("it ends too early"))?;
        let (tag, values) = entry(file, &order, at)?;
        Entry { file, order: &order, values }.note(tag, &mut page)?;
    }
    if page.size.pixels() == 0 {
        return Err(Fault::Broken("it has no sides"));
    }
    Ok(page)
}

/// What an entry is called, and where its numbers lie.
fn entry<R: Read + Seek>(
    file: &mut Window<R>,
    order: &Order,
    at: u64,
) -> Result<(u16, Values), Fault> {
    let [t0, t1, k0, k1] = file.array(at)?;
    let width = match order.u16([k0, k1]) {
        // BYTE, ASCII, UNDEFINED, SHORT, LONG, RATIONAL, LONG8.
        1 | 2 | 7 => 1,
        3 => 2,
        4 => 4,
        5 | 16 => 8,
        // None of what we read has another kind; its numbers are all 0.
        _ => 0,
    };
    let (count, field, room) = if order.big {
        (order.u64(file.array(at + 4)?), at + 12, 8)
    } else {
        (order.u32(file.array(at + 4)?).into(), at + 8, 4)
    };
    let bytes = count.checked_mul(width).ok_or(Fault::Broken("a tag is too long"))?;
    let at = if bytes <= room { field } else { order.offset(file, field)? };
    Ok((order.u16([t0, t1]), Values { at, count, width }))
}

/// One entry, for whoever needs its numbers.
struct Entry<'a, R> {
    file: &'a mut Window<R>,
    order: &'a Order,
    values: Values,
}

impl<R: Read + Seek> Entry<'_, R> {
    /// The first number. An entry without any says 0, which no tag means.
    fn number(&mut self) -> Result<u32, Fault> {
        self.at(0)
    }

    fn at(&mut self, index: u64) -> Result<u32, Fault> {
        let Values { at, count, width } = self.values;
        if index >= count || width == 0 {
            return Ok(0);
        }
        let at = at.checked_add(index * width).ok_or(Fault::Broken("a tag is too long"))?;
        let value = match width {
            1 => self.file.u8(at)?.into(),
            2 => self.order.u16(self.file.array(at)?).into(),
            4 => self.order.u32(self.file.array(at)?).into(),
            _ => self.order.u64(self.file.array(at)?),
        };
        Ok(u32::try_from(value).unwrap_or(u32::MAX))
    }

    /// Whether all numbers are `wanted`.
    fn all(&mut self, wanted: impl Fn(u32) -> bool) -> Result<bool, Fault> {
        let count = self.values.count;
        if count == 0 || count > MAX_VALUES {
            return Ok(false);
        }
        for index in 0..count {
            if !wanted(self.at(index)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Fractions, of which there must be as many; rounded.
    fn fractions<const N: usize>(&mut self, scale: u64) -> Result<Option<[u64; N]>, Fault> {
        let Values { at, count, width } = self.values;
        if count != N as u64 || width != 8 {
            return Ok(None);
        }
        let mut fractions = [0; N];
        for (index, fraction) in (0..).zip(&mut fractions) {
            let at = at.checked_add(8 * index).ok_or(Fault::Broken("a tag is too long"))?;
            let over = u64::from(self.order.u32(self.file.array(at)?));
            let under = u64::from(self.order.u32(self.file.array(at + 4)?)).max(1);
            *fraction = (over * scale + under / 2) / under;
        }
        Ok(Some(fractions))
    }

    fn extent(&self) -> Extent {
        Extent { at: self.values.at, len: self.values.count.saturating_mul(self.values.width) }
    }

    /// Puts into `page` what tag `tag` says. What nobody applies, as transfer functions and response curves,
    /// which libtiff and everyone on top of it ignore, is not here.
    fn note(&mut self, tag: u16, page: &mut Page) -> Result<(), Fault> {
        match tag {
            256 => page.size.width = self.number()?,
            257 => page.size.height = self.number()?,
            258 => {
                let bits = self.number()?;
                page.bits = bits;
                page.strange |= !self.all(|other| other == bits)?;
            }
            259 => page.compression = self.number()?,
            262 => page.photometric = Some(self.number()?),
            266 => match self.number()? {
                1 => page.reversed = false,
                2 => page.reversed = true,
                _ => page.strange = true,
            },
            273 | 324 => page.offsets = self.values,
            274 => {
                let turn = u16::try_from(self.number()?).unwrap_or(1);
                page.orientation = Orientation::from_exif(turn);
            }
            277 => page.samples = self.number()?,
            278 => page.rows_per_strip = self.number()?,
            279 | 325 => page.lengths = self.values,
            284 => match self.number()? {
                1 => page.planar = false,
                2 => page.planar = true,
                _ => page.strange = true,
            },
            // T4Options and T6Options: lines of two dimensions among others, parts that are not coded.
            292 => {
                let options = self.number()?;
                page.tagged_lines = options & 1 != 0;
                page.strange |= options & 2 != 0;
            }
            293 => page.strange |= self.number()? != 0,
            317 => match self.number()? {
                1 => page.predicted = false,
                2 => page.predicted = true,
                _ => page.strange = true,
            },
            320 => page.colours = self.extent(),
            322 => page.tiles.get_or_insert(NO_SIZE).width = self.number()?,
            323 => page.tiles.get_or_insert(NO_SIZE).height = self.number()?,
            // InkSet and NumberOfInks: others than cyan, magenta, yellow and black.
            332 => page.strange |= self.number()? != 1,
            334 => page.strange |= self.number()? != 4,
            // DotRange: no ink is not 0, or all of it not the most.
            336 => page.strange |= self.at(0)? != 0 || self.at(1)? < 255,
            338 => {
                page.extra = (u32::try_from(self.values.count).unwrap_or(u32::MAX), self.number()?);
                page.premultiplied = page.extra.1 == 1;
            }
            // Unsigned integers, or nobody knows, which are the same to everyone.
            339 => page.strange |= !self.all(|format| matches!(format, 1 | 4))?,
            347 => page.tables = Some(self.extent()),
            // Of TIFF/FX: samples mean something else, strips have each their own height.
            433 | 559 => page.strange = true,
            // YCbCrCoefficients: others than those of BT.601.
            529 => {
                page.strange_levels |=
                    self.fractions(1000)?.is_none_or(|luma| luma != [299, 587, 114]);
            }
            530 => page.subsampled = (self.at(0)?, self.at(1)?) != (1, 1),
            // ReferenceBlackWhite: black is not 0, white not 255, or chroma does not have its middle.
            532 => {
                let found: Option<[u64; 6]> = self.fractions(1)?;
                page.strange_levels |= found.is_none_or(|found| {
                    ![[0, 255, 128, 255, 128, 255], [0, 255, 0, 255, 0, 255]].contains(&found)
                });
            }
            // ImageDepth and TileDepth: pictures behind the picture.
            32_997 | 32_998 => page.strange |= self.number()? != 1,
            34_675 => page.icc = Icc { extents: vec![self.extent()], deflated: false },
            _ => {}
        }
        Ok(())
    }
}

const NO_SIZE: Size = Size { width: 0, height: 0 };

/// Byte order, and whether offsets have eight bytes.
struct Order {
    little: bool,
    big: bool,
}

impl Order {
    fn u16(&self, bytes: [u8; 2]) -> u16 {
        if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) }
    }

    fn u32(&self, bytes: [u8; 4]) -> u32 {
        if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }
    }

    fn u64(&self, bytes: [u8; 8]) -> u64 {
        if self.little { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) }
    }

    fn offset<R: Read + Seek>(&self, file: &mut Window<R>, at: u64) -> Result<u64, Fault> {
        Ok(if self.big { self.u64(file.array(at)?) } else { self.u32(file.array(at)?).into() })
    }
}
