//! Oracles: decoders that share no code with the engine, kept running and asked what they see.
//!
//! sharp (libvips, npm) answers for stills, Pillow (`PyPI`) for everything that moves. Both are pinned beside
//! this crate and installed by `scripts/oracles`. Chromium, whichever is installed, says what a browser shows of
//! files that are not as they should be. None of them is part of the product. How far two pictures are
//! apart is said in CIEDE2000. The matrix itself is in `tests/`.
#![forbid(unsafe_code)]

pub mod delta_e;
mod oracle;
mod pipe;
mod raster;

pub use oracle::{Chromium, Film, Pillow, Sharp};
pub use pipe::Pipe;
pub use raster::{Distance, Raster};
