//! The canvas that GIF and APNG draw on, and what becomes of a frame when its time is over.

use crate::Size;
use crate::picture::{Channels, Picture};

/// What is done to a frame's rectangle before the next frame is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposal {
    /// It stays.
    Keep,
    /// It becomes transparent. GIF says "background colour", but no viewer paints one.
    Clear,
    /// It becomes what it was before.
    Restore,
}

/// A rectangle of the canvas, wholly inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rect {
    pub(crate) left: usize,
    pub(crate) top: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Rect {
    /// What a canvas shows of a rectangle; nothing, where it lies outside.
    pub(crate) fn clipped([left, top, width, height]: [u32; 4], canvas: Size) -> Self {
        let clip = |start: u32, length: u32, side: u32| {
            let start = start.min(side);
            (start as usize, length.min(side - start) as usize)
        };
        let (left, width) = clip(left, width, canvas.width);
        let (top, height) = clip(top, height, canvas.height);
        Self { left, top, width, height }
    }
}

/// RGBA, transparent at first.
#[derive(Debug)]
pub(crate) struct Canvas {
    picture: Picture,
    /// The frame on top, which goes when the next one comes.
    top: Option<(Rect, Disposal)>,
    /// What a frame to be restored has covered, row by row.
    covered: Vec<u8>,
}

impl Canvas {
    pub(crate) fn new(size: Size) -> Self {
        Self { picture: Picture::blank(size, Channels::Rgba), top: None, covered: Vec::new() }
    }

    pub(crate) fn picture(&self) -> &Picture {
        &self.picture
    }

    /// Disposes of the frame on top and makes room for the next.
    pub(crate) fn begin(&mut self, rect: Rect, disposal: Disposal) {
        if let Some((rect, disposal)) = self.top.take() {
            self.dispose(rect, disposal);
        }
        if disposal == Disposal::Restore {
            self.covered.clear();
            for row in 0..rect.height {
                let span = self.span(rect, row);
                self.covered.extend_from_slice(&self.picture.samples[span]);
            }
        }
        self.top = Some((rect, disposal));
    }

    fn dispose(&mut self, rect: Rect, disposal: Disposal) {
        let mut covered = self.covered.chunks_exact((rect.width * 4).max(1));
        for row in 0..rect.height {
            let span = self.span(rect, row);
            match (disposal, covered.next()) {
                (Disposal::Restore, Some(before)) => {
                    self.picture.samples[span].copy_from_slice(before);
                }
                (Disposal::Clear, _) => self.picture.samples[span].fill(0),
                _ => {}
            }
        }
    }

    /// One row of a rectangle, to be drawn on.
    pub(crate) fn row(&mut self, rect: Rect, row: usize) -> &mut [[u8; 4]] {
        let span = self.span(rect, row);
        self.picture.samples[span].as_chunks_mut().0
    }

    fn span(&self, rect: Rect, row: usize) -> std::ops::Range<usize> {
        let start = (rect.top + row) * self.picture.stride() + rect.left * 4;
        start..start + rect.width * 4
    }
}

/// `above` over `below`, neither premultiplied (PNG third edition, §13.16 with the alpha of what is below).
pub(crate) fn over(above: [u8; 4], below: [u8; 4]) -> [u8; 4] {
    match (above[3], below[3]) {
        (255, _) | (_, 0) => return above,
        (0, _) => return below,
        _ => {}
    }
    let (upper, lower) =
        (u32::from(above[3]) * 255, u32::from(255 - above[3]) * u32::from(below[3]));
    let alpha = upper + lower;
    let mixed = |channel: usize| {
        let sum = u32::from(above[channel]) * upper + u32::from(below[channel]) * lower;
        u8::try_from((sum + alpha / 2) / alpha).unwrap_or(u8::MAX)
    };
    [mixed(0), mixed(1), mixed(2), u8::try_from((alpha + 127) / 255).unwrap_or(u8::MAX)]
}
