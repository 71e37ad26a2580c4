//! `cuttle.toml`, flags and variables: what was written, and what it means.
//!
//! Two steps. [`Document::parse`] reads a file and knows where everything is in it; [`Config::resolve`] puts flags over
//! variables (`CUTTLE_…`) over the file over the Next build over defaults, and says what each value means. Whatever is wrong
//! is a [`Problem`] that points at its place; all of them are found at once, and nothing is repaired.
//!
//! Every key is defined once, in [`mod@keys`]: parser, schema, reference page and `config print` come from there. This crate
//! opens no file, reads no environment and knows no server: it is given text.
#![forbid(unsafe_code)]

mod apps;
mod config;
mod document;
mod interpolate;
mod keys;
mod layers;
mod next_pattern;
mod print;
mod problem;
mod reference;
mod schema;
mod units;
mod value;
mod variables;

pub use apps::App;
pub use config::Config;
pub use document::Document;
pub use keys::{AppKeys, Cache, Forward, Images, Key, Limits, Optimizer, Server, Storage, keys};
pub use layers::{Inputs, Moved};
pub use print::{print, print_beside_builds};
pub use problem::{Place, Problem};
pub use reference::reference;
pub use schema::schema;
pub use units::{Bytes, Milliseconds, parse_duration};
pub use value::{Admin, Errors, HttpUrl, Kind, LogFormat, Secret, StorageType};
