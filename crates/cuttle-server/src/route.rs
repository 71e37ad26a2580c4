//! What can be asked, from the most to the least particular. The first line that fits answers.

use cuttle_contract::LocalPath;
use http::{Method, Request, Response};
use hyper::body::Incoming;

use crate::app::{NextEndpoint, Rest};
use crate::images::{self, Endpoint};
use crate::listen::Peer;
use crate::respond::{self, Body};
use crate::{App, Door, admin, files};

/// Answers one request.
pub(crate) async fn route(app: &App, door: Door, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path();
    match (door, below(app.rules.prefix(), path), &app.parts.rest) {
        (Door::Admin, ..) => admin::answer(app, &request),
        _ if !app.parts.hosts.answer(&request) => respond::misdirected(),
        _ if let Some(next) = next_endpoint(app, path) => {
            images::answer(app, Endpoint::Next(next), &request).await
        }
        (_, Some("/image"), _) => images::answer(app, Endpoint::Strict, &request).await,
        (_, Some(asset), Rest::Folder(_)) if asset.starts_with("/gallery/") => {
            files::gallery_asset(&request, asset)
        }
        // SECURITY: the prefix is ours alone; nothing below it is ever looked for in the folder or asked of the application,
        // however it is spelled.
        (_, Some(_), _) => respond::not_found(),
        _ if is_reserved(app, path) => respond::not_found(),
        (_, _, Rest::Folder(_)) if !matches!(*request.method(), Method::GET | Method::HEAD) => {
            respond::method_not_allowed()
        }
        (_, _, Rest::Folder(folder)) => files::answer(app, folder, &request).await,
        (_, _, Rest::App(app)) => match request.extensions().get().copied() {
            Some(Peer(peer)) => app.forward(request, peer).await,
            None => respond::internal(),
        },
        (_, _, Rest::Nothing) => respond::not_found(),
    }
}

/// Both spellings directly: Next's 308 between them costs a round trip a picture.
fn next_endpoint<'a>(app: &'a App, path: &str) -> Option<&'a NextEndpoint> {
    let next = app.parts.next.as_ref()?;
    (path.strip_suffix('/').unwrap_or(path) == next.path).then_some(next)
}

/// What follows `prefix` in a path beneath it.
fn below<'a>(prefix: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `/%5Fcuttle/x` and `/./_cuttle/x` are reserved as well.
fn is_reserved(app: &App, path: &str) -> bool {
    LocalPath::parse(path).is_ok_and(|path| path.is_under(app.rules.prefix()))
}
