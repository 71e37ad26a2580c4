//! Both image endpoints: method, loop, contract, pipeline, answer, report.

use cuttle_contract::disposition::{self, Disposition};
use cuttle_contract::freshness::{Lifetime, cache_control};
use cuttle_contract::{
    Client, Contract, Failure, ImageRequest, Refusal, Source, SourceKind, StrictContract, etag,
};
use cuttle_image::Kind;
use cuttle_pipeline::{Answer, Delivery, Found, Keep, Phases};
use cuttle_source::{CDN_LOOP, Loop};
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::Server;
use crate::access_log::{REQUEST_ID, Report};
use crate::app::App;
use crate::releases::{Release, Releases};
use crate::respond::{self, Body, NOSNIFF, list};
use cuttle_net::Peer;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const NEXTJS_CACHE: HeaderName = HeaderName::from_static("x-nextjs-cache");

const STRICT_POLICY: HeaderValue = HeaderValue::from_static("script-src 'none'; sandbox");
const SVG_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");

/// No picture: why, how far it came, and what was asked for as far as that could be read.
struct Refused {
    refusal: Refusal,
    phases: Phases,
    asked: Option<ImageRequest>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, phases: Phases::default(), asked: None }
    }
}

/// Answers a request for a picture, counts it and reports it.
pub(crate) async fn answer(
    server: &Server,
    app: &App,
    contract: Contract,
    request: &Request<Incoming>,
) -> Response<Body> {
    let report = Report::begin(&app.parts.id, contract, request.headers());
    let releases = app.releases();
    let (release, mut response) = match ask(server, app, &releases, contract, request).await {
        Ok((release, asked, answer)) => {
            let lifetime = lifetime(&releases, release, &asked, &answer);
            let response = picture(release, lifetime, &asked, &answer, request.headers());
            let bodiless = *request.method() == Method::HEAD || response.status() != StatusCode::OK;
            let sent = if bodiless { 0 } else { answer.body.len() };
            app.metrics.picture(contract, &answer, sent);
            report.picture(&server.sampling, &asked, &answer, response.status().as_u16(), sent);
            (release, response)
        }
        Err(Refused { refusal, phases, asked }) => {
            let query = request.uri().query().unwrap_or_default();
            let varies = contract == Contract::Strict && StrictContract::varies_by_accept(query);
            app.metrics.refusal(contract, refusal.code);
            report.refusal(&server.notices, asked.as_ref(), &refusal, &phases);
            (releases.newest(), refused(server, &refusal, varies))
        }
    };
    response.headers_mut().insert(REQUEST_ID, report.id);
    if contract == Contract::Next {
        response.headers_mut().extend(release.shared_headers());
    }
    response
}

/// Method, loop, contract, pipeline.
async fn ask<'a>(
    server: &Server,
    app: &App,
    releases: &'a Releases,
    contract: Contract,
    request: &Request<Incoming>,
) -> Result<(&'a Release, ImageRequest, Answer), Refused> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(contract.refuse(Failure::MethodNotAllowed, SourceKind::Local).into());
    }
    // SECURITY: a picture that is fetched through ourselves would hold connections in a chain.
    let via = match app.parts.loop_id.way(request.headers().get_all(CDN_LOOP)) {
        Ok(via) => via,
        Err(Loop) => return Err(contract.refuse(Failure::Loop, SourceKind::Local).into()),
    };
    let query = request.uri().query().unwrap_or_default();
    let accept = list(request.headers(), ACCEPT);
    let path = request.uri().path();
    let (release, asked) = releases.parse(contract, path, query, accept.as_deref())?;
    let peer: Option<&Peer> = request.extensions().get();
    let credentials = app.parts.forwarding.personal(&asked.source, request.headers(), peer);
    let client = peer.map_or_else(Client::unknown, |peer| peer.client);
    let question = cuttle_pipeline::Request { image: asked.clone(), credentials, client, via };
    match server.parts.machine.answer(&release.parts.site, question).await {
        Ok(answer) => Ok((release, asked, answer)),
        Err(unanswered) => {
            let mut refusal = contract.refuse(unanswered.failure, asked.source.kind());
            refusal.detail = unanswered.detail;
            Err(Refused { refusal, phases: unanswered.phases, asked: Some(asked) })
        }
    }
}

