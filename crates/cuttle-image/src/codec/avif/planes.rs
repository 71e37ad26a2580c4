//! Planes of luma and chroma: those of one frame, where they are, or of many side by side.

use super::super::av1::{Frame, Samples};
use crate::Size;
use crate::probe::avif::Chroma;

/// What was decoded of a grid.
pub(super) enum Planes {
    Frame(Frame),
    Mosaic(Mosaic),
}

impl Planes {
    pub(super) fn size(&self) -> Size {
        match self {
            Self::Frame(frame) => frame.size(),
            Self::Mosaic(mosaic) => mosaic.size,
        }
    }

    pub(super) fn depth(&self) -> u8 {
        match self {
            Self::Frame(frame) => frame.depth(),
            Self::Mosaic(mosaic) => mosaic.depth,
        }
    }

    pub(super) fn chroma(&self) -> Chroma {
        match self {
            Self::Frame(frame) => frame.chroma(),
            Self::Mosaic(mosaic) => mosaic.chroma,
        }
    }

    pub(super) fn full_range(&self) -> bool {
        match self {
            Self::Frame(frame) => frame.full_range(),
            Self::Mosaic(mosaic) => mosaic.full_range,
        }
    }

    /// The first samples of a row of a plane.
    pub(super) fn row(&self, plane: usize, y: usize, to: &mut [f32]) {
        let (samples, stride) = match self {
            Self::Frame(frame) => frame.plane(plane),
            Self::Mosaic(mosaic) => mosaic.plane(plane),
        };
        let from = y * stride..y * stride + to.len();
        match samples {
            Samples::Eight(samples) => {
                for (from, to) in samples[from].iter().zip(to) {
                    *to = f32::from(*from);
                }
            }
            Samples::More(samples) => {
                for (from, to) in samples[from].iter().zip(to) {
                    *to = f32::from(*from);
                }
            }
        }
    }
}

/// The cells of a grid, put together before chroma is enlarged, so that no seam is seen.
pub(super) struct Mosaic {
    size: Size,
    depth: u8,
    chroma: Chroma,
    full_range: bool,
    planes: [Buffer; 3],
}

enum Buffer {
    Eight(Vec<u8>),
    More(Vec<u16>),
}

impl Mosaic {
    /// Of cells like this one.
    pub(super) fn like(frame: &Frame, size: Size) -> Result<Self, String> {
        let (depth, chroma) = (frame.depth(), frame.chroma());
        // MIAF (ISO/IEC 23000-22 §7.3.11.4.2): a chroma sample belongs to one cell.
        let Size { width, height } = frame.size();
        let across = chroma == Chroma::Quarter || chroma == Chroma::Half;
        if (across && width % 2 == 1) || (chroma == Chroma::Quarter && height % 2 == 1) {
            return Err("cells of odd sides share chroma".into());
        }
        let planes = std::array::from_fn(|plane| {
            let Size { width, height } = if plane == 0 { size } else { chroma.plane(size) };
            let samples = width as usize * height as usize;
            if depth > 8 { Buffer::More(vec![0; samples]) } else { Buffer::Eight(vec![0; samples]) }
        });
        Ok(Self { size, depth, chroma, full_range: frame.full_range(), planes })
    }

    /// Puts a cell to its place, without what lies beyond the edges.
    pub(super) fn put(&mut self, frame: &Frame, column: u32, row: u32) -> Result<(), String> {
        if (frame.depth(), frame.chroma()) != (self.depth, self.chroma) {
            return Err("the cells of a grid differ".into());
        }
        for plane in 0..3 {
            let of = |size| if plane == 0 { size } else { self.chroma.plane(size) };
            let (whole, cell) = (of(self.size), of(frame.size()));
            let (left, top) = (column * cell.width, row * cell.height);
            let width = cell.width.min(whole.width.saturating_sub(left)) as usize;
            let rows = cell.height.min(whole.height.saturating_sub(top)) as usize;
            let (samples, stride) = frame.plane(plane);
            for y in 0..rows {
                let from = y * stride..y * stride + width;
                let start = (top as usize + y) * whole.width as usize + left as usize;
                let to = start..start + width;
                match (samples, &mut self.planes[plane]) {
                    (Samples::Eight(samples), Buffer::Eight(whole)) => {
                        whole[to].copy_from_slice(&samples[from]);
                    }
                    (Samples::More(samples), Buffer::More(whole)) => {
                        whole[to].copy_from_slice(&samples[from]);
                    }
                    _ => return Err("the cells of a grid differ".into()),
                }
            }
        }
        Ok(())
    }

    fn plane(&self, plane: usize) -> (Samples<'_>, usize) {
        let size = if plane == 0 { self.size } else { self.chroma.plane(self.size) };
        let samples = match &self.planes[plane] {
            Buffer::Eight(samples) => Samples::Eight(samples),
            Buffer::More(samples) => Samples::More(samples),
        };
        (samples, size.width as usize)
    }
}
