//! The disk tier: an index in `SQLite`, variants as files beside it, and one thread that writes.

mod announced;
mod bounds;
mod connect;
mod database;
mod evict;
mod folder;
mod layouts;
mod lock;
mod open;
mod private;
mod rows;
mod shared;
mod sweep;
mod writer;

pub use private::{private_folder, private_place};
pub(crate) use rows::Row;
pub(crate) use shared::{Shared, Timing};
pub(crate) use writer::Writer;
