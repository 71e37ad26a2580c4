//! One module per codec: bytes to a [`Picture`](crate::picture::Picture) and back.
//!
//! `unsafe` lives here and nowhere else in the workspace. Every C handle is owned by a type that frees
//! it, and no codec prints: their error hooks are replaced or absent.

pub(crate) mod apng;
pub(crate) mod av1;
pub(crate) mod avif;
pub(crate) mod gif;
pub(crate) mod jpeg;
pub(crate) mod png;
pub(crate) mod tiff;
pub(crate) mod webp;
