//! What an AVIF shows to 8-bit RGB or RGBA: the container as it is described, AV1 by [`av1`](super::super::av1), colours
//! by [`Rows`].
//!
//! Turning and mirroring are not applied here: they are orientation, and fewer pixels are turned after the resize.

use std::borrow::Cow;

use super::super::av1::{Choice, Decoder};
use super::planes::{Mosaic, Planes};
use super::rgb::{Rows, grey};
use crate::colour::{Converter, Meaning};
use crate::depth::narrow_row;
use crate::picture::{Channels, Picture};
use crate::probe::Extent;
use crate::probe::avif::{Coded, Grid, Nclx, Shown, Still, describe};
use crate::resize::{Cut, resize};
use crate::{RenderError, Size};

/// Decodes the still picture in `source`, whose header announced `size`. Where 8 bits cannot hold what its samples say, they
/// are converted from 16 by what they mean.
pub(crate) fn decode(
    source: &[u8],
    size: Size,
    deep: Option<&Meaning>,
) -> Result<Picture, RenderError> {
    let Shown::Still(still) = describe(source).map_err(failed)? else {
        return Err(failed("it is a sequence"));
    };
    let Still { colour, alpha, premultiplied, look } = *still;
    if look.cut(colour.size) != size {
        return Err(failed("the size is not the one that was announced"));
    }
    // First, so that the planes of one are gone before those of the other are there.
    let alpha = match &alpha {
        Some(alpha) => Some(opacity(&grid(source, alpha).map_err(failed)?, colour.size)?),
        None => None,
    };
    let planes = grid(source, &colour).map_err(failed)?;
    let channels = if alpha.is_some() { Channels::Rgba } else { Channels::Rgb };
    let mut picture = Picture::blank(size, channels);
    let development = Development {
        colours: look.nclx.unwrap_or(colour.header.colours),
        alpha: alpha.as_ref(),
        premultiplied,
        converter: deep.map(|meaning| meaning.converter(channels, true)),
    };
    development.of(&planes, &mut picture).map_err(failed)?;
    Ok(picture)
}

pub(super) fn failed(reason: impl Into<String>) -> RenderError {
    RenderError::Decode(format!("AVIF: {}", reason.into()))
}

/// The bytes of these pieces.
pub(super) fn pieces<'a>(source: &'a [u8], extents: &[Extent]) -> Result<Vec<&'a [u8]>, String> {
    let piece = |extent: &Extent| {
        let at = usize::try_from(extent.at).ok()?;
        source.get(at..at.checked_add(usize::try_from(extent.len).ok()?)?)
    };
    let pieces: Option<Vec<_>> = extents.iter().map(piece).collect();
    pieces.ok_or_else(|| "it ends too early".into())
}

/// Every cell of a grid, none of which may be larger than the first announced.
fn grid(source: &[u8], grid: &Grid) -> Result<Planes, String> {
    let frame_pixels = grid.header.size.pixels();
    let mut mosaic = None;
    for (at, cell) in (0..).zip(&grid.cells) {
        let Coded { operating_point, layer, .. } = *cell;
        let choice = Choice { operating_point, layer, frame_pixels };
        let frame = Decoder::open(choice)?.frame(&pieces(source, &cell.extents)?)?;
        if frame.size() != grid.cell {
            return Err("a frame has not the size that was announced".into());
        }
        if grid.cell == grid.size {
            return Ok(Planes::Frame(frame));
        }
        let mosaic = match &mut mosaic {
            Some(mosaic) => mosaic,
            None => mosaic.insert(Mosaic::like(&frame, grid.size)?),
        };
        mosaic.put(&frame, at % grid.columns, at / grid.columns)?;
    }
    mosaic.map(Planes::Mosaic).ok_or_else(|| "there is no frame".into())
}

/// Planes as alpha of a picture of `size`.
pub(super) fn opacity(planes: &Planes, size: Size) -> Result<Picture, RenderError> {
    let alpha = grey(planes);
    let whole = Cut::whole(alpha.size);
    resize(Cow::Owned(alpha), whole, size)
}

/// How planes become a picture.
pub(super) struct Development<'a> {
    pub(super) colours: Nclx,
    /// Of the size of the planes.
    pub(super) alpha: Option<&'a Picture>,
    pub(super) premultiplied: bool,
    /// Samples keep their depth until they are sRGB, by this unless they are.
    pub(super) converter: Option<Option<Converter>>,
}

impl Development<'_> {
    /// The part of the planes, from their corner, that `picture` shows.
    pub(super) fn of(&self, planes: &Planes, picture: &mut Picture) -> Result<(), String> {
        let rows = Rows::new(planes, self.colours)?;
        if picture.channels == Channels::Rgba {
            self.paint::<4>(rows, picture);
        } else {
            self.paint::<3>(rows, picture);
        }
        Ok(())
    }

    fn paint<const N: usize>(&self, mut rows: Rows<'_>, picture: &mut Picture) {
        let (width, stride) = (picture.width(), picture.stride());
        let mut deep = vec![[0_u16; N]; if self.converter.is_some() { width } else { 0 }];
        let mut gain = vec![0.0; width];
        for (y, line) in picture.samples.chunks_exact_mut(stride).enumerate() {
            let alpha = self.alpha.map(|alpha| &alpha.samples[y * alpha.stride()..][..width]);
            let gain = alpha.filter(|_| self.premultiplied).map(|alpha| {
                for (gain, alpha) in gain.iter_mut().zip(alpha) {
                    *gain = if *alpha == 0 { 0.0 } else { 255.0 / f32::from(*alpha) };
                }
                gain.as_slice()
            });
            match &self.converter {
                None => rows.row(y, gain, line.as_chunks_mut::<N>().0),
                Some(converter) => {
                    rows.row(y, gain, &mut deep);
                    match converter {
                        Some(converter) => converter.row(deep.as_flattened(), line),
                        None => narrow_row(deep.as_flattened(), line),
                    }
                }
            }
            if N == 4 {
                let alpha = alpha.into_iter().flatten().copied().chain(std::iter::repeat(255));
                for (pixel, alpha) in line.as_chunks_mut::<N>().0.iter_mut().zip(alpha) {
                    pixel[N - 1] = alpha;
                }
            }
        }
    }
}
