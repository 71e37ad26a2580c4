//! Noise from an integer hash: the same picture on every run, with no random generator to seed.

/// Well-mixed 32 bits for a lattice point.
#[must_use]
pub fn hash(x: i32, y: i32, seed: u32) -> u32 {
    let mut h = (x as u32).wrapping_mul(0x8DA6_B343)
        ^ (y as u32).wrapping_mul(0xD816_3841)
        ^ seed.wrapping_mul(0xCB1A_B31F).rotate_left(13);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    h ^ (h >> 15)
}

/// Uniform in 0..1.
#[must_use]
pub fn uniform(x: i32, y: i32, seed: u32) -> f32 {
    (hash(x, y, seed) >> 8) as f32 / 16_777_216.0
}

/// About normal with variance 1, never beyond ±3.5: four bytes of one hash, summed.
#[must_use]
pub fn bell_curve(x: i32, y: i32, seed: u32) -> f32 {
    let sum: u32 = hash(x, y, seed).to_le_bytes().into_iter().map(u32::from).sum();
    (sum as f32 - 510.0) / 147.8
}

/// `f32::floor` is a library call on baseline x86-64 and was a third of all drawing time.
fn floor(x: f32) -> i32 {
    let truncated = x as i32;
    truncated.wrapping_sub(i32::from(x < truncated as f32))
}

/// Gradient noise, about −1..1, one feature per unit.
#[must_use]
pub fn gradient(x: f32, y: f32, seed: u32) -> f32 {
    const SLOPES: [(f32, f32); 8] = [
        (1.4, 0.0),
        (1.0, 1.0),
        (0.0, 1.4),
        (-1.0, 1.0),
        (-1.4, 0.0),
        (-1.0, -1.0),
        (0.0, -1.4),
        (1.0, -1.0),
    ];
    let (column, row) = (floor(x), floor(y));
    let (u, v) = (x - column as f32, y - row as f32);
    let corner = |dx: i32, dy: i32| {
        let cell = hash(column.wrapping_add(dx), row.wrapping_add(dy), seed);
        let (gx, gy) = SLOPES[(cell >> 29) as usize];
        gx * (u - dx as f32) + gy * (v - dy as f32)
    };
    let ease = |t: f32| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
    let (s, t) = (ease(u), ease(v));
    let upper = corner(0, 0) * (1.0 - s) + corner(1, 0) * s;
    let lower = corner(0, 1) * (1.0 - s) + corner(1, 1) * s;
    upper * (1.0 - t) + lower * t
}

/// Octaves of [`gradient`], each half as high and twice as fine, turned so that no lattice shows.
#[must_use]
pub fn fbm(x: f32, y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut x, mut y, mut amplitude, mut sum) = (x, y, 0.5, 0.0);
    for octave in 0..octaves {
        sum += amplitude * gradient(x, y, seed.wrapping_add(octave));
        (x, y) = (1.6 * x + 1.2 * y, 1.6 * y - 1.2 * x);
        amplitude *= 0.5;
    }
    sum
}

/// A scattered spot near a point: one in each cell of a unit lattice.
#[derive(Debug, Clone, Copy)]
pub struct Spot {
    /// From the point to the spot.
    pub dx: f32,
    /// From the point to the spot.
    pub dy: f32,
    /// Seed of the spot's own properties.
    pub id: u32,
}

/// The nine spots around a point. `jitter` 1 scatters them over their whole cells.
pub fn spots(x: f32, y: f32, jitter: f32, seed: u32) -> impl Iterator<Item = Spot> {
    let (column, row) = (floor(x), floor(y));
    (0..9).map(move |i| {
        let (cx, cy) = (column + i % 3 - 1, row + i / 3 - 1);
        let id = hash(cx, cy, seed);
        let place = |bits: u32| 0.5 + jitter * ((bits & 0xffff) as f32 / 65_536.0 - 0.5);
        Spot { dx: cx as f32 + place(id) - x, dy: cy as f32 + place(id >> 16) - y, id }
    })
}
