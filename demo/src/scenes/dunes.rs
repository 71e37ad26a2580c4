//! A panorama of dunes in low sun. Exercises: wind ripples near the Nyquist limit of every smaller
//! width (moiré, when a resizer is cheap) between broad soft slopes, and crests cut by shadow.

use crate::canvas::{Canvas, Light, Region, bell, length, smoothstep};
use crate::noise::{fbm, gradient};

const HORIZON: f32 = 0.34;
const FOCAL: f32 = 1.5;
const EYE: f32 = 1.45;
/// Drop of the sun's rays per unit eastwards: about 16° above the horizon, from the left.
const SUN_FALL: f32 = 0.29;

/// The desert; `seed` moves the sand.
#[must_use]
pub fn draw(width: u32, height: u32, seed: u32) -> Canvas {
    let aspect = width as f32 / height as f32;
    let stops = [(0.0, 0x3B6FA8), (0.2, 0x86A9C4), (HORIZON, 0xF0D2AC), (1.0, 0xF0D2AC)]
        .map(|(at, hex)| (at, Light::srgb(hex)));
    let sky = |x: f32, y: f32| {
        let wisp = smoothstep(0.05, 0.6, fbm(0.9 * x, 7.0 * y + 0.6 * x, 6, seed + 9));
        let glow = Light::srgb(0xFFD9A0) * (0.45 * bell(length(x, 1.6 * (y - 0.20)), 0.9));
        Light::gradient(&stops, y).mix(Light::srgb(0xFFF1E0), 0.55 * wisp) + glow
    };
    let mut canvas = Canvas::shade(width, height, sky);
    let sand = Sand { seed, haze: Light::srgb(0xEBC39B) };
    for column in 0..width {
        let x = (column as f32 + 0.5) / height as f32;
        sand.column(&mut canvas, x, (x - aspect / 2.0) / FOCAL);
    }
    canvas
}

struct Sand {
    seed: u32,
    haze: Light,
}

impl Sand {
    /// Height of the sand: folded noise makes long crests, a warp makes them wander.
    fn height(&self, east: f32, north: f32) -> f32 {
        let warp = 0.9 * gradient(0.16 * east, 0.16 * north, self.seed + 1);
        let fold = |value: f32| 1.0 - (value * value + 0.0004).sqrt();
        let great = fold(gradient(0.10 * east + warp, 0.23 * north + 0.05 * east, self.seed + 2));
        let small = fold(gradient(0.33 * east + warp, 0.55 * north, self.seed + 3));
        1.55 * great * great + 0.30 * small * small * great - 1.35
    }

    /// How far a point lies in the shadow of the sand to the west of it.
    fn shadow(&self, east: f32, north: f32, level: f32) -> f32 {
        let over = (1_u8..=9)
            .map(|i| {
                let away = 0.16 * f32::from(i) * (1.0 + 0.12 * f32::from(i));
                self.height(east - away, north) - level - SUN_FALL * away
            })
            .fold(-1.0, f32::max);
        smoothstep(-0.012, 0.03, over)
    }

    /// Paints one column from the foot of the picture to the farthest crest: each step northwards
    /// shows only what rises above all that is nearer.
    fn column(&self, canvas: &mut Canvas, x: f32, bearing: f32) {
        let pixel = 1.0 / canvas.height as f32;
        let (mut skyline, mut north) = (1.0, 1.2);
        let (mut last, mut last_y) = (north, 1.3);
        while north < 160.0 && skyline > 0.0 {
            let level = self.height(bearing * north, north);
            let y = HORIZON + FOCAL * (EYE - level) / north * 0.5;
            if y < skyline {
                let shadow = self.shadow(bearing * north, north, level);
                let (from, span) = (last, (last_y - y).max(1e-6));
                let region = Region { left: x, top: y, right: x, bottom: skyline };
                canvas.paint(region, |_, at, under| {
                    let place = north + (from - north) * ((at - y) / span).clamp(0.0, 1.0);
                    // The row that holds the nearer crest is shared with it.
                    let share = (skyline - at) / pixel + 0.5;
                    under.mix(self.colour(bearing * place, place, shadow), share)
                });
                skyline = y;
            }
            (last, last_y) = (north, y);
            north *= 1.0035;
        }
    }

    fn colour(&self, east: f32, north: f32, shadow: f32) -> Light {
        let step = 0.01 + 0.002 * north;
        let level = self.height(east, north);
        let to_east = (self.height(east + step, north) - level) / step;
        let to_north = (self.height(east, north + step) - level) / step;
        // Ripples run across the wind and fade before they would alias.
        let phase =
            52.0 * east + 20.0 * north + 9.0 * fbm(0.9 * east, 0.9 * north, 3, self.seed + 5);
        let ripple = phase.sin()
            * 0.16
            * (1.0 - smoothstep(3.0, 14.0, north))
            * (1.0 - to_east.abs()).max(0.0);
        let grit = 0.10
            * gradient(60.0 * east, 60.0 * north, self.seed + 6)
            * (1.0 - smoothstep(2.0, 8.0, north));

        let slope = to_east + ripple;
        let sunlit =
            ((SUN_FALL + slope) / (1.0 + slope * slope + to_north * to_north).sqrt()).max(0.0);
        let direct = Light::srgb(0xFFC27A) * (1.75 * sunlit * (1.0 - shadow));
        let ambient = Light::srgb(0x6C7FA8) * (0.34 + 0.10 * to_north.clamp(-1.0, 1.0));
        let albedo = Light::srgb(0xE3A566) * (1.0 + grit);
        let air = 1.0 - (-(north / 48.0).powf(1.2)).exp();
        (albedo * (direct + ambient)).mix(self.haze, air)
    }
}
