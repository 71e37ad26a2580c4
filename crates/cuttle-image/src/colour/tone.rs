//! PQ and HLG (ITU-R BT.2100-2) to sRGB, by one curve.
//!
//! 1. Samples become display light in cd/m²: by the PQ EOTF, or by the HLG inverse OETF and its OOTF for a
//!    display of 1000 cd/m² (system gamma 1.2, BT.2100 table 5).
//! 2. The brightest of R, G and B is mapped by the EETF of ITU-R BT.2390-10 §5.4.1, from a mastering display
//!    of 0 to [`PEAK`] to a target of 0 to [`WHITE`]: in PQ, with E₁ and L as fractions of the source's peak,
//!    KS = 1.5·L − 0.5; E₁ below KS stays, and above it follows the Hermite spline
//!    P(T) = (2T³ − 3T² + 1)·KS + (T³ − 2T² + T)·(1 − KS) + (−2T³ + 3T²)·L, T = (E₁ − KS) / (1 − KS).
//!    The other two keep their ratio to it, so that hues stay.
//! 3. Source primaries become BT.709 by matrix, what lies outside is clipped, and [`WHITE`] is sRGB 255.
//!
//! What a file says about its own mastering is not used: the same pixels always give the same picture.

use std::sync::Arc;

use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, MatrixCoefficients, TransferCharacteristics,
};

use crate::depth::narrow;

/// Reference white in cd/m² (ITU-R BT.2408-7 §2.1): what paper in a scene is graded to.
const WHITE: f32 = 203.0;
/// Brightest light that is told apart, cd/m²: what nearly all HDR pictures are graded on, and the display
/// that BT.2100 describes HLG by.
const PEAK: f32 = 1000.0;

/// SMPTE ST 2084 (BT.2100 table 4).
const M1: f32 = 2610.0 / 16_384.0;
const M2: f32 = 2523.0 / 4096.0 * 128.0;
const C1: f32 = 3424.0 / 4096.0;
const C2: f32 = 2413.0 / 4096.0 * 32.0;
const C3: f32 = 2392.0 / 4096.0 * 32.0;

/// Luminance of linear BT.2020 light (BT.2100 table 5).
const LUMINANCE: [f32; 3] = [0.2627, 0.6780, 0.0593];

/// Entries of a table over square roots: darkness needs more of them than light does.
const STEPS: usize = 4096;
/// Entries of the table of sRGB codes over linear light; the steepest part moves a fifth of a code each.
const CODES: usize = 1 << 14;

/// Everything that step 1 to 3 look up.
#[derive(Clone)]
pub(crate) struct ToneMap {
    hlg: bool,
    /// Light for each 16-bit sample: of the display for PQ (fractions of `PEAK`, not above it), of the
    /// scene for HLG.
    light: Arc<[f32]>,
    /// HLG's OOTF: display over scene light (fractions of `PEAK`), by the root of scene luminance.
    system: Arc<[f32]>,
    /// Mapped over unmapped light (fractions of `WHITE` over fractions of `PEAK`), by the root of the latter.
    gain: Arc<[f32]>,
    /// Source primaries to BT.709.
    matrix: [[f32; 3]; 3],
    /// sRGB for linear light.
    codes: Arc<[u8]>,
}

impl ToneMap {
    /// Whether a transfer characteristic (ITU-T H.273 table 3) is PQ or HLG.
    pub(super) fn applies(transfer: u8) -> bool {
        matches!(transfer, 16 | 18)
    }

    /// `None` for other transfer characteristics than PQ and HLG.
    pub(super) fn new(primaries: CicpColorPrimaries, transfer: u8) -> Option<Self> {
        if !Self::applies(transfer) {
            return None;
        }
        let hlg = transfer == 18;
        let of_primaries = ColorProfile::new_from_cicp(CicpProfile {
            color_primaries: primaries,
            transfer_characteristics: TransferCharacteristics::Srgb,
            matrix_coefficients: MatrixCoefficients::Identity,
            full_range: true,
        });
        let matrix = of_primaries.transform_matrix(&ColorProfile::new_srgb()).v;
        let full = f32::from(u16::MAX);
        let sample_light = |sample: u16| {
            let code = f32::from(sample) / full;
            if hlg { hlg_scene(code) } else { (pq_light(code) / PEAK).min(1.0) }
        };
        let root = |at: usize| {
            let root = at as f32 / STEPS as f32;
            root * root
        };
        Some(Self {
            hlg,
            light: (0..=u16::MAX).map(sample_light).collect(),
            system: (0..=STEPS).map(|at| root(at).powf(0.2)).collect(),
            gain: (0..=STEPS).map(|at| gain(root(at))).collect(),
            matrix: matrix.map(|row| row.map(|weight| weight as f32)),
            codes: (0..=CODES).map(|at| srgb_code(at as f32 / CODES as f32)).collect(),
        })
    }

    /// Pixels of three colours and, with four channels, alpha.
    pub(super) fn rgb<const N: usize>(&self, from: &[u16], to: &mut [u8]) {
        let (from, _) = from.as_chunks::<N>();
        let (to, _) = to.as_chunks_mut::<N>();
        for (from, to) in from.iter().zip(to) {
            let mapped = self.map([from[0], from[1], from[2]]);
            for (to, weights) in to.iter_mut().zip(self.matrix) {
                *to = self.code(dot(weights, mapped));
            }
            if N == 4 {
                to[N - 1] = narrow(from[N - 1]);
            }
        }
    }

