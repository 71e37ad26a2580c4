//! A low sun on the sea. Exercises: isolated specular pixels (every resampler's hardest case), a
//! burnt-out highlight with a long glow (clipping, banding) and clouds without a single edge.

use crate::canvas::{Canvas, Light, bell, length, smoothstep};
use crate::noise::{bell_curve, fbm};

const HORIZON: f32 = 0.44;
/// Distance of the picture plane from the eye, in heights of the picture.
const FOCAL: f32 = 1.15;
const SUN_ELEVATION: f32 = 0.155;

/// The view; `seed` chooses waves and clouds.
#[must_use]
pub fn draw(width: u32, height: u32, seed: u32) -> Canvas {
    let pixel = 1.0 / height as f32;
    let sun = 0.58 * width as f32 * pixel;
    let sky = Sky::new(seed);
    let deep = Light::srgb(0x0A2C3D);
    let shallow = Light::srgb(0x2B7C78);
    Canvas::shade(width, height, |x, y| {
        let fall = y - HORIZON;
        if fall < 0.35 * pixel {
            return sky.with_clouds(x - sun, -fall);
        }
        // The eye is one unit above the water; `reach` stretches the view ray down to it.
        let reach = 1.0 / fall;
        let (east, north) = ((x - sun) * reach, FOCAL * reach);
        let swell = |e: f32, n: f32| {
            0.060 * fbm(1.3 * e + 0.4 * n, 2.1 * n, 2, seed)
                + 0.034 * fbm(4.2 * e - 1.2 * n, 6.5 * n, 5, seed + 9)
        };
        let step = 0.004 + 0.25 * pixel * reach;
        let level = swell(east, north);
        let mut slope = [
            (swell(east + step, north) - level) / step,
            (swell(east, north + step) - level) / step,
        ];
        // Far off, a pixel holds whole waves, and their slopes cancel.
        let calm = 1.0 / (1.0 + (reach / 9.0).powi(2));
        slope = slope.map(|s| s * calm);
        // Ripples finer than a pixel: their slopes are statistics, not geometry.
        let (i, j) = ((x / pixel) as i32, (y / pixel) as i32);
        let ripple = (0.035 + 0.06 * smoothstep(1.5, 6.0, reach)) * calm.sqrt();
        slope[0] += ripple * bell_curve(i, j, seed + 21);
        slope[1] += ripple * bell_curve(i, j, seed + 22);

        let view = unit([x - sun, -fall, FOCAL]);
        let normal = unit([-slope[0], 1.0, -slope[1]]);
        let facing = -dot(view, normal).min(-0.02);
        let up = [0, 1, 2].map(|c| view[c] + 2.0 * facing * normal[c]);
        let fresnel = 0.02 + 0.98 * (1.0 - facing.min(1.0)).powi(5);
        let mirrored =
            sky.clear(up[0] / up[2].max(0.2) * FOCAL, up[1].abs() / up[2].max(0.2) * FOCAL, true);
        let body = deep.mix(shallow, smoothstep(-0.03, 0.07, level) * smoothstep(0.05, 0.5, fall));
        let haze = bell(fall, 0.02) * 0.6;
        (body * 0.8 + mirrored * fresnel).mix(sky.clear(x - sun, 0.015, false), haze)
    })
}

struct Sky {
    stops: [(f32, Light); 5],
    seed: u32,
}

impl Sky {
    fn new(seed: u32) -> Self {
        let stops = [
            (-0.02, 0xFFC98F),
            (0.07, 0xFDBE84),
            (0.17, 0xD7B7A6),
            (0.32, 0x7FA3C4),
            (0.60, 0x3568A0),
        ]
        .map(|(at, hex)| (at, Light::srgb(hex)));
        Self { stops, seed }
    }

    /// `across` from the sun and `above` the horizon. The disc itself shows only in reflections
    /// (`dazzle`), where waves break it up; in the sky it is drawn softer.
    fn clear(&self, across: f32, above: f32, dazzle: bool) -> Light {
        let from_sun = length(across, above - SUN_ELEVATION);
        let base = Light::gradient(&self.stops, above + 0.04 * across.abs());
        let glow = 0.9 * bell(from_sun, 0.10) + 0.35 * bell(from_sun, 0.34);
        let disc = if dazzle {
            26.0 * bell(from_sun, 0.055)
        } else {
            9.0 * smoothstep(-0.034, -0.026, -from_sun)
        };
        base * 0.85 + Light::srgb(0xFFD9A0) * (glow + disc)
    }

    fn with_clouds(&self, across: f32, above: f32) -> Light {
        let clear = self.clear(across, above, false);
        // Clouds lie on a plane overhead: towards the horizon they crowd together.
        let far = 1.0 / (above + 0.16);
        let (u, v) = (0.75 * across * far, 2.2 * far);
        let density = |du: f32, dv: f32| {
            let (u, v) = (u + du, v + dv);
            let warp = 0.5 * fbm(0.9 * u, 0.9 * v, 2, self.seed + 70);
            fbm(u + warp, 1.2 * v - warp, 7, self.seed + 60) + 0.07
        };
        let here = density(0.0, 0.0);
        let cover = smoothstep(-0.02, 0.34, here) * smoothstep(0.0, 0.08, above);
        if cover <= 0.0 {
            return clear;
        }
        let toward_sun = density(-0.28 * across.signum() * across.abs().min(0.5), 0.22);
        let lit = (0.55 + 1.6 * (here - toward_sun)).clamp(0.0, 1.0);
        let from_sun = length(across, above - SUN_ELEVATION);
        let lining = bell(from_sun, 0.42) * (1.0 - cover) * 1.6;
        let shade = Light::srgb(0x7C7F99).mix(Light::srgb(0xB58C88), bell(above, 0.2));
        let bright = Light::srgb(0xFFE3C4) * (0.92 + lining);
        clear.mix(shade.mix(bright, lit), 0.92 * cover)
    }
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn unit(a: [f32; 3]) -> [f32; 3] {
    let length = dot(a, a).sqrt();
    a.map(|c| c / length)
}
