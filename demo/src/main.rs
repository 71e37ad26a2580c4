//! `cuttle-demo OUT_DIR`: draws the demo pictures that are not there yet.
#![forbid(unsafe_code)]

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let outcome = match arguments.as_slice() {
        [folder] if !folder.is_empty() => {
            cuttle_demo::gallery::fill(Path::new(folder), &cuttle_demo::scenes::GALLERY, |line| {
                // A closed terminal is no reason to stop drawing.
                let _ = writeln!(std::io::stdout(), "{line}");
            })
            .map_err(|error| error.to_string())
        }
        _ => Err("usage: cuttle-demo OUT_DIR".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            let _ = writeln!(std::io::stderr(), "{sentence}");
            ExitCode::FAILURE
        }
    }
}
