//! The tables of a track's samples (ISO/IEC 14496-12 §8.6.1, §8.7): how many there are, where they lie, how long each
//! lasts. Chunks without samples, which no writer makes, would make their number no bound, and are refused.

use std::io::{Read, Seek};

use super::super::window::{Fault, Window};
use super::Extent;
use super::boxes::{Span, find};

pub(super) fn count<R: Read + Seek>(file: &mut Window<R>, tables: Span) -> Result<u32, Fault> {
    let sizes = table(file, tables, *b"stsz")?;
    let (count, _) = sizes.skip(4)?.number(file, 4)?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Where the first `count` samples lie.
pub(super) fn extents<R: Read + Seek>(
    file: &mut Window<R>,
    tables: Span,
    count: u32,
) -> Result<Vec<Extent>, Fault> {
    let (size, sizes) = table(file, tables, *b"stsz")?.number(file, 4)?;
    let mut sizes = sizes.skip(4)?;
    let (wide, (chunks, mut offsets)) = match find(file, tables, *b"co64")? {
        Some(wide) => (8, wide.skip(4)?.number(file, 4)?),
        None => (4, table(file, tables, *b"stco")?.number(file, 4)?),
    };
    let (runs, mut runs_left) = table(file, tables, *b"stsc")?.number(file, 4)?;
    let (mut run, mut next_run) = (0, 1);
    let mut runs_read = 0;

    let mut extents = Vec::new();
    let mut bytes = 0_u64;
    for chunk in 1..=chunks {
        if extents.len() >= count as usize {
            break;
        }
        if chunk == next_run && runs_read < runs {
            let (_, rest) = runs_left.number(file, 4)?;
            let (samples, rest) = rest.number(file, 4)?;
            (run, runs_left) = (samples, rest.skip(4)?);
            runs_read += 1;
            next_run = if runs_read < runs { runs_left.number(file, 4)?.0 } else { 0 };
            if runs_read < runs && next_run <= chunk {
                return Err(Fault::Broken("chunks are not in order"));
            }
        }
        if run == 0 {
            return Err(Fault::Broken("a chunk has no samples"));
        }
        let (mut at, rest) = offsets.number(file, wide)?;
        offsets = rest;
        for _ in 0..run.min(u64::from(count) - extents.len() as u64) {
            let len = if size > 0 {
                size
            } else {
                let (len, rest) = sizes.number(file, 4)?;
                sizes = rest;
                len
            };
            // SECURITY: samples do not overlap, so all of them are at most the file.
            bytes += len;
            let end = at.checked_add(len).filter(|end| *end <= file.len() && bytes <= file.len());
            extents.push(Extent { at, len });
            at = end.ok_or(Fault::Broken("a sample lies outside the file"))?;
        }
    }
    if extents.len() < count as usize {
        return Err(Fault::Broken("there are not as many samples as it says"));
    }
    Ok(extents)
}

/// Units of time of the first `count` samples; what is not said is as the last that was.
pub(super) fn times<R: Read + Seek>(
    file: &mut Window<R>,
    tables: Span,
    count: u32,
) -> Result<Vec<u32>, Fault> {
    let (runs, mut rest) = table(file, tables, *b"stts")?.number(file, 4)?;
    let mut times = Vec::new();
    let mut last = 1;
    for _ in 0..runs.min(count.into()) {
        if times.len() >= count as usize {
            break;
        }
        let (samples, after) = rest.number(file, 4)?;
        let (time, after) = after.number(file, 4)?;
        rest = after;
        last = u32::try_from(time).unwrap_or(u32::MAX);
        let left = count as usize - times.len();
        let samples = usize::try_from(samples).unwrap_or(left).min(left);
        times.resize(times.len() + samples, last);
    }
    times.resize(count as usize, last);
    Ok(times)
}

/// The contents of a full box, after version and flags.
fn table<R: Read + Seek>(file: &mut Window<R>, tables: Span, name: [u8; 4]) -> Result<Span, Fault> {
    find(file, tables, name)?.ok_or(Fault::Broken("a table of samples is missing"))?.skip(4)
}
