//! The weights of Lanczos3, by one short polynomial each.
//!
//! A resize by the strip asks for the weights of a whole row again and again, and two calls of the C library's sine for each
//! were a tenth of a cold request. sinc(x)·sinc(x/3) needs one sine: with s = sin(πx/3), sin(πx) is 3s − 4s³. The result
//! differs from the textbook's by less than 1e-11, where weights are rounded to 1/16384 at the finest.

use std::f64::consts::PI;

use fast_image_resize::{Filter, FilterType};

/// The filter sees so many pixels to either side, of the larger of source and rendition.
pub(crate) const SUPPORT: f64 = 3.0;

pub(crate) fn filter() -> FilterType {
    Filter::new("Lanczos3", weight, SUPPORT).map_or(FilterType::Lanczos3, FilterType::Custom)
}

/// sinc(x)·sinc(x/3) within three pixels of the middle, and nothing beyond.
fn weight(x: f64) -> f64 {
    let third = x.abs() / SUPPORT;
    if third >= 1.0 {
        return 0.0;
    }
    let z = PI * third;
    if z < 1e-8 {
        return 1.0;
    }
    // sin(π − z) = sin z.
    let s = sine(PI * third.min(1.0 - third));
    let s2 = s * s;
    s2 * (3.0 - 4.0 * s2) / (3.0 * z * z)
}

/// Of 0 to π/2: Taylor's series to z¹⁷, whose next term is under 5e-14 there.
fn sine(z: f64) -> f64 {
    /// ±1/(2n + 1)!, from the last.
    const TERMS: [f64; 8] = [
        1.0 / 355_687_428_096_000.0,
        -1.0 / 1_307_674_368_000.0,
        1.0 / 6_227_020_800.0,
        -1.0 / 39_916_800.0,
        1.0 / 362_880.0,
        -1.0 / 5_040.0,
        1.0 / 120.0,
        -1.0 / 6.0,
    ];
    let z2 = z * z;
    z + z * z2 * TERMS.iter().fold(0.0, |sum, term| sum * z2 + term)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_the_textbook() {
        let sinc = |x: f64| if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
        for step in -40_000..=40_000 {
            let x = f64::from(step) / 10_000.0 + 1e-7;
            let inside = (-3.0..3.0).contains(&x);
            let right = if inside { sinc(x) * sinc(x / 3.0) } else { 0.0 };
            assert!((weight(x) - right).abs() < 1e-11, "{x}: {} for {right}", weight(x));
        }
        assert!((weight(0.0) - 1.0).abs() < f64::EPSILON);
    }
}
