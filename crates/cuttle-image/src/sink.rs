//! Where a decoder puts its rows: into every rendition that is to be made of them.
//!
//! How a rendition is made, by the strip or from the whole frame, follows from what it asks for alone, never
//! from its company: so its bytes are the same whoever waits together.

use std::borrow::Cow;

use crate::geometry::Framing;
use crate::picture::{Channels, Picture};
use crate::stage::Stage;
use crate::strips::{Reduction, cut_off};
use crate::{Crop, Fit, RenderError, Size, resize, salience};

/// Renditions that are waiting for rows.
pub(crate) struct Sink<'a> {
    stored: Size,
    takers: Vec<Taker>,
    /// There when a taker needs it.
    frame: Option<Picture>,
    done: &'a dyn Fn(Stage),
}

enum Taker {
    Strips(Box<Reduction>),
    /// A smart crop knows its cut only when it has seen everything.
    Frame(Framing, Fit),
}

impl Taker {
    fn new(stored: Size, framing: Framing, fit: Fit) -> Self {
        let smart = matches!(fit, Fit::Cover { crop: Crop::Smart, .. });
        if smart && framing.region != stored {
            return Self::Frame(framing, fit);
        }
        Self::Strips(Box::new(Reduction::new(stored, framing)))
    }
}

impl<'a> Sink<'a> {
    /// Of a picture as `stored`; what arrives may be scaled already.
    pub(crate) fn new(
        stored: Size,
        wanted: impl Iterator<Item = (Framing, Fit)>,
        done: &'a dyn Fn(Stage),
    ) -> Self {
        let takers = wanted.map(|(framing, fit)| Taker::new(stored, framing, fit)).collect();
        Self { stored, takers, frame: None, done }
    }

    /// Said once, before the first row: what is being decoded.
    pub(crate) fn begin(&mut self, size: Size, channels: Channels) {
        for taker in &mut self.takers {
            match taker {
                Taker::Strips(reduction) => reduction.begin(size, channels),
                Taker::Frame(..) => {
                    self.frame = Some(Picture { size, channels, samples: Vec::new() });
                }
            }
        }
    }

    /// Takes the next row, from the top.
    pub(crate) fn row(&mut self, row: &[u8]) -> Result<(), RenderError> {
        if let Some(Picture { size, samples, .. }) = &mut self.frame {
            if samples.is_empty() {
                samples.reserve_exact(row.len() * size.height as usize);
            }
            samples.extend_from_slice(row);
        }
        for taker in &mut self.takers {
            if let Taker::Strips(reduction) = taker {
                reduction.row(row, self.done)?;
            }
        }
        Ok(())
    }

    /// What was asked for, in that order, once every row has come.
    pub(crate) fn finish(self) -> Result<Vec<Picture>, RenderError> {
        (self.done)(Stage::Decode);
        let whole = |frame: Picture| {
            let complete = frame.samples.len() == frame.stride() * frame.height();
            complete.then(|| frame.without_idle_alpha()).ok_or_else(cut_off)
        };
        let frame = self.frame.map(whole).transpose()?;
        let made = |taker: Taker| match taker {
            Taker::Strips(reduction) => Ok(reduction.finish()?.without_idle_alpha()),
            Taker::Frame(framing, fit) => {
                let frame = frame.as_ref().ok_or_else(cut_off)?;
                let cut = salience::cut(frame, self.stored, framing, fit);
                resize::resize(Cow::Borrowed(frame), cut, framing.target)
            }
        };
        let made = self.takers.into_iter().map(made).collect();
        (self.done)(Stage::Resize);
        made
    }
}
