//! CIEDE2000, as in G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 Color-Difference Formula: Implementation
//! Notes, Supplementary Test Data, and Mathematical Observations", Color Research and Application 30 (2005),
//! whose equation numbers are given. About 1 is the least that an eye sees.

use std::f64::consts::TAU;

/// A colour in CIE 1976 L*a*b*.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lab {
    /// Lightness, 0 to 100.
    pub l: f64,
    /// Green to red.
    pub a: f64,
    /// Blue to yellow.
    pub b: f64,
}

impl Lab {
    /// Of sRGB (IEC 61966-2-1), 0 to 255, beside its own white, D65.
    #[must_use]
    pub fn from_srgb(rgb: [f64; 3]) -> Self {
        let [r, g, b] = rgb.map(|sample| {
            let s = sample / 255.0;
            if s <= 0.04045 { s / 12.92 } else { ((s + 0.055) / 1.055).powf(2.4) }
        });
        let x = 0.4124 * r + 0.3576 * g + 0.1805 * b;
        let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        let z = 0.0193 * r + 0.1192 * g + 0.9505 * b;
        let [x, y, z] = [x / 0.9505, y, z / 1.089].map(|t: f64| {
            if t > 216.0 / 24_389.0 { t.cbrt() } else { (24_389.0 / 27.0 * t + 16.0) / 116.0 }
        });
        Self { l: 116.0 * y - 16.0, a: 500.0 * (x - y), b: 200.0 * (y - z) }
    }
}

/// The difference of two colours; the parametric factors are 1.
#[must_use]
pub fn delta_e(one: Lab, two: Lab) -> f64 {
    let degrees = |of: f64| of.to_radians();
    // 2 to 4: a is stretched where colours are nearly grey.
    let chroma = (one.a.hypot(one.b) + two.a.hypot(two.b)) / 2.0;
    let stretch = 1.5 - 0.5 * saturation(chroma);
    let (a1, a2) = (one.a * stretch, two.a * stretch);
    // 5 to 7.
    let (c1, c2) = (a1.hypot(one.b), a2.hypot(two.b));
    let (h1, h2) = (hue(a1, one.b), hue(a2, two.b));
    // 8 to 11.
    let grey = c1 * c2 == 0.0;
    let turn = match h2 - h1 {
        _ if grey => 0.0,
        turn if turn > TAU / 2.0 => turn - TAU,
        turn if turn < -TAU / 2.0 => turn + TAU,
        turn => turn,
    };
    let (dl, dc) = (two.l - one.l, c2 - c1);
    let dh = 2.0 * (c1 * c2).sqrt() * (turn / 2.0).sin();
    // 12 to 14.
    let (l, c) = ((one.l + two.l) / 2.0, (c1 + c2) / 2.0);
    let h = match h1 + h2 {
        sum if grey => sum,
        sum if (h1 - h2).abs() <= TAU / 2.0 => sum / 2.0,
        sum if sum < TAU => (sum + TAU) / 2.0,
        sum => (sum - TAU) / 2.0,
    };
    // 15 to 21.
    let t = 1.0 - 0.17 * (h - degrees(30.0)).cos()
        + 0.24 * (2.0 * h).cos()
        + 0.32 * (3.0 * h + degrees(6.0)).cos()
        - 0.20 * (4.0 * h - degrees(63.0)).cos();
    let theta = degrees(30.0) * (-((h.to_degrees() - 275.0) / 25.0).powi(2)).exp();
    let off = (l - 50.0).powi(2);
    let sl = 1.0 + 0.015 * off / (20.0 + off).sqrt();
    let sc = 1.0 + 0.045 * c;
    let sh = 1.0 + 0.015 * c * t;
    let rotation = -2.0 * saturation(c) * (2.0 * theta).sin();
    // 22.
    let (l, c, h) = (dl / sl, dc / sc, dh / sh);
    (l * l + c * c + h * h + rotation * c * h).sqrt()
}

/// √(C⁷ ∕ (C⁷ + 25⁷)).
fn saturation(chroma: f64) -> f64 {
    let seventh = chroma.powi(7);
    (seventh / (seventh + 25.0_f64.powi(7))).sqrt()
}

