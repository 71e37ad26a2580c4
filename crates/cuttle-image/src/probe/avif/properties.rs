//! Properties of an item or a track: its size, its colours, how it is cut and turned.

use std::io::{Read, Seek};

use super::super::window::{Fault, Window};
use super::boxes::Span;
use crate::probe::{Extent, Icc};
use crate::{Orientation, Size};

const ALPHA_URNS: [&[u8]; 2] =
    [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1"];

/// Code points of ITU-T H.273.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nclx {
    pub(crate) primaries: u8,
    pub(crate) transfer: u8,
    pub(crate) matrix: u8,
    pub(crate) full_range: bool,
}

/// What the properties of one item say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    pub(crate) size: Option<Size>,
    pub(crate) icc: Icc,
    pub(crate) nclx: Option<Nclx>,
    /// `a1op`.
    pub(crate) operating_point: u8,
    /// `lsel`: the one layer that is shown.
    pub(crate) layer: Option<u8>,
    /// It is the alpha of another.
    pub(super) alpha: bool,
    /// `clap`.
    aperture: Option<[u32; 8]>,
    /// `irot`: quarter turns counter-clockwise.
    quarters: u8,
    /// `imir`: 0 exchanges top and bottom, 1 left and right.
    mirror: Option<u8>,
}

impl Look {
    /// Reads one property; false: it is not known here.
    pub(super) fn property<R: Read + Seek>(
        &mut self,
        file: &mut Window<R>,
        name: [u8; 4],
        body: Span,
    ) -> Result<bool, Fault> {
        match &name {
            b"ispe" => {
                let [width, height] = words(body.skip(4)?.array::<8, R>(file)?);
                self.size = Some(Size { width, height });
            }
            b"irot" => self.quarters = body.array::<1, R>(file)?[0] & 3,
            b"imir" => self.mirror = Some(body.array::<1, R>(file)?[0] & 1),
            b"clap" => self.aperture = Some(words(body.array::<32, R>(file)?)),
            b"a1op" => self.operating_point = body.array::<1, R>(file)?[0] & 31,
            b"lsel" => {
                // 0xffff: the best there is. There are four layers.
                let layer = u16::from_be_bytes(body.array(file)?);
                self.layer = u8::try_from(layer).ok();
            }
            b"colr" => self.colour(file, body)?,
            b"auxC" => self.alpha = says_alpha(file, body)?,
            // The stream itself says the depth; the rest describes what is not changed here.
            b"av1C" | b"pixi" | b"a1lx" | b"pasp" | b"clli" | b"mdcv" | b"cclv" | b"amve" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Code points and a profile may both be there, each once; the first counts.
    fn colour<R: Read + Seek>(&mut self, file: &mut Window<R>, body: Span) -> Result<(), Fault> {
        match &body.array::<4, R>(file)? {
            b"prof" | b"rICC" if self.icc.extents.is_empty() => {
                let extent = Extent { at: body.at + 4, len: body.len() - 4 };
                self.icc = Icc { extents: vec![extent], deflated: false };
            }
            b"nclx" if self.nclx.is_none() => {
                let [p1, p0, t1, t0, m1, m0, range] = body.skip(4)?.array(file)?;
                // 16 bits each, of which no code point uses more than eight.
                self.nclx = (p1 == 0 && t1 == 0 && m1 == 0).then_some(Nclx {
                    primaries: p0,
                    transfer: t0,
                    matrix: m0,
                    full_range: range & 0x80 != 0,
                });
            }
            _ => {}
        }
        Ok(())
    }

    /// What is shown of `whole`. As in Chromium, an aperture (ISO/IEC 14496-12 §12.1.4) counts when it begins in the
    /// corner and has whole pixels; any other is ignored.
    pub(crate) fn cut(&self, whole: Size) -> Size {
        let side = |n: u32, d: u32, off_n: u32, off_d: u32, whole: u32| {
            let length =
                n.checked_div(d).filter(|length| u64::from(*length) * u64::from(d) == n.into())?;
            // Its middle lies as far from the middle of the picture as it must, to begin at 0.
            let (off_n, off_d) = (i128::from(off_n.cast_signed()), i128::from(off_d));
            let fits = off_d > 0 && 2 * off_n == (i128::from(length) - i128::from(whole)) * off_d;
            (fits && length > 0 && length <= whole).then_some(length)
        };
        let cut = self.aperture.and_then(|[wn, wd, hn, hd, xn, xd, yn, yd]| {
            let width = side(wn, wd, xn, xd, whole.width)?;
            Some(Size { width, height: side(hn, hd, yn, yd, whole.height)? })
        });
        cut.unwrap_or(whole)
    }

    /// `irot`, then `imir`: the order that MIAF (ISO/IEC 23000-22 §7.3.6.7) prescribes.
    pub(crate) fn orientation(&self) -> Orientation {
        match (self.quarters, self.mirror) {
            (0, None) => Orientation::Upright,
            (1, None) => Orientation::Rotate270,
            (2, None) => Orientation::Rotate180,
            (_, None) => Orientation::Rotate90,
            (0, Some(1)) | (2, Some(0)) => Orientation::FlipHorizontal,
            (0 | 2, Some(_)) => Orientation::FlipVertical,
            (1, Some(0)) | (3, Some(1)) => Orientation::Transpose,
            (_, Some(_)) => Orientation::Transverse,
        }
    }
}

/// Whether an `auxC` or `auxi`, a full box, says that it is alpha.
pub(super) fn says_alpha<R: Read + Seek>(file: &mut Window<R>, body: Span) -> Result<bool, Fault> {
    let name = body.skip(4)?;
    for urn in ALPHA_URNS {
        if name.len() >= urn.len() as u64 && file.bytes(name.at, urn.len())? == urn {
            // A longer name is another.
            let ends = name.len() == urn.len() as u64 || file.u8(name.at + urn.len() as u64)? == 0;
            return Ok(ends);
        }
    }
    Ok(false)
}

fn words<const B: usize, const W: usize>(bytes: [u8; B]) -> [u32; W] {
    std::array::from_fn(|at| u32::from_be_bytes(std::array::from_fn(|byte| bytes[4 * at + byte])))
}
