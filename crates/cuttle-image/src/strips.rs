//! Resizing while decoding: rows go in from the top, and no more of them are held than the filter sees.
//!
//! A tall screenshot then costs memory by its rendition, not by itself. The rows of a rendition are made a
//! strip at a time, each from the same samples and weights as if the whole frame were there. What needs
//! the frame, as a smart crop does before it knows its cut, does not come here.
//!
//! PNG and JPEG arrive by the row, and no more rows are held than the filter sees for the next 32 of each rendition. How a
//! rendition is made follows from what it asks for alone, never from who waits with it: a smart crop, which must see everything
//! first, takes the whole frame even where its company does not.

use fast_image_resize::Resizer;

use crate::geometry::{BATCH_ROWS, Framing, STRIP_ROWS};
use crate::lanczos::SUPPORT;
use crate::picture::{Channels, Picture};
use crate::resize::{Cut, Samples, premultiply, resample, unpremultiply};
use crate::stage::Stage;
use crate::{RenderError, Size};

/// One rendition of a picture that arrives by the row: its middle, as `framing` has it.
pub(crate) struct Reduction {
    stored: Size,
    framing: Framing,
    work: Option<Work>,
}

/// What is there once the first row is.
struct Work {
    source: Size,
    cut: Cut,
    resizer: Resizer,
    /// Rows of the source from `first` on, premultiplied.
    held: Vec<u8>,
    first: u32,
    /// The row that comes next.
    next: u32,
    /// Rows of the rendition that are still as wide as the source, and how many there were until now.
    wide: Vec<u8>,
    reduced: u32,
    /// The rendition, and how many of its rows are made.
    picture: Picture,
    made: u32,
}

impl Reduction {
    /// `framing` is said in pixels of the picture as `stored`; what arrives may be scaled already.
    pub(crate) fn new(stored: Size, framing: Framing) -> Self {
        Self { stored, framing, work: None }
    }

    /// Said once, before the first row: what is being decoded.
    pub(crate) fn begin(&mut self, source: Size, channels: Channels) {
        let mut work = Work {
            source,
            cut: Cut::place(source, self.stored, self.framing, 0.5),
            resizer: Resizer::new(),
            held: Vec::new(),
            first: 0,
            next: 0,
            wide: Vec::new(),
            reduced: 0,
            picture: Picture::blank(self.framing.target, channels),
            made: 0,
        };
        // At once: a vector that grows by doubling would take up to three times what was budgeted.
        if !work.as_it_is() {
            let stride = source.width as usize * channels.count();
            work.held.reserve_exact(work.most_held() as usize * stride);
            let batch = BATCH_ROWS.min(work.picture.size.height) as usize;
            work.wide.reserve_exact(batch * stride);
        }
        self.work = Some(work);
    }

    /// Takes the next row, from the top. `done` is told when a strip begins and ends.
    pub(crate) fn row(&mut self, row: &[u8], done: &dyn Fn(Stage)) -> Result<(), RenderError> {
        self.work.as_mut().ok_or_else(cut_off)?.row(row, done)
    }

    /// The rendition, once every row has come.
    pub(crate) fn finish(self) -> Result<Picture, RenderError> {
        let work = self.work.filter(|work| work.made == work.picture.size.height);
        Ok(work.ok_or_else(cut_off)?.picture)
    }
}

impl Work {
    fn as_it_is(&self) -> bool {
        self.picture.size == self.source && self.cut == Cut::whole(self.source)
    }

