//! EXIF orientation (tag 0x0112): how a stored picture must be turned to be seen upright.

use serde::{Deserialize, Serialize};

/// The eight values of EXIF 2.32 §4.6.4, named by what must be done to the stored pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Orientation {
    /// 1: as stored.
    #[default]
    Upright,
    /// 2: mirror left to right.
    FlipHorizontal,
    /// 3: turn by half.
    Rotate180,
    /// 4: mirror top to bottom.
    FlipVertical,
    /// 5: mirror left to right, then turn a quarter counter-clockwise.
    Transpose,
    /// 6: turn a quarter clockwise.
    Rotate90,
    /// 7: mirror left to right, then turn a quarter clockwise.
    Transverse,
    /// 8: turn a quarter counter-clockwise.
    Rotate270,
}

impl Orientation {
    /// From the value of the tag; anything outside 1 to 8 is upright, as every viewer treats it.
    #[must_use]
    pub fn from_exif(value: u16) -> Self {
        match value {
            2 => Self::FlipHorizontal,
            3 => Self::Rotate180,
            4 => Self::FlipVertical,
            5 => Self::Transpose,
            6 => Self::Rotate90,
            7 => Self::Transverse,
            8 => Self::Rotate270,
            _ => Self::Upright,
        }
    }

    /// Whether width and height change places.
    #[must_use]
    pub fn swaps_sides(self) -> bool {
        matches!(self, Self::Transpose | Self::Rotate90 | Self::Transverse | Self::Rotate270)
    }
}
