//! The built binary as its users see it: over HTTP, by signals, in a browser.
//!
//! One binary, as each links everything that there is. Its tests run beside each other, but for those in `measured`.

mod admin;
mod animations;
mod apps;
mod asker;
mod chains;
mod command_line;
mod contracts;
mod deploying;
mod deploys;
mod descriptors;
mod disk;
mod documents;
mod endpoint_headers;
mod exported;
mod files;
mod forms;
mod freshness;
mod guards;
mod heads;
mod joining;
mod keeping;
mod kernels;
mod logs;
mod measured;
mod metrics;
mod mistakes;
mod modes;
mod output;
mod page;
mod pictures;
mod presigned;
mod proxies;
mod purge;
mod readiness;
mod readme;
mod restart;
mod routes;
mod run;
mod shared_disk;
mod sources;
mod start;
mod volumes;
mod whole;
mod workers;
