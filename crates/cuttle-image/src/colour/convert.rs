//! Samples to sRGB, by a profile or by tone mapping, from 8 or 16 bits.

use std::sync::Arc;

use moxcms::{
    ColorProfile, Layout, Transform8BitExecutor, Transform16BitExecutor, TransformOptions,
};

use super::tone::ToneMap;
use crate::depth::{narrow, narrow_row};
use crate::picture::{Channels, Picture};

/// Makes sRGB of pixels of one layout. Channels stay what they are: grey is converted by a table, since
/// no grey profile has a tint.
pub(crate) struct Converter {
    channels: Channels,
    by: By,
}

enum By {
    /// sRGB for each level of grey, of 8 bits or of 16.
    Table(Box<[u8]>),
    Shallow(Arc<Transform8BitExecutor>),
    Deep(Arc<Transform16BitExecutor>),
    Tone(ToneMap),
}

impl Converter {
    pub(super) fn tone(tone: ToneMap, channels: Channels) -> Self {
        Self { channels, by: By::Tone(tone) }
    }

    /// By `profile`, which describes `channels`, from samples of 8 bits, or of 16 when they are `deep` (the
    /// tables for which take longer to fill than a small picture to convert). `None`: the profile changes
    /// nothing, or cannot be applied.
    pub(super) fn new(profile: &ColorProfile, channels: Channels, deep: bool) -> Option<Self> {
        let srgb = ColorProfile::new_srgb();
        let options = TransformOptions::default();
        let (layout, to) = match channels {
            Channels::Grey | Channels::GreyAlpha => (Layout::Gray, Layout::Rgb),
            Channels::Rgb => (Layout::Rgb, Layout::Rgb),
            Channels::Rgba => (Layout::Rgba, Layout::Rgba),
        };
        let by = if deep {
            let transform = profile.create_transform_16bit(layout, &srgb, to, options).ok()?;
            match layout {
                Layout::Gray => {
                    let levels: Vec<u16> = (0..=u16::MAX).collect();
                    let mut rgb = vec![0; 3 * levels.len()];
                    transform.transform(&levels, &mut rgb).ok()?;
                    By::Table(rgb.as_chunks::<3>().0.iter().map(|rgb| narrow(rgb[1])).collect())
                }
                _ => By::Deep(transform),
            }
        } else {
            let transform = profile.create_transform_8bit(layout, &srgb, to, options).ok()?;
            match layout {
                Layout::Gray => {
                    let levels: Vec<u8> = (0..=u8::MAX).collect();
                    let mut rgb = vec![0; 3 * levels.len()];
                    transform.transform(&levels, &mut rgb).ok()?;
                    By::Table(rgb.as_chunks::<3>().0.iter().map(|rgb| rgb[1]).collect())
                }
                _ => By::Shallow(transform),
            }
        };
        let converter = Self { channels, by };
        (!converter.changes_nothing()).then_some(converter)
    }

    /// Whether the profile is sRGB in all but name: over a lattice of colours no sample moves by more
    /// than one step, the rounding of a conversion there and back. Names and checksums are no help, the
    /// same space is written by every tool in its own way.
    fn changes_nothing(&self) -> bool {
        const LEVELS: [u8; 9] = [0, 16, 48, 80, 112, 144, 176, 216, 255];
        let mut lattice = Vec::new();
        for r in LEVELS {
            for g in LEVELS {
                for b in LEVELS {
                    let pixel = [r, g, b, 255];
                    lattice.extend_from_slice(match self.channels {
                        Channels::Grey => &pixel[2..3],
                        Channels::GreyAlpha => &pixel[2..],
                        Channels::Rgb => &pixel[..3],
                        Channels::Rgba => &pixel,
                    });
                }
            }
        }
        let mut converted = vec![0; lattice.len()];
        self.shallow(&lattice, &mut converted);
        converted.iter().zip(&lattice).all(|(a, b)| a.abs_diff(*b) <= 1)
    }

    /// `picture`, which has the channels that this was made for.
    pub(crate) fn picture(&self, picture: &Picture) -> Picture {
        let mut converted = Picture::blank(picture.size, picture.channels);
        let stride = picture.stride();
        let rows = picture.samples.chunks_exact(stride);
        for (from, to) in rows.zip(converted.samples.chunks_exact_mut(stride)) {
            self.shallow(from, to);
        }
        converted
    }

    fn shallow(&self, from: &[u8], to: &mut [u8]) {
        match &self.by {
            By::Table(table) if table.len() == 256 => {
                let channels = self.channels.count();
                for (from, to) in from.chunks_exact(channels).zip(to.chunks_exact_mut(channels)) {
                    to.copy_from_slice(from);
                    to[0] = table[usize::from(from[0])];
                }
            }
            By::Shallow(transform) => {
                if transform.transform(from, to).is_err() {
                    to.copy_from_slice(from);
                }
            }
            _ => {
                let wide: Vec<u16> = from.iter().map(|sample| u16::from(*sample) * 257).collect();
                self.row(&wide, to);
            }
        }
    }

    /// A row of 16-bit samples.
    pub(crate) fn row(&self, from: &[u16], to: &mut [u8]) {
        match (&self.by, self.channels) {
            (By::Tone(tone), Channels::Grey) => tone.grey::<1>(from, to),
            (By::Tone(tone), Channels::GreyAlpha) => tone.grey::<2>(from, to),
            (By::Tone(tone), Channels::Rgb) => tone.rgb::<3>(from, to),
            (By::Tone(tone), Channels::Rgba) => tone.rgb::<4>(from, to),
            (By::Table(table), _) if table.len() > 256 => {
                narrow_row(from, to);
                let channels = self.channels.count();
                for (from, to) in from.chunks_exact(channels).zip(to.chunks_exact_mut(channels)) {
                    to[0] = table[usize::from(from[0])];
                }
            }
            (By::Deep(transform), _) => {
                let mut converted = vec![0; from.len()];
                let done = transform.transform(from, &mut converted).is_ok();
                narrow_row(if done { &converted } else { from }, to);
            }
            (By::Table(_) | By::Shallow(_), _) => {
                let mut narrowed = vec![0; from.len()];
                narrow_row(from, &mut narrowed);
                self.shallow(&narrowed, to);
            }
        }
    }
}
