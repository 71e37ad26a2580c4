//! Both image endpoints: method, loop, contract, pipeline, answer.

use cuttle_contract::disposition::{self, Disposition};
use cuttle_contract::freshness::{Lifetime, SourceFreshness, cache_control};
use cuttle_contract::{Contract, Failure, ImageRequest, Refusal, SourceKind, etag};
use cuttle_pipeline::{Answer, Delivery, Found};
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::App;
use crate::respond::{self, Body, NOSNIFF};

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
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return refuse(
            &contract.refuse(Failure::MethodNotAllowed, SourceKind::Local),
            contract,
            contract == Contract::Strict,
        );
    }
    if comes_from_ourselves(request.headers()) {
        return refuse(
            &contract.refuse(Failure::Loop, SourceKind::Local),
            contract,
            contract == Contract::Strict,
        );
    }
    let query = request.uri().query().unwrap_or_default();
    let accept = joined(request.headers(), ACCEPT);
    let parsed = match contract {
        Contract::Next => app.next.parse(query, accept.as_deref()),
        Contract::Strict => app.strict.parse(query, accept.as_deref()),
    };
    let asked = match parsed {
        Ok(asked) => asked,
        Err(refusal) => return refuse(&refusal, contract, contract == Contract::Strict),
    };
    match app.pipeline.answer(asked.clone()).await {
        Ok(answer) => picture(app, &asked, &answer, request.headers()),
        Err(unanswered) => {
            let mut refusal = contract.refuse(unanswered.failure, asked.source.kind());
            refusal.detail = unanswered.detail;
            refuse(&refusal, contract, asked.varies_by_accept())
        }
    }
}

/// A picture, or the news that the client's copy of it is still good.
fn picture(
    app: &App,
    asked: &ImageRequest,
    answer: &Answer,
    headers: &HeaderMap,
) -> Response<Body> {
    let Answer { variant, found, delivery, .. } = answer;
    let fallback = matches!(delivery, Delivery::Fallback(_));
    let unchanged = !fallback
        && joined(headers, IF_NONE_MATCH).is_some_and(|sent| etag::matches(&sent, &variant.etag));
    let mut response = Response::new(respond::full(if unchanged {
        bytes::Bytes::new()
    } else {
        variant.bytes.clone()
    }));
    let out = response.headers_mut();
    if asked.varies_by_accept() {
        out.insert(VARY, HeaderValue::from_static("Accept"));
    }
    let lifetime = if fallback { Lifetime::Fallback } else { lifetime(app, asked, answer) };
    insert(out, CACHE_CONTROL, &cache_control(asked.contract, lifetime));
    insert(out, ETAG, &variant.etag);
    out.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    insert(out, CACHE_STATUS, &cache_status(*found, *delivery));
    if asked.contract == Contract::Next {
        let state = if *found == Found::Hit { "HIT" } else { "MISS" };
        out.insert(NEXTJS_CACHE, HeaderValue::from_static(state));
    }
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    let kind = variant.kind;
    let svg = kind == cuttle_image::Kind::Svg;
    let (policy, shown) = match asked.contract {
        _ if svg => (SVG_POLICY, Disposition::Attachment),
        Contract::Next => (NEXT_POLICY, Disposition::Attachment),
        Contract::Strict => (STRICT_POLICY, Disposition::Inline),
    };
    out.insert(CONTENT_TYPE, HeaderValue::from_static(kind.media_type()));
    insert(out, CONTENT_DISPOSITION, &disposition::value(shown, &asked.source, kind.extension()));
    out.insert(CONTENT_SECURITY_POLICY, policy);
    out.insert(CONTENT_LENGTH, HeaderValue::from(variant.bytes.len()));
    response
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

fn refuse(refusal: &Refusal, contract: Contract, varies: bool) -> Response<Body> {
    tracing::info!(
        target: "cuttle::refusal",
        code = refusal.code,
        status = refusal.status,
        fault = ?refusal.fault,
        detail = refusal.detail.as_deref(),
        "refused"
    );
    let mut response = respond::refusal(refusal, contract == Contract::Strict && varies);
    response
        .headers_mut()
        .insert(CACHE_STATUS, HeaderValue::from_static("cuttle; fwd=bypass; detail=refused"));
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
        Delivery::Rendition if found == Found::Hit => state.to_owned(),
        Delivery::Rendition => format!("{state}; stored"),
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

/// All lines of a list header as one (RFC 9110 §5.2); bytes outside ASCII make a line unusable.
fn joined(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let mut lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let first = lines.next()?.to_owned();
    Some(lines.fold(first, |all, line| all + ", " + line))
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
