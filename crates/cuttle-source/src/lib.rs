//! Where originals come from: files beneath a folder, the application behind us, servers that a pattern allows.
//!
//! [`Origins`] asks one conditional question of any of them. A load writes into an [`Intake`] that the caller owns, so that
//! this crate neither holds a picture in memory nor knows what one is. It refuses everything that is not a regular, visible
//! file beneath its root, and every address that is not public unless the operator says otherwise ([`cuttle_net::Guard`]).
#![forbid(unsafe_code)]

mod coverage;
mod endpoint_headers;
mod error;
mod fetch;
mod folder;
mod intake;
mod mount;
mod origins;
mod project;
mod rule_headers;
mod state;
mod static_files;
mod validator;

use std::path::Path;
use std::sync::Arc;

use cuttle_contract::Source;

pub use coverage::{Coverage, Manifests, Unclear};
pub use endpoint_headers::EndpointHeaders;
pub use error::{FolderError, LoadError};
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub use fetch::undo;
pub use fetch::{
    CDN_LOOP, Forwarded, HttpSettings, Loop, LoopId, NotForwardable, Remote, Retry, Traffic,
    Upstream, Via,
};
pub use folder::{FileEntry, Folder, FolderListing, OpenFile};
pub use intake::Intake;
pub use mount::Mount;
pub use origins::{Limits, Origins, Terms};
pub use project::{
    AskedOfApp, BuildFolder, End, Following, Look, Project, ProjectError, Sight, Stamp,
};
pub use state::{Freshness, Loaded, Outcome, State, Version};
pub use static_files::{StaticFile, StaticFiles};
pub use validator::Validator;

/// A source as a log or an error may name it: queries can carry signatures and tokens.
fn without_query(source: &Source) -> String {
    match source {
        Source::Local(path) => path.path().to_owned(),
        Source::Remote(url) => format!("{}{}", url.origin().ascii_serialization(), url.path()),
    }
}

/// File systems block (a network mount for seconds), so no reactor thread ever touches one.
async fn off_the_reactor<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|stopped| Err(LoadError::Failed(std::io::Error::other(stopped))))
}

/// Opens the folder that [`Sources::folder`] and the plain files share.
///
/// # Errors
/// [`FolderError`], a sentence for the command line.
pub fn open_folder(path: &Path) -> Result<Arc<Folder>, FolderError> {
    Folder::open_root(path).map(Arc::new)
}
