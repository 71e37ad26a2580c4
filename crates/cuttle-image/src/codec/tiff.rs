//! The first page of a TIFF as a picture: what its samples mean, and the JPEGs inside.
//!
//! Blocks are read by [`crate::tiff`] in safe Rust; only JPEG goes through libjpeg, as one in a file of its own does.

use std::io::Cursor;

use moxcms::ColorProfile;

use crate::codec::jpeg;
use crate::depth::narrow_row;
use crate::geometry::{DctScale, Framing};
use crate::ink::{Inks, Zero};
use crate::picture::{Channels, Picture};
use crate::probe::tiff::{Model, Packing, Page};
use crate::sink::Sink;
use crate::tiff::{Jpeg, broken, open, samples, slice};
use crate::{Fit, Kind, RenderError, Size, probe, scans};

/// Decodes `source`, whose header announced `size`. `profile` converts inks; others are not applied here.
pub(crate) fn decode(
    source: &[u8],
    size: Size,
    profile: Option<&ColorProfile>,
    scan_limit: u32,
) -> Result<Picture, RenderError> {
    let page = open(source, size)?;
    let (model, alpha) = page.model().ok_or_else(|| broken("the colour model is not known"))?;
    let inks = Inks::new(Zero::NoInk, profile);
    let inside = Inside { model, inks: &inks, scan_limit };
    let samples = samples(&page, source, &mut |block| inside.decode(&block))?;
    let channels = match (model, alpha) {
        (Model::WhiteIsZero | Model::BlackIsZero, false) => Channels::Grey,
        (Model::WhiteIsZero | Model::BlackIsZero, true) => Channels::GreyAlpha,
        (_, true) => Channels::Rgba,
        _ => Channels::Rgb,
    };
    let jpeg = page.packing() == Some(Packing::Jpeg);
    let picture = |samples| Picture { size, channels, samples };
    let mut picture = match model {
        Model::BlackIsZero | Model::Rgb => picture(samples),
        Model::WhiteIsZero => from_white(picture(samples)),
        // They are RGB by now.
        Model::YCbCr | Model::Cmyk if jpeg => picture(samples),
        Model::YCbCr => from_ycbcr(picture(samples)),
        Model::Palette => by_palette(&page, source, &samples, Picture::blank(size, channels))?,
        Model::Cmyk if alpha => {
            by_inks_and_alpha(&inks, &page, samples, Picture::blank(size, channels))
        }
        Model::Cmyk => by_inks(&inks, samples, Picture::blank(size, channels)),
    };
    if page.premultiplied && alpha && model != Model::Cmyk {
        let channels = picture.channels.count();
        undo_alpha(&mut picture.samples, channels);
    }
    Ok(picture)
}

/// JPEGs without a header of their own (TIFF Technical Note 2). What their samples are is said by the page, and a
/// marker of Adobe's is how to say it to libjpeg.
struct Inside<'a> {
    model: Model,
    inks: &'a Inks,
    scan_limit: u32,
}

impl Inside<'_> {
    fn decode(&self, block: &Jpeg<'_>) -> Result<Vec<u8>, RenderError> {
        let Self { model, inks, scan_limit } = *self;
        const START: &[u8] = &[0xff, 0xd8];
        const END: &[u8] = &[0xff, 0xd9];
        // How the colours are changed: not at all, or to YCbCr.
        let adobe =
            [&[0xff, 0xee, 0, 14][..], b"Adobe\0\x64\0\0\0\0", &[u8::from(model == Model::YCbCr)]]
                .concat();
        let body =
            block.data.strip_prefix(START).ok_or_else(|| broken("a JPEG does not begin as one"))?;
        let tables = block.tables.strip_prefix(START).unwrap_or_default();
        let tables = tables.strip_suffix(END).unwrap_or(tables);
        let source = [START, &adobe, &plain(tables), &plain(body)].concat();
        let found = probe(Cursor::new(&source)).ok().filter(|found| found.kind == Kind::Jpeg);
        // SECURITY: before anything is decoded.
        let stored = found
            .and_then(|found| found.stored)
            .filter(|stored| stored.width == block.width && block.rows.contains(&stored.height))
            .ok_or_else(|| broken("a JPEG has another size than its strip or tile"))?;
        scans::check(&source, scan_limit)?;
        let task = jpeg::Task { source: &source, stored, scan_limit, inks };
        let framing = Framing::new(stored, stored.width, Fit::Width);
        let sink = Sink::new(stored, std::iter::once((framing, Fit::Width)), &|_| {});
        let mut made = jpeg::whole(task, (DctScale::for_target(stored, stored), sink))?;
        let Picture { samples, channels, .. } =
            made.pop().ok_or_else(|| broken("a JPEG is empty"))?;
        if channels.count() != block.channels {
            return Err(broken("a JPEG has other samples than its page"));
        }
        Ok(samples)
    }
}

