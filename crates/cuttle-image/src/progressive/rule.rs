//! Which scans of a progressive JPEG a strongly reduced picture needs.
//!
//! Big progressive files are bound by entropy decoding, and a reduced picture shows little of what the
//! last scans refine. Leaving scans out, rather than stopping early, keeps the last bit of the DC
//! coefficients, which is cheap, is written late, and is all that a strong reduction shows of a flat area.
//!
//! CPU time of a decode as a part of what libjpeg takes for all scans at the same scale, and change of
//! SSIMULACRA2 against a full-size decode reduced by Lanczos3 (of the reduced picture, and of it as WebP at
//! quality 75), at the rule below:
//!
//! | source, luma step | 4 × | 5.3 × | 8.1 × | 12 × |
//! |---|---|---|---|---|
//! | 18 Mpx, 16.4 MB, 1 | 0.25, −0.19, −0.31 | 0.30, −0.12, −0.11 | 0.09, +2.25, +0.47 | 0.08, +0.44, +0.47 |
//! | 15 Mpx, 4.6 MB, 2 | 0.50, 0, 0 | 0.49, 0, 0 | 0.17, −0.53, −0.08 | 0.16, −0.58, +0.16 |
//! | 15 Mpx, 3.9 MB, 1 | 0.23, −0.22, −0.24 | 0.24, −0.18, +0.30 | 0.15, −0.38, +0.03 | 0.16, −0.37, −0.22 |
//! | 4 Mpx, 0.7 MB, 2 | 0.54, 0, 0 | 0.51, 0, 0 | 0.53, 0, 0 | 0.58, 0, 0 |
//! | 4 Mpx, 0.7 MB, 4 | 0.65, 0, 0 | 0.63, 0, 0 | 0.56, 0, 0 | 0.55, 0, 0 |
//! | mean (time: geometric) | 0.40, −0.08, −0.11 | 0.41, −0.06, +0.04 | 0.23, +0.27, +0.08 | 0.23, −0.10, +0.08 |
//!
//! Where nothing is left out the rest is libjpeg's transforms, the same for both. From 16 × on, where a
//! block is one sample, what is left out changes no score; DC alone would, in subsampled colour. A step of
//! 4 below 8 × halves the time once more and costs up to 1.1. Colour is not worth less than brightness: the
//! last bit of the second photograph's costs 0.85 at 4 ×, as much time as that of its brightness, and that
//! another 0.3. Below 8 × every band is needed (without coefficients 6 to 63: −4.3 at 4 ×), from 8 × on
//! those no longer show. libjpeg would smooth blocks of which bits are missing, which is worth 0.1 to 0.3;
//! a scan more is worth more. Tried without success: moving truncated coefficients to the middle of what
//! they may be (+0.1).
//!
//! These figures are from the search for the rule, against a reference of our own. `bench/RESULTS.md`, which is
//! of the rule as it stands and against sharp's reference, agrees but for 4 ×: there it has −0.56 in the mean and
//! −1.75 at worst. Until it is known why, take the worse one for true.

use super::script::{Scan, Script};
use crate::geometry::DctScale;

/// What is needed of the AC coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    /// Bands that begin after this coefficient, in zigzag order, are not.
    last: u8,
    /// Nor is a refinement of what is already known to this much, in steps of the sample.
    step: u32,
}

impl Need {
    /// `None`: everything. A larger scale needs all that a smaller one does.
    pub(crate) fn of(scale: DctScale) -> Option<Self> {
        let (last, step) = match scale.eighths {
            1 => (5, 8),
            2 => (5, 4),
            3 | 4 => (63, 2),
            // Reduced less than four times: no loss at all.
            _ => return None,
        };
        Some(Self { last, step })
    }
}

impl Script<'_> {
    /// For each scan, whether it is kept: every DC scan, what `need` asks for, and whatever those refine.
    pub(super) fn needed(&self, need: Option<Need>) -> Vec<bool> {
        let Some(need) = need else { return vec![true; self.scans.len()] };
        let mut keep = vec![false; self.scans.len()];
        for (at, scan) in self.scans.iter().enumerate().rev() {
            let refined = self.scans[at + 1..].iter().zip(&keep[at + 1..]);
            let mut later = refined.filter(|(later, keep)| **keep && later.before > 0);
            keep[at] = self.wanted(scan, need) || later.any(|(later, _)| later.overlaps(scan));
        }
        keep
    }

    fn wanted(&self, scan: &Scan<'_>, need: Need) -> bool {
        let (first, before) = (usize::from(scan.band.0), scan.before);
        let coarse =
            |(at, _): &(usize, usize)| u32::from(self.steps[*at][first]) << before > need.step;
        first == 0
            || scan.band.0 <= need.last && (before == 0 || scan.components.iter().any(coarse))
    }
}

#[cfg(test)]
#[path = "rule_tests.rs"]
mod tests;
