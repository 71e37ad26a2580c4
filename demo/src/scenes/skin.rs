//! Macro of cuttlefish skin: pigment sacs (chromatophores) over iridescent plates, sharp only in one
//! band. Exercises: saturated chroma detail (4:2:0 subsampling) beside true blur, which must not be
//! paid for in bytes.

use std::f32::consts::TAU;

use crate::canvas::{Canvas, Light, length, smoothstep};
use crate::noise::{fbm, gradient, spots};

/// One layer of sacs, from the deepest: density, radius in cells, pigment, share that is expanded.
const LAYERS: [(f32, f32, u32, f32); 3] =
    [(13.0, 0.36, 0xF0A820, 0.30), (15.0, 0.40, 0xC23A12, 0.05), (20.0, 0.52, 0x3A160C, -0.10)];

/// A patch of skin; `seed` chooses the animal.
#[must_use]
pub fn draw(width: u32, height: u32, seed: u32) -> Canvas {
    let pixel = 1.0 / height as f32;
    Canvas::shade(width, height, |x, y| {
        // The skin curves away from a plane of focus that crosses the picture.
        let off_focus = y - 0.56 - 0.10 * (x - 0.7) + 0.05 * gradient(1.5 * x, 1.5 * y, seed + 2);
        let blur = 0.0008 + 0.020 * smoothstep(0.12, 0.70, off_focus.abs());
        let sharp = 1.0 - smoothstep(0.001, 0.012, blur);

        // Nearer skin (below) is larger.
        let zoom = 1.35 - 0.55 * y;
        let (u, v) = ((x - 0.75) * zoom, (y - 0.5) * zoom);
        let (u, v) = (
            u + 0.03 * gradient(3.0 * u, 3.0 * v, seed),
            v + 0.03 * gradient(3.0 * v, 3.0 * u, seed + 1),
        );

        let relief = |u: f32, v: f32| {
            let fine = if sharp > 0.0 { fbm(40.0 * u, 40.0 * v, 3, seed + 6) } else { 0.0 };
            0.8 * fbm(3.2 * u, 3.2 * v, 2, seed + 5) + 0.022 * sharp * fine
        };
        let step = 0.002 + blur;
        let height_here = relief(u, v);
        let tilt = (
            (relief(u + step, v) - height_here) / step,
            (relief(u, v + step) - height_here) / step,
        );

        let mut light = iridescence(u, v, tilt, height_here, seed) * plates(u, v, blur, seed);
        // Bands of the zebra pattern open the sacs.
        let band = 1.6 * fbm(1.7 * u + 1.1 * v, 2.3 * v - 0.6 * u, 3, seed + 8)
            + 0.35 * (9.0 * u + 5.0 * v).sin();
        for (layer, (density, radius, pigment, bias)) in (0_u32..).zip(LAYERS) {
            let open = smoothstep(-0.55, 0.60, band + bias);
            let cover = sacs(
                u * density,
                v * density,
                radius * (0.22 + 0.85 * open),
                blur * density,
                seed + 90 * (layer + 1),
            );
            light = light * Light([1.0; 3]).mix(Light::srgb(pigment), 0.94 * cover);
        }

        // Wet skin: two lamps, blurred out of focus into a veil.
        let gloss = |lx: f32, ly: f32, tight: f32| {
            let (dx, dy) = (tilt.0 - lx, tilt.1 - ly);
            (-(dx * dx + dy * dy) * tight).exp()
        };
        let wet =
            gloss(-1.3, -1.5, 2.2) * 0.6 * (0.35 + 0.65 * sharp) + gloss(0.6, -0.9, 0.6) * 0.06;
        let falloff = 1.12 - 0.30 * length(x - 0.7, y - 0.45) - pixel;
        (light + Light::srgb(0xF3F8FF) * wet) * falloff
    })
}

/// Thin-film colours: a phase per channel, as the path difference moves with height and tilt.
fn iridescence(u: f32, v: f32, tilt: (f32, f32), height: f32, seed: u32) -> Light {
    let phase =
        1.3 * fbm(1.2 * u, 1.2 * v, 2, seed + 12) + 0.45 * height + 0.05 * (tilt.0 - tilt.1);
    let film = |offset: f32| 0.5 + 0.5 * (TAU * (phase + offset)).cos();
    let pearl = Light::srgb(0xE6D3C4);
    let glow = Light([
        0.06 + 0.50 * film(0.62).powi(2),
        0.22 + 0.55 * film(0.05),
        0.30 + 0.55 * film(0.22),
    ]);
    pearl.mix(glow, 0.80) * (0.80 + 0.9 * height)
}

/// Iridophore plates: tiny facets, each with its own brightness.
fn plates(u: f32, v: f32, blur: f32, seed: u32) -> f32 {
    const DENSITY: f32 = 95.0;
    let contrast = 1.0 - smoothstep(0.0015, 0.012, blur);
    if contrast <= 0.0 {
        return 1.0;
    }
    let facet = spots(u * DENSITY, v * DENSITY * 1.4, 0.9, seed + 30)
        .min_by(|a, b| (a.dx * a.dx + a.dy * a.dy).total_cmp(&(b.dx * b.dx + b.dy * b.dy)));
    facet.map_or(1.0, |f| 1.0 + contrast * 0.42 * ((f.id >> 9 & 0xff) as f32 / 255.0 - 0.5))
}

/// How much pigment covers a point, 0..1, with everything in cell units.
fn sacs(u: f32, v: f32, radius: f32, blur: f32, seed: u32) -> f32 {
    let clear: f32 = spots(u, v, 0.8, seed)
        .map(|spot| {
            let own = (spot.id >> 7 & 0xff) as f32 / 255.0;
            let away = length(spot.dx, spot.dy);
            if away > 1.5 * radius + blur + 0.04 {
                return 1.0;
            }
            let angle = spot.dy.atan2(spot.dx);
            // Radial muscles pull the sac into a star.
            let star = 1.0
                + 0.07 * (angle * (7.0 + own * 6.0).floor() + own * TAU).sin()
                + 0.05 * (3.0 * angle + 9.0 * own).sin();
            let r = radius * (0.45 + 0.85 * own) * star;
            let soft = 0.035 + blur;
            let edge = smoothstep(r - soft, r + soft, away);
            // Dense pigment at the rim of an open sac, thinner in the middle.
            let body = 0.80 + 0.20 * smoothstep(0.3 * r, r, away);
            1.0 - (1.0 - edge) * body * (r / (r + 0.8 * blur)).powi(2)
        })
        .product();
    1.0 - clear
}