    fn row(&mut self, row: &[u8], done: &dyn Fn(Stage)) -> Result<(), RenderError> {
        let at = self.next;
        self.next += 1;
        if self.as_it_is() {
            let stride = self.picture.stride();
            let rows = self.picture.samples.chunks_exact_mut(stride);
            rows.skip(at as usize).take(1).for_each(|to| to.copy_from_slice(row));
            self.made = self.next.min(self.source.height);
            return Ok(());
        }
        let target = self.picture.size;
        let (first, _) = self.seen(self.reduced, self.reduced + 1);
        if at < first || self.reduced == target.height {
            return Ok(());
        }
        if self.held.is_empty() {
            self.first = at;
        }
        let end = self.held.len();
        self.held.extend_from_slice(row);
        premultiply(self.picture.channels, &mut self.held[end..])?;
        // The last rows of a picture may be all that several strips waited for.
        while self.reduced < target.height {
            let strip = STRIP_ROWS.min(target.height - self.reduced);
            let (_, past) = self.seen(self.reduced, self.reduced + strip);
            if self.next < past {
                break;
            }
            done(Stage::Decode);
            self.reduce(strip)?;
            let waiting = self.reduced - self.made;
            if waiting + STRIP_ROWS > BATCH_ROWS || self.reduced == target.height {
                self.narrow(waiting)?;
            }
            done(Stage::Resize);
        }
        Ok(())
    }

    /// How many rows of the source one row of the rendition stands for.
    fn scale(&self) -> f64 {
        self.cut.height / f64::from(self.picture.size.height)
    }

    /// Most rows of the source that are held for one strip.
    fn most_held(&self) -> u32 {
        let strip = STRIP_ROWS.min(self.picture.size.height);
        let seen = f64::from(strip) * self.scale() + 2.0 * self.reach();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
        let rows = seen.ceil() as u32;
        // Both edges may lie within a row.
        (rows + 1).min(self.source.height)
    }

    /// Rows of the source to either side that the filter sees, and one more, which no rounding can ask for.
    fn reach(&self) -> f64 {
        SUPPORT * self.scale().max(1.0) + 1.0
    }

    /// Rows of the source that the filter sees for rows `from` to `to` of the rendition.
    fn seen(&self, from: u32, to: u32) -> (u32, u32) {
        let (scale, rows) = (self.scale(), f64::from(self.source.height));
        let reach = self.reach();
        let edge = |row: u32| self.cut.top + f64::from(row) * scale;
        let inside = |row: f64| row.clamp(0.0, rows);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to rows")]
        let seen =
            (inside((edge(from) - reach).floor()) as u32, inside((edge(to) + reach).ceil()) as u32);
        seen
    }

    /// Makes as many rows of what is held as the next `strip` rows of the rendition, and lets go of what no later row sees.
    /// First, for then the other direction has less to do.
    fn reduce(&mut self, strip: u32) -> Result<(), RenderError> {
        let (scale, rows) = (self.scale(), self.next - self.first);
        let size = Size { height: rows, ..self.source };
        let from = Samples::premultiplied(size, self.picture.channels, &self.held);
        let top = self.cut.top + f64::from(self.reduced) * scale - f64::from(self.first);
        let cut = Cut { top, height: f64::from(strip) * scale, ..Cut::whole(self.source) };
        let (stride, end) = (self.held.len() / rows as usize, self.wide.len());
        self.wide.resize(end + strip as usize * stride, 0);
        let size = Size { height: strip, ..self.source };
        resample(&mut self.resizer, from, cut, size, &mut self.wide[end..])?;
        self.reduced += strip;

        let (keep, _) = self.seen(self.reduced, self.reduced + 1);
        let gone = keep.clamp(self.first, self.next) - self.first;
        self.held.drain(..gone as usize * stride);
        self.first += gone;
        Ok(())
    }

    /// Finishes the next `rows` rows of the rendition. The weights of a whole row are worked out for that, so it is done seldom.
    fn narrow(&mut self, rows: u32) -> Result<(), RenderError> {
        let size = Size { height: rows, ..self.source };
        let from = Samples::premultiplied(size, self.picture.channels, &self.wide);
        let cut = Cut { top: 0.0, height: f64::from(rows), ..self.cut };
        let stride = self.picture.stride();
        let out = self.made as usize * stride..(self.made + rows) as usize * stride;
        let out = &mut self.picture.samples[out];
        let size = Size { height: rows, ..self.picture.size };
        resample(&mut self.resizer, from, cut, size, out)?;
        unpremultiply(self.picture.channels, out)?;
        self.wide.clear();
        self.made += rows;
        Ok(())
    }
}

pub(crate) fn cut_off() -> RenderError {
    RenderError::Decode("the image ends before its last row".into())
}

#[cfg(test)]
#[path = "strips_tests.rs"]
mod tests;
