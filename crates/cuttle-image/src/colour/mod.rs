//! From whatever a source says its colours are to sRGB, 8 bits a sample.
//!
//! What a source says is ranked as PNG does (third edition §4.3): code points (`cICP`, AVIF's `nclx`
//! where there is no profile) over an embedded profile over `sRGB` over `gAMA` and `cHRM`. What is broken,
//! or describes other channels than the picture has, is ignored: a picture with wrong colours is better
//! than none, and every browser does the same.
//!
//! Colours are converted after the resize, when there are fewer of them, except where 8 bits cannot hold what the samples say
//! (PQ, HLG, curves close to linear): then as they are decoded, from 16 bits.

mod convert;
mod embedded;
mod tone;

use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace,
    MatrixCoefficients, ToneReprCurve, TransferCharacteristics,
};

pub(crate) use convert::Converter;

use crate::picture::{Channels, Picture};
use crate::probe::{Cicp, Gamma};
use crate::{Excess, Kind, Limits, Probe};
use tone::ToneMap;

/// What the samples of a source mean.
pub(crate) enum Meaning {
    /// sRGB, or nothing was said.
    Srgb,
    /// Other primaries or another curve, up to white.
    Profile(Box<ColorProfile>),
    /// Light beyond white.
    Hdr(Box<ToneMap>),
}

impl Meaning {
    /// What the headers of `source` say.
    ///
    /// # Errors
    /// [`Excess::Metadata`]: the profile inflates past its limit.
    pub(crate) fn read(source: &[u8], probe: &Probe, limits: &Limits) -> Result<Self, Excess> {
        let tags = probe.colour;
        let code_points = tags.cicp.and_then(Self::of_code_points);
        if probe.kind == Kind::Png && code_points.is_some() {
            return Ok(code_points.unwrap_or(Self::Srgb));
        }
        let profile = embedded::profile(source, &probe.icc, limits)?;
        if let Some(profile) = profile.and_then(|bytes| ColorProfile::new_from_slice(&bytes).ok()) {
            return Ok(Self::of_profile(profile));
        }
        Ok(match code_points {
            Some(meaning) => meaning,
            None if tags.srgb => Self::Srgb,
            None => tags.gamma.and_then(Self::of_gamma).unwrap_or(Self::Srgb),
        })
    }

    fn of_profile(profile: ColorProfile) -> Self {
        // ICC.1:2022 §9.2.17: the curves of such a profile cannot say what lies beyond white.
        let light = |cicp: &CicpProfile| {
            let transfer = cicp.transfer_characteristics as u8;
            ToneMap::new(cicp.color_primaries, transfer)
        };
        match profile.cicp.as_ref().and_then(light) {
            Some(tone) => Self::Hdr(Box::new(tone)),
            None => Self::Profile(Box::new(profile)),
        }
    }

    /// `None`: not code points that describe RGB in a way that is known here.
    fn of_code_points(Cicp { primaries, transfer }: Cicp) -> Option<Self> {
        let primaries = match CicpColorPrimaries::try_from(primaries).ok()? {
            CicpColorPrimaries::Reserved => return None,
            CicpColorPrimaries::Unspecified if ToneMap::applies(transfer) => {
                CicpColorPrimaries::Bt2020
            }
            CicpColorPrimaries::Unspecified => CicpColorPrimaries::Bt709,
            known => known,
        };
        if let Some(tone) = ToneMap::new(primaries, transfer) {
            return Some(Self::Hdr(Box::new(tone)));
        }
        let transfer_characteristics = match transfer {
            4 => TransferCharacteristics::Bt470M,
            5 => TransferCharacteristics::Bt470Bg,
            8 => TransferCharacteristics::Linear,
            // The camera curves of BT.709, BT.601 and BT.2020 are not what a display does with them;
            // browsers show all of them, and what is unspecified, by the curve of sRGB.
            1 | 2 | 6 | 13 | 14 | 15 => TransferCharacteristics::Srgb,
            _ => return None,
        };
        if matches!(primaries, CicpColorPrimaries::Bt709)
            && matches!(transfer_characteristics, TransferCharacteristics::Srgb)
        {
            return Some(Self::Srgb);
        }
        Some(Self::Profile(Box::new(ColorProfile::new_from_cicp(CicpProfile {
            color_primaries: primaries,
            transfer_characteristics,
            matrix_coefficients: MatrixCoefficients::Identity,
            full_range: true,
        }))))
    }

