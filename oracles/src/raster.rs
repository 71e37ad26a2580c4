//! Pictures as everybody understands them, and how far two of them are apart.

use crate::delta_e::{Lab, delta_e};

/// 8-bit sRGB with straight alpha, rows from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Four bytes a pixel.
    pub rgba: Vec<u8>,
}

/// How far two pictures of one size are apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distance {
    /// CIEDE2000, over all pixels, shown on black and on white.
    pub mean: f64,
    /// What 99 of 100 of these stay under.
    pub p99: f64,
    /// Alpha, of 255: the mean.
    pub alpha: f64,
}

impl Raster {
    /// # Panics
    /// When the samples are not those of the size.
    #[must_use]
    pub fn new(width: u32, height: u32, rgba: Vec<u8>) -> Self {
        assert_eq!(rgba.len(), 4 * width as usize * height as usize, "{width}×{height}");
        Self { width, height, rgba }
    }

    /// From this picture to `other`.
    ///
    /// # Errors
    /// Both sizes, when they differ.
    pub fn distance(&self, other: &Self) -> Result<Distance, String> {
        let (ours, theirs) = (self.size(), other.size());
        if ours != theirs {
            return Err(format!("{ours:?} and {theirs:?} pixels"));
        }
        let pairs = || self.pixels().iter().zip(other.pixels());
        let mut all: Vec<f64> = pairs()
            .flat_map(|(a, b)| {
                [0.0, 255.0].map(|ground| if a == b { 0.0 } else { apart(a, b, ground) })
            })
            .collect();
        let alpha: u32 = pairs().map(|(a, b)| u32::from(a[3].abs_diff(b[3]))).sum();
        all.sort_by(f64::total_cmp);
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let p99 = all[(all.len() - 1) * 99 / 100];
        Ok(Distance { mean, p99, alpha: f64::from(alpha) / (all.len() / 2) as f64 })
    }

    /// The means of cells of `side` × `side` pixels, which hide what a lossy codec does to single pixels,
    /// and neither a wrong colour nor a row that is lost.
    #[must_use]
    pub fn coarse(&self, side: usize) -> Self {
        let (width, height) = (self.width as usize, self.height as usize);
        let cell = |x: usize, y: usize| {
            let rows = y * side..height.min((y + 1) * side);
            let columns = x * side..width.min((x + 1) * side);
            let pixels = rows.flat_map(|y| self.pixels()[y * width..][columns.clone()].iter());
            let (mut light, mut alpha, mut count) = ([0; 3], 0, 0);
            for [rgb @ .., a] in pixels {
                let weight = u64::from(*a);
                alpha += weight;
                count += 1;
                for (sum, sample) in light.iter_mut().zip(rgb) {
                    *sum += u64::from(*sample) * weight;
                }
            }
            let [r, g, b] = light.map(|sum| rounded(sum, alpha));
            [r, g, b, rounded(alpha, count)]
        };
        let (across, down) = (width.div_ceil(side), height.div_ceil(side));
        let rgba = (0..down)
            .flat_map(|y| (0..across).flat_map(|x| cell(x, y)).collect::<Vec<_>>())
            .collect();
        Self::new(across as u32, down as u32, rgba)
    }

    /// Width and height.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn pixels(&self) -> &[[u8; 4]] {
        self.rgba.as_chunks().0
    }
}

/// 0 of nothing is 0.
fn rounded(sum: u64, count: u64) -> u8 {
    ((sum + count / 2) / count.max(1)) as u8
}

fn apart(a: &[u8; 4], b: &[u8; 4], ground: f64) -> f64 {
    let shown = |[rgb @ .., alpha]: &[u8; 4]| {
        let alpha = f64::from(*alpha) / 255.0;
        Lab::from_srgb(rgb.map(|sample| f64::from(sample) * alpha + ground * (1.0 - alpha)))
    };
    delta_e(shown(a), shown(b))
}
