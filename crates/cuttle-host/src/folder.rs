//! Whether it is a folder that is served, and which.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cuttle_config::Config;
use cuttle_source::{Folder, open_folder};

use crate::configuration::serves_a_folder;
use crate::error::HostError;

/// A folder whose images are served, and where it is.
#[derive(Debug, Clone)]
pub(crate) struct ServedFolder {
    pub(crate) folder: Arc<Folder>,
    pub(crate) place: PathBuf,
}

/// The folder that was `named`, or the current one, where there is no app.
///
/// # Errors
/// There is an app as well; no folder was named and the current one is a project; it cannot be opened.
pub(crate) fn open(
    named: Option<&Path>,
    config: &Config,
) -> Result<Option<ServedFolder>, HostError> {
    let place = match (named, serves_a_folder(config)) {
        (Some(folder), false) => return Err(HostError::TwoThingsToServe(folder.to_owned())),
        (None, false) => return Ok(None),
        (None, true) if is_a_project(Path::new(".")) => return Err(HostError::ProjectAsFolder),
        (named, true) => named.unwrap_or(Path::new(".")),
    };
    Ok(Some(ServedFolder { folder: open_folder(place)?, place: place.to_owned() }))
}

/// Whether there is more in it than images: who names no folder may not know that all of it would be published.
fn is_a_project(folder: &Path) -> bool {
    ["package.json", ".git"].iter().any(|name| folder.join(name).exists())
}
