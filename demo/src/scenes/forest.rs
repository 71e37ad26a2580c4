//! Trunks in fog with shafts of light, upright. Exercises: low contrast that must not band, bark that
//! must not smear, and (stored on its side) EXIF orientation.

use crate::canvas::{Canvas, Light, Region, bell, length, smoothstep};
use crate::noise::{fbm, gradient, uniform};

const LAYERS: u8 = 7;

/// The wood; `seed` plants it.
#[must_use]
pub fn draw(width: u32, height: u32, seed: u32) -> Canvas {
    let aspect = width as f32 / height as f32;
    let lamp = (0.60 * aspect, 0.27);
    let warm = Light::srgb(0xFFF0C8);
    let fog = |x: f32, y: f32| {
        let from = length(x - lamp.0, 0.75 * (y - lamp.1));
        Light::srgb(0x6F8E8A).mix(warm, 0.9 * bell(from, 0.30)) * (0.42 + 0.75 * bell(from, 0.42))
    };
    let wisps = |x: f32, y: f32| 1.0 + 0.22 * fbm(3.0 * x, 6.0 * y, 4, seed + 4);
    let mut canvas = Canvas::shade(width, height, |x, y| fog(x, y) * wisps(x, y));
    for layer in 0..LAYERS {
        let near = f32::from(layer) / f32::from(LAYERS - 1);
        let seed = seed.wrapping_add(u32::from(layer) * 57);
        let air = (1.0 - near).powf(0.8) * 0.86;
        ground(&mut canvas, near, air, seed, &fog);
        let count = 15 - i32::from(layer) * 2;
        for i in 0..count {
            let slot = (i as f32 + 0.1 + 0.8 * uniform(i, 1, seed)) / count as f32;
            trunk(
                &mut canvas,
                slot * aspect * 1.1 - 0.05 * aspect,
                near,
                air,
                seed.wrapping_add(i as u32 * 7),
                &fog,
            );
        }
        if near < 0.8 {
            boughs(&mut canvas, near, air, seed, &fog);
        }
    }
    let whole = Region { left: 0.0, top: 0.0, right: aspect, bottom: 1.0 };
    canvas.paint(whole, |x, y, under| {
        let (dx, dy) = (x - lamp.0, y - lamp.1 + 0.30);
        let angle = dx.atan2(dy.max(0.01));
        let shaft =
            smoothstep(0.0, 0.45, fbm(9.0 * angle, 0.25 * length(dx, dy), 2, seed + 1) + 0.08);
        let reach = bell(length(dx, dy), 0.75) * smoothstep(0.0, 0.35, dy - 0.25 * dx.abs());
        under + warm * (0.20 * shaft * reach)
    });
    canvas
}

fn trunk(
    canvas: &mut Canvas,
    x0: f32,
    near: f32,
    air: f32,
    seed: u32,
    fog: &impl Fn(f32, f32) -> Light,
) {
    let pixel = 1.0 / canvas.height as f32;
    let half = (0.005 + 0.030 * near.powf(1.6)) * (0.65 + 0.7 * uniform(2, 0, seed));
    let lean = 0.05 * (uniform(3, 0, seed) - 0.5);
    let foot = floor_line(x0, near) + 0.01;
    let reach = 2.0 * half + lean.abs() + 0.02;
    let region = Region { left: x0 - reach, top: 0.0, right: x0 + reach, bottom: foot + half };
    let soft = pixel * (0.8 + 3.0 * smoothstep(0.9, 1.0, near));
    canvas.paint(region, |x, y, under| {
        let bend = lean * (1.0 - y) + 0.012 * gradient(2.0 * y, 0.3, seed) * (0.4 + near);
        let flare = 1.0 + 0.9 * bell(y - foot, 0.035) - 0.30 * (foot - y).max(0.0);
        if (x - x0 - bend).abs() > 1.15 * half * flare {
            return under;
        }
        let rough = half * 0.10 * fbm(2.0 + x * 4.0, y * 38.0, 3, seed);
        let across = (x - x0 - bend) / (half * flare + rough);
        let cover = 1.0 - smoothstep(1.0 - soft / half, 1.0 + soft / half, across.abs());
        let root = smoothstep(0.0, 0.5 * half, y - foot + 0.6 * half * across * across);
        if cover <= 0.0 || root >= 1.0 {
            return under;
        }
        let fine = 3 + (2.5 * near) as u32;
        let bark = fbm(across * 5.0, y * 16.0, fine, seed + 1)
            + 0.4 * fbm(across * 13.0, y * 60.0, fine - 2, seed + 2);
        let rim = smoothstep(0.45, 1.0, -across * (x0 - 0.4).signum()) * 0.5;
        let wood = Light::srgb(0x2A2620).mix(
            Light::srgb(0x5E6B3E),
            smoothstep(0.0, 0.5, gradient(3.0 * y, x * 9.0, seed)) * 0.5,
        );
        let lit = wood * ((0.55 + 0.9 * bark + rim) * (1.0 - 0.45 * across * across)).max(0.12);
        under.mix(lit.mix(fog(x, y), air), cover * (1.0 - root))
    });
}

