//! Pictures that move: every frame composited on the whole canvas, resized on its own, encoded, forgotten.
//!
//! One canvas is in memory at a time, never all. A frame is not a picture until it is composited: sources
//! store rectangles that mean something only on top of what was there before. Nothing here refuses an
//! animation for its length; [`Limits::check`](crate::Limits::check) has done that by the header.

pub(crate) mod canvas;
pub(crate) mod frames;
mod scale;

use std::ffi::c_int;
use std::time::Duration;

use crate::codec::{apng, avif, gif, webp};
use crate::colour::Meaning;
use crate::geometry::Framing;
use crate::picture::{Channels, Picture};
use crate::{Kind, Probe, RenderError, RenderOptions, Rendition, Size, Target};
use frames::Frames;
use scale::Scaler;

/// Renders an animation as animated WebP, which is the only moving format that is made; other targets
/// would show one frame and are refused. `framing` is that of the canvas as stored.
pub(crate) fn render(
    source: &[u8],
    probe: &Probe,
    stored: Size,
    framing: Framing,
    meaning: &Meaning,
    options: &RenderOptions,
) -> Result<Rendition, RenderError> {
    if options.target != Target::Webp {
        return Err(RenderError::Unsupported(probe.kind));
    }
    let seen = framing.target.oriented(probe.orientation);
    let mut frames = open(source, probe, stored)?;
    let Some(mut shown) = frames.advance()? else { return Err(empty()) };
    let mut scaler = Scaler::new(framing, options.fit, frames.canvas());
    let converter = meaning.converter(Channels::Rgba, false);
    let mut encoder =
        webp::AnimationEncoder::new(seen, frames.plays(), options.quality, options.profile)?;
    let mut clock = Clock::default();
    loop {
        let scaled = scaler.scale(frames.canvas())?;
        let converted = match &converter {
            Some(converter) => converter.picture(&scaled),
            None => scaled,
        };
        encoder.add(&converted.oriented(probe.orientation), clock.now()?)?;
        clock.advance(shown);
        match frames.advance()? {
            Some(next) => shown = next,
            None => break,
        }
    }
    let bytes = encoder.finish(clock.now()?)?;
    Ok(Rendition { bytes, kind: Kind::Webp, width: seen.width, height: seen.height })
}

/// The picture of a file that could hold several but has one: a GIF that stands still, most of all.
pub(crate) fn only_frame(
    source: &[u8],
    probe: &Probe,
    stored: Size,
) -> Result<Picture, RenderError> {
    let mut frames = open(source, probe, stored)?;
    frames.advance()?.ok_or_else(empty)?;
    let Picture { size, channels, ref samples } = *frames.canvas();
    let picture = Picture { size, channels, samples: samples.clone() };
    if frames.advance()?.is_some() {
        return Err(RenderError::Decode("there is more than one frame".into()));
    }
    Ok(picture)
}

fn open<'a>(
    source: &'a [u8],
    probe: &Probe,
    stored: Size,
) -> Result<Box<dyn Frames + 'a>, RenderError> {
    let frames = probe.frames.unwrap_or(0);
    Ok(match probe.kind {
        Kind::Gif => Box::new(Counted::new(gif::Frames::open(source, stored)?, frames)),
        Kind::Png => Box::new(Counted::new(apng::Frames::open(source, stored, frames)?, frames)),
        Kind::Webp => Box::new(Counted::new(webp::AnimationDecoder::open(source, stored)?, frames)),
        Kind::Avif => Box::new(Counted::new(avif::Sequence::open(source, stored)?, frames)),
        kind => return Err(RenderError::Unsupported(kind)),
    })
}

/// SECURITY: the limits were checked against the number of frames that the header announced; a decoder
/// that finds more of them than the probe has found another file. Fewer are what is good of a broken one.
struct Counted<F> {
    frames: F,
    left: u32,
}

impl<F: Frames> Counted<F> {
    fn new(frames: F, announced: u32) -> Self {
        Self { frames, left: announced }
    }
}

impl<F: Frames> Frames for Counted<F> {
    fn advance(&mut self) -> Result<Option<Duration>, RenderError> {
        let shown = self.frames.advance()?;
        if shown.is_some() {
            let left = self.left.checked_sub(1);
            self.left = left.ok_or_else(|| {
                RenderError::Decode("there are more frames than announced".into())
            })?;
        }
        Ok(shown)
    }

    fn canvas(&self) -> &Picture {
        self.frames.canvas()
    }

    fn plays(&self) -> u32 {
        self.frames.plays()
    }
}

/// Milliseconds for which browsers show a frame: whole ones, and for 10 or less, which nobody means, 100.
fn milliseconds(shown: Duration) -> u64 {
    let shown = shown.min(LONGEST);
    let whole = shown.as_secs() * 1000 + u64::from(shown.subsec_millis());
    if whole > 10 { whole } else { 100 }
}

/// WebP says how long a frame is shown in 24 bits (RFC 9649 §2.7.1.1): 4 hours 39 minutes.
const LONGEST: Duration = Duration::from_millis((1 << 24) - 1);

/// Milliseconds since the start.
#[derive(Default)]
struct Clock(u64);

impl Clock {
    fn now(&self) -> Result<c_int, RenderError> {
        c_int::try_from(self.0)
            .map_err(|_| RenderError::Encode("the animation is longer than 24 days".into()))
    }

    fn advance(&mut self, shown: Duration) {
        self.0 += milliseconds(shown);
    }
}

fn empty() -> RenderError {
    RenderError::Decode("there is no frame".into())
}
