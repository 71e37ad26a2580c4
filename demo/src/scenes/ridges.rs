//! Mountain ridges at dusk. Exercises: wide smooth gradients (banding) and haze (low contrast that
//! quantisers flatten) against a dark serrated treeline (ringing) and single-pixel stars.

use crate::canvas::{Canvas, Light, bell, length, smoothstep};
use crate::noise::{fbm, gradient, hash, uniform};

/// The evening; `seed` chooses the mountains.
#[must_use]
pub fn draw(width: u32, height: u32, seed: u32) -> Canvas {
    let pixel = 1.0 / height as f32;
    let aspect = width as f32 * pixel;
    let sun = 0.36 * aspect;
    let ridges: Vec<Ridge> = (0..7).map(|i| Ridge::new(i, width, height, seed)).collect();
    let haze = Light::srgb(0xE0917F);
    let tints =
        [0xBC7A88, 0x976A8C, 0x705988, 0x50497E, 0x363768, 0x20244A, 0x0D1126].map(Light::srgb);
    let sky = Sky::new(sun, seed);

    Canvas::shade(width, height, |x, y| {
        let column = ((x / pixel) as usize).min(width as usize - 1);
        let glow = bell(x - sun, 0.55);
        let mut light = Light::default();
        let mut open = 1.0;
        for (ridge, tint) in ridges.iter().zip(&tints).rev() {
            let depth = (y - ridge.crest[column]).max(0.0);
            let cover = smoothstep(-0.75 * pixel, 0.75 * pixel, y - ridge.top[column]);
            if cover > 0.0 {
                let body = *tint * (1.0 + 0.35 * glow * ridge.distance) * ridge.relief(x, y, depth);
                let mist = smoothstep(0.0, 0.24, depth + 0.05 * fbm(3.0 * x, 9.0 * y, 3, seed))
                    * (0.35 + 0.55 * ridge.distance);
                let fog = haze.mix(*tint, 0.55 - 0.35 * glow) * (0.80 + 0.25 * glow);
                light = light + body.mix(fog, mist * ridge.distance.sqrt()) * (cover * open);
                open *= 1.0 - cover;
                if open <= 0.0 {
                    return light;
                }
            }
        }
        light + sky.at(x, y, pixel) * open
    })
}

struct Ridge {
    /// Where rock ends.
    crest: Vec<f32>,
    /// Where trees on it end.
    top: Vec<f32>,
    /// 1 for the farthest, 0 for the nearest.
    distance: f32,
    seed: u32,
}

impl Ridge {
    fn new(index: u8, width: u32, height: u32, seed: u32) -> Self {
        let rank = f32::from(index) / 6.0;
        let seed = seed.wrapping_mul(31).wrapping_add(u32::from(index) * 101);
        let base = 0.57 + 0.36 * rank.powf(1.3);
        let amplitude = 0.22 - 0.02 * rank;
        let along = |column: u32| (column as f32 + 0.5) / height as f32;
        let crest: Vec<f32> = (0..width)
            .map(|column| {
                let x = along(column);
                let folded = 0.5 - fbm(x * 1.15 + 7.0 * rank, rank * 9.0, 2, seed).abs() * 1.6;
                let rugged = fbm(x * 5.0, rank, 7, seed + 11) * (0.30 - 0.12 * rank);
                base - amplitude * (folded + rugged)
            })
            .collect();
        let woods = smoothstep(0.45, 0.8, rank);
        let top = (0_u32..)
            .zip(&crest)
            .map(|(column, rock)| rock - woods * treeline(along(column), rank, seed))
            .collect();
        Self { crest, top, distance: 1.0 - rank, seed }
    }

    /// Gullies and scree, strongest just below the crest and drowned by haze far away.
    fn relief(&self, x: f32, y: f32, depth: f32) -> f32 {
        let slope = fbm(9.0 * x + 6.0 * depth, 4.0 * y - 5.0 * x, 5, self.seed + 3);
        1.0 + 0.55 * slope * (1.0 - 0.6 * self.distance) * (1.0 - smoothstep(0.0, 0.3, depth))
    }
}

/// Height of the conifers that stand on a crest.
fn treeline(x: f32, rank: f32, seed: u32) -> f32 {
    let pitch = 0.005 + 0.008 * rank * rank;
    let cell = (x / pitch).floor() as i32;
    let clump = 0.55 + 0.8 * gradient(4.0 * x, 0.5, seed + 5);
    (cell - 2..=cell + 2)
        .map(|c| {
            let trunk = (c as f32 + uniform(c, 0, seed)) * pitch;
            let tall = pitch * (1.6 + 3.2 * uniform(c, 1, seed).powi(2)) * clump;
            let below = tall - (x - trunk).abs() * (4.2 + uniform(c, 2, seed));
            // Boughs: the outline steps outwards on the way down.
            below - 0.22 * pitch * (below / pitch * 6.0).fract().abs()
        })
        .fold(0.0, f32::max)
}

struct Sky {
    stops: [(f32, Light); 6],
    sun: f32,
    seed: u32,
}

impl Sky {
    fn new(sun: f32, seed: u32) -> Self {
        let stops = [
            (0.00, 0x0A1030),
            (0.20, 0x232A63),
            (0.36, 0x6A4C8C),
            (0.46, 0xC86F80),
            (0.54, 0xF5A36E),
            (0.64, 0xFFDCA0),
        ]
        .map(|(at, hex)| (at, Light::srgb(hex)));
        Self { stops, sun, seed }
    }

    fn at(&self, x: f32, y: f32, pixel: f32) -> Light {
        let warmth = bell(x - self.sun, 0.9);
        let mut light = Light::gradient(&self.stops, y + 0.05 * (warmth - 0.5));
        light = light
            + Light::srgb(0xFFB070) * (0.5 * bell(length(x - self.sun, 1.3 * (y - 0.56)), 0.26));

        let streak = fbm(1.5 * x + 0.3 * y, 11.0 * y - 0.8 * x, 5, self.seed + 40);
        let cloud = smoothstep(0.02, 0.42, streak) * smoothstep(0.06, 0.3, y);
        light = light.mix(Light::srgb(0xFF9A8A) * (0.55 + 0.5 * warmth), 0.5 * cloud);

        // The Milky Way is a band of noise; stars are denser and finer in it.
        let band =
            bell(y - 0.05 - 0.16 * (x - 0.5), 0.1) * (0.6 + fbm(5.0 * x, 7.0 * y, 5, self.seed));
        let night = 1.0 - smoothstep(0.05, 0.40, y);
        light = light + Light::srgb(0x8FA0E8) * (0.055 * night * band.max(0.0));
        light + Light::srgb(0xE6ECFF) * (night * (1.0 - 0.8 * cloud) * stars(x, y, pixel, band))
    }
}

fn stars(x: f32, y: f32, pixel: f32, band: f32) -> f32 {
    const CELL: f32 = 0.0085;
    let (column, row) = ((x / CELL).floor() as i32, (y / CELL).floor() as i32);
    let id = hash(column, row, 77);
    if (id & 0xff) as f32 > 60.0 + 150.0 * band {
        return 0.0;
    }
    let unit = |shift: u32| ((id >> shift) & 0xff) as f32 / 255.0;
    let place = |cell: i32, t: f32| (cell as f32 + 0.25 + 0.5 * t) * CELL;
    let from = length(x - place(column, unit(8)), y - place(row, unit(16)));
    let magnitude = unit(24).powi(14);
    (0.05 + 0.25 * unit(24).powi(3) + 1.6 * magnitude)
        * bell(from, (0.8 + 1.2 * magnitude) * pixel.max(0.0004))
}
