//! Sizes: how large a picture is shown, how large its rendition is, and at which scale it is decoded.

use serde::{Deserialize, Serialize};

use crate::{Fit, Orientation};

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Size {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl Size {
    /// The same sides as seen after `orientation`.
    #[must_use]
    pub fn oriented(self, orientation: Orientation) -> Self {
        if orientation.swaps_sides() {
            Self { width: self.height, height: self.width }
        } else {
            self
        }
    }

    /// Width × height.
    #[must_use]
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The size of a rendition `width` pixels wide: never enlarged, the aspect kept.
    ///
    /// The height is `round(h · width / w)`, halves up and at least 1, which is what libvips gives.
    #[must_use]
    pub fn fit_width(self, width: u32) -> Self {
        if width >= self.width {
            return self;
        }
        let (from, to) = (u64::from(self.width), u64::from(width.max(1)));
        let height = (2 * u64::from(self.height) * to + from) / (2 * from);
        // to < from, so the height is at most the height we had.
        Self { width: width.max(1), height: u32::try_from(height).unwrap_or(self.height).max(1) }
    }
}

/// Which cut of a picture becomes a rendition, and of what size. Both as displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Framing {
    /// The cut: as large as the picture in at least one direction.
    pub(crate) region: Size,
    /// The rendition. Never larger than the cut.
    pub(crate) target: Size,
    /// The direction in which the rendition was made whole pixels, where it has the aspect of the cut.
    pub(crate) rounded: Option<Axis>,
}

/// A direction in a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axis {
    Across,
    Down,
}

impl Framing {
    /// What `width` and `fit` ask of a picture of this size.
    pub(crate) fn new(display: Size, width: u32, fit: Fit) -> Self {
        match fit {
            Fit::Width => {
                let target = display.fit_width(width);
                Self { region: display, target, rounded: Some(Axis::Down) }
            }
            Fit::Contain { height } => {
                let (target, rounded) = display.fit_box(Size { width, height });
                Self { region: display, target, rounded: Some(rounded) }
            }
            Fit::Cover { height, .. } => {
                let wanted = Size { width: width.max(1), height: height.max(1) };
                let region = display.largest_cut(wanted);
                let fills = region.width >= wanted.width && region.height >= wanted.height;
                Self { region, target: if fills { wanted } else { region }, rounded: None }
            }
        }
    }

    /// The same for the picture as stored.
    pub(crate) fn oriented(self, orientation: Orientation) -> Self {
        let aside = Size { width: 1, height: 2 };
        let turned = aside.oriented(orientation) != aside;
        let rounded = self.rounded.map(|axis| match axis {
            Axis::Down if turned => Axis::Across,
            Axis::Across if turned => Axis::Down,
            axis => axis,
        });
        Self {
            region: self.region.oriented(orientation),
            target: self.target.oriented(orientation),
            rounded,
        }
    }
}

impl Size {
    /// The largest size of this aspect inside `limits`, and which of its sides had to be rounded; never enlarged.
    fn fit_box(self, limits: Size) -> (Self, Axis) {
        let wider = u64::from(self.width) * u64::from(limits.height)
            >= u64::from(self.height) * u64::from(limits.width);
        if wider {
            (self.fit_width(limits.width), Axis::Down)
        } else {
            let swap = |size: Self| Self { width: size.height, height: size.width };
            (swap(swap(self).fit_width(limits.height)), Axis::Across)
        }
    }

    /// The largest cut with the aspect of `shape`, sides rounded, halves up.
    fn largest_cut(self, shape: Size) -> Self {
        // side · numerator / denominator, which the caller knows to be at most `most`.
        let scale = |side: u32, numerator: u32, denominator: u32, most: u32| {
            let (side, numerator, denominator) =
                (u64::from(side), u64::from(numerator), u64::from(denominator));
            let scaled = (2 * side * numerator + denominator) / (2 * denominator);
            u32::try_from(scaled).unwrap_or(most).clamp(1, most)
        };
        let wider = u64::from(self.width) * u64::from(shape.height)
            >= u64::from(self.height) * u64::from(shape.width);
        if wider {
            Self { width: scale(self.height, shape.width, shape.height, self.width), ..self }
        } else {
            Self { height: scale(self.width, shape.height, shape.width, self.height), ..self }
        }
    }
}

/// How much larger than its rendition a picture is decoded, when the codec can scale.
///
/// Against a full decode, margin 2 keeps SSIMULACRA2 at 92 to 100 where margin 1 (libvips) falls to
/// 71 to 93, and it costs at most 4 ms.
const DECODE_MARGIN: u64 = 2;

/// Rows of a rendition made at a time, where a source is decoded by the row.
pub(crate) const STRIP_ROWS: u32 = 32;

/// Rows of a rendition that are made narrow at a time. The weights of a row are worked out for each batch: of 32 they were
/// a tenth of a photo's whole cost, and more than these cost memory.
pub(crate) const BATCH_ROWS: u32 = 128;

/// A scale of `eighths`/8, as libjpeg's inverse DCT can apply it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DctScale {
    pub(crate) eighths: u32,
}

impl DctScale {
    pub(crate) const FULL: Self = Self { eighths: 8 };

    /// The smallest scale at which both sides of `region` are still at least twice those of `target`.
    ///
    /// Never 3/8 nor 7/8, for which libjpeg has no SIMD: the one takes as long as 4/8, and at 6.5 × an 18 Mpx
    /// photograph in 4:2:2 scores 88 where others do 94 to 96; the other takes 50 ms of 15 Mpx more than 8/8.
    pub(crate) fn for_target(region: Size, target: Size) -> Self {
        let enough = |scale: &Self| {
            let scaled = scale.apply(region);
            u64::from(scaled.width) >= DECODE_MARGIN * u64::from(target.width)
                && u64::from(scaled.height) >= DECODE_MARGIN * u64::from(target.height)
        };
        [1, 2, 4, 5, 6]
            .map(|eighths| Self { eighths })
            .into_iter()
            .find(enough)
            .unwrap_or(Self::FULL)
    }

    /// Sides round up, as libjpeg's do.
    pub(crate) fn apply(self, stored: Size) -> Size {
        let scale = |side: u32| {
            u32::try_from((u64::from(side) * u64::from(self.eighths)).div_ceil(8)).unwrap_or(side)
        };
        Size { width: scale(stored.width), height: scale(stored.height) }
    }
}
