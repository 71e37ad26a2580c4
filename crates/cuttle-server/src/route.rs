//! What can be asked, from the most to the least particular. The first line that fits answers.

use std::time::Instant;

use cuttle_contract::{Contract, LocalPath};
use http::{Method, Request, Response};
use hyper::body::Incoming;

use crate::images;
use crate::respond::{self, Body};
use crate::server::Fallthrough;
use crate::{Door, Server, access_log, admin, files, hosts};

/// Answers one request. Those of the image endpoints are reported there, all others here.
pub(crate) async fn route(
    server: &Server,
    door: Door,
    request: Request<Incoming>,
) -> Response<Body> {
    if door == Door::Public
        && hosts::is_one_name(request.headers())
        && server.parts.hosts.answer(&request)
        && let Some(contract) = image_endpoint(server, request.uri().path())
    {
        return images::answer(server, contract, &request).await;
    }
    let access = tracing::enabled!(target: "cuttle::access", tracing::Level::DEBUG)
        .then(|| (request.method().clone(), request.uri().path().to_owned(), Instant::now()));
    let response = other(server, door, request).await;
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

fn image_endpoint(server: &Server, path: &str) -> Option<Contract> {
    let strict =
        || (below(&server.parts.prefix, path) == Some("/image")).then_some(Contract::Strict);
    server.releases().have_next_endpoint(path).then_some(Contract::Next).or_else(strict)
}

/// Everything but pictures.
async fn other(server: &Server, door: Door, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path();
    match (door, below(&server.parts.prefix, path), &server.parts.rest) {
        _ if !hosts::is_one_name(request.headers()) => respond::bad_target(),
        (Door::Admin, ..) => admin::answer(server, request).await,
        _ if !server.parts.hosts.answer(&request) => {
            access_log::wrong_host(&server.notices, hosts::named_by(&request).unwrap_or_default());
            respond::misdirected()
        }
        (_, Some(asset), Fallthrough::Folder(_)) if asset.starts_with("/gallery/") => {
            files::gallery_asset(server, &request, asset)
        }
        // SECURITY: the prefix is ours alone; nothing below it is ever looked for in the folder or asked of the application,
        // however it is spelled.
        (_, Some(_), _) => respond::not_found(),
        _ if is_reserved(server, path) => respond::not_found(),
        (_, _, Fallthrough::Folder(_))
            if !matches!(*request.method(), Method::GET | Method::HEAD) =>
        {
            respond::method_not_allowed()
        }
        (_, _, Fallthrough::Folder(folder)) => files::answer(server, folder, &request).await,
        // SECURITY: what answers it repeats the head, and so what a script may not read (RFC 9110 §9.3.8).
        (_, _, Fallthrough::Proxy(_)) if *request.method() == Method::TRACE => respond::no_trace(),
        (_, _, Fallthrough::Proxy(proxy)) => {
            let response = match request.extensions().get().copied() {
                Some(peer) => proxy.forward(request, peer).await,
                None => respond::internal(),
            };
            server.metrics.proxied(response.status());
            response
        }
        (_, _, Fallthrough::Nothing) => respond::not_found(),
    }
}

/// What follows `prefix` in a path beneath it.
fn below<'a>(prefix: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `/%5Fcuttle/x` and `/./_cuttle/x` are reserved as well.
fn is_reserved(server: &Server, path: &str) -> bool {
    LocalPath::parse(path).is_ok_and(|path| path.is_under(&server.parts.prefix))
}
