//! Writes every fixture into a folder: seeds for the fuzzer, files to look at.

#![expect(clippy::disallowed_macros, clippy::print_stderr, reason = "a command speaks to its user")]

use std::process::ExitCode;

use cuttle_demo::fixtures::{contained, fixtures, odd, several_tracks};

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(std::path::PathBuf::from) else {
        eprintln!("usage: fixtures FOLDER");
        return ExitCode::FAILURE;
    };
    let written = std::fs::create_dir_all(&folder).and_then(|()| {
        let sound = fixtures().into_iter().map(|fixture| (fixture.name, fixture.bytes));
        let odd = odd().into_iter().map(|odd| (odd.name, odd.bytes));
        let contained = contained().into_iter().map(|file| (file.name, file.bytes));
        let tracks = several_tracks().into_iter().map(|(name, bytes, _)| (name, bytes));
        let mut all = sound.chain(odd).chain(contained).chain(tracks);
        all.try_for_each(|(name, bytes)| std::fs::write(folder.join(name), bytes))
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write the fixtures into {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}
