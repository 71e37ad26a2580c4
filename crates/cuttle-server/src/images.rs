//! Both image endpoints: method, loop, contract, pipeline, answer.

use cuttle_contract::disposition::{self, Disposition};
use cuttle_contract::freshness::{Lifetime, SourceFreshness, cache_control};
use cuttle_contract::{
    Contract, Failure, Fault, ImageRequest, Refusal, SourceKind, StrictContract, etag,
};
use cuttle_image::Kind;
use cuttle_pipeline::{Answer, Delivery, Found};
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::App;
use crate::respond::{self, Body, NOSNIFF, list};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const NEXTJS_CACHE: HeaderName = HeaderName::from_static("x-nextjs-cache");
const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

const NEXT_POLICY: HeaderValue =
    HeaderValue::from_static("script-src 'none'; frame-src 'none'; sandbox;");
const STRICT_POLICY: HeaderValue = HeaderValue::from_static("script-src 'none'; sandbox");
const SVG_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");

/// `/_next/image`.
pub(crate) async fn next(app: &App, request: &Request<Incoming>) -> Response<Body> {
    answer(app, Contract::Next, request).await
}

/// `<prefix>/image`.
pub(crate) async fn strict(app: &App, request: &Request<Incoming>) -> Response<Body> {
    answer(app, Contract::Strict, request).await
}

async fn answer(app: &App, contract: Contract, request: &Request<Incoming>) -> Response<Body> {
    let query = request.uri().query().unwrap_or_default();
    let varies = contract == Contract::Strict && StrictContract::varies_by_accept(query);
    let refuse = |refusal: &Refusal| refused(refusal, varies);
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return refuse(&contract.refuse(Failure::MethodNotAllowed, SourceKind::Local));
    }
    if comes_from_ourselves(request.headers()) {
        return refuse(&contract.refuse(Failure::Loop, SourceKind::Local));
    }
    let accept = list(request.headers(), ACCEPT);
    let parsed = match contract {
        Contract::Next => app.next.parse(query, accept.as_deref()),
        Contract::Strict => app.strict.parse(query, accept.as_deref()),
    };
    let asked = match parsed {
        Ok(asked) => asked,
        Err(refusal) => return refuse(&refusal),
    };
    match app.pipeline.answer(asked.clone()).await {
        Ok(answer) => picture(app, &asked, answer, request.headers()),
        Err(unanswered) => {
            let mut refusal = contract.refuse(unanswered.failure, asked.source.kind());
            refusal.detail = unanswered.detail;
            refuse(&refusal)
        }
    }
}

/// A picture, or the news that the client's copy of it is still good.
fn picture(app: &App, asked: &ImageRequest, answer: Answer, headers: &HeaderMap) -> Response<Body> {
    let fallback = matches!(answer.delivery, Delivery::Fallback(_));
    let lifetime = if fallback { Lifetime::Fallback } else { lifetime(app, asked, &answer) };
    let unchanged = !fallback && is_still_good(asked.contract, headers, &answer.etag);
    let Answer { body, kind, etag, found, delivery, .. } = answer;
    let length = body.len();
    let body = if unchanged { respond::full("") } else { respond::picture(body) };
    let mut response = Response::new(body);
    let out = response.headers_mut();
    if asked.varies_by_accept() {
        out.insert(VARY, HeaderValue::from_static("Accept"));
    }
    insert(out, CACHE_CONTROL, &cache_control(asked.contract, lifetime));
    insert(out, ETAG, &etag);
    out.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    insert(out, CACHE_STATUS, &cache_status(found, delivery));
    if asked.contract == Contract::Next {
        let state = if found == Found::Hit { "HIT" } else { "MISS" };
        out.insert(NEXTJS_CACHE, HeaderValue::from_static(state));
    }
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    let (policy, shown) = match asked.contract {
        _ if kind == Kind::Svg => (SVG_POLICY, Disposition::Attachment),
        Contract::Next => (NEXT_POLICY, Disposition::Attachment),
        Contract::Strict => (STRICT_POLICY, Disposition::Inline),
    };
    out.insert(CONTENT_TYPE, HeaderValue::from_static(kind.media_type()));
    insert(out, CONTENT_DISPOSITION, &disposition::value(shown, &asked.source, kind.extension()));
    out.insert(CONTENT_SECURITY_POLICY, policy);
    out.insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// Whether a 304 says enough. Next never sends one to a client that asks past its caches.
fn is_still_good(contract: Contract, headers: &HeaderMap, etag: &str) -> bool {
    let past_caches = || list(headers, CACHE_CONTROL).is_some_and(|sent| sent.contains("no-cache"));
    list(headers, IF_NONE_MATCH).is_some_and(|sent| etag::matches(&sent, etag))
        && !(contract == Contract::Next && past_caches())
}

/// How long caches may keep a picture that is what was asked for.
fn lifetime(app: &App, asked: &ImageRequest, answer: &Answer) -> Lifetime {
    // SECURITY: a version is believed only when it names the bytes; else anyone could pin old bytes in
    // a CDN under the next release's URL.
    let true_version =
        asked.version.as_deref().is_some_and(|version| answer.source.is_named_by(version));
    if asked.is_static || true_version {
        return Lifetime::Immutable;
    }
    Lifetime::Picture {
        max_age: SourceFreshness::default().at_least(app.rules.min_ttl()),
        stale_while_revalidate: app.rules.stale_while_revalidate(),
    }
}

/// The one place where refusals are logged, as loud as their fault: a client's mistake must not fill
/// the log.
fn refused(refusal: &Refusal, varies: bool) -> Response<Body> {
    let Refusal { code, status, detail, .. } = refusal;
    let detail = detail.as_deref();
    match refusal.fault {
        Fault::Client => tracing::debug!(code, status, detail, "refused"),
        Fault::Origin => tracing::warn!(code, status, detail, "the source is at fault"),
        Fault::Us if *status == 503 => tracing::warn!(code, status, detail, "too busy"),
        Fault::Us => tracing::error!(code, status, detail, "our fault"),
    }
    let mut response = respond::refusal(refusal, varies);
    let value = HeaderValue::from_static("cuttle; fwd=bypass; detail=refused");
    response.headers_mut().insert(CACHE_STATUS, value);
    response
}

/// RFC 9211. `detail` names what the bytes are when they are not the rendition asked for.
fn cache_status(found: Found, delivery: Delivery) -> String {
    let state = match found {
        Found::Hit => "cuttle; hit",
        Found::Miss => "cuttle; fwd=miss",
        Found::Collapsed => "cuttle; fwd=miss; collapsed",
    };
    match delivery {
        Delivery::Rendition => state.to_owned(),
        Delivery::PassedThrough => format!("{state}; detail=passthrough"),
        Delivery::Fallback(_) => format!("{state}; detail=fallback"),
    }
}

/// SECURITY: a picture that is fetched through ourselves would hold connections in a chain.
fn comes_from_ourselves(headers: &HeaderMap) -> bool {
    headers.get_all(CDN_LOOP).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').any(|member| {
            let name = member.split(';').next().unwrap_or_default();
            name.trim().eq_ignore_ascii_case("cuttle")
        })
    })
}

/// Values are built from our own ASCII; one that is not would be a bug, and no header is the safe answer.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => {
            headers.insert(name, value);
        }
        Err(_) => tracing::error!(%name, value, "a header value that cannot be sent"),
    }
}
