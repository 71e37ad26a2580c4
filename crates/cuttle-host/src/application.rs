//! Which application it is, and where it listens, by configuration.

use std::path::Path;

use cuttle_config::{App, Config};
use cuttle_pipeline::Application;
use url::Url;

/// Whom to ask for the originals of local paths that are no files.
pub(crate) fn original_server(config: &Config, app: &App) -> Option<Url> {
    let Some(fallback) = &config.optimizer.fallback else { return upstream(app) };
    let named = || config.apps.iter().find(|app| app.keys.id == *fallback).and_then(upstream);
    Url::parse(fallback).ok().filter(Url::has_host).or_else(named)
}

/// Whom visitors miss when it is down: the application that is stood in front of, else whoever has the originals.
pub(crate) fn behind(config: &Config, app: &App) -> Option<Url> {
    let in_front = upstream(app).filter(|_| !config.optimizer.only);
    in_front.or_else(|| original_server(config, app))
}

fn upstream(app: &App) -> Option<Url> {
    app.keys.upstream.as_ref().map(|url| url.0.clone())
}

/// Whose pictures are kept: those of another application under the same path are others. Not its build: what a deploy leaves as it
/// is stays kept.
pub(crate) fn identity(config: &Config, app: &App, folder: Option<&Path>) -> Application {
    // As it was written, so that a link to the current release is the same from one to the next.
    let place = folder.or(app.keys.next.as_deref());
    let place = place.map(|place| std::path::absolute(place).unwrap_or_else(|_| place.to_owned()));
    // What we run has another port each time.
    let server = original_server(config, app).filter(|_| app.keys.run.is_empty());
    let (id, server) = (&app.keys.id, server.map(String::from));
    Application { id: id.as_str().into(), key: format!("{id:?} {server:?} {place:?}").into() }
}
