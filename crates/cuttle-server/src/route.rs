//! What can be asked, from the most to the least particular. The first line that fits answers.

use std::time::Instant;

use cuttle_gateway::{Proxy, ProxyError};
use cuttle_net::Peer;
use http::{Method, Request, Response};
use hyper::body::Incoming;

use crate::app::{App, Fallthrough};
use crate::apps::Chosen;
use crate::respond::{self, Body};
use crate::{Door, Server, access_log, admin, files, hosts, images, shortage};

/// Answers one request. Those of the image endpoints are reported there, all others here.
pub(crate) async fn route(
    server: &Server,
    door: Door,
    request: Request<Incoming>,
) -> Response<Body> {
    let apps = server.apps();
    let app = match door {
        Door::Public
            if hosts::is_one_name(request.headers()) && server.parts.hosts.answer(&request) =>
        {
            apps.choose(&request)
        }
        Door::Public => Chosen::NoHost,
        Door::Admin => Chosen::NoPath,
    };
    if let Chosen::App(app) = app
        && let Some(contract) = app.image_endpoint(request.uri().path())
        && !app.is_left_to_next_dev(contract, request.uri())
    {
        return images::answer(server, app, contract, &request).await;
    }
    let access = tracing::enabled!(target: "cuttle::access", tracing::Level::DEBUG)
        .then(|| (request.method().clone(), request.uri().path().to_owned(), Instant::now()));
    let response = match (door, app) {
        _ if !hosts::is_one_name(request.headers()) => respond::bad_target(),
        (Door::Admin, _) => admin::answer(server, request).await,
        (Door::Public, Chosen::App(app)) => other(server, app, request).await,
        (Door::Public, Chosen::AppItself(app)) => itself(server, app, request).await,
        (Door::Public, Chosen::NoMethod(methods)) => respond::no_such_method(&methods),
        (Door::Public, Chosen::NoPath) => respond::not_found(),
        (Door::Public, Chosen::NoHost) => {
            access_log::wrong_host(&server.notices, hosts::named_by(&request).unwrap_or_default());
            respond::misdirected()
        }
    };
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

/// Everything of an application but pictures.
async fn other(server: &Server, app: &App, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path();
    match (app.own(path), &app.parts.fallthrough) {
        (Some(asset), Fallthrough::Folder(_)) if asset.starts_with("/gallery/") => {
            files::gallery_asset(app, &request, asset)
        }
        // SECURITY: the prefix is ours alone; nothing below it is ever looked for in the folder or asked of the application,
        // however it is spelled.
        (Some(_), _) => respond::not_found(),
        _ if app.is_reserved(path) => respond::not_found(),
        (_, Fallthrough::Folder(_)) if !matches!(*request.method(), Method::GET | Method::HEAD) => {
            respond::method_not_allowed()
        }
        (_, Fallthrough::Folder(folder)) => files::answer(server, app, folder, &request).await,
        (_, Fallthrough::Proxy(proxy)) => {
            let files = app.releases().files().clone();
            match files.answer(&server.file_cache, &request).await {
                Some(file) => file,
                None => proxied(app, proxy, request).await,
            }
        }
        (_, Fallthrough::Nothing) => respond::not_found(),
    }
}

/// What an application takes that names the path itself, as a gateway hands images to an optimizer of its own.
async fn itself(server: &Server, app: &App, request: Request<Incoming>) -> Response<Body> {
    match &app.parts.fallthrough {
        Fallthrough::Proxy(proxy) => proxied(app, proxy, request).await,
        _ => other(server, app, request).await,
    }
}

async fn proxied(app: &App, proxy: &Proxy, request: Request<Incoming>) -> Response<Body> {
    // SECURITY: what answers it repeats the head, and so what a script may not read (RFC 9110 §9.3.8).
    if *request.method() == Method::TRACE {
        return respond::no_trace();
    }
    let Some(peer) = request.extensions().get().copied() else { return respond::internal() };
    let response = passed_on(proxy, request, peer).await;
    app.metrics.proxied(response.status());
    response
}

/// The application's answer, or what is said in its place.
pub(crate) async fn passed_on(
    proxy: &Proxy,
    request: Request<Incoming>,
    peer: Peer,
) -> Response<Body> {
    match proxy.forward(request, peer).await {
        Ok(response) => response.map(Body::Right),
        Err(error) => {
            if error == ProxyError::OutOfDescriptors {
                shortage::tell("connecting to the application");
            }
            respond::not_proxied(error)
        }
    }
}
