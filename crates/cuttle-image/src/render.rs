//! The life of one picture, from bytes to bytes.

use std::io::Cursor;

use crate::codec::{avif, jpeg, png, webp};
use crate::geometry::DctScale;
use crate::picture::Picture;
use crate::{Kind, Limits, Probe, ProbeError, RenderError, RenderOptions, Rendition, Size, Target};
use crate::{colour, probe, resize};

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
    render_watched(source, options, limits, |_| {})
}

/// Part of a render, for whoever watches one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Headers, limits and pixels.
    Decode,
    /// To the size of the rendition.
    Resize,
    /// To sRGB, and turned upright.
    Colour,
    /// To bytes.
    Encode,
}

/// As [`render`], calling `done` at the end of each stage.
///
/// # Errors
/// As [`render`].
pub fn render_watched(
    source: &[u8],
    options: &RenderOptions,
    limits: &Limits,
    mut done: impl FnMut(Stage),
) -> Result<Rendition, RenderError> {
    let probe = probe(Cursor::new(source))?;
    limits.check(&probe)?;
    let stored = still(&probe)?;
    let target = stored.oriented(probe.orientation).fit_width(options.width);
    // What is decoded is turned last, so until then the target lies on its side too.
    let target = target.oriented(probe.orientation);
    let profile = colour::embedded_profile(source, &probe.icc, limits)?;

    let decoded = decode(source, &probe, stored, target, limits)?;
    done(Stage::Decode);
    let resized = resize::resize(decoded.without_idle_alpha(), target)?;
    done(Stage::Resize);
    let converted = colour::to_srgb(resized, profile.as_deref());
    let upright = converted.oriented(probe.orientation);
    done(Stage::Colour);
    let rendition = encode(upright, options)?;
    done(Stage::Encode);
    Ok(rendition)
}

/// The size of a picture that this engine decodes.
fn still(probe: &Probe) -> Result<Size, RenderError> {
    let decodes =
        matches!(probe.kind, Kind::Jpeg | Kind::Png | Kind::Webp | Kind::Avif) && !probe.animated;
    probe.stored.filter(|_| decodes).ok_or(RenderError::Unsupported(probe.kind))
}

fn decode(
    source: &[u8],
    probe: &Probe,
    stored: Size,
    target: Size,
    limits: &Limits,
) -> Result<Picture, RenderError> {
    match probe.kind {
        Kind::Jpeg => {
            jpeg::decode(source, stored, DctScale::for_target(stored, target), limits.jpeg_scans)
        }
        Kind::Png => png::decode(source, stored),
        Kind::Webp => webp::decode(source, stored, probe.alpha),
        Kind::Avif => avif::decode(source, stored, probe.alpha, limits),
        kind => Err(RenderError::Unsupported(kind)),
    }
}

fn encode(picture: Picture, options: &RenderOptions) -> Result<Rendition, RenderError> {
    let size = picture.size;
    let RenderOptions { quality, profile, .. } = *options;
    let quality = quality.clamp(1, 100);
    let (kind, bytes) = match options.target {
        Target::Avif => (Kind::Avif, avif::encode(&picture.in_colour(), quality, profile)?),
        Target::Webp => (Kind::Webp, webp::encode(&picture.in_colour(), quality, profile)?),
        Target::JpegOrPng if picture.transparent() => (Kind::Png, png::encode(&picture, profile)?),
        Target::Jpeg | Target::JpegOrPng => {
            (Kind::Jpeg, jpeg::encode(&picture.on_white(), quality, profile)?)
        }
        Target::Png => (Kind::Png, png::encode(&picture, profile)?),
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
