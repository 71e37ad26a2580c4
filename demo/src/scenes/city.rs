//! A skyline across water behind out-of-focus lamps. Exercises: near-black gradients (block noise in
//! the shadows), thousands of tiny windows, saturated red and blue, and discs with soft rims.

use crate::canvas::{Canvas, Light, Region, bell, length, smoothstep};
use crate::noise::{fbm, gradient, hash, uniform};

const WATERLINE: f32 = 0.62;

/// The evening; `seed` builds the town.
#[must_use]
pub fn draw(width: u32, height: u32, seed: u32) -> Canvas {
    let aspect = width as f32 / height as f32;
    let town = Town::new(aspect, seed, 1.0 / height as f32);
    let mut canvas = Canvas::shade(width, height, |x, y| {
        if y < WATERLINE { town.at(x, y) } else { town.mirrored(x, y) }
    });
    for lamp in 0..130 {
        disc(&mut canvas, lamp, seed);
    }
    canvas
}

struct Block {
    left: f32,
    right: f32,
    top: f32,
    seed: u32,
}

struct Town {
    /// Rows of houses, the farthest first, each in order of `left`.
    rows: [Vec<Block>; 3],
    sky: [(f32, Light); 5],
    windows: [Light; 5],
    seed: u32,
    pixel: f32,
}

impl Town {
    fn new(aspect: f32, seed: u32, pixel: f32) -> Self {
        let rows = [0_u32, 1, 2].map(|row| {
            let near = row as f32 / 2.0;
            let mut blocks = Vec::new();
            let mut left = -0.02;
            while left < aspect + 0.1 {
                let id = hash(blocks.len() as i32, row as i32, seed);
                let unit = |shift: u32| ((id >> shift) & 0xff) as f32 / 255.0;
                let right = left + 0.030 + 0.055 * unit(0) + 0.02 * near;
                let downtown = bell(left - 0.55 * aspect, 0.42) * 0.34;
                let tall =
                    0.07 + (0.10 + downtown) * (0.25 + unit(8).powi(2)) * (1.15 - 0.55 * near);
                blocks.push(Block { left, right, top: WATERLINE - tall, seed: id });
                left = right - 0.004 + 0.012 * unit(16) * (1.0 - near);
            }
            blocks
        });
        let sky = [
            (0.0, 0x070B1E),
            (0.25, 0x141C42),
            (0.45, 0x3A3263),
            (0.57, 0x8A4E6B),
            (0.66, 0xD98262),
        ]
        .map(|(at, hex)| (at, Light::srgb(hex)));
        let windows = [0xFFD08A, 0xFFE2B0, 0xFFB45E, 0xDCE9FF, 0xFF9E55].map(Light::srgb);
        Self { rows, sky, windows, seed, pixel }
    }

    fn at(&self, x: f32, y: f32) -> Light {
        let cloud = smoothstep(0.0, 0.5, fbm(1.3 * x, 5.0 * y, 5, self.seed + 1));
        let mut light = Light::gradient(&self.sky, y) * (0.8 + 0.35 * cloud)
            + Light::srgb(0xFFA060) * (0.12 * bell(y - WATERLINE, 0.13) * (0.5 + cloud));
        for (row, blocks) in self.rows.iter().enumerate() {
            let near = row as f32 / 2.0;
            let next = blocks.partition_point(|b| b.left <= x);
            // Neighbours may overlap a little: the later one stands in front.
            for block in &blocks[next.saturating_sub(2)..next] {
                if x < block.right && y > block.top - 0.09 {
                    light = self.facade(block, near, x, y, light);
                }
            }
        }
        light
    }

