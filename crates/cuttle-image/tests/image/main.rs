//! The engine from outside: pictures made here, renditions read back by other people's decoders.
#![cfg(feature = "codecs")]
#![expect(clippy::unwrap_used, reason = "a test that cannot make its picture fails")]

mod animation;
mod avif;
mod avif_hostile;
mod colour;
mod fixtures;
mod geometry;
mod hostile;
mod jpeg;
mod many;
mod odd;
mod orientation;
mod outputs;
mod palettes;
mod probing;
mod sources;
mod tiffs;
