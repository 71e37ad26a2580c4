//! Provisional: interpolated from seven pictures (five at 640 px, two at 1080) on 2026-11-21, where libwebp's method 4
//! had a mean SSIMULACRA2 of 18.7, 44.4, 60.6, 64.3, 69.3, 78.0, 86.0, 87.4 at the qualities in
//! [`ASKED`](super::ASKED). `scripts/calibrate` measures all of them at three widths and writes this file.

use super::Profiles;

pub(super) const WEBP: Profiles = [
    [4.9, 23.6, 49.0, 58.8, 72.8, 85.0, 96.5, 100.0],
    [5.0, 25.0, 50.0, 60.0, 75.0, 85.0, 95.0, 100.0],
    [6.0, 25.8, 51.2, 61.2, 75.4, 85.1, 95.0, 100.0],
];

pub(super) const AVIF: Profiles = [
    [28.5, 43.2, 56.6, 61.7, 71.4, 86.1, 97.3, 99.0],
    [21.5, 35.1, 48.4, 51.7, 59.4, 77.8, 93.5, 96.2],
    // Speed 4 by its lead over speed 6 at 49 to 67: about three steps.
    [19.0, 32.0, 45.5, 49.5, 56.0, 75.0, 92.0, 95.5],
];

pub(super) const JPEG: Profiles = [
    [11.6, 20.7, 39.1, 47.4, 61.5, 81.5, 93.4, 95.3],
    [13.0, 23.7, 45.4, 54.2, 67.2, 84.7, 94.7, 96.1],
    [13.0, 23.7, 45.4, 54.2, 67.2, 84.7, 94.7, 96.1],
];
