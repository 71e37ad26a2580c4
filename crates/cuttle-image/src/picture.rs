//! Decoded pixels, 8 bits a sample, and what can be done to them without a codec.

use crate::{Orientation, Size};

/// Samples of one pixel, in order. Alpha is never premultiplied here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channels {
    Grey,
    GreyAlpha,
    Rgb,
    Rgba,
}

impl Channels {
    pub(crate) fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    pub(crate) fn alpha(self) -> bool {
        matches!(self, Self::GreyAlpha | Self::Rgba)
    }
}

/// A frame in memory: rows from the top, without padding.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    pub(crate) size: Size,
    pub(crate) channels: Channels,
    pub(crate) samples: Vec<u8>,
}

impl Picture {
    /// A black, transparent frame. The caller has checked the size against the limits, and the pages are
    /// zeroed by the kernel when they are first touched.
    pub(crate) fn blank(size: Size, channels: Channels) -> Self {
        let samples = vec![0; size.width as usize * size.height as usize * channels.count()];
        Self { size, channels, samples }
    }

    pub(crate) fn width(&self) -> usize {
        self.size.width as usize
    }

    pub(crate) fn height(&self) -> usize {
        self.size.height as usize
    }

    /// Bytes of one row.
    pub(crate) fn stride(&self) -> usize {
        self.width() * self.channels.count()
    }

    /// Whether any pixel lets the background through.
    pub(crate) fn transparent(&self) -> bool {
        match self.channels {
            Channels::Grey | Channels::Rgb => false,
            Channels::GreyAlpha => pixels::<2>(&self.samples).iter().any(|[_, a]| *a != 255),
            Channels::Rgba => pixels::<4>(&self.samples).iter().any(|[.., a]| *a != 255),
        }
    }

    /// Without the alpha channel, when no pixel uses it: a quarter less to resize, turn and encode.
    pub(crate) fn without_idle_alpha(self) -> Self {
        if self.transparent() { self } else { self.without_alpha() }
    }

    fn without_alpha(self) -> Self {
        match self.channels {
            Channels::Grey | Channels::Rgb => self,
            Channels::GreyAlpha => self.map::<2, 1>(Channels::Grey, |[l, _]| [l]),
            Channels::Rgba => self.map::<4, 3>(Channels::Rgb, |[r, g, b, _]| [r, g, b]),
        }
    }

    /// Over white, without alpha.
    pub(crate) fn on_white(self) -> Self {
        let over = |sample: u8, alpha: u8| {
            let (sample, alpha) = (u32::from(sample), u32::from(alpha));
            // Exact rounding of (sample · alpha + 255 · (255 − alpha)) / 255, which is at most 255.
            u8::try_from((sample * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(255)
        };
        match self.channels {
            Channels::Grey | Channels::Rgb => self,
            Channels::GreyAlpha => self.map::<2, 1>(Channels::Grey, |[l, a]| [over(l, a)]),
            Channels::Rgba => {
                self.map::<4, 3>(Channels::Rgb, |[r, g, b, a]| [over(r, a), over(g, a), over(b, a)])
            }
        }
    }

    /// As grey, when every pixel is.
    pub(crate) fn without_idle_colour(self) -> Self {
        let grey = match self.channels {
            Channels::Grey | Channels::GreyAlpha => false,
            Channels::Rgb => pixels::<3>(&self.samples).iter().all(|[r, g, b]| r == g && g == b),
            Channels::Rgba => {
                pixels::<4>(&self.samples).iter().all(|[r, g, b, _]| r == g && g == b)
            }
        };
        match self.channels {
            Channels::Rgb if grey => self.map::<3, 1>(Channels::Grey, |[l, _, _]| [l]),
            Channels::Rgba if grey => self.map::<4, 2>(Channels::GreyAlpha, |[l, _, _, a]| [l, a]),
            _ => self,
        }
    }

    /// As RGB or RGBA, for encoders that know no grey.
    pub(crate) fn in_colour(self) -> Self {
        match self.channels {
            Channels::Grey => self.map::<1, 3>(Channels::Rgb, |[l]| [l, l, l]),
            Channels::GreyAlpha => self.map::<2, 4>(Channels::Rgba, |[l, a]| [l, l, l, a]),
            Channels::Rgb | Channels::Rgba => self,
        }
    }

    fn map<const FROM: usize, const TO: usize>(
        self,
        to: Channels,
        f: impl Fn([u8; FROM]) -> [u8; TO],
    ) -> Self {
        let samples = pixels::<FROM>(&self.samples).iter().flat_map(|pixel| f(*pixel)).collect();
        Self { size: self.size, channels: to, samples }
    }

    /// Turned as `orientation` says.
    pub(crate) fn oriented(self, orientation: Orientation) -> Self {
        match self.channels {
            _ if orientation == Orientation::Upright => self,
            Channels::Grey => self.turned::<1>(orientation),
            Channels::GreyAlpha => self.turned::<2>(orientation),
            Channels::Rgb => self.turned::<3>(orientation),
            Channels::Rgba => self.turned::<4>(orientation),
        }
    }

    /// Every orientation reads the stored pixels from one corner, with one step per column and one per
    /// row of what is seen.
    fn turned<const N: usize>(self, orientation: Orientation) -> Self {
        let from = pixels::<N>(&self.samples);
        let size = self.size.oriented(orientation);
        let (w, h) = (self.width().cast_signed(), self.height().cast_signed());
        let (corner, column, row) = match orientation {
            Orientation::Upright => (0, 1, w),
            Orientation::FlipHorizontal => (w - 1, -1, w),
            Orientation::Rotate180 => (w * h - 1, -1, -w),
            Orientation::FlipVertical => (w * (h - 1), 1, -w),
            Orientation::Transpose => (0, w, 1),
            Orientation::Rotate90 => (w * (h - 1), -w, 1),
            Orientation::Transverse => (w * h - 1, -w, -1),
            Orientation::Rotate270 => (w - 1, w, -1),
        };
        let mut turned = Self::blank(size, self.channels);
        let (to, _) = turned.samples.as_chunks_mut::<N>();
        for (y, line) in (0..).zip(to.chunks_exact_mut(size.width as usize)) {
            for (x, pixel) in (0..).zip(line) {
                *pixel = from[(corner + x * column + y * row).cast_unsigned()];
            }
        }
        turned
    }
}

fn pixels<const N: usize>(samples: &[u8]) -> &[[u8; N]] {
    samples.as_chunks().0
}
