//! Measures Cuttle on real pictures and writes what it found, with the method, as Markdown.
//!
//! Everything is a ratio or a sum measured side by side in one run, interleaved, because shared
//! machines drift. Figures are medians over the rounds. Nothing here is a test: it asserts nothing
//! about time.
#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_macros,
    clippy::print_stderr,
    reason = "a bench tells a person how far it is"
)]

mod calibrate;
mod clock;
mod compare;
mod compare_report;
mod contender;
mod cpu;
mod engine;
mod jpegs;
mod memory;
mod photos;
mod report;
mod score;
mod serving;
mod small;
mod start_up;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use cuttle_image::Kind;

use crate::photos::Photo;

const USAGE: &str = "\
usage: bench measure PHOTOS SHARP RESULTS      writes RESULTS.md and results/*.tsv into RESULTS
       bench quick PHOTOS SHARP RESULTS        the same from a few pictures, without the server
       bench server PHOTOS SHARP RESULTS       what a cold request costs beside the engine, SERVER.md in RESULTS
       bench serving[-quick] PHOTOS SHARP RESULTS      writes SERVING.md into RESULTS: the server under load
       bench calibrate[-quick] PHOTOS SHARP TABLE.rs DATE";

const FULL: compare::Extent = compare::Extent { widths: &[640, 1080, 1920], rounds: 3 };
const QUICK: compare::Extent = compare::Extent { widths: &[640, 1080], rounds: 1 };

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    // The pool under measurement, and our side of the comparison, are this very binary again.
    if args.first().is_some_and(|first| first == cuttle_worker::WORKER_ARGUMENT) {
        return cuttle_worker::main();
    }
    if args.first().is_some_and(|first| first == contender::ENGINE_ARGUMENT) {
        return engine::main();
    }
    let [what, photos, sharp, output, rest @ ..] = args.as_slice() else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let photos = photos::read(photos.as_ref());
    if photos.iter().filter(|photo| photo.kind == Kind::Jpeg).count() < 8 {
        eprintln!("bench: eight photos at least are needed; scripts/bench fetches them");
        return ExitCode::FAILURE;
    }
    eprintln!("{} pictures", photos.len());
    let (sharp, output) = (Path::new(sharp), Path::new(output));
    let done = match (what.to_str(), rest) {
        (Some("measure"), []) => measure(&photos, sharp, output),
        (Some("quick"), []) => quick(&photos, sharp, output),
        (Some("server"), []) => {
            let (page, missed) = server(&jpegs(&photos));
            fs::write(output.join("SERVER.md"), page).and_then(|()| held(&missed))
        }
        (Some("serving"), []) => serving::measure(&jpegs(&photos), serving::FULL, output),
        (Some("serving-quick"), []) => serving::measure(&jpegs(&photos), serving::QUICK, output),
        (Some("calibrate"), [date]) => calibrate(&photos, FULL.widths, sharp, output, date),
        (Some("calibrate-quick"), [date]) => {
            calibrate(&few(&photos), QUICK.widths, sharp, output, date)
        }
        _ => Err(io::Error::other(USAGE)),
    };
    match done {
        Ok(()) => {
            eprintln!("wrote {}", output.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(photos: &[Photo], sharp: &Path, output: &Path) -> io::Result<()> {
    eprintln!("beside sharp …");
    let cases = compare::measure(photos, &FULL, sharp)?;
    let jpegs = jpegs(photos);
    eprintln!("JPEG …");
    let reading = jpegs::section(photos, sharp)?;
    let (page, missed) = server(&jpegs);
    write(photos, &cases, &(reading + &page), sharp, output)?;
    held(&missed)
}

/// What the server adds to the engine, as a page, and the goals that it missed.
fn server(jpegs: &[Photo]) -> (String, Vec<String>) {
    let start_up = start_up::measure();
    let memory = memory::measure(jpegs);
    let small = small::measure();
    let cpu = cpu::measure(jpegs);
    let page = report::server(&start_up, &memory, &small, &cpu);
    (page, report::missed(&memory, &small, &cpu))
}

fn held(missed: &[String]) -> io::Result<()> {
    if missed.is_empty() {
        return Ok(());
    }
    Err(io::Error::other(format!("over the goal: {}", missed.join("; "))))
}

fn quick(photos: &[Photo], sharp: &Path, output: &Path) -> io::Result<()> {
    let few = few(photos);
    let cases = compare::measure(&few, &QUICK, sharp)?;
    write(&few, &cases, &jpegs::section(&few, sharp)?, sharp, output)
}

/// What the server is asked for: two bytes after the end of a JPEG make a new picture of it.
fn jpegs(photos: &[Photo]) -> Vec<Photo> {
    photos.iter().filter(|photo| photo.kind == Kind::Jpeg).cloned().collect()
}

/// Every fifth: large and small, smooth and busy.
fn few(photos: &[Photo]) -> Vec<Photo> {
    photos.iter().step_by(5).cloned().collect()
}

fn calibrate(
    photos: &[Photo],
    widths: &[u32],
    sharp: &Path,
    output: &Path,
    date: &OsStr,
) -> io::Result<()> {
    let date = &date.to_string_lossy();
    let table = calibrate::table(&calibrate::Extent { photos, widths, date }, sharp)?;
    fs::write(output, table)
}

fn write(
    photos: &[Photo],
    cases: &[compare::Case],
    rest: &str,
    sharp: &Path,
    output: &Path,
) -> io::Result<()> {
    let page = [
        report::head(),
        compare_report::section(cases, &contender::sharp_version(sharp)?),
        rest.to_owned(),
        report::pictures(photos),
    ];
    fs::create_dir_all(output.join("results"))?;
    fs::write(output.join("results/renditions.tsv"), compare_report::renditions_tsv(cases))?;
    fs::write(output.join("results/equal.tsv"), compare_report::equal_tsv(cases))?;
    fs::write(output.join("RESULTS.md"), page.concat())
}
