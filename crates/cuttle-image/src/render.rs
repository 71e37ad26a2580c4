//! The life of one picture, from bytes to bytes.

use std::io::Cursor;

use crate::codec::{avif, jpeg, png, tiff, webp};
use crate::colour::Meaning;
use crate::geometry::{DctScale, Framing};
use crate::picture::Picture;
use crate::{Kind, Limits, Probe, ProbeError, RenderError, RenderOptions, Rendition, Size, Target};
use crate::{probe, resize, salience, scans};

/// Renders one still picture: probe, refuse what is over a limit, decode, resize, convert to sRGB, turn,
/// encode. No metadata survives.
///
/// # Errors
/// [`RenderError`]. A broken limit is found before anything is decoded.
pub fn render(
    source: &[u8],
    options: &RenderOptions,
    limits: &Limits,
) -> Result<Rendition, RenderError> {
    let probe = probe(Cursor::new(source))?;
    limits.check(&probe)?;
    if probe.kind == Kind::Jpeg {
        scans::check(source, limits.jpeg_scans)?;
    }
    let stored = still(&probe)?;
    let display = stored.oriented(probe.orientation);
    // What is decoded is turned last, so until then cut and target lie on their side too.
    let framing = Framing::new(display, options.width, options.fit).oriented(probe.orientation);
    let meaning = Meaning::read(source, &probe, limits)?;
    // Where 8 bits cannot hold what the samples say, colours are converted as they are decoded.
    let deep =
        matches!(probe.kind, Kind::Png | Kind::Avif) && meaning.needs_depth(probe.bits_per_sample);

    let decoded = if deep {
        decode_deep(source, &probe, stored, &meaning, limits)?
    } else {
        decode(source, &probe, stored, framing, limits)?
    };
    let decoded = decoded.without_idle_alpha();
    let cut = salience::cut(&decoded, stored, framing.region, options.fit);
    let resized = resize::resize(decoded, cut, framing.target)?;
    let converted = if deep { resized } else { meaning.to_srgb(resized) };
    let upright = converted.oriented(probe.orientation);
    encode(upright, options, probe.paletted)
}

/// The size of a picture that this engine decodes.
fn still(probe: &Probe) -> Result<Size, RenderError> {
    let decodes =
        matches!(probe.kind, Kind::Jpeg | Kind::Png | Kind::Webp | Kind::Avif | Kind::Tiff)
            && probe.supported
            && !probe.animated;
    probe.stored.filter(|_| decodes).ok_or(RenderError::Unsupported(probe.kind))
}

fn decode(
    source: &[u8],
    probe: &Probe,
    stored: Size,
    framing: Framing,
    limits: &Limits,
) -> Result<Picture, RenderError> {
    match probe.kind {
        Kind::Jpeg => {
            let scale = DctScale::for_target(framing.region, framing.target);
            jpeg::decode(source, stored, scale, limits.jpeg_scans)
        }
        Kind::Png => png::decode(source, stored),
        Kind::Webp => webp::decode(source, stored, probe.alpha),
        Kind::Avif => avif::decode(source, stored, probe.alpha, limits),
        Kind::Tiff => tiff::decode(source, stored, probe.premultiplied),
        kind => Err(RenderError::Unsupported(kind)),
    }
}

/// Decodes at full depth, and gives sRGB.
fn decode_deep(
    source: &[u8],
    probe: &Probe,
    stored: Size,
    meaning: &Meaning,
    limits: &Limits,
) -> Result<Picture, RenderError> {
    match probe.kind {
        Kind::Png => png::decode_deep(source, stored, meaning),
        Kind::Avif => avif::decode_deep(source, stored, probe.alpha, meaning, limits),
        kind => Err(RenderError::Unsupported(kind)),
    }
}

/// `paletted`: the source was, and a PNG of it may be again.
fn encode(
    picture: Picture,
    options: &RenderOptions,
    paletted: bool,
) -> Result<Rendition, RenderError> {
    let size = picture.size;
    let RenderOptions { quality, profile, .. } = *options;
    let quality = quality.clamp(1, 100);
    let (kind, bytes) = match options.target.within(size.width.max(size.height)) {
        Target::Avif => (Kind::Avif, avif::encode(&picture.in_colour(), quality, profile)?),
        Target::Webp => (Kind::Webp, webp::encode(&picture.in_colour(), quality, profile)?),
        Target::JpegOrPng if picture.transparent() => {
            (Kind::Png, png::encode(picture, profile, paletted)?)
        }
        Target::Jpeg | Target::JpegOrPng => {
            (Kind::Jpeg, jpeg::encode(&picture.on_white(), quality, profile)?)
        }
        Target::Png => (Kind::Png, png::encode(picture, profile, paletted)?),
    };
    Ok(Rendition { bytes, kind, width: size.width, height: size.height })
}

impl From<ProbeError> for RenderError {
    fn from(error: ProbeError) -> Self {
        match error {
            ProbeError::Unrecognised => Self::Unrecognised,
            broken => Self::Decode(broken.to_string()),
        }
    }
}
