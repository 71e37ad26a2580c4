//! `cuttle config`: what holds, and what can be written.

use std::process::ExitCode;

use cuttle_host::{Layers, Served, configure};

use crate::args::ConfigCommand;
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
            let configured = configure(&Layers::from(layers))?;
            // Found at load by a server, so found here as well.
            for app in &configured.apps {
                app.rules()?;
            }
            let served = Served::of(&configured);
            let of_builds: Vec<_> = served.iter().map(Served::of_build).collect();
            say(cuttle_config::print_beside_builds(&configured.config, &of_builds))?;
            let served: String = served.iter().map(ToString::to_string).collect();
            let served = served.lines().map(|line| format!("#{line}\n"));
            say(format_args!("\n# What this comes to:\n{}", served.collect::<String>()))?;
            for warning in &configured.warnings {
                complain(format_args!("warning: {warning}"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
