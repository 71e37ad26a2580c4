//! Starts an app, knows when it is ready, starts it again, and leaves nothing of it behind.
//!
//! [`Supervised`] is one app that runs. Between it and the command stands a guardian: this same binary, entered by
//! [`guardian_main`] when its first argument is [`GUARDIAN_ARGUMENT`]. It ends everything that the command started as soon as
//! we are gone, however that happened. This crate speaks no HTTP but one question for the health of an app, passes nothing on
//! to it, and reads no configuration. It needs Linux with `/proc`.
#![forbid(unsafe_code)]

mod account;
mod backoff;
mod command;
mod env_file;
mod environment;
mod guardian;
mod health;
mod log_file;
mod look;
mod orders;
mod orphans;
mod output;
mod processes;
mod readiness;
mod run;
mod sockets;
mod spec;
mod starter;
mod supervised;

pub use account::{UserError, user_for, user_named};
pub use env_file::{EnvFileError, Mistake as EnvFileMistake, parse_env_file};
pub use guardian::guardian_main;
pub use health::{Health, NotAHealthQuestion};
pub use log_file::LogFile;
pub use orders::GUARDIAN_ARGUMENT;
pub use orphans::reap_orphans;
pub use output::{Line, Stream};
pub use spec::{Spec, State};
pub use supervised::Supervised;
