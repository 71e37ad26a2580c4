//! AVIF image sequences (ISO/IEC 23008-12 §7 with ISO/IEC 14496-12): the first track of AV1 that is not auxiliary to
//! another, and its alpha. Tracks of sound, of depth or of anything else are passed over.

use std::io::{Read, Seek};
use std::time::Duration;

use super::super::window::{Fault, Window};
use super::boxes::{Span, boxes, find, inside};
use super::properties::says_alpha;
use super::samples;
use super::{Extent, Look, MAX_FRAMES, SequenceHeader, sequence_header};
use crate::Size;

/// Bytes of a visual sample entry before its boxes (ISO/IEC 14496-12 §12.1.3).
const SAMPLE_ENTRY: u64 = 78;

/// A picture that moves.
#[derive(Debug)]
pub(crate) struct Film {
    pub(crate) size: Size,
    pub(crate) look: Look,
    /// As many as are announced. What follows is described of the first [`MAX_FRAMES`] only.
    pub(crate) frames: u32,
    pub(crate) colour: Stream,
    pub(crate) alpha: Option<Stream>,
    pub(crate) premultiplied: bool,
    pub(crate) durations: Vec<Duration>,
    /// How often it is played, 0 for ever.
    pub(crate) plays: u32,
}

/// Coded frames, one after the other.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) samples: Vec<Extent>,
    /// Of the first.
    pub(crate) header: SequenceHeader,
}

/// A track of AV1.
struct Track {
    id: u32,
    whole: Span,
    size: Size,
    duration: Option<u64>,
    /// Its tables of samples, and the entry that describes them all.
    samples: Span,
    entry: Span,
}

pub(super) fn read<R: Read + Seek>(file: &mut Window<R>, movie: Span) -> Result<Film, Fault> {
    let mut tracks = Vec::new();
    for (name, track) in boxes(file, movie)? {
        if name == *b"trak" {
            tracks.extend(track_of_av1(file, track)?);
        }
    }
    let mut colour = None;
    for track in &tracks {
        if references(file, track, *b"auxl")?.is_empty() {
            colour = Some(track);
            break;
        }
    }
    let colour = colour.ok_or(Fault::Broken("there is no track of images"))?;
    let mut alpha = None;
    for track in &tracks {
        if references(file, track, *b"auxl")?.contains(&colour.id) && is_alpha(file, track)? {
            alpha = Some(track);
            break;
        }
    }

    let mut look = Look::default();
    for (name, body) in boxes(file, colour.entry)? {
        look.property(file, name, body)?;
    }
    let frames = samples::count(file, colour.samples)?;
    let described = frames.min(MAX_FRAMES);
    let premultiplied = match alpha {
        Some(alpha) => references(file, colour, *b"prem")?.contains(&alpha.id),
        None => false,
    };
    // SECURITY: no limit looks at its size.
    if let Some(Track { size, .. }) = alpha
        && (size.width > colour.size.width || size.height > colour.size.height)
    {
        return Err(Fault::Broken("its alpha is larger than itself"));
    }
    Ok(Film {
        size: colour.size,
        look,
        frames,
        colour: stream(file, colour, described)?,
        alpha: alpha.map(|track| stream(file, track, described)).transpose()?,
        premultiplied,
        durations: durations(file, colour, described)?,
        plays: plays(file, colour)?,
    })
}

fn stream<R: Read + Seek>(
    file: &mut Window<R>,
    track: &Track,
    count: u32,
) -> Result<Stream, Fault> {
    let samples = samples::extents(file, track.samples, count)?;
    let header = sequence_header(file, samples.get(..1).unwrap_or_default(), track.size)?;
    Ok(Stream { samples, header })
}

