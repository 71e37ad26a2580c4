//! Which scans of a progressive JPEG a strongly reduced picture needs.
//!
//! Big progressive files are bound by entropy decoding, and a reduced picture shows little of what the
//! last scans refine. So the scan headers are read ahead, here in safe Rust, and a file is put together
//! that lacks the scans it can do without; libjpeg then reads that one from beginning to end. Leaving
//! scans out, rather than stopping early, keeps the last bit of the DC coefficients, which is cheap, is
//! written late, and is all that a strong reduction shows of a flat area.
//!
//! Decode time as a part of what all scans take, and change of SSIMULACRA2 against a full-size decode
//! reduced by Lanczos3 (of the reduced picture, and of it as WebP at quality 75), at the rule below:
//!
//! | source, luma step | 4 × | 5.3 × | 8.1 × | 12 × |
//! |---|---|---|---|---|
//! | 18 Mpx, 16.4 MB, 1 | 0.29, −0.58, −0.44 | 0.31, −0.37, −0.24 | 0.16, +2.27, +0.67 | 0.16, +0.39, −0.17 |
//! | 15 Mpx, 4.6 MB, 2 | 0.51, −0.99, −0.18 | 0.53, −0.86, +0.09 | 0.33, −0.71, −0.71 | 0.35, −0.58, +0.19 |
//! | 15 Mpx, 3.9 MB, 1 | 0.46, −0.75, −0.45 | 0.47, −0.70, +0.01 | 0.40, −0.13, +0.07 | 0.40, −0.21, −0.17 |
//! | 4 Mpx, 0.7 MB, 4 | 0.66, −0.19, −0.32 | 0.75, −0.15, +0.27 | 0.41, +0.11, −0.44 | 0.40, +0.01, +0.06 |
//! | 4 Mpx, 0.7 MB, 5 | 1, 0, 0 | 1, 0, 0 | 0.85, −0.24, +0.16 | 0.83, −0.13, −0.11 |
//! | mean (time: geometric) | 0.54, −0.50, −0.28 | 0.56, −0.42, +0.03 | 0.37, +0.26, −0.05 | 0.38, −0.10, −0.04 |
//!
//! From 16 × on, where a block is one sample, what is left out changes the score by less than 0.01; DC
//! alone would cost up to 2.1, in the subsampled colour. One bit less at 4 × costs another 0.5 to 4
//! points, one bit more takes 0.6 of the time of the dearest file instead of 0.3. Below 8 × luma needs
//! every band (without coefficients 6 to 63: −4.3 at 4 ×), from 8 × on those no longer show. Tried without
//! success: moving truncated coefficients to the middle of what they may be (+0.1), and no block smoothing
//! (−0.3). Memory is the same with fewer scans: libjpeg holds, and clears, every coefficient of the frame.
//!
//! A file whose scans are not in good order, and one that is cut off even where nobody would read it, is
//! handed to libjpeg whole.

use std::borrow::Cow;
use std::ops::Range;

use super::markers::{after_data, next};
use crate::geometry::DctScale;

/// What is needed of the AC coefficients.
#[derive(Debug, Clone, Copy)]
struct Need {
    /// Bands that begin after this coefficient, in zigzag order, are not.
    last: u8,
    /// Nor is a refinement of what is already known to this much, in steps of the sample.
    step: u32,
}

impl Need {
    /// `None`: everything.
    fn of(scale: DctScale) -> Option<Self> {
        let (last, step) = match scale.eighths {
            1 | 2 => (5, 8),
            3 | 4 => (63, 4),
            // Reduced less than four times: no loss at all.
            _ => return None,
        };
        Some(Self { last, step })
    }
}

/// `source` without the scans that a picture at `scale` can do without.
pub(super) fn abridged(source: &[u8], scale: DctScale, scan_limit: u32) -> Cow<'_, [u8]> {
    let Some(need) = Need::of(scale) else { return Cow::Borrowed(source) };
    let Some(script) = Script::read(source, scan_limit) else { return Cow::Borrowed(source) };
    script.without(source, &script.needed(need))
}

/// One scan (T.81 B.2.3 and G.1.1).
#[derive(Debug)]
struct Scan {
    /// From its SOS marker to the next marker that is not a restart.
    extent: Range<usize>,
    /// Bit set of the components that it carries, by their place in the frame header.
    components: u32,
    /// First and last coefficient, in zigzag order.
    band: (u8, u8),
    /// Low bits still unknown before it; 0 for the first scan of its coefficients, which knows none.
    before: u8,
    /// Low bits still unknown after it.
    after: u8,
}

impl Scan {
    fn overlaps(&self, other: &Self) -> bool {
        self.components & other.components != 0
            && self.band.0 <= other.band.1
            && other.band.0 <= self.band.1
    }
}

/// A whole progressive file.
#[derive(Debug)]
struct Script {
    scans: Vec<Scan>,
    /// Quantisation steps of each component, in zigzag order.
    steps: Vec<[u16; 64]>,
    /// Just past the end-of-image marker.
    end: usize,
}

