//! AVIF (ISO/IEC 23008-12 with AV1): the properties of the primary item, in the `meta` box.
//!
//! Items are never opened: a grid's size, alpha and turning are all said by properties. A sequence is
//! described by its tracks instead, as [`track`] reads them.

mod track;

use std::io::{Read, Seek};

use super::window::{Fault, Window};
use super::{Cicp, Extent, Icc, Probe};
use crate::sniff::Brands;
use crate::{Orientation, Size};

/// SECURITY: boxes at one level. A property container of a 64-cell grid holds a few dozen.
const MAX_BOXES: u32 = 1024;
/// SECURITY: property associations that are read over all items.
const MAX_ASSOCIATIONS: u32 = 4096;

const ALPHA_URNS: [&[u8]; 2] =
    [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1"];

pub(super) fn read<R: Read + Seek>(
    file: &mut Window<R>,
    head: &[u8],
    probe: &mut Probe,
) -> Result<(), Fault> {
    let whole = Span { at: 0, end: file.len() };
    if Brands::read(head, file.len()).is_some_and(|brands| brands.sequence()) {
        return track::read(file, whole, probe);
    }
    let meta = find(file, whole, *b"meta")?.ok_or(Fault::Broken("there is no meta box"))?;
    let meta = meta.skip(4)?;
    let primary = primary_item(file, meta)?;
    let iprp = find(file, meta, *b"iprp")?.ok_or(Fault::Broken("there is no iprp box"))?;
    let ipco = find(file, iprp, *b"ipco")?.ok_or(Fault::Broken("there is no ipco box"))?;
    let properties = boxes(file, ipco)?;
    probe.alpha = has_alpha(file, &properties)?;
    if let Some(iref) = find(file, meta, *b"iref")? {
        probe.grid_cells = grid_cells(file, iref)?;
    }

    let mut turn = Turn::default();
    let mut cursor = iprp.at;
    while let Some((name, ipma)) = next_box(file, cursor, iprp.end)? {
        cursor = ipma.end;
        if name == *b"ipma" {
            for index in associations(file, ipma, primary)? {
                if let Some((name, body)) = properties.get(index) {
                    property(file, *name, *body, probe, &mut turn)?;
                }
            }
        }
    }
    probe.orientation = turn.orientation();
    if probe.stored.is_none() {
        return Err(Fault::Broken("the primary item has no size"));
    }
    Ok(())
}

/// One property of the primary item.
fn property<R: Read + Seek>(
    file: &mut Window<R>,
    name: [u8; 4],
    body: Span,
    probe: &mut Probe,
    turn: &mut Turn,
) -> Result<(), Fault> {
    match &name {
        b"ispe" => {
            let (width, height) = (file.u32_be(body.at + 4)?, file.u32_be(body.at + 8)?);
            probe.stored = Some(Size { width, height });
        }
        b"pixi" => probe.bits_per_sample = file.u8(body.at + 5)?,
        b"av1C" => probe.bits_per_sample = depth(file.array(body.at)?),
        b"irot" => turn.quarters = file.u8(body.at)? & 3,
        b"imir" => turn.mirror = Some(file.u8(body.at)? & 1),
        b"colr" if matches!(&file.array::<4>(body.at)?, b"prof" | b"rICC") => {
            // The four bytes of the type may have been the next box's: an empty `colr` is legal syntax.
            let len = body.end.checked_sub(body.at + 4).ok_or(Fault::Broken("colr is cut off"))?;
            let extent = Extent { at: body.at + 4, len };
            probe.icc = Icc { extents: vec![extent], deflated: false };
        }
        b"colr" if file.array::<4>(body.at)? == *b"nclx" => {
            // 16 bits each; the matrix after them is undone by the decoder.
            let [p1, p0, t1, t0] = file.array(body.at + 4)?;
            if p1 == 0 && t1 == 0 {
                probe.colour.cicp = Some(Cicp { primaries: p0, transfer: t0 });
            }
        }
        _ => {}
    }
    Ok(())
}

/// Bits of a sample, by the third byte of `av1C` (AV1 in ISOBMFF §2.3.3): `high_bitdepth`, `twelve_bit`.
fn depth([_, _, flags]: [u8; 3]) -> u8 {
    match flags & 0x60 {
        0x60 => 12,
        0x40 => 10,
        _ => 8,
    }
}

/// `irot`, then `imir`: the order that MIAF (ISO/IEC 23000-22 §7.3.6.7) prescribes.
#[derive(Default)]
struct Turn {
    /// Quarter turns counter-clockwise.
    quarters: u8,
    /// 0 exchanges top and bottom, 1 left and right.
    mirror: Option<u8>,
}

impl Turn {
    fn orientation(&self) -> Orientation {
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

fn primary_item<R: Read + Seek>(file: &mut Window<R>, meta: Span) -> Result<u32, Fault> {
    let pitm = find(file, meta, *b"pitm")?.ok_or(Fault::Broken("there is no primary item"))?;
    match file.u8(pitm.at)? {
        0 => file.u16_be(pitm.at + 4).map(u32::from),
        _ => file.u32_be(pitm.at + 4),
    }
}

/// Cells of the largest grid: what an item is derived from (`dimg`, ISO/IEC 23008-12 §6.6.2). A grid must
/// refer to exactly rows × columns cells, so its own payload need not be read.
fn grid_cells<R: Read + Seek>(file: &mut Window<R>, iref: Span) -> Result<u32, Fault> {
    let wide = file.u8(iref.at)? != 0;
    let mut most = 0;
    for (name, body) in boxes(file, iref.skip(4)?)? {
        if name == *b"dimg" {
            most = most.max(file.u16_be(body.at + if wide { 4 } else { 2 })?.into());
        }
    }
    Ok(most)
}

/// Alpha is an auxiliary item; that one exists at all is enough for "may have".
fn has_alpha<R: Read + Seek>(
    file: &mut Window<R>,
    properties: &[([u8; 4], Span)],
) -> Result<bool, Fault> {
    for (name, body) in properties {
        if name == b"auxC" {
            for urn in ALPHA_URNS {
                let fits =
                    usize::try_from(body.end - body.at).is_ok_and(|len| len >= urn.len() + 4);
                if fits && file.bytes(body.at + 4, urn.len())? == urn {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// The properties of `item`, as indices into the property container (ISO/IEC 23008-12 §9.3.1).
fn associations<R: Read + Seek>(
    file: &mut Window<R>,
    ipma: Span,
    item: u32,
) -> Result<Vec<usize>, Fault> {
    let [version, _, _, flags] = file.array(ipma.at)?;
    let entries = file.u32_be(ipma.at + 4)?;
    let mut at = ipma.at + 8;
    let mut found = Vec::new();
    let mut left = MAX_ASSOCIATIONS;
    for _ in 0..entries {
        let id = if version == 0 { u32::from(file.u16_be(at)?) } else { file.u32_be(at)? };
        at += if version == 0 { 2 } else { 4 };
        let count = file.u8(at)?;
        at += 1;
        left =
            left.checked_sub(u32::from(count) + 1).ok_or(Fault::Broken("too many properties"))?;
        for _ in 0..count {
            // The top bit says "essential"; indices count from one, and zero means none.
            let index = if flags & 1 != 0 {
                file.u16_be(at)? & 0x7fff
            } else {
                u16::from(file.u8(at)? & 0x7f)
            };
            at += if flags & 1 != 0 { 2 } else { 1 };
            if id == item && index > 0 {
                found.push(usize::from(index) - 1);
            }
        }
        if at > ipma.end {
            return Err(Fault::Broken("ipma is longer than its box"));
        }
    }
    Ok(found)
}

/// The contents of a box.
#[derive(Clone, Copy)]
struct Span {
    at: u64,
    end: u64,
}

impl Span {
    fn skip(self, bytes: u64) -> Result<Self, Fault> {
        let at = self.at + bytes;
        if at > self.end {
            return Err(Fault::Broken("a box is too short"));
        }
        Ok(Self { at, ..self })
    }
}

fn boxes<R: Read + Seek>(
    file: &mut Window<R>,
    inside: Span,
) -> Result<Vec<([u8; 4], Span)>, Fault> {
    let mut all = Vec::new();
    let mut at = inside.at;
    while let Some((name, body)) = next_box(file, at, inside.end)? {
        if all.len() >= MAX_BOXES as usize {
            return Err(Fault::Broken("too many boxes"));
        }
        at = body.end;
        all.push((name, body));
    }
    Ok(all)
}

fn find<R: Read + Seek>(
    file: &mut Window<R>,
    inside: Span,
    wanted: [u8; 4],
) -> Result<Option<Span>, Fault> {
    let mut at = inside.at;
    for _ in 0..MAX_BOXES {
        match next_box(file, at, inside.end)? {
            Some((name, body)) if name == wanted => return Ok(Some(body)),
            Some((_, body)) => at = body.end,
            None => return Ok(None),
        }
    }
    Err(Fault::Broken("too many boxes"))
}

/// The box at `at`, unless its parent ends there (ISO/IEC 14496-12 §4.2).
fn next_box<R: Read + Seek>(
    file: &mut Window<R>,
    at: u64,
    parent_end: u64,
) -> Result<Option<([u8; 4], Span)>, Fault> {
    if parent_end.saturating_sub(at) < 8 {
        return Ok(None);
    }
    let [s3, s2, s1, s0, name @ ..] = file.array::<8>(at)?;
    let (header, len) = match u32::from_be_bytes([s3, s2, s1, s0]) {
        0 => (8, parent_end - at),
        1 => (16, u64::from_be_bytes(file.array(at + 8)?)),
        len => (8, u64::from(len)),
    };
    let end = at.checked_add(len).filter(|end| len >= header && *end <= parent_end);
    let end = end.ok_or(Fault::Broken("a box is longer than what holds it"))?;
    Ok(Some((name, Span { at: at + header, end })))
}
