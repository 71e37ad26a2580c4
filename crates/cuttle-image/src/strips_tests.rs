use std::borrow::Cow;

use super::*;
use crate::geometry::Axis;
use crate::resize::resize;

/// Waves that differ in every direction and channel, a hole in alpha, without a random number.
fn waves(size: Size, channels: Channels) -> Picture {
    let mut picture = Picture::blank(size, channels);
    let (count, width) = (channels.count(), size.width as usize);
    for (at, sample) in picture.samples.iter_mut().enumerate() {
        let (x, y, c) = (at / count % width, at / count / width, at % count);
        let alpha = channels.alpha() && c + 1 == count;
        *sample = if alpha && (x / 7 + y / 11) % 3 != 0 {
            255
        } else {
            ((x * (3 + c) + y * (7 - c) + x * y / 13) % 251) as u8
        };
    }
    picture
}

fn by_rows(picture: &Picture, framing: Framing) -> (Picture, usize) {
    let mut reduction = Reduction::new(picture.size, framing);
    reduction.begin(picture.size, picture.channels);
    let mut most = 0;
    for row in picture.samples.chunks_exact(picture.stride()) {
        reduction.row(row, &|_| {}).unwrap();
        let work = reduction.work.as_ref().unwrap();
        most = most.max(work.held.capacity() + work.wide.capacity());
    }
    (reduction.finish().unwrap(), most)
}

fn size(width: u32, height: u32) -> Size {
    Size { width, height }
}

#[test]
fn strips_are_the_frame_resized_at_once() {
    let sizes = [
        (size(97, 1000), size(31, 320)),
        (size(64, 401), size(63, 397)),
        (size(200, 90), size(10, 5)),
        (size(40, 70), size(40, 70)),
        (size(33, 17), size(5, 3)),
        (size(50, 1), size(20, 1)),
        (size(1, 500), size(1, 7)),
    ];
    for channels in [Channels::Grey, Channels::GreyAlpha, Channels::Rgb, Channels::Rgba] {
        for (source, target) in sizes {
            let middle = size(source.width, source.height.div_ceil(2).max(target.height));
            for region in [source, middle] {
                let picture = waves(source, channels);
                let (strips, _) =
                    by_rows(&picture, Framing { region, target, rounded: Some(Axis::Down) });
                let cut = Cut::place(
                    source,
                    source,
                    Framing { region, target, rounded: Some(Axis::Down) },
                    0.5,
                );
                let at_once = resize(Cow::Borrowed(&picture), cut, target).unwrap();
                let worst = strips.samples.iter().zip(&at_once.samples);
                let worst = worst.map(|(a, b)| a.abs_diff(*b)).max();
                assert!(worst <= Some(1), "{channels:?} {source:?} to {target:?}: {worst:?}");
            }
        }
    }
}

#[test]
fn a_rounded_height_does_not_stretch() {
    // Ten a row. Half of 21 rows is 11, and row n of those has its middle where row 2n has it.
    let mut picture = Picture::blank(size(40, 21), Channels::Grey);
    for (at, sample) in picture.samples.iter_mut().enumerate() {
        *sample = u8::try_from(at / 40 * 10).unwrap();
    }
    let framing = Framing { region: picture.size, target: size(20, 11), rounded: Some(Axis::Down) };
    let (resized, _) = by_rows(&picture, framing);
    let column: Vec<u8> = resized.samples.iter().step_by(20).copied().collect();
    for row in 2..9 {
        assert!(usize::from(column[row]).abs_diff(20 * row) <= 1, "{column:?}");
    }
    // The filter sees nothing beyond the first and the last row.
    assert!(column.is_sorted() && column[0] < 10 && column[10] > 190, "{column:?}");
}

#[test]
fn a_rounded_width_does_not_stretch_either() {
    // The same picture on its side, in more rows than are put together at a time.
    let mut picture = Picture::blank(size(21, 300), Channels::Grey);
    for (at, sample) in picture.samples.iter_mut().enumerate() {
        *sample = u8::try_from(at % 21 * 10).unwrap();
    }
    let framing =
        Framing { region: picture.size, target: size(11, 150), rounded: Some(Axis::Across) };
    let (by_rows, _) = by_rows(&picture, framing);
    let cut = Cut::place(picture.size, picture.size, framing, 0.5);
    let at_once = resize(Cow::Borrowed(&picture), cut, framing.target).unwrap();
    for samples in [by_rows.samples, at_once.samples] {
        for row in samples.chunks_exact(11) {
            for column in 2..9 {
                assert!(usize::from(row[column]).abs_diff(20 * column) <= 1, "{row:?}");
            }
            assert!(row.is_sorted() && row[0] < 10 && row[10] > 190, "{row:?}");
        }
    }
}

#[test]
fn what_is_held_follows_the_rendition() {
    let source = size(100, 20_000);
    let picture = waves(source, Channels::Rgb);
    for target in [size(50, 10_000), size(10, 2_000), size(80, 16_000)] {
        let framing = Framing { region: source, target, rounded: Some(Axis::Down) };
        let (_, most) = by_rows(&picture, framing);
        let bound = 3 * crate::budget::held_pixels(source, framing);
        assert!(most as u64 <= bound, "{most} bytes held for {target:?}, {bound} announced");
        assert!(most * 10 < picture.samples.len(), "{most} bytes held for {target:?}");
    }
}

#[test]
fn a_picture_without_its_last_rows_is_none() {
    let picture = waves(size(30, 40), Channels::Grey);
    let framing = Framing { region: picture.size, target: size(15, 20), rounded: None };
    let mut reduction = Reduction::new(picture.size, framing);
    reduction.begin(picture.size, picture.channels);
    for row in picture.samples.chunks_exact(picture.stride()).take(36) {
        reduction.row(row, &|_| {}).unwrap();
    }
    assert!(reduction.finish().is_err());
}
