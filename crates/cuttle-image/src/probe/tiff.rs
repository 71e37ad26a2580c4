//! TIFF 6.0: the first directory, in either byte order.
//!
//! Says also whether this is one of the variants that are decoded: TIFF is a container of a dozen
//! compressions and colour models, most of which no browser ever showed.

use std::io::{Read, Seek};

use super::window::{Fault, Window};
use super::{Extent, Icc, Probe};
use crate::{Orientation, Size};

/// SECURITY: entries of the directory. A camera writes a few dozen.
const MAX_ENTRIES: u64 = 512;

const SHORT: u16 = 3;
const LONG: u16 = 4;

pub(super) fn read<R: Read + Seek>(file: &mut Window<R>, probe: &mut Probe) -> Result<(), Fault> {
    match directory(file, probe) {
        // A variant too odd to be read is one more that passes through.
        Err(Fault::Broken(_)) => {
            probe.supported = false;
            Ok(())
        }
        outcome => outcome,
    }
}

fn directory<R: Read + Seek>(file: &mut Window<R>, probe: &mut Probe) -> Result<(), Fault> {
    let order = Order { little: file.array(0)? == *b"II" };
    let directory = u64::from(order.u32(file.array(4)?));
    let entries = u64::from(order.u16(file.array(directory)?));
    if directory < 8 || entries > MAX_ENTRIES {
        return Err(Fault::Broken("its first directory is no directory"));
    }
    let mut page = Page::default();
    for entry in 0..entries {
        let at = directory + 2 + entry * 12;
        let [t0, t1, k0, k1, c0, c1, c2, c3, v0, v1, v2, v3] = file.array(at)?;
        let kind = order.u16([k0, k1]);
        let count = order.u32([c0, c1, c2, c3]);
        // One value, or the first of several: of a SHORT two fit into the field, of a LONG one.
        let offset = order.u32([v0, v1, v2, v3]);
        let value = match kind {
            SHORT if count <= 2 => u32::from(order.u16([v0, v1])),
            SHORT => u32::from(order.u16(file.array(offset.into())?)),
            _ => offset,
        };
        match order.u16([t0, t1]) {
            256 if matches!(kind, SHORT | LONG) => page.size.width = value,
            257 if matches!(kind, SHORT | LONG) => page.size.height = value,
            258 => page.bits = value,
            259 => page.compression = value,
            262 => page.photometric = Some(value),
            274 => {
                probe.orientation = Orientation::from_exif(u16::try_from(value).unwrap_or(1));
            }
            277 => page.samples = value,
            284 => page.planar = value,
            338 => page.extra = Some(value),
            339 => page.sample_format = value,
            34_675 => {
                let extent = Extent { at: offset.into(), len: count.into() };
                probe.icc = Icc { extents: vec![extent], deflated: false };
            }
            // EXIF, XMP, IPTC and Photoshop's own.
            700 | 33_723 | 34_377 | 34_665 => probe.metadata_bytes += u64::from(count),
            _ => {}
        }
    }
    if page.size.pixels() == 0 {
        return Err(Fault::Broken("it has no sides"));
    }
    probe.stored = Some(page.size);
    probe.bits_per_sample = u8::try_from(page.bits).unwrap_or(u8::MAX);
    probe.alpha = page.samples == 4;
    probe.supported = page.supported();
    probe.premultiplied = page.extra == Some(1);
    Ok(())
}

/// What the tags say; absent ones mean what TIFF 6.0 says they mean.
struct Page {
    size: Size,
    bits: u32,
    compression: u32,
    photometric: Option<u32>,
    samples: u32,
    planar: u32,
    extra: Option<u32>,
    sample_format: u32,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            size: Size { width: 0, height: 0 },
            bits: 1,
            compression: 1,
            photometric: None,
            samples: 1,
            planar: 1,
            extra: None,
            sample_format: 1,
        }
    }
}

impl Page {
    fn supported(&self) -> bool {
        // None, LZW, deflate by both its numbers, PackBits.
        let compression = matches!(self.compression, 1 | 5 | 8 | 32_946 | 32_773);
        let colour = match self.photometric {
            Some(0 | 1) => self.samples == 1,
            Some(2) => matches!((self.samples, self.extra), (3, None) | (4, Some(0..=2))),
            _ => false,
        };
        compression
            && colour
            && matches!(self.bits, 8 | 16)
            && self.planar == 1
            && self.sample_format == 1
    }
}

struct Order {
    little: bool,
}

impl Order {
    fn u16(&self, bytes: [u8; 2]) -> u16 {
        if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) }
    }

    fn u32(&self, bytes: [u8; 4]) -> u32 {
        if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }
    }
}
