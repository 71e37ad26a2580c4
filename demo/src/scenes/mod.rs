//! The demo pictures. Each scene has a file of its own, which says what it asks of a codec.

pub mod city;
pub mod cuttlefish;
pub mod dunes;
pub mod forest;
pub mod report;
pub mod ridges;
pub mod sea;
pub mod skin;

use png::{BitDepth, ColorType};

use crate::canvas::Canvas;
use crate::encode::{JpegOptions, PngOptions, jpeg, png};

/// A picture of the gallery: its file name and how to make the file.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    /// Name of the file.
    pub file: &'static str,
    /// Draws and encodes; deterministic.
    pub make: fn() -> Vec<u8>,
}

/// The gallery, slowest first so that two threads finish together.
pub const GALLERY: [Scene; 8] = [
    Scene { file: "fog-forest.jpg", make: || on_its_side(&forest::draw(2000, 2800, 1)) },
    Scene { file: "cuttlefish-skin.jpg", make: || photo(&skin::draw(2400, 1600, 1), 1.6) },
    Scene { file: "dune-panorama.jpg", make: || photo(&dunes::draw(3600, 1350, 1), 1.6) },
    Scene { file: "night-city.jpg", make: || photo(&city::draw(2400, 1600, 1), 2.0) },
    Scene { file: "sea-glitter.jpg", make: || photo(&sea::draw(2400, 1600, 1), 1.8) },
    Scene { file: "cuttlefish.png", make: || cutout(2400, 1600) },
    Scene { file: "dusk-ridges.jpg", make: || photo(&ridges::draw(2400, 1600, 1), 1.6) },
    Scene { file: "report.png", make: || screenshot(2400, 1500) },
];

const QUALITY: u8 = 91;

fn photo(canvas: &Canvas, grain: f32) -> Vec<u8> {
    jpeg(
        &canvas.develop(grain),
        canvas.width as u16,
        canvas.height as u16,
        QUALITY,
        &JpegOptions::default(),
    )
}

/// As a phone held upright stores it: turned a quarter counter-clockwise, with EXIF orientation 6.
fn on_its_side(canvas: &Canvas) -> Vec<u8> {
    let (width, height) = (canvas.width as u32, canvas.height as u32);
    let stored = crate::fixtures::store_as(6, &canvas.develop(1.8), width, height);
    let options = JpegOptions { orientation: Some(6), ..JpegOptions::default() };
    jpeg(&stored, height as u16, width as u16, QUALITY, &options)
}

fn cutout(width: u32, height: u32) -> Vec<u8> {
    let options = PngOptions::new(ColorType::Rgba, BitDepth::Eight);
    png(&cuttlefish::draw(width, height), width, height, &options)
}

fn screenshot(width: u32, height: u32) -> Vec<u8> {
    let options = PngOptions::new(ColorType::Rgb, BitDepth::Eight);
    png(&report::draw(width, height), width, height, &options)
}