    fn facade(&self, block: &Block, near: f32, x: f32, y: f32, behind: Light) -> Light {
        let unit = |shift: u32| ((block.seed >> shift) & 0xff) as f32 / 255.0;
        let middle = (block.left + block.right) / 2.0;
        if y < block.top {
            return self.mast(block, middle, x, y, behind);
        }
        let haze = Light::srgb(0x4A3A66).mix(Light::srgb(0x0A0D1C), 0.35 + 0.6 * near);
        let side = if x < middle { 1.0 } else { 0.72 };
        let wall = haze * (side * (0.5 + 0.5 * unit(4)) + 0.25 * bell(y - WATERLINE, 0.05));
        let (pitch_x, pitch_y) = (0.0042 + 0.0030 * unit(12), 0.0062 + 0.0040 * unit(20));
        let (u, v) = ((x - block.left) / pitch_x, (y - block.top) / pitch_y);
        let (column, floor) = (u.floor() as i32, v.floor() as i32);
        let room = hash(column / (1 + (block.seed & 3) as i32), floor, block.seed);
        let lit =
            (room & 0xff) as f32 / 255.0 < 0.16 + 0.30 * unit(24) * bell(y - WATERLINE + 0.1, 0.35);
        let margin = (block.right - x).min(x - block.left) > 0.6 * pitch_x && v > 1.0;
        if !(lit && margin) {
            return wall;
        }
        let edge = |t: f32, lo: f32, hi: f32, pitch: f32| {
            let soft = 0.6 * self.pixel / pitch;
            smoothstep(lo - soft, lo + soft, t) * (1.0 - smoothstep(hi - soft, hi + soft, t))
        };
        let pane = edge(u.fract(), 0.18, 0.82, pitch_x) * edge(v.fract(), 0.22, 0.75, pitch_y);
        let colour = self.windows[(room >> 8) as usize % self.windows.len()];
        wall + colour
            * (pane * (0.25 + 1.1 * ((room >> 16) & 0xff) as f32 / 255.0) * (0.45 + 0.55 * near))
    }

    /// A mast with a red light on the tallest houses.
    fn mast(&self, block: &Block, middle: f32, x: f32, y: f32, behind: Light) -> Light {
        if block.top > WATERLINE - 0.33 {
            return behind;
        }
        let above = block.top - y;
        let thin = 0.0012 * (1.0 - above / 0.09) + 0.4 * self.pixel;
        let steel =
            1.0 - smoothstep(thin - 0.5 * self.pixel, thin + 0.5 * self.pixel, (x - middle).abs());
        let lamp = bell(length(x - middle, above - 0.075), 0.0032);
        behind.mix(Light::srgb(0x0C0F20), steel * smoothstep(0.0, 0.01, 0.08 - above))
            + Light::srgb(0xFF3020) * (1.6 * lamp)
    }

    /// Rippled water smears the town downwards, the more the nearer to the viewer.
    fn mirrored(&self, x: f32, y: f32) -> Light {
        const TAPS: u8 = 7;
        let depth = y - WATERLINE;
        let fine = 1.0 / (0.05 + depth);
        let wave = gradient(2.0 * x * fine, 34.0 * fine, self.seed + 3)
            + 0.6 * gradient(6.0 * x * fine, 80.0 * fine, self.seed + 4);
        let mut sum = Light::default();
        for tap in 0..TAPS {
            let t = f32::from(tap) / f32::from(TAPS) - 0.5
                + 0.14 * (uniform((x / self.pixel) as i32, (y / self.pixel) as i32, 5) - 0.5);
            let up = depth * 1.15 + wave * (0.008 + 0.11 * depth) + t * (0.02 + 0.28 * depth);
            sum = sum + self.at(x + 0.012 * wave * depth, WATERLINE - 0.001 - up.abs());
        }
        let quay = bell(depth, 0.006);
        sum * (0.66 / f32::from(TAPS)) * (1.0 - 0.7 * quay) + Light::srgb(0x0B1730) * 0.35
    }
}

/// One lamp out of focus: a disc of even light with a brighter rim, as a real aperture draws it.
fn disc(canvas: &mut Canvas, index: i32, seed: u32) {
    let unit = |k: i32| uniform(index, k, seed + 60);
    let colours = [0xFFB050, 0xFF7A35, 0xFFD9A0, 0xFF3B30, 0x58B7FF, 0x4BE0C0, 0xFFC36B, 0xFF9A50]
        .map(Light::srgb);
    let radius = 0.014 + 0.046 * unit(0) * unit(1);
    let along = unit(2);
    let (x0, y0) =
        (along * canvas.aspect(), 0.80 + 0.17 * (unit(3) - 0.35) + 0.10 * (along - 0.5).abs());
    let colour =
        colours[hash(index, 9, seed) as usize % colours.len()] * (0.06 + 0.42 * unit(4).powi(3));
    let reach = radius * 1.15;
    let region =
        Region { left: x0 - reach, top: y0 - reach, right: x0 + reach, bottom: y0 + reach };
    canvas.paint(region, |x, y, under| {
        let from = length(x - x0, y - y0) / radius;
        let inside = 1.0 - smoothstep(0.94, 1.03, from);
        let rim = 0.55 * bell(from - 0.93, 0.07);
        let rings = 1.0 + 0.05 * (from * 40.0).sin();
        under + colour * (inside * (0.75 + rim) * rings)
    });
}
