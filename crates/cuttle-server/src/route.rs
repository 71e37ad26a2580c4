//! What can be asked, from the most to the least particular. The first line that fits answers.

use std::time::Instant;

use cuttle_contract::{Contract, LocalPath};
use http::{Method, Request, Response};
use hyper::body::Incoming;

use crate::app::Rest;
use crate::images;
use crate::respond::{self, Body};
use crate::{App, Door, admin, files, hosts, report};

/// Answers one request. Those of the image endpoints are reported there, all others here.
pub(crate) async fn route(app: &App, door: Door, request: Request<Incoming>) -> Response<Body> {
    if door == Door::Public
        && hosts::is_one_name(request.headers())
        && app.parts.hosts.answer(&request)
        && let Some(contract) = image_endpoint(app, request.uri().path())
    {
        return images::answer(app, contract, &request).await;
    }
    let access = tracing::enabled!(target: "cuttle::access", tracing::Level::DEBUG)
        .then(|| (request.method().clone(), request.uri().path().to_owned(), Instant::now()));
    let response = other(app, door, request).await;
    if let Some((method, path, began)) = access {
        tracing::debug!(
            target: "cuttle::access",
            %method,
            path,
            status = response.status().as_u16(),
            milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
    }
    response
}

fn image_endpoint(app: &App, path: &str) -> Option<Contract> {
    let strict = || (below(&app.parts.prefix, path) == Some("/image")).then_some(Contract::Strict);
    app.releases().have_next_endpoint(path).then_some(Contract::Next).or_else(strict)
}

/// Everything but pictures.
async fn other(app: &App, door: Door, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path();
    match (door, below(&app.parts.prefix, path), &app.parts.rest) {
        _ if !hosts::is_one_name(request.headers()) => respond::bad_target(),
        (Door::Admin, ..) => admin::answer(app, request).await,
        _ if !app.parts.hosts.answer(&request) => {
            report::wrong_host(&app.notices, hosts::named_by(&request).unwrap_or_default());
            respond::misdirected()
        }
        (_, Some(asset), Rest::Folder(_)) if asset.starts_with("/gallery/") => {
            files::gallery_asset(app, &request, asset)
        }
        // SECURITY: the prefix is ours alone; nothing below it is ever looked for in the folder or asked of the application,
        // however it is spelled.
        (_, Some(_), _) => respond::not_found(),
        _ if is_reserved(app, path) => respond::not_found(),
        (_, _, Rest::Folder(_)) if !matches!(*request.method(), Method::GET | Method::HEAD) => {
            respond::method_not_allowed()
        }
        (_, _, Rest::Folder(folder)) => files::answer(app, folder, &request).await,
        // SECURITY: what answers it repeats the head, and so what a script may not read (RFC 9110 §9.3.8).
        (_, _, Rest::App(_)) if *request.method() == Method::TRACE => respond::no_trace(),
        (_, _, Rest::App(proxy)) => {
            let response = match request.extensions().get().copied() {
                Some(peer) => proxy.forward(request, peer).await,
                None => respond::internal(),
            };
            app.metrics.proxied(response.status());
            response
        }
        (_, _, Rest::Nothing) => respond::not_found(),
    }
}

/// What follows `prefix` in a path beneath it.
fn below<'a>(prefix: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `/%5Fcuttle/x` and `/./_cuttle/x` are reserved as well.
fn is_reserved(app: &App, path: &str) -> bool {
    LocalPath::parse(path).is_ok_and(|path| path.is_under(&app.parts.prefix))
}
