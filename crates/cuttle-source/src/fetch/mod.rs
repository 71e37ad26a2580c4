//! Originals over HTTP: one client for servers that a client may name, and one for the application behind us.
//!
//! `GET` only, HTTP/1.1 (pictures gain nothing from streams over one connection, and their machinery is attack surface), no
//! cookies, no credentials, nothing of whoever asked first: a load is shared by everyone who waits for it.

mod body;
mod cdn_loop;
pub(crate) mod client;
mod decoders;
mod decoding;
mod fair_limit;
mod freshness;
mod per_host_limit;
mod remote;
mod retry;
mod traffic;
mod upstream;

#[cfg(feature = "fuzz")]
pub use body::undo;
pub use cdn_loop::{CDN_LOOP, Loop, LoopId, Via};
pub use client::HttpSettings;
pub use remote::Remote;
pub use retry::Retry;
pub use traffic::Traffic;
pub use upstream::{Forwarded, NotForwardable, Upstream};
