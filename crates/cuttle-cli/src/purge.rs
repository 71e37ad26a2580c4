//! `cuttle purge`: has the server that runs here forget pictures.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::args::Purge;
use crate::ask::Server;
use crate::failure::Failure;

/// Asks, and says what was forgotten.
///
/// # Errors
/// There is no server to be found, or it refuses.
pub(crate) fn run(purge: &Purge) -> Result<ExitCode, Failure> {
    let asked = match (&purge.source, &purge.prefix) {
        (Some(source), _) => json!({ "source": source }),
        (None, Some(prefix)) => json!({ "prefix": prefix }),
        (None, None) => json!({ "all": true }),
    };
    let server = Server::find(&purge.server)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    let answer = runtime.block_on(server.ask("POST", "/purge", Some(&asked.to_string())))?;
    if purge.json {
        println!("{}", answer.trim());
        return Ok(ExitCode::SUCCESS);
    }
    let done: Value = serde_json::from_str(&answer).unwrap_or_default();
    let number = |name: &str| done[name].as_u64().unwrap_or_default();
    println!(
        "forgotten: {} requests, {} pictures, {} bytes",
        number("requests"),
        number("variants"),
        number("bytes")
    );
    if done["pending"] == true {
        println!(
            "The disk cannot be used at present; what it holds is forgotten before it is used again."
        );
    }
    Ok(ExitCode::SUCCESS)
}