    fn of_gamma(Gamma { exponent, chromaticities }: Gamma) -> Option<Self> {
        // 1/2.2 is what writers put there for sRGB, to which it is the nearest power (PNG §11.3.2.5).
        let curve = match exponent {
            None | Some(45_000..=46_000) => None,
            Some(exponent @ 10_000..=1_000_000) => Some(100_000.0 / exponent as f32),
            Some(_) => return None,
        };
        let mut profile = ColorProfile::new_srgb();
        profile.cicp = None;
        if let Some(points) = chromaticities {
            let point = |at: usize| Chromaticity {
                x: points[at] as f32 / 100_000.0,
                y: points[at + 1] as f32 / 100_000.0,
            };
            // A point without y stands for infinite light.
            if (1..8).step_by(2).any(|y| points[y] == 0) {
                return None;
            }
            let primaries = ColorPrimaries { red: point(2), green: point(4), blue: point(6) };
            profile.update_rgb_colorimetry(point(0).to_xyyb(), primaries);
        }
        if let Some(power) = curve {
            let curve = ToneReprCurve::Parametric(vec![power]);
            profile.red_trc = Some(curve.clone());
            profile.green_trc = Some(curve.clone());
            profile.blue_trc = Some(curve);
        }
        Some(Self::Profile(Box::new(profile)))
    }

    /// What an embedded profile says, whatever it describes: pictures of ink are converted while they are
    /// decoded.
    pub(crate) fn profile(&self) -> Option<&ColorProfile> {
        match self {
            Self::Profile(profile) => Some(profile),
            Self::Srgb | Self::Hdr(_) => None,
        }
    }

    /// Whether samples of `bits` must keep their depth until they are converted: of light beyond white
    /// always, of others where 8 bits would show as bands, that is by curves close to linear.
    pub(crate) fn needs_depth(&self, bits: u8) -> bool {
        match self {
            Self::Srgb => false,
            Self::Hdr(_) => true,
            Self::Profile(profile) => bits > 8 && half_is_bright(profile),
        }
    }

    /// `picture` in sRGB.
    pub(crate) fn to_srgb(&self, picture: Picture) -> Picture {
        match self.converter(picture.channels, false) {
            Some(converter) => converter.picture(&picture),
            None => picture,
        }
    }

    /// What makes sRGB of these channels, at 8 bits or `deep`; `None`: they are sRGB in all but name, or not described.
    pub(crate) fn converter(&self, channels: Channels, deep: bool) -> Option<Converter> {
        match self {
            Self::Srgb => None,
            Self::Hdr(tone) => Some(Converter::tone((**tone).clone(), channels)),
            Self::Profile(profile) => {
                Converter::new(&described(profile, channels)?, channels, deep)
            }
        }
    }
}

/// `profile` as a description of `channels`. Code points and `gAMA` say the curve of grey as well; an
/// embedded profile is for RGB or for grey, never both.
fn described(profile: &ColorProfile, channels: Channels) -> Option<ColorProfile> {
    let grey = matches!(channels, Channels::Grey | Channels::GreyAlpha);
    match profile.color_space {
        DataColorSpace::Gray if grey => Some(profile.clone()),
        DataColorSpace::Rgb if !grey => Some(profile.clone()),
        DataColorSpace::Rgb if profile.lut_a_to_b_perceptual.is_none() => {
            let mut described = ColorProfile::new_gray_with_gamma(1.0);
            described.gray_trc.clone_from(&profile.green_trc);
            Some(described)
        }
        _ => None,
    }
}

/// Whether half of full scale is more than 40 % of the light: for sRGB and every power from 1.8 up it is
/// less than 29 %, and then neighbouring codes of 8 bits are at most two apart in sRGB.
fn half_is_bright(profile: &ColorProfile) -> bool {
    let half = match profile.green_trc.as_ref().or(profile.gray_trc.as_ref()) {
        Some(ToneReprCurve::Lut(points)) => match points.as_slice() {
            [] => 0.5,
            [power] => 0.5_f32.powf(f32::from(*power) / 256.0),
            points => f32::from(points[points.len() / 2]) / 65_535.0,
        },
        Some(ToneReprCurve::Parametric(numbers)) if numbers.len() == 1 => 0.5_f32.powf(numbers[0]),
        _ => 0.0,
    };
    half > 0.4
}
