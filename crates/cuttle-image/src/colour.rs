//! Embedded ICC profiles to sRGB.
//!
//! A profile that is broken, or that describes other channels than the picture has, is ignored: a
//! picture with wrong colours is better than none, and every browser does the same.

use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};
use moxcms::{ColorProfile, DataColorSpace, Layout, Transform8BitExecutor, TransformOptions};

use crate::picture::{Channels, Picture};
use crate::probe::Icc;
use crate::{Excess, Limits};

/// The embedded profile, inflated.
pub(crate) fn embedded_profile(
    source: &[u8],
    icc: &Icc,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, Excess> {
    let piece = |extent: &crate::probe::Extent| {
        let from = usize::try_from(extent.at).ok()?;
        source.get(from..from.checked_add(usize::try_from(extent.len).ok()?)?)
    };
    let Some(pieces) = icc.extents.iter().map(piece).collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    let stored = pieces.concat();
    if stored.is_empty() {
        return Ok(None);
    }
    if !icc.deflated {
        return Ok(Some(stored));
    }
    // SECURITY: a kilobyte of zlib can stand for a megabyte; the limit holds while it is inflated.
    match decompress_to_vec_zlib_with_limit(&stored, limits.icc_bytes) {
        Ok(profile) => Ok(Some(profile)),
        Err(error) if error.status == TINFLStatus::HasMoreOutput => {
            Err(Excess::Metadata { limit: limits.icc_bytes })
        }
        Err(_) => Ok(None),
    }
}

/// `picture` in sRGB. Grey stays grey unless its profile tints it, which none does in practice: it is
/// converted through RGB and comes back as one channel.
pub(crate) fn to_srgb(picture: Picture, profile: Option<&[u8]>) -> Picture {
    let Some(profile) = profile.and_then(|bytes| ColorProfile::new_from_slice(bytes).ok()) else {
        return picture;
    };
    let Some(conversion) = Conversion::new(&profile, picture.channels) else { return picture };
    if conversion.changes_nothing() {
        return picture;
    }
    conversion.apply(picture)
}

struct Conversion {
    transform: std::sync::Arc<Transform8BitExecutor>,
    from: Channels,
    to: Channels,
}

impl Conversion {
    fn new(profile: &ColorProfile, from: Channels) -> Option<Self> {
        let (space, layout, to, to_layout) = match from {
            Channels::Grey => (DataColorSpace::Gray, Layout::Gray, Channels::Rgb, Layout::Rgb),
            Channels::GreyAlpha => {
                (DataColorSpace::Gray, Layout::GrayAlpha, Channels::Rgba, Layout::Rgba)
            }
            Channels::Rgb => (DataColorSpace::Rgb, Layout::Rgb, Channels::Rgb, Layout::Rgb),
            Channels::Rgba => (DataColorSpace::Rgb, Layout::Rgba, Channels::Rgba, Layout::Rgba),
        };
        if profile.color_space != space {
            return None;
        }
        let srgb = ColorProfile::new_srgb();
        let transform = profile
            .create_transform_8bit(layout, &srgb, to_layout, TransformOptions::default())
            .ok()?;
        Some(Self { transform, from, to })
    }

    /// Whether the profile is sRGB in all but name: over a lattice of colours no sample moves by more
    /// than one step, the rounding of a conversion there and back. Names and checksums are no help, the
    /// same space is written by every tool in its own way.
    fn changes_nothing(&self) -> bool {
        const LEVELS: [u8; 9] = [0, 16, 48, 80, 112, 144, 176, 216, 255];
        let grey = matches!(self.from, Channels::Grey | Channels::GreyAlpha);
        let mut from = Vec::new();
        let mut expected = Vec::new();
        for r in LEVELS {
            for g in LEVELS {
                for b in LEVELS {
                    let rgb = if grey { [r, r, r] } else { [r, g, b] };
                    from.extend_from_slice(if grey { &rgb[..1] } else { &rgb });
                    expected.extend_from_slice(&rgb);
                    if self.from.alpha() {
                        from.push(255);
                        expected.push(255);
                    }
                }
            }
        }
        let mut converted = vec![0; expected.len()];
        let done = self.transform.transform(&from, &mut converted).is_ok();
        done && converted.iter().zip(&expected).all(|(a, b)| a.abs_diff(*b) <= 1)
    }

    fn apply(&self, picture: Picture) -> Picture {
        let mut converted = Picture::blank(picture.size, self.to);
        match self.transform.transform(&picture.samples, &mut converted.samples) {
            Ok(()) => converted,
            Err(_) => picture,
        }
    }
}
