//! Measures Cuttle on real photos and writes what it found, with the method, as Markdown.
//!
//! Everything is a ratio or a sum measured side by side in one run, interleaved, because shared
//! machines drift. Figures are medians over the rounds. Nothing here is a test: it asserts nothing
//! about time.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "a bench tells a person how far it is")]

mod cpu;
mod memory;
mod photos;
mod report;
mod start_up;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let first = args.next();
    // The pool under measurement starts this very binary again as its workers.
    if first.as_ref().is_some_and(|first| first == cuttle_worker::WORKER_ARGUMENT) {
        return cuttle_worker::main();
    }
    let (Some(photos), Some(results)) = (first.map(PathBuf::from), args.next().map(PathBuf::from))
    else {
        eprintln!("usage: bench PHOTOS RESULTS.md");
        return ExitCode::FAILURE;
    };
    let photos = photos::read(&photos);
    if photos.len() < 8 {
        eprintln!("bench: eight photos at least are needed; scripts/bench fetches them");
        return ExitCode::FAILURE;
    }
    eprintln!("{} photos", photos.len());
    let start_up = start_up::measure();
    let memory = memory::measure(&photos);
    let cpu = cpu::measure(&photos);
    let text = report::text(&photos, &start_up, &memory, &cpu);
    if let Err(error) = std::fs::write(&results, text) {
        eprintln!("bench: cannot write {}: {error}", results.display());
        return ExitCode::FAILURE;
    }
    eprintln!("wrote {}", results.display());
    let missed = report::missed(&memory, &cpu);
    for goal in &missed {
        eprintln!("bench: over the goal: {goal}");
    }
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
