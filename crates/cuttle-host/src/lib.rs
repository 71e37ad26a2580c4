//! From a configuration and the builds that it names to a server: the machine that all applications share, a site for each of
//! them, and the table of sites, made anew when a build or the configuration changes.
//!
//! It reads the environment, files and signals so that the crates below need not. It prints nothing, parses no arguments and
//! knows no command.
#![forbid(unsafe_code)]

mod address;
mod admin;
mod app_log;
mod application;
mod apps;
mod configuration;
mod control;
mod deploys;
mod descriptors;
mod development;
mod error;
mod folder;
mod given;
mod host;
mod identity;
mod leaving;
mod machine;
mod origins;
mod programs;
mod releases;
mod resources;
mod roots;
mod served;
mod signals;
mod state;

pub use crate::app_log::file_name as app_log_name;
pub use crate::configuration::{Configured, ConfiguredApp, Layers, configure, read_only};
pub use crate::error::HostError;
pub use crate::given::listener as given_listener;
pub use crate::host::{Boxed, Ended, Host, HostParts};
pub use crate::resources::Resources;
pub use crate::served::{Served, ServedApps};
pub use crate::signals::{Hangup, Stop};
pub use crate::state::{StateDir, StateError, shown as shown_admin};
