//! `cuttle config`: what holds, and what can be written.

use std::process::ExitCode;

use crate::args::ConfigCommand;
use crate::configuration::configure;
use crate::failure::Failure;
use crate::say::{complain, say};

/// Prints, and warns on standard error.
///
/// # Errors
/// What is wrong with the configuration.
pub(crate) fn run(command: &ConfigCommand) -> Result<ExitCode, Failure> {
    match command {
        ConfigCommand::Schema => {
            say(cuttle_config::schema())?;
        }
        ConfigCommand::Print(layers) => {
            let configured = configure(layers)?;
            // Found at load by a server, so found here as well.
            configured.rules()?;
            say(cuttle_config::print(&configured.config))?;
            for warning in &configured.warnings {
                complain(format_args!("warning: {warning}"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
