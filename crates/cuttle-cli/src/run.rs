//! `cuttle run`: an app that is started, watched and served, with nothing written down.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cuttle_host::Layers;

use crate::args::Run;
use crate::failure::Failure;
use crate::serve;

/// What `next build` leaves, and what starts it.
const BUILD: &str = ".next";
const NEXT: &str = "node_modules/.bin/next";

/// Serves until it is told to stop. In the folder of a built Next app its build is followed, and the command need not be typed.
///
/// # Errors
/// There is nothing to run; [`Failure`] of `serve`.
pub(crate) fn run(run: &Run) -> Result<ExitCode, Failure> {
    let mut layers = Layers::from(&run.layers);
    let is_built = Path::new(BUILD).is_dir();
    if is_built && !layers.flags.contains_key("next") {
        layers.flags.insert("next", ".".to_owned());
    }
    layers.run = match &run.command[..] {
        [] => {
            let next = is_built.then(installed).flatten().ok_or(Failure::NothingToRun)?;
            vec![next.display().to_string(), "start".to_owned()]
        }
        command => command.to_vec(),
    };
    serve::host(layers, None, None)
}

/// The app's own Next, which in a monorepo may lie in a folder above.
pub(crate) fn installed() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|folder| folder.join(NEXT)).find(|next| next.exists())
}
