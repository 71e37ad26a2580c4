//! For the bench only: a render that says when each stage is done, encoders at numbers of their own, and JPEG
//! decoding beside libjpeg's.
//!
//! No server has a use for it, and nothing here renders differently from [`render`](crate::render()).

pub use crate::quality::ASKED as QUALITIES;
pub use crate::render::render_watched;
pub use crate::stage::Stage;

use std::cell::RefCell;
use std::io::Cursor;

use crate::codec::{avif, jpeg, webp};
use crate::geometry::{DctScale, Framing};
use crate::ink::{Inks, Zero};
use crate::picture::{Channels, Picture};
use crate::sink::Sink;
use crate::{Fit, Limits, Profile, RenderError, Size, Target, probe, quality};

/// The number at which an encoder meets `quality` by the present table; `None` where there is no quality.
#[must_use]
pub fn number(target: Target, profile: Profile, quality: u8) -> Option<f32> {
    match target {
        Target::Avif => Some(quality::avif(quality, profile)),
        Target::Webp => Some(quality::webp(quality, profile)),
        Target::Jpeg => Some(quality::jpeg(quality, profile)),
        Target::Png | Target::JpegOrPng => None,
    }
}

/// Encodes `rgb` (rows from the top, three bytes a pixel) at `number` of the encoder's own scale: what the
/// calibration varies.
///
/// # Errors
/// [`RenderError::Encode`] when the samples are not those of `size`, when `target` has no lossy encoder, or
/// when the encoder fails.
pub fn encode_at(
    rgb: Vec<u8>,
    size: Size,
    target: Target,
    number: f32,
    profile: Profile,
) -> Result<Vec<u8>, RenderError> {
    if u64::try_from(rgb.len()).ok() != size.pixels().checked_mul(3) {
        return Err(RenderError::Encode("the samples are not those of the size".into()));
    }
    let picture = Picture { size, channels: Channels::Rgb, samples: rgb };
    match target {
        Target::Avif => avif::encode_at(&picture, number, profile),
        Target::Webp => webp::encode_at(&picture, number, profile),
        Target::Jpeg => jpeg::encode_at(&picture, number, profile),
        Target::Png | Target::JpegOrPng => {
            Err(RenderError::Encode("there is nothing to calibrate".into()))
        }
    }
}

/// Decodes a JPEG at the scale that a rendition `width` pixels wide asks for, and resizes it: as the engine
/// does, or with everything read `by_libjpeg`. Gives the size and rows of three bytes a pixel, in the colours of
/// the file; `done` is called as by [`render_watched`].
///
/// # Errors
/// [`RenderError`] of a source that cannot be decoded, or is no JPEG.
pub fn shrink_jpeg(
    source: &[u8],
    width: u32,
    by_libjpeg: bool,
    done: impl FnMut(Stage),
) -> Result<(Size, Vec<u8>), RenderError> {
    let found = probe(Cursor::new(source))?;
    let stored = found.stored.ok_or(RenderError::Unsupported(found.kind))?;
    let framing = Framing::new(stored, width, Fit::Width);
    let scale = DctScale::for_target(framing.region, framing.target);
    let done = RefCell::new(done);
    let done = |stage| (*done.borrow_mut())(stage);
    let sink = Sink::new(stored, [(framing, Fit::Width)].into_iter(), &done);
    let scan_limit = Limits::default().jpeg_scans;
    let inks = Inks::new(Zero::AllInk, None);
    let task = jpeg::Task { source, stored, scan_limit, inks: &inks };
    let mut made = if by_libjpeg {
        jpeg::whole(task, (scale, sink))?
    } else {
        jpeg::decode(task, vec![(scale, sink)]).remove(0)?
    };
    let picture = made.remove(0).in_colour();
    Ok((picture.size, picture.samples))
}
