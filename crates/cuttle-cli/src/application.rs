//! Which application it is, and where it listens, by configuration.

use std::path::Path;
use std::sync::Arc;

use cuttle_config::{App, Config};
use url::Url;

/// Whom to ask for the originals of local paths that are no files.
pub(crate) fn original_server(config: &Config) -> Option<Url> {
    let of_app = |app: &App| app.keys.upstream.as_ref().map(|url| url.0.clone());
    match &config.optimizer.fallback {
        None => config.apps.first().and_then(of_app),
        Some(fallback) => Url::parse(fallback)
            .ok()
            .filter(Url::has_host)
            .or_else(|| config.apps.iter().find(|app| app.keys.id == *fallback).and_then(of_app)),
    }
}

/// Whom visitors miss when it is down: the application that is stood in front of, else whoever has the originals.
pub(crate) fn behind(config: &Config) -> Option<Url> {
    let upstream = config.apps.first().and_then(|app| app.keys.upstream.as_ref());
    let upstream = upstream.filter(|_| !config.optimizer.only).map(|url| url.0.clone());
    upstream.or_else(|| original_server(config))
}

/// Which application it is whose pictures are kept: those of another one under the same path are others. Not its build: what a
/// deploy leaves as it is stays kept.
pub(crate) fn key(config: &Config, folder: Option<&Path>) -> Arc<str> {
    let app = config.apps.first().map(|app| &app.keys);
    // As it was written, so that a link to the current release is the same from one to the next.
    let place = folder.or_else(|| app?.next.as_deref());
    let place = place.map(|place| std::path::absolute(place).unwrap_or_else(|_| place.to_owned()));
    let id = app.map(|app| &app.id);
    format!("{id:?} {:?} {place:?}", original_server(config).map(String::from)).into()
}