/// 0 to 2π, and 0 for grey.
fn hue(a: f64, b: f64) -> f64 {
    if a == 0.0 && b == 0.0 { 0.0 } else { b.atan2(a).rem_euclid(TAU) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table 1 of the paper: two colours and their difference.
    const PUBLISHED: [([f64; 3], [f64; 3], f64); 34] = [
        ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
        ([50.0, 3.1571, -77.2803], [50.0, 0.0, -82.7485], 2.8615),
        ([50.0, 2.8361, -74.0200], [50.0, 0.0, -82.7485], 3.4412),
        ([50.0, -1.3802, -84.2814], [50.0, 0.0, -82.7485], 1.0),
        ([50.0, -1.1848, -84.8006], [50.0, 0.0, -82.7485], 1.0),
        ([50.0, -0.9009, -85.5211], [50.0, 0.0, -82.7485], 1.0),
        ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
        ([50.0, -1.0, 2.0], [50.0, 0.0, 0.0], 2.3669),
        ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0009], 7.1792),
        ([50.0, 2.49, -0.001], [50.0, -2.49, 0.001], 7.1792),
        ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0011], 7.2195),
        ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0012], 7.2195),
        ([50.0, -0.001, 2.49], [50.0, 0.0009, -2.49], 4.8045),
        ([50.0, -0.001, 2.49], [50.0, 0.001, -2.49], 4.8045),
        ([50.0, -0.001, 2.49], [50.0, 0.0011, -2.49], 4.7461),
        ([50.0, 2.5, 0.0], [50.0, 0.0, -2.5], 4.3065),
        ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
        ([50.0, 2.5, 0.0], [61.0, -5.0, 29.0], 22.8977),
        ([50.0, 2.5, 0.0], [56.0, -27.0, -3.0], 31.9030),
        ([50.0, 2.5, 0.0], [58.0, 24.0, 15.0], 19.4535),
        ([50.0, 2.5, 0.0], [50.0, 3.1736, 0.5854], 1.0),
        ([50.0, 2.5, 0.0], [50.0, 3.2972, 0.0], 1.0),
        ([50.0, 2.5, 0.0], [50.0, 1.8634, 0.5757], 1.0),
        ([50.0, 2.5, 0.0], [50.0, 3.2592, 0.3350], 1.0),
        ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
        ([63.0109, -31.0961, -5.8663], [62.8187, -29.7946, -4.0864], 1.2630),
        ([61.2901, 3.7196, -5.3901], [61.4292, 2.2480, -4.9620], 1.8731),
        ([35.0831, -44.1164, 3.7933], [35.0232, -40.0716, 1.5901], 1.8645),
        ([22.7233, 20.0904, -46.6940], [23.0331, 14.9730, -42.5619], 2.0373),
        ([36.4612, 47.8580, 18.3852], [36.2715, 50.5065, 21.2231], 1.4146),
        ([90.8027, -2.0831, 1.4410], [91.1528, -1.6435, 0.0447], 1.4441),
        ([90.9257, -0.5406, -0.9208], [88.6381, -0.8985, -0.7239], 1.5381),
        ([6.7747, -0.2908, -2.4247], [5.8714, -0.0985, -2.2286], 0.6377),
        ([2.0776, 0.0795, -1.1350], [0.9033, -0.0636, -0.5514], 0.9082),
    ];

    #[test]
    fn the_published_pairs_have_the_published_differences() {
        for (one, two, published) in PUBLISHED {
            let lab = |[l, a, b]: [f64; 3]| Lab { l, a, b };
            let found = delta_e(lab(one), lab(two));
            assert!((found - published).abs() < 5.1e-5, "{one:?} {two:?}: {found}");
        }
    }

    #[test]
    fn white_black_and_red_are_where_they_belong() {
        for (rgb, lab) in [
            ([255.0; 3], [100.0, 0.0, 0.0]),
            ([0.0; 3], [0.0; 3]),
            ([255.0, 0.0, 0.0], [53.24, 80.09, 67.20]),
        ] {
            let Lab { l, a, b } = Lab::from_srgb(rgb);
            for (found, expected) in [l, a, b].into_iter().zip(lab) {
                assert!((found - expected).abs() < 0.03, "{rgb:?}: {found} for {expected}");
            }
        }
    }
}