impl Script {
    /// `None` for anything but an orderly, complete progressive file.
    fn read(source: &[u8], scan_limit: u32) -> Option<Self> {
        let mut tables = [None; 4];
        let mut frame: Option<Vec<(u8, u8)>> = None;
        let mut scans: Vec<Scan> = Vec::new();
        let mut at = 2;
        let end = loop {
            let (marker, past) = next(source, at)?;
            let start = at;
            at = past;
            if marker == 0xd9 {
                break at;
            }
            let len = usize::from(u16::from_be_bytes(*source.get(at..)?.first_chunk()?));
            let body = source.get(at + 2..at + len)?;
            at += len;
            match marker {
                // A table between scans could be meant for later ones only.
                0xdb if scans.is_empty() => read_steps(body, &mut tables)?,
                0xc2 if frame.is_none() => frame = Some(read_components(body)?),
                0xda if scans.len() < usize::try_from(scan_limit).ok()? => {
                    at = after_data(source, at)?;
                    scans.push(read_scan(body, frame.as_deref()?, start..at)?);
                }
                0xc4 | 0xdd | 0xe0..=0xef | 0xfe => {}
                _ => return None,
            }
        };
        let frame = frame?;
        let steps = frame.iter().map(|(_, table)| *tables.get(usize::from(*table))?);
        let script = Self { steps: steps.collect::<Option<_>>()?, scans, end };
        script.orderly().then_some(script)
    }

    /// Whether every coefficient is sent once and then refined bit by bit, DC first. libjpeg only warns of
    /// other orders, and what such a file shows after fewer scans is anyone's guess.
    fn orderly(&self) -> bool {
        let mut unknown = vec![[None; 64]; self.steps.len()];
        self.scans.iter().all(|scan| {
            let (first, last) = scan.band;
            let band = usize::from(first)..=usize::from(last);
            let refines = (scan.before > 0).then_some(scan.before);
            first <= last
                && last < 64
                && (first > 0) != (last == 0)
                && (scan.before == 0 || scan.before == scan.after + 1)
                && unknown
                    .iter_mut()
                    .enumerate()
                    .filter(|(at, _)| scan.components >> at & 1 == 1)
                    .all(|(_, bits)| {
                        (first == 0 || bits[0].is_some())
                            && bits[band.clone()]
                                .iter_mut()
                                .all(|bits| bits.replace(scan.after) == refines)
                    })
        })
    }

    /// For each scan, whether it is kept: every DC scan, what `need` asks for, and whatever those refine.
    fn needed(&self, need: Need) -> Vec<bool> {
        let mut keep = vec![false; self.scans.len()];
        for (at, scan) in self.scans.iter().enumerate().rev() {
            let refined = self.scans[at + 1..].iter().zip(&keep[at + 1..]);
            let mut later = refined.filter(|(later, keep)| **keep && later.before > 0);
            keep[at] = self.wanted(scan, need) || later.any(|(later, _)| later.overlaps(scan));
        }
        keep
    }

    fn wanted(&self, scan: &Scan, need: Need) -> bool {
        let first = usize::from(scan.band.0);
        let components = self.steps.iter().enumerate();
        let steps = components.filter(|(at, _)| scan.components >> at & 1 == 1);
        let coarse =
            |(_, steps): (usize, &[u16; 64])| u32::from(steps[first]) << scan.before > need.step;
        first == 0
            || scan.band.0 <= need.last && (scan.before == 0 || steps.into_iter().any(coarse))
    }

    fn without<'a>(&self, source: &'a [u8], keep: &[bool]) -> Cow<'a, [u8]> {
        if keep.iter().all(|keep| *keep) {
            return Cow::Borrowed(source);
        }
        let dropped = || {
            self.scans.iter().zip(keep).filter(|(_, keep)| !**keep).map(|(scan, _)| &scan.extent)
        };
        let mut kept = Vec::with_capacity(self.end - dropped().map(Range::len).sum::<usize>());
        let mut at = 0;
        for scan in dropped() {
            kept.extend_from_slice(&source[at..scan.start]);
            at = scan.end;
        }
        kept.extend_from_slice(&source[at..self.end]);
        Cow::Owned(kept)
    }
}

/// Quantisation tables (T.81 B.2.4.1).
fn read_steps(mut body: &[u8], tables: &mut [Option<[u16; 64]>; 4]) -> Option<()> {
    while let [head, rest @ ..] = body {
        let width = if head >> 4 == 0 { 1 } else { 2 };
        let (steps, rest) = rest.split_at_checked(64 * width)?;
        let mut table = [0; 64];
        for (step, bytes) in table.iter_mut().zip(steps.chunks_exact(width)) {
            *step = bytes.iter().fold(0, |step, byte| step << 8 | u16::from(*byte));
        }
        *tables.get_mut(usize::from(head & 15))? = Some(table);
        body = rest;
    }
    Some(())
}

/// Identifier and quantisation table of each component (T.81 B.2.2).
fn read_components(body: &[u8]) -> Option<Vec<(u8, u8)>> {
    let (specs, rest) = body.get(6..)?.as_chunks::<3>();
    // libjpeg knows no more than ten; a bit set of 32 is enough for those.
    let orderly = rest.is_empty() && specs.len() <= 10 && usize::from(body[5]) == specs.len();
    orderly.then(|| specs.iter().map(|[id, _, table]| (*id, *table)).collect())
}

fn read_scan(body: &[u8], frame: &[(u8, u8)], extent: Range<usize>) -> Option<Scan> {
    let (count, rest) = body.split_first()?;
    let (specs, rest) = rest.split_at_checked(2 * usize::from(*count))?;
    let [first, last, bits] = <[u8; 3]>::try_from(rest).ok()?;
    let mut components = 0;
    for [id, _] in specs.as_chunks::<2>().0 {
        components |= 1 << frame.iter().position(|(known, _)| known == id)?;
    }
    Some(Scan { extent, components, band: (first, last), before: bits >> 4, after: bits & 15 })
}

#[cfg(test)]
#[path = "scans_tests.rs"]
mod tests;
