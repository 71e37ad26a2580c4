//! Written by `scripts/calibrate` on 2026-11-21; do not edit.
//!
//! Numbers at the qualities in [`ASKED`](super::ASKED), where libwebp's method 4 has a mean SSIMULACRA2 of
//! 19.9, 45.2, 60.2, 64.0, 69.0, 77.7, 86.0, 87.8. Widths [640, 1080, 1920]; pictures:
//! Autumn.jpg,
//! Blinds.jpg,
//! Canopee.png,
//! ColorfulCups.jpg,
//! Dune.jpg,
//! Elephants.jpg,
//! EveningGlow.jpg,
//! FallenLeaf.jpg,
//! Flow.jpg,
//! Kay.png,
//! OneStandsOut.jpg,
//! Patak.png,
//! Path.jpg,
//! RainDrops.jpg,
//! Storm.jpg,
//! TwoWings.jpg,
//! Volna.jpg.
//!
//! "Off by" is how far the number's mean is from libwebp's: encoders count in steps.

use super::Profiles;

pub(super) const WEBP: Profiles = [
    // Fast; off by -0.36, -0.28, -0.29, -0.31, -0.32, -0.28, -0.28, -0.18.
    [4.5, 22.5, 47.1, 56.8, 72.0, 85.3, 95.8, 100.0],
    // Balanced; off by +0.00, +0.00, +0.00, +0.00, +0.00, +0.00, +0.00, +0.00.
    [5.0, 25.0, 50.0, 60.0, 75.0, 85.0, 95.0, 100.0],
    // Small; off by -0.12, +0.09, -0.02, -0.04, +0.00, -0.03, +0.01, -0.08.
    [5.5, 25.5, 50.2, 60.2, 75.2, 85.0, 95.1, 100.0],
];

pub(super) const AVIF: Profiles = [
    // Fast; off by +0.04, +0.82, +0.98, -0.70, -0.26, -0.41, -0.40, +0.45.
    [27.0, 43.0, 55.0, 59.0, 67.0, 83.0, 96.0, 98.0],
    // Balanced; off by -1.22, -1.05, +0.19, -0.21, -0.11, +0.03, -0.28, -0.29.
    [21.0, 35.0, 48.0, 51.0, 57.0, 75.0, 92.0, 96.0],
    // Small; off by -0.14, -0.31, -0.88, +0.25, -0.53, +0.37, -0.04, -0.21.
    [19.0, 34.0, 45.0, 50.0, 54.0, 71.0, 91.0, 94.0],
];

pub(super) const JPEG: Profiles = [
    // Fast; off by -0.78, -0.32, +0.18, -0.19, -0.84, +0.08, +0.07, +0.29.
    [11.0, 20.0, 34.0, 40.0, 51.0, 76.0, 92.0, 95.0],
    // Balanced; off by +0.50, +0.97, +0.70, +0.14, -0.11, +0.10, -0.30, +0.39.
    [12.0, 22.0, 38.0, 44.0, 55.0, 80.0, 93.0, 96.0],
    // Small; off by +0.50, +0.97, +0.70, +0.14, -0.11, +0.10, -0.30, +0.39.
    [12.0, 22.0, 38.0, 44.0, 55.0, 80.0, 93.0, 96.0],
];
