//! The life of one picture, from bytes to bytes.

use std::borrow::Cow;
use std::io::Cursor;

use crate::codec::{avif, jpeg, png, webp};
use crate::geometry::DctScale;
use crate::picture::Picture;
use crate::{Kind, Limits, Probe, ProbeError, RenderError, RenderOptions, Rendition, Size, Target};
use crate::{animation, colour, probe, resize};

/// Renders one picture: probe, refuse what is over a limit, decode, resize, convert to sRGB, turn, encode.
/// No metadata survives. An animation asked for as [`Target::Webp`] stays one; every other target would
/// show one frame of it, and is [`RenderError::Unsupported`].
///
/// # Errors
/// [`RenderError`]. A broken limit is found before anything is decoded.
pub fn render(
    source: &[u8],
    options: &RenderOptions,
    limits: &Limits,
) -> Result<Rendition, RenderError> {
    let mut outcomes = render_many(source, std::slice::from_ref(options), limits);
    outcomes.pop().expect("as many outcomes as options")
}

/// Renders one picture several times over, each as [`render`] would, in the order of `options`.
///
/// A rendition is the same, byte for byte, whoever waits together: the scale at which a JPEG is decoded, and
/// what of a progressive one is read for it, follow from the source and its own options alone. The source
/// is read once all the same; only where the frames would take too much memory, twice.
///
/// The frames of smaller scales that are held beside the largest take no more than that does, so the memory
/// needed is less than twice that of the dearest option, plus the finished files.
#[must_use]
pub fn render_many(
    source: &[u8],
    options: &[RenderOptions],
    limits: &Limits,
) -> Vec<Result<Rendition, RenderError>> {
    let original = match Original::open(source, limits) {
        Ok(original) => original,
        Err(error) => return vec![Err(error); options.len()],
    };
    if original.probe.animated {
        let Original { probe, stored, .. } = &original;
        let animate = |options| animation::render(source, probe, *stored, options, limits);
        return options.iter().map(animate).collect();
    }
    let plans: Vec<Plan> = options.iter().map(|options| original.plan(options)).collect();
    let mut outcomes = vec![None; options.len()];
    for scales in DctScale::passes(plans.iter().map(|plan| plan.scale)) {
        for (scale, decoded) in scales.iter().zip(original.decode(&scales)) {
            let group: Vec<usize> =
                (0..plans.len()).filter(|at| plans[*at].scale == *scale).collect();
            let Some((last, rest)) = group.split_last() else { continue };
            match decoded {
                Ok(decoded) => {
                    for at in rest {
                        let frame = Cow::Borrowed(&decoded);
                        outcomes[*at] = Some(original.finish(frame, plans[*at], &options[*at]));
                    }
                    // Moved, so that a frame is gone before its last rendition is encoded.
                    outcomes[*last] =
                        Some(original.finish(Cow::Owned(decoded), plans[*last], &options[*last]));
                }
                Err(error) => group.iter().for_each(|at| outcomes[*at] = Some(Err(error.clone()))),
            }
        }
    }
    outcomes.into_iter().map(|outcome| outcome.expect("every scale is in a pass")).collect()
}

/// A source that may be decoded.
struct Original<'a> {
    source: &'a [u8],
    limits: &'a Limits,
    probe: Probe,
    stored: Size,
    profile: Option<Vec<u8>>,
}

/// How one rendition is made.
#[derive(Clone, Copy)]
struct Plan {
    /// Before the picture is turned, so it may lie on its side.
    target: Size,
    scale: DctScale,
}

impl<'a> Original<'a> {
    fn open(source: &'a [u8], limits: &'a Limits) -> Result<Self, RenderError> {
        let probe = probe(Cursor::new(source))?;
        limits.check(&probe)?;
        let stored = size(&probe)?;
        let profile = colour::embedded_profile(source, &probe.icc, limits)?;
        Ok(Self { source, limits, probe, stored, profile })
    }

    fn plan(&self, options: &RenderOptions) -> Plan {
        let orientation = self.probe.orientation;
        let seen = self.stored.oriented(orientation).fit_width(options.width);
        let target = seen.oriented(orientation);
        let scale = match self.probe.kind {
            Kind::Jpeg => DctScale::for_target(self.stored, target),
            _ => DctScale::FULL,
        };
        Plan { target, scale }
    }

    /// At each of `scales`, of which only a JPEG has more than one.
    fn decode(&self, scales: &[DctScale]) -> Vec<Result<Picture, RenderError>> {
        let Self { source, limits, ref probe, stored, ref profile } = *self;
        let decoded = match probe.kind {
            // One frame, kept as an animation is.
            _ if probe.frames.is_some() => animation::only_frame(source, probe, stored, limits),
            Kind::Jpeg => {
                return jpeg::decode(source, stored, scales, limits.jpeg_scans, profile.as_deref());
            }
            Kind::Png => png::decode(source, stored),
            Kind::Webp => webp::decode(source, stored, probe.alpha),
            Kind::Avif => avif::decode(source, stored, probe.alpha, limits),
            kind => Err(RenderError::Unsupported(kind)),
        };
        vec![decoded.map(Picture::without_idle_alpha)]
    }

    fn finish(
        &self,
        decoded: Cow<'_, Picture>,
        plan: Plan,
        options: &RenderOptions,
    ) -> Result<Rendition, RenderError> {
        let resized = resize::resize(decoded, plan.target)?;
        let converted = colour::to_srgb(resized, self.profile.as_deref());
        encode(converted.oriented(self.probe.orientation), options)
    }
}

/// The size of a picture that this engine decodes.
fn size(probe: &Probe) -> Result<Size, RenderError> {
    let decodes =
        matches!(probe.kind, Kind::Jpeg | Kind::Png | Kind::Gif | Kind::Webp | Kind::Avif);
    probe.stored.filter(|_| decodes).ok_or(RenderError::Unsupported(probe.kind))
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
