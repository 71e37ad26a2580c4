//! AVIF image sequences (ISO/IEC 23008-12 §7 with ISO/IEC 14496-12): the track of colours.
//!
//! Samples are never opened: their number and size are in the sample table.

use std::io::{Read, Seek};

use super::super::window::{Fault, Window};
use super::{MAX_BOXES, Span, find, next_box};
use crate::Size;
use crate::probe::{Extent, Icc, MAX_FRAMES, Probe};

/// Bytes of a visual sample entry before its boxes (ISO/IEC 14496-12 §12.1.3).
const SAMPLE_ENTRY: u64 = 78;

/// Reads the first track that is not auxiliary to another; that there is an auxiliary one is enough for
/// "may have alpha".
pub(super) fn read<R: Read + Seek>(
    file: &mut Window<R>,
    whole: Span,
    probe: &mut Probe,
) -> Result<(), Fault> {
    probe.animated = true;
    let moov = find(file, whole, *b"moov")?.ok_or(Fault::Broken("there is no moov box"))?;
    let mut at = moov.at;
    for _ in 0..MAX_BOXES {
        let Some((name, track)) = next_box(file, at, moov.end)? else { break };
        at = track.end;
        if name != *b"trak" {
            continue;
        }
        if auxiliary(file, track)? {
            probe.alpha = true;
        } else if probe.stored.is_none() {
            colours(file, track, probe)?;
        }
    }
    if probe.stored.is_none() {
        return Err(Fault::Broken("there is no track of pictures"));
    }
    Ok(())
}

fn auxiliary<R: Read + Seek>(file: &mut Window<R>, track: Span) -> Result<bool, Fault> {
    match find(file, track, *b"tref")? {
        Some(references) => find(file, references, *b"auxl").map(|found| found.is_some()),
        None => Ok(false),
    }
}

/// Size and number of the pictures of a track of AV1, depth and colour profile; other tracks are passed over.
fn colours<R: Read + Seek>(
    file: &mut Window<R>,
    track: Span,
    probe: &mut Probe,
) -> Result<(), Fault> {
    let Some(header) = find(file, track, *b"tkhd")? else { return Ok(()) };
    let Some(samples) = inside(file, track, &[*b"mdia", *b"minf", *b"stbl"])? else {
        return Ok(());
    };
    let Some(descriptions) = find(file, samples, *b"stsd")? else { return Ok(()) };
    let Some(entry) = find(file, descriptions.skip(8)?, *b"av01")? else { return Ok(()) };
    let sizes = find(file, samples, *b"stsz")?.ok_or(Fault::Broken("samples have no sizes"))?;

    // The last two fields, in 16.16 fixed point, whatever the version of the box.
    let sides = header.end - 8;
    let side = |fixed: u32| fixed >> 16;
    probe.stored =
        Some(Size { width: side(file.u32_be(sides)?), height: side(file.u32_be(sides + 4)?) });
    let frames = file.u32_be(sizes.at + 8)?;
    if frames <= MAX_FRAMES {
        probe.count_frames(frames);
    }

    let properties = entry.skip(SAMPLE_ENTRY)?;
    if let Some(config) = find(file, properties, *b"av1C")? {
        probe.bits_per_sample = super::depth(file.array(config.at)?);
    }
    if let Some(colour) = find(file, properties, *b"colr")?
        && matches!(&file.array::<4>(colour.at)?, b"prof" | b"rICC")
    {
        let extent = Extent { at: colour.at + 4, len: colour.end - colour.at - 4 };
        probe.icc = Icc { extents: vec![extent], deflated: false };
    }
    Ok(())
}

/// The box at the end of a path of names.
fn inside<R: Read + Seek>(
    file: &mut Window<R>,
    outer: Span,
    path: &[[u8; 4]],
) -> Result<Option<Span>, Fault> {
    let mut span = outer;
    for name in path {
        match find(file, span, *name)? {
            Some(found) => span = found,
            None => return Ok(None),
        }
    }
    Ok(Some(span))
}
