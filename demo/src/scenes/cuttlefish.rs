//! The mascot on a transparent ground. Exercises: alpha that falls off slowly (fringes, when a resizer
//! forgets to premultiply), a translucent fin and hard opaque edges beside both.

use crate::canvas::{Light, bell, length, linear_to_srgb, smoothstep};
use crate::noise::fbm;

/// Straight (not premultiplied) 8-bit sRGB with alpha.
#[must_use]
pub fn draw(width: u32, height: u32) -> Vec<u8> {
    let pixel = 1.0 / height as f32;
    let aspect = width as f32 * pixel;
    let (sin, cos) = 0.16_f32.sin_cos();
    let mut bytes = Vec::with_capacity(width as usize * height as usize * 4);
    for row in 0..height {
        for column in 0..width {
            let (x, y) =
                ((column as f32 + 0.5) * pixel - 0.5 * aspect, (row as f32 + 0.5) * pixel - 0.5);
            // Along the animal (tail at 0, brow at 1) and across it.
            let along = (x * cos - y * sin) / 0.80 + 0.76;
            let across = x * sin + y * cos;
            let (light, alpha) = Animal { along, across, pixel }.at();
            bytes.extend(light.0.map(|c| (255.0 * linear_to_srgb(c.clamp(0.0, 1.0)) + 0.5) as u8));
            bytes.push((255.0 * alpha + 0.5) as u8);
        }
    }
    bytes
}

struct Animal {
    along: f32,
    across: f32,
    pixel: f32,
}

/// Colour and coverage of what is painted so far.
type Paint = (Light, f32);

/// Porter–Duff "over" with straight colours.
fn over((below, under): Paint, (above, cover): Paint) -> Paint {
    let alpha = cover + under * (1.0 - cover);
    if alpha <= 0.0 { (above, 0.0) } else { (below.mix(above, cover / alpha), alpha) }
}

impl Animal {
    fn at(&self) -> Paint {
        let (t, v) = (self.along, self.across);
        let mantle = half_width(t);
        let outside = length((v.abs() - mantle).max(0.0), 0.8 * (t - t.clamp(0.0, 1.55)));
        let glow = 0.38 * bell(outside, 0.085);
        if glow < 0.001 {
            return (Light::default(), 0.0);
        }
        let mut paint = (Light::srgb(0x2FD6C4), glow);
        for arm in 0..8_u8 {
            paint = over(paint, self.arm(f32::from(arm)));
        }
        paint = over(paint, self.fin(mantle));
        paint = over(paint, self.mantle(mantle));
        over(paint, self.eye())
    }

    /// 1 inside an edge at distance 0, one pixel wide.
    fn inside(&self, distance: f32) -> f32 {
        1.0 - smoothstep(-self.pixel, self.pixel, distance)
    }

    fn arm(&self, index: f32) -> Paint {
        let spread = index - 3.5;
        let t = self.along - 1.06;
        if t < -0.15 {
            return (Light::default(), 0.0);
        }
        let length = 0.62 - 0.035 * spread.abs();
        let reach = (t / length).clamp(0.0, 1.0);
        let curl = 0.05 * (7.0 * reach + 1.7 * index).sin() * reach;
        let middle = 0.017 * spread + spread * 0.045 * reach * reach + curl;
        let slope = (0.09 * spread * reach + 0.35 * (7.0 * reach + 1.7 * index).cos() * reach)
            / (0.8 * length);
        let thick = 0.034 * (1.0 - reach).powf(0.7) + 0.002;
        let from = (self.across - middle) / (1.0 + slope * slope).sqrt();
        let ends = (t - length).max(-t - 0.12) * 0.8;
        let cover = self.inside((from.abs() - thick).max(ends));
        let round = (1.0 - (from / thick).powi(2)).max(0.0).sqrt();
        let hue = Light::srgb(0x7A3B2A).mix(Light::srgb(0xE8A774), round);
        (hue.mix(Light::srgb(0x39C4BB), 0.55 * reach), cover)
    }