    /// Pixels of one grey and, with two channels, alpha.
    pub(super) fn grey<const N: usize>(&self, from: &[u16], to: &mut [u8]) {
        let (from, _) = from.as_chunks::<N>();
        let (to, _) = to.as_chunks_mut::<N>();
        for (from, to) in from.iter().zip(to) {
            let [light, ..] = self.map([from[0]; 3]);
            to[0] = self.code(light);
            if N == 2 {
                to[N - 1] = narrow(from[N - 1]);
            }
        }
    }

    /// Steps 1 and 2: samples to light in the source's primaries, as fractions of `WHITE`.
    fn map(&self, samples: [u16; 3]) -> [f32; 3] {
        let mut light = samples.map(|sample| self.light[usize::from(sample)]);
        if self.hlg {
            let system = interpolate(&self.system, dot(LUMINANCE, light));
            light = light.map(|scene| scene * system);
        }
        let [r, g, b] = light;
        let gain = interpolate(&self.gain, r.max(g).max(b));
        light.map(|light| light * gain)
    }

    fn code(&self, light: f32) -> u8 {
        self.codes[(light.clamp(0.0, 1.0) * CODES as f32 + 0.5) as usize]
    }
}

fn dot(weights: [f32; 3], light: [f32; 3]) -> f32 {
    weights[0] * light[0] + weights[1] * light[1] + weights[2] * light[2]
}

/// The entry for `light`, between 0 and 1, of a table over square roots.
fn interpolate(table: &[f32], light: f32) -> f32 {
    let at = light.clamp(0.0, 1.0).sqrt() * STEPS as f32;
    let below = (at as usize).min(STEPS - 1);
    let part = at - below as f32;
    table[below] + (table[below + 1] - table[below]) * part
}

/// PQ code, 0 to 1, to cd/m².
fn pq_light(code: f32) -> f32 {
    let power = code.powf(1.0 / M2);
    10_000.0 * ((power - C1).max(0.0) / (C2 - C3 * power)).powf(1.0 / M1)
}

/// cd/m² to PQ code, 0 to 1.
fn pq_code(light: f32) -> f32 {
    let power = (light / 10_000.0).powf(M1);
    ((C1 + C2 * power) / (1.0 + C3 * power)).powf(M2)
}

/// HLG code, 0 to 1, to scene light, 0 to 1 (BT.2100 table 5).
fn hlg_scene(code: f32) -> f32 {
    const A: f32 = 0.178_832_77;
    const B: f32 = 0.284_668_92;
    const C: f32 = 0.559_910_7;
    if code <= 0.5 { code * code / 3.0 } else { ((((code - C) / A).exp() + B) / 12.0).min(1.0) }
}

/// Light as a fraction of `WHITE` after mapping, over the same as a fraction of `PEAK` before it.
fn gain(light: f32) -> f32 {
    // Below the knee the curve is the identity, and the ratio that of the two units.
    if light <= 0.0 { PEAK / WHITE } else { eetf(light * PEAK) / WHITE / light }
}

/// Light of the source in cd/m² to light of the target.
fn eetf(light: f32) -> f32 {
    let peak = pq_code(PEAK);
    let target = pq_code(WHITE) / peak;
    let knee = 1.5 * target - 0.5;
    let code = pq_code(light) / peak;
    if code < knee {
        return light;
    }
    let t = (code - knee) / (1.0 - knee);
    let (t2, t3) = (t * t, t * t * t);
    let mapped = (2.0 * t3 - 3.0 * t2 + 1.0) * knee
        + (t3 - 2.0 * t2 + t) * (1.0 - knee)
        + (-2.0 * t3 + 3.0 * t2) * target;
    pq_light(mapped * peak)
}

/// IEC 61966-2-1.
fn srgb_code(light: f32) -> u8 {
    let code =
        if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (255.0 * code + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_leaves_the_dark_alone_and_ends_at_white() {
        for light in [0.0, 0.1, 5.0, 50.0, 90.0] {
            assert!((eetf(light) - light).abs() < 0.01 * light.max(0.1), "{light}");
        }
        assert!((eetf(PEAK) - WHITE).abs() < 0.5, "{}", eetf(PEAK));
        let lights: Vec<f32> = (0..=100).map(|step| eetf(10.0 * step as f32)).collect();
        assert!(lights.is_sorted(), "{lights:?}");
    }

    #[test]
    fn pq_and_its_inverse_agree_with_the_recommendation() {
        // BT.2408-7 table 1: reference white is 58 % PQ and 75 % HLG, 1000 cd/m² is 75 % PQ.
        assert!((pq_code(203.0) - 0.58).abs() < 0.005);
        assert!((pq_code(1000.0) - 0.75).abs() < 0.005);
        assert!((PEAK * hlg_scene(0.75).powf(1.2) - 203.0).abs() < 1.0);
        for code in [0.0, 0.1, 0.5, 0.9, 1.0] {
            assert!((pq_code(pq_light(code)) - code).abs() < 1e-3, "{code}");
        }
    }

    #[test]
    fn grey_stays_neutral_and_hues_stay() {
        for transfer in [16, 18] {
            let tone = ToneMap::new(CicpColorPrimaries::Bt2020, transfer).unwrap();
            for code in (0..=u16::MAX).step_by(4369) {
                let mut rgb = [0; 3];
                tone.rgb::<3>(&[code; 3], &mut rgb);
                let [r, g, b] = rgb;
                assert!(
                    r.abs_diff(g) <= 1 && g.abs_diff(b) <= 1,
                    "{transfer}: {code} gives {rgb:?}"
                );
                let mut grey = [0];
                tone.grey::<1>(&[code], &mut grey);
                assert!(grey[0].abs_diff(g) <= 1);
            }
        }
    }
}
