//! SSIMULACRA2 of a rendition against a reference, by `fast-ssim2`.

use fast_ssim2::{PixelDescriptor, PixelSlice, Ssimulacra2Reference};

/// A lossless picture that others are compared with: 8-bit sRGB, rows from the top.
pub(crate) struct Reference {
    pub(crate) rgb: Vec<u8>,
    pub(crate) width: u32,
    pub(crate) height: u32,
    prepared: Ssimulacra2Reference,
}

impl Reference {
    pub(crate) fn new(rgb: Vec<u8>, width: u32, height: u32) -> Self {
        let prepared = Ssimulacra2Reference::new(&slice(&rgb, width, height))
            .expect("a picture large enough to be compared");
        Self { rgb, width, height, prepared }
    }

    /// 100 is no difference, 90 none that is seen at a glance, 70 high quality, 50 medium.
    pub(crate) fn score(&self, rgb: &[u8], width: u32, height: u32) -> f64 {
        assert_eq!(
            (width, height),
            (self.width, self.height),
            "both sides make pictures of one size"
        );
        self.prepared.compare(&slice(rgb, width, height)).expect("sizes were compared")
    }
}

fn slice(rgb: &[u8], width: u32, height: u32) -> PixelSlice<'_> {
    let stride = width as usize * 3;
    PixelSlice::new(rgb, width, height, stride, PixelDescriptor::RGB8_SRGB)
        .expect("three bytes a pixel")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waves, without a random number: 96×64.
    fn waves(step: usize) -> Vec<u8> {
        let sample = |n: usize| {
            let (x, y, c) = (n / 3 % 96, n / 288, n % 3);
            let value = 128.0 + 60.0 * ((x * (c + 1)) as f64 / 9.0).sin() * (y as f64 / 7.0).cos();
            (value as usize / step * step) as u8
        };
        (0..96 * 64 * 3).map(sample).collect()
    }

    #[test]
    fn a_picture_is_itself_and_loses_by_coarser_steps() {
        let reference = Reference::new(waves(1), 96, 64);
        let scores = [1, 2, 8, 32].map(|step| reference.score(&waves(step), 96, 64));
        assert!((scores[0] - 100.0).abs() < 1e-6, "{scores:?}");
        assert!(scores.is_sorted_by(|a, b| a > b), "{scores:?}");
    }
}
