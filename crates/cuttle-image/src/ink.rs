//! CMYK to sRGB, row by row while a JPEG or TIFF is decoded.
//!
//! By the embedded profile where there is one that moxcms can apply. Otherwise by the plain formula
//! `255 · (1 − ink) · (1 − black)` per channel, without any press's dot gain: brighter colours than
//! sharp's, whose libvips carries a default profile of its own, and the same as what viewers without
//! colour management show.

use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, Layout, Transform8BitExecutor, TransformOptions};

/// What a sample of 0 stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zero {
    /// As in a TIFF (TIFF 6.0 §16).
    NoInk,
    /// As in a JPEG: Adobe's programs began it (Technical Note 5116), and sharp and the browsers on Skia take every
    /// JPEG so, with Adobe's marker or without.
    AllInk,
}

/// What inks look like. To work that out of a profile takes some 30 ms, and clones share it.
#[derive(Clone)]
pub(crate) struct Inks {
    zero: Zero,
    transform: Option<Arc<Transform8BitExecutor>>,
}

impl Inks {
    pub(crate) fn new(zero: Zero, profile: Option<&ColorProfile>) -> Self {
        Self { zero, transform: profile.and_then(transform) }
    }

    /// Converts a row of cyan, magenta, yellow and black samples, which it may change, to RGB.
    pub(crate) fn to_rgb(&self, inks: &mut [u8], rgb: &mut [u8]) {
        if self.zero == Zero::AllInk {
            inks.iter_mut().for_each(|ink| *ink = 255 - *ink);
        }
        if self.transform.as_ref().is_some_and(|transform| transform.transform(inks, rgb).is_ok()) {
            return;
        }
        for ([inks @ .., black], rgb) in inks.as_chunks::<4>().0.iter().zip(rgb.as_chunks_mut().0) {
            *rgb = inks.map(|ink| lit(ink, *black));
        }
    }
}

/// What two layers of ink let through, rounded.
fn lit(ink: u8, black: u8) -> u8 {
    let through = u32::from(255 - ink) * u32::from(255 - black);
    // At most 255 · 255, so the quotient is at most 255.
    u8::try_from((through + 127) / 255).unwrap_or(255)
}

#[cfg(test)]
thread_local! {
    /// How often a profile was worked out on this thread.
    pub(crate) static WORKED_OUT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Layout `Rgba` is what moxcms calls four samples of any meaning.
fn transform(profile: &ColorProfile) -> Option<Arc<Transform8BitExecutor>> {
    #[cfg(test)]
    WORKED_OUT.set(WORKED_OUT.get() + 1);
    if profile.color_space != DataColorSpace::Cmyk {
        return None;
    }
    let srgb = ColorProfile::new_srgb();
    profile
        .create_transform_8bit(Layout::Rgba, &srgb, Layout::Rgb, TransformOptions::default())
        .ok()
}
