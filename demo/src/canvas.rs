//! A sheet of linear light that scenes are painted on, and its development into 8-bit sRGB.
//!
//! Coordinates are `(x, y)` with the height of the sheet as the unit and `y` downwards, so a scene
//! looks the same at every size. No drawing primitives: a scene is a function of a point.

use std::ops::{Add, Mul};

use crate::noise;

/// Linear-light red, green and blue; 1.0 is paper white and more is allowed until [`Canvas::develop`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Light(pub [f32; 3]);

impl Light {
    /// From `0xRRGGBB` in sRGB, the way designers write it.
    #[must_use]
    pub fn srgb(hex: u32) -> Self {
        let channel = |shift: u32| srgb_to_linear(((hex >> shift) & 0xff) as f32 / 255.0);
        Self([channel(16), channel(8), channel(0)])
    }

    /// This light at `t` = 0, the other at 1; `t` is clamped.
    #[must_use]
    pub fn mix(self, other: Self, t: f32) -> Self {
        let t = t.clamp(0.0, 1.0);
        self * (1.0 - t) + other * t
    }

    /// Colour along stops `(position, colour)` in ascending order, eased so that no stop shows as a line.
    #[must_use]
    pub fn gradient(stops: &[(f32, Self)], at: f32) -> Self {
        let last = stops.last().map(|stop| stop.1).unwrap_or_default();
        stops
            .windows(2)
            .find(|pair| at < pair[1].0)
            .map_or(last, |pair| pair[0].1.mix(pair[1].1, smoothstep(pair[0].0, pair[1].0, at)))
    }
}

impl Add for Light {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|c| self.0[c] + other.0[c]))
    }
}

impl Mul<f32> for Light {
    type Output = Self;
    fn mul(self, factor: f32) -> Self {
        Self(self.0.map(|c| c * factor))
    }
}

impl Mul for Light {
    type Output = Self;
    fn mul(self, filter: Self) -> Self {
        Self(std::array::from_fn(|c| self.0[c] * filter.0[c]))
    }
}

/// The cubic step of shading languages: 0 below `from`, 1 above `to`. `from` must be less than `to`.
#[must_use]
pub fn smoothstep(from: f32, to: f32, at: f32) -> f32 {
    let t = ((at - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Length of a vector. `f32::hypot` guards against overflow, which pictures never see, at ten times the price.
#[must_use]
pub fn length(dx: f32, dy: f32) -> f32 {
    (dx * dx + dy * dy).sqrt()
}

/// A bell of height 1 at 0 that falls to 1/e at `radius`.
#[must_use]
pub fn bell(distance: f32, radius: f32) -> f32 {
    (-(distance * distance) / (radius * radius)).exp()
}

/// IEC 61966-2-1, 0..1 to 0..1.
pub(crate) fn srgb_to_linear(v: f32) -> f32 {
    if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

pub(crate) fn linear_to_srgb(v: f32) -> f32 {
    if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }
}

/// A rectangle of a sheet in its own units.
#[derive(Debug, Clone, Copy)]
pub struct Region {
    /// Left edge.
    pub left: f32,
    /// Upper edge.
    pub top: f32,
    /// Right edge.
    pub right: f32,
    /// Lower edge.
    pub bottom: f32,
}

/// Width × height points of light, row by row.
#[derive(Debug, Clone)]
pub struct Canvas {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    pixels: Vec<Light>,
}

impl Canvas {
    /// Evaluates `shader` at the centre of every pixel.
    pub fn shade(width: u32, height: u32, shader: impl Fn(f32, f32) -> Light) -> Self {
        let (width, height) = (width as usize, height as usize);
        let mut canvas = Self { width, height, pixels: vec![Light::default(); width * height] };
        let whole = Region { left: 0.0, top: 0.0, right: canvas.aspect(), bottom: 1.0 };
        canvas.paint(whole, |x, y, _| shader(x, y));
        canvas
    }

    /// Width in units of the height.
    #[must_use]
    pub fn aspect(&self) -> f32 {
        self.width as f32 / self.height as f32
    }

    /// Replaces every pixel of `region` by a function of its centre and of what is there.
    pub fn paint(&mut self, region: Region, brush: impl Fn(f32, f32, Light) -> Light) {
        let scale = self.height as f32;
        let pixel = |at: f32, limit: usize| ((at * scale).max(0.0) as usize).min(limit);
        let columns = pixel(region.left, self.width)..pixel(region.right + 1.0 / scale, self.width);
        for row in pixel(region.top, self.height)..pixel(region.bottom + 1.0 / scale, self.height) {
            let y = (row as f32 + 0.5) / scale;
            for column in columns.clone() {
                let light = &mut self.pixels[row * self.width + column];
                *light = brush((column as f32 + 0.5) / scale, y, *light);
            }
        }
    }

    /// 8-bit sRGB triples with a film shoulder (highlights roll off instead of clipping) and `grain`
    /// of about that many levels: camera noise, which also dithers the gradients.
    #[must_use]
    pub fn develop(&self, grain: f32) -> Vec<u8> {
        // Indexed by the square root, the table is finer than half a level even in the shadows.
        let curve: Vec<f32> = (0_u16..=4096)
            .map(|i| 255.0 * linear_to_srgb((f32::from(i) / 4096.0).powi(2)))
            .collect();
        let mut bytes = Vec::with_capacity(self.pixels.len() * 3);
        for (index, light) in self.pixels.iter().enumerate() {
            let (x, y) = ((index % self.width) as i32, (index / self.width) as i32);
            let luma = noise::bell_curve(x, y, 0xF11);
            for (c, linear) in (0_u32..).zip(light.0) {
                let level = curve[(shoulder(linear).sqrt() * 4096.0) as usize];
                let speck = 0.8 * luma + 0.4 * noise::bell_curve(x, y, c);
                bytes.push((level + grain * speck + 0.5) as u8);
            }
        }
        bytes
    }
}

/// Identity up to `KNEE`, then an exponential approach to 1.
fn shoulder(linear: f32) -> f32 {
    const KNEE: f32 = 0.65;
    if linear <= KNEE {
        linear.max(0.0)
    } else {
        1.0 - (1.0 - KNEE) * (-(linear - KNEE) / (1.0 - KNEE)).exp()
    }
}
