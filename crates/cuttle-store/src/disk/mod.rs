//! The disk tier: an index in `SQLite`, variants as files beside it, and one thread that writes.

mod bounds;
mod connect;
mod database;
mod evict;
mod folder;
mod open;
mod rows;
mod shared;
mod sweep;
mod writer;

pub(crate) use rows::Row;
pub(crate) use shared::{Shared, Timing};
pub(crate) use writer::Writer;
