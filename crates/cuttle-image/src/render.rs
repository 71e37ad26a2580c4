//! The life of one picture, from bytes to bytes.

use std::borrow::Cow;
use std::io::Cursor;

use crate::codec::{avif, jpeg, png, tiff, webp};
use crate::colour::Meaning;
use crate::geometry::{DctScale, Framing};
use crate::picture::Picture;
use crate::sink::Sink;
use crate::{
    Fit, Kind, Limits, Probe, ProbeError, RenderError, RenderOptions, Rendition, Size, Target,
};
use crate::{animation, probe, resize, salience, scans};

/// Renders one picture: probe, refuse what is over a limit, decode, cut, resize, convert to sRGB, turn,
/// encode. No metadata survives. An animation asked for as [`Target::Webp`] stays one; every other target
/// would show one frame of it, and is [`RenderError::Unsupported`].
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

/// As [`render`], calling `done` at the end of each stage; of an animation, whose stages take turns, never.
///
/// # Errors
/// As [`render`].
pub fn render_watched(
    source: &[u8],
    options: &RenderOptions,
    limits: &Limits,
    mut done: impl FnMut(Stage),
) -> Result<Rendition, RenderError> {
    let mut only = None;
    let mut keep = |_, outcome| only = Some(outcome);
    run(source, std::slice::from_ref(options), limits, &mut done, &mut keep);
    only.expect("as many outcomes as options")
}

/// Renders one picture several times over, each as [`render`] would, in the order of `options`.
#[must_use]
pub fn render_many(
    source: &[u8],
    options: &[RenderOptions],
    limits: &Limits,
) -> Vec<Result<Rendition, RenderError>> {
    let mut outcomes = vec![None; options.len()];
    render_each(source, options, limits, &mut |at, outcome| outcomes[at] = Some(outcome));
    outcomes.into_iter().map(|outcome| outcome.expect("one for each of the options")).collect()
}

/// As [`render_many`], handing out each rendition as soon as it is done, under its place in `options`.
/// The cheapest to decode come first.
///
/// A rendition is the same, byte for byte, whoever waits together: the scale at which a JPEG is decoded
/// follows from the source and its own options alone. So a source is decoded once for every scale that
/// is asked for, which for every other format is once.
///
/// Where rows come in order no frame is held at all; elsewhere one is, until every rendition of it is resized.
/// [`Probe::decode_bytes_many`] counts that.
pub fn render_each(
    source: &[u8],
    options: &[RenderOptions],
    limits: &Limits,
    each: &mut dyn FnMut(usize, Result<Rendition, RenderError>),
) {
    run(source, options, limits, &mut |_| {}, each);
}

fn run(
    source: &[u8],
    options: &[RenderOptions],
    limits: &Limits,
    done: &mut dyn FnMut(Stage),
    each: &mut dyn FnMut(usize, Result<Rendition, RenderError>),
) {
    let original = match Original::open(source, limits) {
        Ok(original) => original,
        Err(error) => return (0..options.len()).for_each(|at| each(at, Err(error.clone()))),
    };
    if original.probe.animated {
        let animate = |(at, options)| each(at, original.animate(options));
        return options.iter().enumerate().for_each(animate);
    }
    let plans: Vec<Plan> = options.iter().map(|options| original.plan(options)).collect();
    for eighths in 1..=8 {
        let scale = DctScale { eighths };
        let group: Vec<usize> = (0..plans.len()).filter(|at| plans[*at].scale == scale).collect();
        if group.is_empty() {
            continue;
        }
        let wanted: Vec<Plan> = group.iter().map(|at| plans[*at]).collect();
        match original.resized(scale, &wanted, done) {
            Ok(resized) => {
                for (at, resized) in group.into_iter().zip(resized) {
                    each(at, original.finish(resized, &options[at], done));
                }
            }
            Err(error) => group.iter().for_each(|at| each(*at, Err(error.clone()))),
        }
    }
}

/// A source that may be decoded.
struct Original<'a> {
    source: &'a [u8],
    limits: &'a Limits,
    probe: Probe,
    stored: Size,
    meaning: Meaning,
    /// Where 8 bits cannot hold what the samples say, colours are converted as they are decoded.
    deep: bool,
}

/// How one rendition is made.
#[derive(Clone, Copy)]
struct Plan {
    /// Before the picture is turned, so it may lie on its side.
    framing: Framing,
    fit: Fit,
    scale: DctScale,
}