/// Without the segments of applications, which would say otherwise.
fn plain(mut segments: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(segments.len());
    while let [0xff, marker @ (0xc0..=0xd7 | 0xdb..=0xfe), l0, l1, ..] = *segments {
        let len = 2 + usize::from(u16::from_be_bytes([l0, l1]));
        let Some((segment, rest)) = segments.split_at_checked(len) else { break };
        if !matches!(marker, 0xe0..=0xef) {
            kept.extend_from_slice(segment);
        }
        segments = rest;
    }
    kept.extend_from_slice(segments);
    kept
}

fn from_white(mut picture: Picture) -> Picture {
    let step = picture.channels.count();
    picture.samples.iter_mut().step_by(step).for_each(|grey| *grey = 255 - *grey);
    picture
}

/// 16 bits a colour: all reds, then all greens, then all blues (TIFF 6.0 §5).
fn by_palette(
    page: &Page,
    source: &[u8],
    indices: &[u8],
    mut picture: Picture,
) -> Result<Picture, RenderError> {
    let entries = 1_usize << page.bits;
    let map = slice(source, page.colours.at, page.colours.len).unwrap_or_default();
    let map = map.get(..6 * entries).ok_or_else(|| broken("its palette is too short"))?;
    let read = if page.little { u16::from_le_bytes } else { u16::from_be_bytes };
    let wide: Vec<u16> = map.as_chunks().0.iter().map(|bytes| read(*bytes)).collect();
    let mut colours = vec![0; wide.len()];
    // Some writers put 8 bits there, and libtiff takes them so where none has more.
    match wide.iter().map(|colour| u8::try_from(*colour)).collect() {
        Ok(narrow) => colours = narrow,
        Err(_) => narrow_row(&wide, &mut colours),
    }
    for (rgb, index) in picture.samples.as_chunks_mut::<3>().0.iter_mut().zip(indices) {
        *rgb = [0, 1, 2].map(|colour| colours[colour * entries + usize::from(*index)]);
    }
    Ok(picture)
}

fn by_inks(inks: &Inks, mut samples: Vec<u8>, mut picture: Picture) -> Picture {
    let (from, to) = (4 * picture.width(), picture.stride());
    for (inked, rgb) in samples.chunks_exact_mut(from).zip(picture.samples.chunks_exact_mut(to)) {
        inks.to_rgb(inked, rgb);
    }
    picture
}

/// Alpha is straight before inks are mixed.
fn by_inks_and_alpha(
    inks: &Inks,
    page: &Page,
    mut samples: Vec<u8>,
    mut picture: Picture,
) -> Picture {
    if page.premultiplied {
        undo_alpha(&mut samples, 5);
    }
    let (width, to) = (picture.width(), picture.stride());
    let (mut inked, mut mixed) = (vec![0; 4 * width], vec![0; 3 * width]);
    for (row, rgba) in samples.chunks_exact(5 * width).zip(picture.samples.chunks_exact_mut(to)) {
        let row = row.as_chunks::<5>().0;
        for (inked, [inks @ .., _]) in inked.as_chunks_mut().0.iter_mut().zip(row) {
            *inked = *inks;
        }
        inks.to_rgb(&mut inked, &mut mixed);
        let rgb = mixed.as_chunks::<3>().0.iter().zip(row);
        for (rgba, ([r, g, b], [.., alpha])) in rgba.as_chunks_mut().0.iter_mut().zip(rgb) {
            *rgba = [*r, *g, *b, *alpha];
        }
    }
    picture
}

/// By the full-range matrix of BT.601 (TIFF 6.0 §21), in 16.16 fixed point.
fn from_ycbcr(mut picture: Picture) -> Picture {
    for pixel in picture.samples.as_chunks_mut::<3>().0 {
        let [y, cb, cr] = pixel.map(i32::from);
        let (y, cb, cr) = ((y << 16) + (1 << 15), cb - 128, cr - 128);
        let colours = [91_881 * cr, -22_554 * cb - 46_802 * cr, 116_130 * cb];
        *pixel =
            colours.map(|colour| u8::try_from(((y + colour) >> 16).clamp(0, 255)).unwrap_or(0));
    }
    picture
}

/// Associated alpha (TIFF 6.0 §18) to straight.
fn undo_alpha(samples: &mut [u8], channels: usize) {
    for pixel in samples.chunks_exact_mut(channels) {
        let Some((alpha, colours)) = pixel.split_last_mut() else { continue };
        let a = u32::from(*alpha);
        for sample in colours.iter_mut().filter(|_| a > 0) {
            *sample = u8::try_from((u32::from(*sample) * 255 + a / 2) / a).unwrap_or(u8::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use cuttle_demo::fixtures::fixtures;

    use super::*;
    use crate::ink::WORKED_OUT;

    /// To work one out takes some 30 ms, and a page may have thousands of strips and tiles.
    #[test]
    fn a_profile_of_inks_is_worked_out_once_for_all_blocks() {
        let file = fixtures().into_iter().find(|file| file.name == "jpeg-cmyk.tiff");
        let file = file.expect("a page of four strips");
        let size = Size { width: file.width, height: file.height };
        WORKED_OUT.set(0);
        let profile = ColorProfile::new_srgb();
        let picture = decode(&file.bytes, size, Some(&profile), u32::MAX).map(|made| made.size);
        assert_eq!((picture, WORKED_OUT.get()), (Ok(size), 1));
    }
}
