//! The life of one picture, from bytes to bytes.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Cursor;

use crate::codec::{avif, jpeg, png, tiff, webp};
use crate::colour::Meaning;
use crate::geometry::{DctScale, Framing};
use crate::ink::{Inks, Zero};
use crate::picture::Picture;
use crate::sink::Sink;
use crate::stage::Stage;
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

/// As [`render`], calling `done` at the end of each stage; of an animation, whose stages take turns, never.
///
/// # Errors
/// As [`render`].
pub fn render_watched(
    source: &[u8],
    options: &RenderOptions,
    limits: &Limits,
    done: impl FnMut(Stage),
) -> Result<Rendition, RenderError> {
    let mut only = None;
    let mut keep = |_, outcome| only = Some(outcome);
    let done = RefCell::new(done);
    let done = |stage| (*done.borrow_mut())(stage);
    run(source, std::slice::from_ref(options), limits, &done, &mut keep);
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
///
/// A rendition is the same, byte for byte, whoever waits together: the scale at which a JPEG is decoded, and
/// what of a progressive one is read for it, follow from the source and its own options alone. The source
/// is read once all the same, and everything is resized before anything is encoded. Where rows come in order
/// no frame is held; elsewhere one is, until the last rendition of it is resized.
/// [`Probe::decode_bytes_many`] counts that.
pub fn render_each(
    source: &[u8],
    options: &[RenderOptions],
    limits: &Limits,
    each: &mut dyn FnMut(usize, Result<Rendition, RenderError>),
) {
    run(source, options, limits, &|_| {}, each);
}

fn run(
    source: &[u8],
    options: &[RenderOptions],
    limits: &Limits,
    done: &dyn Fn(Stage),
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
    for (at, resized) in original.resized(options, done) {
        each(at, resized.and_then(|resized| original.finish(resized, &options[at], done)));
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

    /// Of the picture as stored: it is turned last, so until then cut and target lie on their side too.
    fn framing(&self, options: &RenderOptions) -> Framing {
        let orientation = self.probe.orientation;
        let display = self.stored.oriented(orientation);
        Framing::new(display, options.width, options.fit).oriented(orientation)
    }

    fn animate(&self, options: &RenderOptions) -> Result<Rendition, RenderError> {
        let Self { source, ref probe, stored, ref meaning, .. } = *self;
        animation::render(source, probe, stored, self.framing(options), meaning, options)
    }

    /// One decode, resized for everyone who waits for it, each under its place in `options`.
    fn resized(&self, options: &[RenderOptions], done: &dyn Fn(Stage)) -> Vec<(usize, Resized)> {
        let Self { source, limits, ref probe, stored, ref meaning, .. } = *self;
        let wanted = options.iter().map(|options| (self.framing(options), options.fit));
        let wanted: Vec<(Framing, Fit)> = wanted.collect();
        let sink = |whose: &[usize]| Sink::new(stored, whose.iter().map(|at| wanted[*at]), done);
        let all: Vec<usize> = (0..wanted.len()).collect();
        match probe.kind {
            Kind::Jpeg => {
                let mut groups: BTreeMap<DctScale, Vec<usize>> = BTreeMap::new();
                for (at, (framing, _)) in wanted.iter().enumerate() {
                    let scale = DctScale::for_target(framing.region, framing.target);
                    groups.entry(scale).or_default().push(at);
                }
                let scan_limit = limits.jpeg_scans;
                let inks = Inks::new(Zero::AllInk, meaning.profile());
                let task = jpeg::Task { source, stored, scan_limit, inks: &inks };
                let takers = groups.iter().map(|(scale, whose)| (*scale, sink(whose))).collect();
                let made = groups.into_values().zip(jpeg::decode(task, takers));
                made.flat_map(|(whose, made)| shared(whose, made)).collect()
            }
            Kind::Png if probe.frames.is_none() => {
                let mut sink = sink(&all);
                let deep = self.deep.then_some(meaning);
                let plain = probe.broken_film.then(|| png::without_film(source));
                let source = plain.as_deref().unwrap_or(source);
                let decoded = png::decode(source, stored, deep, &mut sink);
                shared(all, decoded.and_then(|()| sink.finish()))
            }
            _ => shared(
                all,
                self.frame().and_then(|frame| {
                    done(Stage::Decode);
                    let resized = self.resized_from(frame.without_idle_alpha(), &wanted);
                    done(Stage::Resize);
                    resized
                }),
            ),
        }
    }

    fn resized_from(
        &self,
        frame: Picture,
        wanted: &[(Framing, Fit)],
    ) -> Result<Vec<Picture>, RenderError> {
        let resize = |(framing, fit): &(Framing, Fit), frame: Cow<'_, Picture>| {
            let cut = salience::cut(&frame, self.stored, *framing, *fit);
            resize::resize(frame, cut, framing.target)
        };
        let Some((last, rest)) = wanted.split_last() else { return Ok(Vec::new()) };
        let mut resized = Vec::with_capacity(wanted.len());
        for wanted in rest {
            resized.push(resize(wanted, Cow::Borrowed(&frame))?);
        }
        // Moved, for it may be what was asked for.
        resized.push(resize(last, Cow::Owned(frame))?);
        Ok(resized)
    }

    /// Of a format that comes whole.
    fn frame(&self) -> Result<Picture, RenderError> {
        let Self { source, limits, ref probe, stored, ref meaning, deep } = *self;
        match probe.kind {
            // One frame, kept as an animation is.
            _ if probe.frames.is_some() => animation::only_frame(source, probe, stored),
            Kind::Webp => webp::decode(source, stored, probe.alpha),
            Kind::Avif => avif::decode(source, stored, deep.then_some(meaning)),
            Kind::Tiff => tiff::decode(source, stored, meaning.profile(), limits.jpeg_scans),
            kind => Err(RenderError::Unsupported(kind)),
        }
    }

    fn finish(
        &self,
        resized: Picture,
        options: &RenderOptions,
        done: &dyn Fn(Stage),
    ) -> Result<Rendition, RenderError> {
        let converted = if self.deep { resized } else { self.meaning.to_srgb(resized) };
        let upright = converted.oriented(self.probe.orientation);
        done(Stage::Colour);
        let rendition = encode(upright, options, self.probe.paletted)?;
        done(Stage::Encode);
        Ok(rendition)
    }
}

/// A picture on its way to the encoder.
type Resized = Result<Picture, RenderError>;

/// What became of one decode, for everyone who waited for it.
fn shared(whose: Vec<usize>, made: Result<Vec<Picture>, RenderError>) -> Vec<(usize, Resized)> {
    match made {
        Ok(pictures) => whose.into_iter().zip(pictures.into_iter().map(Ok)).collect(),
        Err(error) => whose.into_iter().map(|at| (at, Err(error.clone()))).collect(),
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
