//! Pictures made by our own code, so that the repository ships none: a gallery for `make run`
//! ([`gallery`]) and a small set of files for tests ([`fixtures`]).
//!
//! Everything here is deterministic on one machine. Nothing here is part of the product.
#![forbid(unsafe_code)]

pub mod canvas;
pub mod encode;
pub mod fixtures;
pub mod gallery;
pub mod noise;
pub mod scenes;
