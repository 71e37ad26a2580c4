//! What can be asked, from the most to the least particular. The first line that fits answers.

use http::{Method, Request, Response};
use hyper::body::Incoming;

use crate::respond::{self, Body};
use crate::{App, Door, admin, files, images};

/// Answers one request.
pub(crate) async fn route(app: &App, door: Door, request: &Request<Incoming>) -> Response<Body> {
    let path = request.uri().path();
    let reserved = path
        .strip_prefix(app.rules.prefix())
        .filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match (door, path, reserved) {
        (Door::Admin, ..) => admin::answer(app, request),
        _ if !app.hosts.answer(request) => respond::misdirected(),
        // Both spellings directly: Next's 308 between them costs a round trip a picture.
        (_, "/_next/image" | "/_next/image/", _) => images::next(app, request).await,
        (_, _, Some("/image")) => images::strict(app, request).await,
        (_, _, Some(asset)) if asset.starts_with("/gallery/") => {
            files::gallery_asset(request, asset)
        }
        // SECURITY: the prefix is ours alone; nothing below it is ever looked for in the folder.
        (_, _, Some(_)) => respond::not_found(),
        _ if !matches!(*request.method(), Method::GET | Method::HEAD) => {
            respond::method_not_allowed()
        }
        _ => files::answer(app, request).await,
    }
}
