//! `cuttle purge`: has the server that runs here forget pictures.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::admin_client::Server;
use crate::args::Purge;
use crate::failure::Failure;
use crate::runtime;
use crate::say::say;
use crate::units::size;

/// Asks, and says who forgot what.
///
/// # Errors
/// There is no server to be found, or it refuses.
pub(crate) fn run(purge: &Purge) -> Result<ExitCode, Failure> {
    let mut asked = match (&purge.source, &purge.prefix) {
        (Some(source), _) => json!({ "source": source }),
        (None, Some(prefix)) => json!({ "prefix": prefix }),
        (None, None) => json!({ "all": true }),
    };
    if let (Some(app), Value::Object(asked)) = (&purge.app, &mut asked) {
        asked.insert("app".to_owned(), json!(app));
    }
    let server = Server::find(&purge.server)?;
    let runtime = runtime::on_this_thread()?;
    let answer = runtime.block_on(server.ask("POST", "/purge", Some(&asked.to_string())))?;
    let mut done = serde_json::from_str(&answer).unwrap_or_default();
    let address = &server.address;
    if purge.json {
        if let Value::Object(done) = &mut done {
            done.insert("server".to_owned(), json!(address));
        }
        say(format_args!("{done}\n"))?;
    } else {
        say(format_args!("{address}: {}\n", told(purge, &done)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What was forgotten. Nothing at all is no failure: what was asked for holds.
fn told(purge: &Purge, done: &Value) -> String {
    let number = |name: &str| done[name].as_u64().unwrap_or_default();
    let counted = |many: u64, one: &str| match many {
        1 => format!("1 {one}"),
        many => format!("{many} {one}s"),
    };
    let requests = counted(number("requests"), "request");
    let forgotten = match (number("requests"), number("variants"), &purge.source, &purge.prefix) {
        (0, 0, Some(source), _) => format!("nothing was kept of {source}"),
        (0, 0, None, Some(prefix)) => {
            format!("nothing was kept of any source that begins with {prefix}")
        }
        (0, 0, None, None) => "nothing was kept".to_owned(),
        // The same bytes came from another source too.
        (_, 0, ..) => format!("forgot {requests}, and no image: other requests use it"),
        (_, pictures, ..) => {
            let bytes = size(number("bytes") as f64);
            format!("forgot {requests} and {} ({bytes})", counted(pictures, "image"))
        }
    };
    let of_apps = done["apps"].as_object().filter(|apps| apps.len() > 1).map(|apps| {
        let of_app = |(id, many): (&String, &Value)| {
            format!("\n  {id}: {}", counted(many.as_u64().unwrap_or_default(), "request"))
        };
        apps.iter().map(of_app).collect::<String>()
    });
    let forgotten = forgotten + &of_apps.unwrap_or_default();
    let notes = [
        (
            "pending",
            "Nothing of it is served any more. Deleting it from the disk goes on, or begins when the disk can be used again.",
        ),
        (
            "unreached",
            "An older version of Cuttle runs with the same state directory and was not told: ask it too, with its --admin.",
        ),
    ];
    let notes = notes.iter().filter(|(name, _)| done[name] == true).map(|(_, note)| *note);
    [&*forgotten].into_iter().chain(notes).collect::<Vec<_>>().join("\n")
}
