//! What quality q means to each encoder.
//!
//! A requested quality is a look, not an encoder's setting: q is what libwebp's method 4 makes of q, because
//! that is what people who set `quality` on their pictures have seen. Every other encoder is given the number
//! of its own scale that has, averaged over photographs and widths, the same SSIMULACRA2. Numbers between
//! the measured qualities are interpolated. Nothing here depends on the picture.
//!
//! JPEG and AVIF are always 4:2:0: full chroma costs a fifth of the bytes at equal looks. The numbers are in `table.rs`, for
//! every encoder and profile, and `scripts/calibrate` writes them.

mod table;

use crate::Profile;

/// The qualities that were measured. Between 0 and the first, and at 75 where libwebp's own scale has a
/// bend, straight lines are exact enough; 100 ends the scale.
pub const ASKED: [f32; 8] = [5.0, 25.0, 50.0, 60.0, 75.0, 85.0, 95.0, 100.0];

/// The number of one encoder, in one profile, at each quality in [`ASKED`].
type Numbers = [f32; ASKED.len()];

/// Numbers of the profiles in the order `fast`, `balanced`, `small`.
type Profiles = [Numbers; 3];

/// libwebp's `quality`, 0 to 100.
pub(crate) fn webp(quality: u8, profile: Profile) -> f32 {
    at(&table::WEBP, quality, profile)
}

/// libavif's `quality`, 0 to 100, of which libaom can tell 64 apart.
pub(crate) fn avif(quality: u8, profile: Profile) -> f32 {
    at(&table::AVIF, quality, profile)
}

/// mozjpeg's quality, 1 to 100.
pub(crate) fn jpeg(quality: u8, profile: Profile) -> f32 {
    at(&table::JPEG, quality, profile)
}

/// For encoders that count in whole numbers. Nothing is 0: libjpeg knows no such quality.
pub(crate) fn whole(number: f32) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "at most 100, and a cast saturates")]
    let whole = number.round() as i32;
    whole.clamp(1, 100)
}

fn at(profiles: &Profiles, quality: u8, profile: Profile) -> f32 {
    let [fast, balanced, small] = profiles;
    let numbers = match profile {
        Profile::Fast => fast,
        Profile::Balanced => balanced,
        Profile::Small => small,
    };
    let quality = f32::from(quality);
    let (mut from, mut low) = (0.0, 0.0);
    for (to, high) in ASKED.into_iter().zip(*numbers) {
        if quality <= to {
            return low + (high - low) * (quality - from) / (to - from);
        }
        (from, low) = (to, high);
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: [(&str, Profiles); 3] =
        [("webp", table::WEBP), ("avif", table::AVIF), ("jpeg", table::JPEG)];
    const PROFILES: [Profile; 3] = [Profile::Fast, Profile::Balanced, Profile::Small];

    #[test]
    fn a_higher_quality_never_asks_an_encoder_for_less() {
        for (name, table) in TABLES {
            for profile in PROFILES {
                for quality in 1..100 {
                    let (lower, higher) =
                        (at(&table, quality, profile), at(&table, quality + 1, profile));
                    assert!(lower < higher, "{name} {profile:?} {quality}: {lower} to {higher}");
                }
            }
        }
    }

    #[test]
    fn every_number_is_on_its_encoders_scale() {
        for (name, table) in TABLES {
            for profile in PROFILES {
                let (least, most) = (at(&table, 1, profile), at(&table, 100, profile));
                assert!(least > 0.0 && most <= 100.0, "{name} {profile:?}: {least} to {most}");
            }
        }
    }

    #[test]
    fn the_anchor_is_libwebps_own_scale() {
        for quality in 1..=100 {
            assert!((webp(quality, Profile::Balanced) - f32::from(quality)).abs() < 0.001);
        }
    }

    #[test]
    fn a_measured_quality_is_given_its_measured_number() {
        let measured = table::AVIF[0][4];
        assert!((avif(75, Profile::Fast) - measured).abs() < 0.001);
    }
}
