//! Pixels, and nothing else.
//!
//! [`sniff`] and [`probe()`] read signatures and dimensions in safe Rust: they are all that a process
//! outside the sandbox may do with a picture. `render` (feature `codecs`) decodes, resizes, converts,
//! turns and encodes; it runs in a worker. This crate opens no file, no socket and no thread, and it
//! never negotiates: the caller names the format.

#[cfg(feature = "codecs")]
mod animation;
mod budget;
#[cfg(feature = "codecs")]
mod codec;
#[cfg(feature = "codecs")]
mod colour;
#[cfg(any(feature = "codecs", feature = "fuzz"))]
#[cfg_attr(not(feature = "codecs"), allow(dead_code, reason = "the fuzzer shows no picture"))]
mod depth;
mod error;
mod geometry;
#[cfg(feature = "codecs")]
pub mod heap;
#[cfg(feature = "codecs")]
mod ink;
mod kind;
#[cfg(feature = "codecs")]
mod lanczos;
mod limits;
#[cfg(feature = "codecs")]
pub mod measure;
mod options;
mod orientation;
#[cfg(feature = "codecs")]
mod palette;
#[cfg(feature = "codecs")]
mod picture;
mod probe;
#[cfg(any(feature = "codecs", feature = "fuzz"))]
#[cfg_attr(not(feature = "codecs"), allow(dead_code, reason = "the fuzzer shows no picture"))]
mod progressive;
#[cfg(feature = "codecs")]
mod quality;
#[cfg(feature = "codecs")]
mod render;
#[cfg(feature = "codecs")]
mod resize;
#[cfg(feature = "codecs")]
mod salience;
#[cfg(feature = "codecs")]
mod scans;
#[cfg(feature = "codecs")]
mod sink;
mod sniff;
#[cfg(feature = "codecs")]
mod stage;
#[cfg(feature = "codecs")]
mod strips;
#[cfg(any(feature = "codecs", feature = "fuzz"))]
#[cfg_attr(not(feature = "codecs"), allow(dead_code, reason = "the fuzzer shows no picture"))]
mod tiff;

#[cfg(feature = "specimens")]
pub use codec::avif::{oracle, specimen};
pub use error::{Excess, RenderError};
pub use geometry::Size;
pub use kind::Kind;
pub use limits::Limits;
pub use options::{Crop, Fit, Profile, RenderOptions, Rendition, Target};
pub use orientation::Orientation;
pub use probe::{Probe, ProbeError, probe};
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub use progressive::read_all;
#[cfg(feature = "codecs")]
pub use render::{render, render_each, render_many};
pub use sniff::{SNIFF_BYTES, sniff};
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub use tiff::read_page;

/// Part of every content key: a change of pixels, bytes or encoder settings must raise it, so that
/// renditions stored by an older engine are never served as this one's.
pub const ENGINE_VERSION: u32 = 9;
