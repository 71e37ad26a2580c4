//! The command line: what was typed becomes a server, one optimized image, or a report.
//!
//! No logic of its own: it reads arguments, prints, and turns every error into one sentence and an exit code. A worker is this
//! same binary, entered before anything else is set up.
#![forbid(unsafe_code)]

mod admin_client;
mod args;
mod check;
mod config;
mod dev;
mod failure;
mod flags;
mod logging;
mod logs;
mod purge;
mod reload;
mod render;
mod run;
mod runtime;
mod say;
mod serve;
mod stats;
mod units;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Command};

fn main() -> ExitCode {
    // First, so that a worker carries nothing of a server: no runtime, no logger, no arguments parsed.
    if std::env::args_os().nth(1).is_some_and(|first| first == cuttle_worker::WORKER_ARGUMENT) {
        return cuttle_worker::main();
    }
    if std::env::args_os().nth(1).is_some_and(|first| first == cuttle_supervise::GUARDIAN_ARGUMENT)
    {
        return cuttle_supervise::guardian_main();
    }
    let done = match Cli::parse().command {
        Command::Serve(serve) => serve::run(&serve),
        Command::Run(run) => run::run(&run),
        Command::Dev(dev) => dev::run(&dev),
        Command::Logs(logs) => logs::run(&logs),
        Command::Render(render) => render::run(&render),
        Command::Check(check) => check::run(&check),
        Command::Config(config) => config::run(&config.command),
        Command::Purge(purge) => purge::run(&purge),
        Command::Reload(reload) => reload::run(&reload),
        Command::Stats(stats) => stats::run(&stats),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            say::complain(format_args!("cuttle: {failure}"));
            ExitCode::FAILURE
        }
    }
}
