//! Sizes: how large a picture is shown, how large its rendition is, and at which scale it is decoded.

use serde::{Deserialize, Serialize};

use crate::Orientation;

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

/// How much larger than its rendition a picture is decoded, when the codec can scale.
///
/// Against a full decode, margin 2 keeps SSIMULACRA2 at 92 to 100 where margin 1 (libvips) falls to
/// 71 to 93, and it costs at most 4 ms.
const DECODE_MARGIN: u64 = 2;

/// A scale of `eighths`/8, as libjpeg's inverse DCT can apply it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DctScale {
    pub(crate) eighths: u32,
}

impl DctScale {
    pub(crate) const FULL: Self = Self { eighths: 8 };

    /// The smallest scale at which both sides are still at least twice those of `target`.
    ///
    /// Never 3/8 nor 7/8, for which libjpeg has no SIMD: the one takes as long as 4/8, and at 6.5 × an 18 Mpx
    /// photograph in 4:2:2 scores 88 where others do 94 to 96; the other takes 50 ms of 15 Mpx more than 8/8.
    pub(crate) fn for_target(stored: Size, target: Size) -> Self {
        let enough = |scale: &Self| {
            let scaled = scale.apply(stored);
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

    /// The scales among `wanted`, each once, as they are decoded together: as long as all smaller frames of
    /// a pass take no more memory than its largest. The smallest come first, so that they are gone when
    /// the largest is worked on.
    #[cfg(feature = "codecs")]
    pub(crate) fn passes(wanted: impl Iterator<Item = Self>) -> Vec<Vec<Self>> {
        let mut wanted: Vec<u32> = wanted.map(|scale| scale.eighths).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut passes = Vec::new();
        while let Some(largest) = wanted.pop() {
            let mut pass = vec![Self { eighths: largest }];
            let mut room = largest * largest;
            wanted.retain(|eighths| {
                let area = eighths * eighths;
                let fits = area <= room;
                if fits {
                    room -= area;
                    pass.push(Self { eighths: *eighths });
                }
                !fits
            });
            pass.rotate_left(1);
            passes.push(pass);
        }
        passes
    }
}