fn track_of_av1<R: Read + Seek>(file: &mut Window<R>, track: Span) -> Result<Option<Track>, Fault> {
    let Some(header) = find(file, track, *b"tkhd")? else { return Ok(None) };
    let Some(samples) = inside(file, track, &[*b"mdia", *b"minf", *b"stbl"])? else {
        return Ok(None);
    };
    let Some(descriptions) = find(file, samples, *b"stsd")? else { return Ok(None) };
    let Some(entry) = find(file, descriptions.skip(8)?, *b"av01")? else { return Ok(None) };
    let wide = header.array::<1, R>(file)?[0] == 1;
    let (id, rest) = header.skip(if wide { 20 } else { 12 })?.number(file, 4)?;
    let bytes = if wide { 8 } else { 4 };
    let (duration, _) = rest.skip(4)?.number(file, bytes)?;
    // All ones: it has no end.
    let endless = u64::MAX >> (64 - 8 * u32::from(bytes));
    // The last two fields, in 16.16 fixed point, whatever the version of the box.
    let sides = header.skip(header.len().saturating_sub(8))?;
    let (width, rest) = sides.number(file, 4)?;
    let (height, _) = rest.number(file, 4)?;
    let side = |fixed: u64| u32::try_from(fixed >> 16).unwrap_or(u32::MAX);
    Ok(Some(Track {
        id: u32::try_from(id).unwrap_or(u32::MAX),
        whole: track,
        size: Size { width: side(width), height: side(height) },
        duration: (duration != endless).then_some(duration),
        samples,
        entry: entry.skip(SAMPLE_ENTRY)?,
    }))
}

/// The tracks that a track refers to.
fn references<R: Read + Seek>(
    file: &mut Window<R>,
    track: &Track,
    kind: [u8; 4],
) -> Result<Vec<u32>, Fault> {
    let Some(ids) = inside(file, track.whole, &[*b"tref", kind])? else { return Ok(Vec::new()) };
    let count = usize::try_from(ids.len() / 4).unwrap_or(usize::MAX).min(64);
    let ids = file.bytes(ids.at, 4 * count)?.as_chunks::<4>().0;
    Ok(ids.iter().map(|id| u32::from_be_bytes(*id)).collect())
}

fn is_alpha<R: Read + Seek>(file: &mut Window<R>, track: &Track) -> Result<bool, Fault> {
    match find(file, track.entry, *b"auxi")? {
        Some(kind) => says_alpha(file, kind),
        None => Ok(false),
    }
}

/// How long each sample is shown.
fn durations<R: Read + Seek>(
    file: &mut Window<R>,
    track: &Track,
    count: u32,
) -> Result<Vec<Duration>, Fault> {
    let header = inside(file, track.whole, &[*b"mdia", *b"mdhd"])?;
    let header = header.ok_or(Fault::Broken("a track has no unit of time"))?;
    let wide = header.array::<1, R>(file)?[0] == 1;
    let (timescale, _) = header.skip(if wide { 20 } else { 12 })?.number(file, 4)?;
    let units = samples::times(file, track.samples, count)?;
    let duration = |units: u32| {
        let nanoseconds = u128::from(units) * 1_000_000_000 / u128::from(timescale.max(1));
        u64::try_from(nanoseconds).map_or(Duration::MAX, Duration::from_nanos)
    };
    Ok(units.into_iter().map(duration).collect())
}

/// An edit list that repeats says one turn, and the track how long all of them take. Browsers play a file that says
/// nothing for ever.
fn plays<R: Read + Seek>(file: &mut Window<R>, track: &Track) -> Result<u32, Fault> {
    let Some(edits) = inside(file, track.whole, &[*b"edts", *b"elst"])? else { return Ok(0) };
    let [version, _, _, flags] = edits.array(file)?;
    if flags & 1 == 0 {
        return Ok(1);
    }
    let (turn, _) = edits.skip(8)?.number(file, if version == 1 { 8 } else { 4 })?;
    Ok(match track.duration {
        Some(duration) if turn > 0 => u32::try_from(duration.div_ceil(turn)).unwrap_or(0),
        _ => 0,
    })
}