    /// A skirt all round the mantle, thinner outwards, with travelling waves.
    fn fin(&self, mantle: f32) -> Paint {
        let (t, v) = (self.along, self.across);
        let wave = 0.014 * (34.0 * t + 2.0 * v.signum()).sin() + 0.006 * (71.0 * t).sin();
        let skirt = (0.075 * smoothstep(-0.10, 0.2, t) * (1.0 - smoothstep(0.86, 1.0, t))
            + wave * smoothstep(0.0, 0.15, t))
        .max(0.0);
        let away = v.abs() - mantle;
        if away > skirt + self.pixel {
            return (Light::default(), 0.0);
        }
        let cover =
            self.inside(away - skirt) * smoothstep(0.0, 0.04, t) * (1.0 - smoothstep(0.93, 1.0, t));
        let ray = 0.5 + 0.5 * (240.0 * t + 30.0 * fbm(3.0 * t, v, 2, 4)).sin();
        let out = (away / skirt.max(0.01)).clamp(0.0, 1.0);
        let hue = Light::srgb(0xBFF3E6).mix(Light::srgb(0x3E8EDB), out);
        (hue, cover * (0.80 - 0.45 * out + 0.12 * ray))
    }

    fn mantle(&self, mantle: f32) -> Paint {
        let (t, v) = (self.along, self.across);
        let head = length(t - 1.04, v / 0.78) - 0.155;
        let cover =
            self.inside((v.abs() - mantle).max(t - 1.0).max(-t)).max(self.inside(head * 0.8));
        if cover <= 0.0 {
            return (Light::default(), 0.0);
        }
        let round = if t < 0.97 { v / mantle.max(0.01) } else { v / 0.125 };
        let bulge = (1.0 - round * round).max(0.0).sqrt();
        // Zebra bands, warped, fading on the flanks.
        let warp = fbm(4.0 * t, 7.0 * v, 4, 12);
        let band = smoothstep(
            -0.25,
            0.35,
            (30.0 * t + 7.0 * warp + 9.0 * v * v / 0.05).sin()
                + 0.4 * fbm(16.0 * t, 20.0 * v, 3, 14),
        );
        let cream = Light::srgb(0xF6D9B0).mix(Light::srgb(0xE89B5C), 0.5 + warp);
        let hide = cream.mix(Light::srgb(0x6B2A1E), (1.0 - band) * (0.35 + 0.6 * bulge));
        let sheen =
            Light::srgb(0x2CC6B8).mix(Light::srgb(0x5B6BE0), smoothstep(-0.3, 0.3, warp + 0.8 * v));
        let freckle = 1.0 + 0.35 * fbm(60.0 * t, 75.0 * v, 3, 16);
        let lit =
            hide.mix(sheen, 0.75 * (1.0 - bulge).powf(1.3)) * ((0.42 + 0.68 * bulge) * freckle);
        let gloss = Light::srgb(0xFFFFFF)
            * (0.30 * bell(v + 0.35 * mantle, 0.03) * bulge * (1.0 - smoothstep(0.75, 1.0, t)));
        (lit + gloss, cover)
    }

    /// The pupil of a cuttlefish is a W.
    fn eye(&self) -> Paint {
        let (u, v) = ((self.along - 1.075) * 0.8, self.across + 0.045);
        let from = length(u, 1.15 * v);
        let (w, deep) = (u.abs() / 0.030, v + 0.004);
        let curve = -0.010 * (w * std::f32::consts::TAU).cos();
        let pupil = self.inside(((deep - curve).abs() - 0.0055).max(u.abs() - 0.032));
        let glint = bell(length(u + 0.016, v + 0.022), 0.006);
        let iris = Light::srgb(0xF7E27A).mix(Light::srgb(0xB8641C), smoothstep(0.015, 0.05, from));
        let lid = Light::srgb(0x3A1710);
        let ball = lid.mix(iris, self.inside(from - 0.046)).mix(Light::srgb(0x0A0606), pupil);
        (ball.mix(Light([1.0; 3]), glint), self.inside(from - 0.056))
    }
}

/// Half the width of the mantle: blunt at the brow, pointed at the tail.
fn half_width(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    0.205 * (t * 1.25).min(1.0).powf(0.55) * (1.0 - 0.52 * smoothstep(0.55, 1.05, t))
}
