//! HTTP: from a connection to an answer, and the only place where an error becomes a status.
//!
//! [`route`](route) reads as the list of what can be asked. Codecs and files of the cache are never
//! touched here; pictures come from the pipeline, plain files and listings from the folder.
//!
//! It is `hyper` without a framework: what can be asked is a `match` of a dozen lines, which a router would hide. It is
//! HTTP/1.1 only: Cuttle stands behind a proxy or on loopback, and HTTP/2's stream machinery is attack surface that buys
//! nothing there.
#![forbid(unsafe_code)]

mod access_log;
mod admin;
mod app;
mod apps;
mod codes;
mod control;
mod files;
mod forwarding;
mod gallery;
mod hosts;
mod images;
mod listen;
mod log_health;
mod metrics;
mod notices;
#[cfg(test)]
mod proxy_tests;
mod releases;
mod respond;
mod route;
mod server;
mod shortage;
mod static_files;
mod static_site;

pub use admin::{AdminAt, Guard, Reach};
pub use app::{App, AppParts, Fallthrough};
pub use control::{Control, Reload, ReloadAsked};
pub use forwarding::{Forwarding, Rule as ForwardingRule};
pub use hosts::Hosts;
pub use listen::{
    ConnectionLimits, Drain, MOST_REFUSALS, Phase, Serving, serve, serve_admin_socket,
    serve_control_socket,
};
pub use log_health::LogHealth;
pub use releases::{NextEndpoint, Release, ReleaseParts, Releases};
pub use respond::Refusals;
pub use server::{Codec, Server, ServerInfo, ServerParts};

/// Who answers on a listener: people and browsers, or operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The pictures and the folder.
    Public,
    /// Health, readiness and metrics.
    Admin,
}