/// Where a layer's forest floor begins.
fn floor_line(x: f32, near: f32) -> f32 {
    0.70 + 0.20 * near.powf(1.3) + 0.018 * gradient(3.0 * x, 9.0 * near, 3)
}

fn ground(canvas: &mut Canvas, near: f32, air: f32, seed: u32, fog: &impl Fn(f32, f32) -> Light) {
    // The next layer's floor hides the rest.
    let region =
        Region { left: 0.0, top: 0.62, right: canvas.aspect(), bottom: 0.82 + 0.24 * near };
    let scale = 16.0 + 9.0 * near;
    canvas.paint(region, |x, y, under| {
        let fern = if near < 0.5 {
            0.0
        } else {
            0.05 * near * fbm(scale * 2.2 * x, scale * y, 4, seed + 31).max(-0.2)
        };
        let depth = y - floor_line(x, near) + fern;
        let cover = smoothstep(0.0, 0.008 + 0.02 * (1.0 - near), depth);
        if cover <= 0.0 {
            return under;
        }
        let litter = fbm(2.0 * scale * x, 4.5 * scale * y, 5, seed + 33);
        let moss = Light::srgb(0x1E2413).mix(Light::srgb(0x5C6A30), smoothstep(-0.15, 0.5, litter));
        let soil = moss.mix(
            Light::srgb(0x54391F),
            smoothstep(0.05, 0.4, fbm(6.0 * x, 12.0 * y, 3, seed + 35)),
        );
        under.mix(
            (soil * (0.5 + 0.6 * litter).max(0.1)).mix(fog(x, y), air + 0.1 * (1.0 - near)),
            cover,
        )
    });
}

/// Foliage that hangs into the picture from above.
fn boughs(canvas: &mut Canvas, near: f32, air: f32, seed: u32, fog: &impl Fn(f32, f32) -> Light) {
    let reach = 0.20 + 0.16 * (1.0 - near);
    let region = Region { left: 0.0, top: 0.0, right: canvas.aspect(), bottom: reach + 0.2 };
    let scale = 22.0 + 18.0 * (1.0 - near);
    canvas.paint(region, |x, y, under| {
        let droop = fbm(2.6 * x, 1.4 * y, 2, seed + 41) * 0.9 - (y / reach) * 0.9 + 0.25;
        if droop < -0.45 {
            return under;
        }
        let leaf = droop + 1.3 * fbm(scale * x, scale * 1.3 * y, 4, seed + 43);
        let cover = smoothstep(0.05, 0.20, leaf);
        if cover <= 0.0 {
            return under;
        }
        let green =
            Light::srgb(0x1B2614).mix(Light::srgb(0x7C8A3A), smoothstep(0.1, 0.8, leaf - droop));
        under.mix(green.mix(fog(x, y), air), 0.92 * cover)
    });
}
