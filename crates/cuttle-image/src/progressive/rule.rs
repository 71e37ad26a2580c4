//! Which scans of a progressive JPEG a strongly reduced picture needs.
//!
//! Big progressive files are bound by entropy decoding, and a reduced picture shows little of what the
//! last scans refine. Leaving scans out, rather than stopping early, keeps the last bit of the DC
//! coefficients, which is cheap, is written late, and is all that a strong reduction shows of a flat area.
//!
//! What that costs and saves is in `bench/RESULTS.md`, "Progressive JPEG beside libjpeg", for the rule as it
//! stands. How it was found, on three files of 15 to 18 Mpx with steps of 1, 1 and 2 and two of 4 Mpx with more;
//! time over libjpeg's for all scans (geometric mean of the five), SSIMULACRA2 lost (mean of the five, worst):
//!
//! | left out | 4 × | 4.4 × | 5.3 × |
//! |---|---|---|---|
//! | nothing | 0.46, 0, 0 | 0.46, 0, 0 | 0.45, 0, 0 |
//! | last bit of step 1, colour | 0.40, 0.32, 0.86 | 0.41, 0.19, 0.59 | 0.41, 0.11, 0.30 |
//! | last bit of step 1, brightness | 0.40, 0.44, 1.47 | 0.40, 0.20, 0.71 | 0.40, 0.17, 0.57 |
//! | last bit of step 1, both | 0.36, 0.56, 1.75 | 0.36, 0.34, 0.91 | 0.35, 0.25, 0.84 |
//!
//! Where nothing is left out the rest is libjpeg's transforms, the same for both. All of these score 94 to 97
//! against a full decode, where a unit is what rounding to 8 bits makes of a flat area. Such losses are seen
//! only when the picture lies where the reference has it: with rows stretched to a rounded height both sides
//! scored 89, and the difference vanished.
//!
//! At 2/8 only coefficients 1, 2 and 4 are shown. Without their last two bits 8.1 × takes 0.19 and loses 1.0 in
//! the mean, 2.8 at worst; without the last alone, 0.32, 0.23 and 0.63. From 16 × on, where a block is one
//! sample, what is left out changes no score; DC alone would, in subsampled colour. At 4/8 every band is needed
//! (without coefficients 6 to 63: −4.3 at 4 ×). libjpeg would smooth blocks of which bits are missing, which is
//! worth 0.1 to 0.3; a scan more is worth more. Tried without success: moving truncated coefficients to the
//! middle of what they may be (+0.1).

use super::script::{Scan, Script};
use crate::geometry::DctScale;

/// What is needed of the AC coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    /// Bands that begin after this coefficient, in zigzag order, are not.
    last: u8,
    /// Nor is a refinement of what is already known to this much, in steps of the sample: of the first component,
    /// which is brightness, and of the others.
    steps: [u32; 2],
}

impl Need {
    /// `None`: everything. A larger scale needs all that a smaller one does.
    pub(crate) fn of(scale: DctScale) -> Option<Self> {
        let (last, steps) = match scale.eighths {
            1 => (5, [8, 8]),
            2 => (5, [2, 2]),
            3 | 4 => (63, [1, 2]),
            // Reduced less than four times: no loss at all.
            _ => return None,
        };
        Some(Self { last, steps })
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
        let coarse = |(at, _): &(usize, usize)| {
            u32::from(self.steps[*at][first]) << before > need.steps[(*at).min(1)]
        };
        first == 0
            || scan.band.0 <= need.last && (before == 0 || scan.components.iter().any(coarse))
    }
}

#[cfg(test)]
#[path = "rule_tests.rs"]
mod tests;