/// A picture, or the news that the client's copy of it is still good.
fn picture(
    release: &Release,
    lifetime: Lifetime,
    asked: &ImageRequest,
    answer: &Answer,
    headers: &HeaderMap,
) -> Response<Body> {
    let fallback = matches!(answer.delivery, Delivery::Fallback(_));
    let unchanged = !fallback && is_still_good(asked.contract, headers, &answer.etag);
    let Answer { kind, found, delivery, .. } = *answer;
    let body = if unchanged { respond::full("") } else { respond::picture(answer.body.clone()) };
    let mut response = Response::new(body);
    let out = response.headers_mut();
    if asked.varies_by_accept() {
        out.insert(VARY, HeaderValue::from_static("Accept"));
    }
    insert(out, CACHE_CONTROL, &cache_control(asked.contract, lifetime));
    insert(out, ETAG, &answer.etag);
    out.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    insert(out, CACHE_STATUS, &cache_status(found, delivery));
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    if asked.contract == Contract::Next {
        let state = match found {
            Found::Hit => "HIT",
            Found::Stale => "STALE",
            Found::Miss | Found::Collapsed => "MISS",
        };
        out.insert(NEXTJS_CACHE, HeaderValue::from_static(state));
    }
    let (policy, shown) = match asked.contract {
        Contract::Next => release.next_headers(),
        Contract::Strict if kind == Kind::Svg => (SVG_POLICY, Disposition::Attachment),
        Contract::Strict => (STRICT_POLICY, Disposition::Inline),
    };
    out.insert(CONTENT_TYPE, HeaderValue::from_static(kind.media_type()));
    insert(out, CONTENT_DISPOSITION, &disposition::value(shown, &asked.source, kind.extension()));
    out.insert(CONTENT_SECURITY_POLICY, policy);
    out.insert(CONTENT_LENGTH, HeaderValue::from(answer.body.len()));
    response
}

/// Whether a 304 says enough. Next never sends one to a client that asks past its caches.
fn is_still_good(contract: Contract, headers: &HeaderMap, etag: &str) -> bool {
    let past_caches = || list(headers, CACHE_CONTROL).is_some_and(|sent| sent.contains("no-cache"));
    list(headers, IF_NONE_MATCH).is_some_and(|sent| etag::matches(&sent, etag))
        && !(contract == Contract::Next && past_caches())
}

/// How long caches may keep a picture that is what was asked for.
fn lifetime(
    releases: &Releases,
    release: &Release,
    asked: &ImageRequest,
    answer: &Answer,
) -> Lifetime {
    if matches!(answer.delivery, Delivery::Fallback(_)) {
        return Lifetime::Fallback;
    }
    let rules = &release.parts.rules;
    // SECURITY: a version is believed only when it names the bytes; else anyone could pin old bytes in
    // a CDN under the next release's URL.
    let is_true = |version: &str| {
        let own = matches!(asked.source, Source::Local(_));
        answer.source.is_named_by(version) || own && releases.is_named_by(version)
    };
    let min_ttl = match asked.contract {
        Contract::Next => rules.next_min_ttl(),
        Contract::Strict => rules.min_ttl(),
    };
    let max_age = match answer.keep {
        Keep::Nobody => return Lifetime::Private,
        Keep::Personal => return Lifetime::Personal,
        Keep::Everyone { max_age } => max_age.max(min_ttl),
        Keep::Until { retry_in } => retry_in,
    };
    if asked.is_static || asked.version.as_deref().is_some_and(is_true) {
        return Lifetime::Immutable;
    }
    Lifetime::Picture { max_age, stale_while_revalidate: rules.stale_while_revalidate() }
}

fn refused(server: &Server, refusal: &Refusal, varies: bool) -> Response<Body> {
    let mut response = respond::refusal(refusal, varies, server.parts.refusals);
    let value = HeaderValue::from_static("cuttle; fwd=bypass; detail=refused");
    response.headers_mut().insert(CACHE_STATUS, value);
    response
}

/// RFC 9211. `detail` names what the bytes are when they are not the rendition asked for.
fn cache_status(found: Found, delivery: Delivery) -> String {
    let state = match found {
        Found::Hit => "cuttle; hit",
        Found::Stale => return "cuttle; hit; detail=stale".to_owned(),
        Found::Miss => "cuttle; fwd=miss",
        Found::Collapsed => "cuttle; fwd=miss; collapsed",
    };
    match delivery {
        Delivery::Rendition => state.to_owned(),
        Delivery::PassedThrough => format!("{state}; detail=passthrough"),
        Delivery::Fallback(_) => format!("{state}; detail=fallback"),
    }
}

/// Values are built from our own ASCII; one that is not would be a bug, and no header is the safe answer.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => {
            headers.insert(name, value);
        }
        Err(_) => tracing::error!(%name, value, "a header is left out: its value cannot be sent"),
    }
}
