//! AVIF (ISO/IEC 23008-12 with AV1): one walk over the container, for whoever decides and whoever decodes.
//!
//! A file shows a still picture, which [`items`] describes, or a sequence, which [`track`] does. Of AV1 itself only the
//! sequence header is read. Nothing is shown of a file with an essential property that is not known here.

mod boxes;
mod items;
mod properties;
mod samples;
mod sequence_header;
mod tables;
mod track;

use std::io::{Read, Seek};

pub(crate) use items::{Coded, Grid, Still};
pub(crate) use properties::{Look, Nclx};
pub(crate) use sequence_header::{Chroma, SequenceHeader};
pub(crate) use track::{Film, Stream};

use super::window::{Fault, Window};
use super::{Cicp, Extent, MAX_FRAMES, Probe};
use crate::Size;
use crate::sniff::Brands;
use boxes::{Span, find};

/// Bytes of coded data in which a sequence header is looked for: it comes first, after a delimiter of two.
const HEADER_BYTES: u64 = 256;

/// What is to be shown.
#[derive(Debug)]
pub(crate) enum Shown {
    Still(Box<Still>),
    Film(Box<Film>),
}

pub(super) fn read<R: Read + Seek>(
    file: &mut Window<R>,
    head: &[u8],
    probe: &mut Probe,
) -> Result<(), Fault> {
    let (look, header) = match walk(file, head)? {
        Shown::Still(still) => {
            let whole = still.colour.size;
            let shown = still.look.cut(whole);
            probe.stored = Some(shown);
            probe.alpha = still.alpha.is_some();
            for grid in std::iter::once(&still.colour).chain(&still.alpha) {
                if let Some(cells) = grid.more_than_one() {
                    probe.grid_cells = cells.max(probe.grid_cells);
                    probe.mosaic_bytes = grid.header.bytes(grid.size).max(probe.mosaic_bytes);
                }
                probe.av1_frame_bytes = grid.header.frame_bytes().max(probe.av1_frame_bytes);
            }
            // What is decoded may be more than what is shown.
            let decoded = whole.pixels().max(still.colour.header.size.pixels());
            if decoded > shown.pixels() {
                probe.frames_pixels = decoded;
            }
            (still.look, still.colour.header)
        }
        Shown::Film(film) => {
            probe.stored = Some(film.look.cut(film.size));
            probe.alpha = film.alpha.is_some();
            probe.animated = true;
            if film.frames <= MAX_FRAMES {
                probe.count_frames(film.frames);
                let decoded = film.size.pixels().max(film.colour.header.size.pixels());
                probe.frames_pixels = decoded.saturating_mul(film.frames.into());
            }
            let headers =
                std::iter::once(&film.colour).chain(&film.alpha).map(|track| track.header);
            probe.av1_frame_bytes = headers.map(|header| header.frame_bytes()).max().unwrap_or(0);
            (film.look, film.colour.header)
        }
    };
    probe.bits_per_sample = header.depth;
    probe.orientation = look.orientation();
    let Nclx { primaries, transfer, .. } = look.nclx.unwrap_or(header.colours);
    probe.colour.cicp = Some(Cicp { primaries, transfer });
    probe.icc = look.icc;
    Ok(())
}

/// Describes a file in memory.
#[cfg(feature = "codecs")]
pub(crate) fn describe(source: &[u8]) -> Result<Shown, &'static str> {
    let head = &source[..source.len().min(crate::SNIFF_BYTES)];
    let mut file = Window::new(std::io::Cursor::new(source)).map_err(|_| "it cannot be read")?;
    walk(&mut file, head).map_err(|fault| match fault {
        Fault::Io(_) => "it cannot be read",
        Fault::Broken(reason) => reason,
    })
}

/// Reads the container, whose first bytes are `head`.
fn walk<R: Read + Seek>(file: &mut Window<R>, head: &[u8]) -> Result<Shown, Fault> {
    let whole = Span { at: 0, end: file.len() };
    if Brands::read(head, file.len()).is_some_and(|brands| brands.sequence())
        && let Some(movie) = find(file, whole, *b"moov")?
    {
        return track::read(file, movie).map(|film| Shown::Film(Box::new(film)));
    }
    let meta = find(file, whole, *b"meta")?.ok_or(Fault::Broken("there is no meta box"))?;
    items::read(file, meta).map(|still| Shown::Still(Box::new(still)))
}

/// The sequence header at the beginning of these bytes, of which a frame of `size` must be possible.
fn sequence_header<R: Read + Seek>(
    file: &mut Window<R>,
    extents: &[Extent],
    size: Size,
) -> Result<SequenceHeader, Fault> {
    if size.width == 0 || size.height == 0 {
        return Err(Fault::Broken("an image has no pixels"));
    }
    let head = gather(file, extents, HEADER_BYTES)?;
    let header = SequenceHeader::find(&head).ok_or(Fault::Broken("there is no sequence header"))?;
    if size.width > header.size.width || size.height > header.size.height {
        return Err(Fault::Broken("its frames are smaller than the image"));
    }
    Ok(header)
}

/// At most so many bytes from the beginning of several pieces.
fn gather<R: Read + Seek>(
    file: &mut Window<R>,
    extents: &[Extent],
    most: u64,
) -> Result<Vec<u8>, Fault> {
    let mut gathered = Vec::new();
    for extent in extents {
        let wanted = extent.len.min(most - gathered.len() as u64);
        // SECURITY: a look at each of thousands of pieces is a block read for each.
        if wanted == 0 {
            break;
        }
        gathered.extend_from_slice(file.bytes(extent.at, usize::try_from(wanted).unwrap_or(0))?);
    }
    Ok(gathered)
}