impl<'a> Original<'a> {
    fn open(source: &'a [u8], limits: &'a Limits) -> Result<Self, RenderError> {
        let probe = probe(Cursor::new(source))?;
        limits.check(&probe)?;
        if probe.kind == Kind::Jpeg {
            scans::check(source, limits.jpeg_scans)?;
        }
        let stored = size(&probe)?;
        let meaning = Meaning::read(source, &probe, limits)?;
        let deep = matches!(probe.kind, Kind::Png | Kind::Avif)
            && probe.frames.is_none()
            && meaning.needs_depth(probe.bits_per_sample);
        Ok(Self { source, limits, probe, stored, meaning, deep })
    }

    fn plan(&self, options: &RenderOptions) -> Plan {
        let orientation = self.probe.orientation;
        let display = self.stored.oriented(orientation);
        let framing = Framing::new(display, options.width, options.fit).oriented(orientation);
        let scale = match self.probe.kind {
            Kind::Jpeg => DctScale::for_target(framing.region, framing.target),
            _ => DctScale::FULL,
        };
        Plan { framing, fit: options.fit, scale }
    }

    fn animate(&self, options: &RenderOptions) -> Result<Rendition, RenderError> {
        let Self { source, limits, ref probe, stored, ref meaning, .. } = *self;
        animation::render(
            source,
            probe,
            stored,
            self.plan(options).framing,
            meaning,
            options,
            limits,
        )
    }

    /// One decode, resized for everyone who waits for it.
    fn resized(
        &self,
        scale: DctScale,
        plans: &[Plan],
        done: &mut dyn FnMut(Stage),
    ) -> Result<Vec<Picture>, RenderError> {
        let Self { source, ref probe, stored, ref meaning, .. } = *self;
        if probe.kind == Kind::Png && probe.frames.is_none() {
            let wanted = plans.iter().map(|plan| (plan.framing, plan.fit));
            let mut sink = Sink::new(stored, wanted, done);
            png::decode(source, stored, self.deep.then_some(meaning), &mut sink)?;
            return sink.finish();
        }
        let decoded = self.frame(scale)?.without_idle_alpha();
        done(Stage::Decode);
        let resize = |plan: &Plan, decoded: Cow<'_, Picture>| {
            let Framing { region, target } = plan.framing;
            let cut = salience::cut(&decoded, stored, region, plan.fit);
            resize::resize(decoded, cut, target)
        };
        let Some((last, rest)) = plans.split_last() else { return Ok(Vec::new()) };
        let mut resized = Vec::with_capacity(plans.len());
        for plan in rest {
            resized.push(resize(plan, Cow::Borrowed(&decoded))?);
        }
        // Moved, for it may be what was asked for.
        resized.push(resize(last, Cow::Owned(decoded))?);
        done(Stage::Resize);
        Ok(resized)
    }

    fn frame(&self, scale: DctScale) -> Result<Picture, RenderError> {
        let Self { source, limits, ref probe, stored, ref meaning, deep } = *self;
        match probe.kind {
            // One frame, kept as an animation is.
            _ if probe.frames.is_some() => animation::only_frame(source, probe, stored, limits),
            Kind::Jpeg => jpeg::decode(source, stored, scale, limits.jpeg_scans, meaning.profile()),
            Kind::Webp => webp::decode(source, stored, probe.alpha),
            Kind::Avif if deep => avif::decode_deep(source, stored, probe.alpha, meaning, limits),
            Kind::Avif => avif::decode(source, stored, probe.alpha, limits),
            Kind::Tiff => tiff::decode(source, stored, probe.premultiplied),
            kind => Err(RenderError::Unsupported(kind)),
        }
    }

    fn finish(
        &self,
        resized: Picture,
        options: &RenderOptions,
        done: &mut dyn FnMut(Stage),
    ) -> Result<Rendition, RenderError> {
        let converted = if self.deep { resized } else { self.meaning.to_srgb(resized) };
        let upright = converted.oriented(self.probe.orientation);
        done(Stage::Colour);
        let rendition = encode(upright, options, self.probe.paletted)?;
        done(Stage::Encode);
        Ok(rendition)
    }
}

/// The size of a picture that this engine decodes.
fn size(probe: &Probe) -> Result<Size, RenderError> {
    let kinds = [Kind::Jpeg, Kind::Png, Kind::Gif, Kind::Webp, Kind::Avif, Kind::Tiff]
        .contains(&probe.kind);
    let decodes = kinds && probe.supported;
    probe.stored.filter(|_| decodes).ok_or(RenderError::Unsupported(probe.kind))
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
