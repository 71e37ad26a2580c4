//! What belongs to a connection stays on it (RFC 9110 §7.6.1); everything else passes, line by line as it was sent.

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRANSFER_ENCODING, UPGRADE,
};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, request, response};

/// Removed whether `Connection` names them or not. `Trailer` is not among them: it announces fields of the message.
const OF_A_CONNECTION: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];
/// SECURITY: a client that names these in `Connection` would have us remove what says where a message ends, or whose it is.
const OF_A_MESSAGE: [HeaderName; 2] = [HOST, CONTENT_LENGTH];

/// SECURITY: with these Next talks to itself; from a client they skip or steer a `middleware.ts` (CVE-2025-29927). What browsers send,
/// `x-nextjs-data` and `x-middleware-prefetch`, is not among them.
const OF_NEXT: [HeaderName; 10] = [
    HeaderName::from_static("x-middleware-subrequest"),
    HeaderName::from_static("x-middleware-subrequest-id"),
    HeaderName::from_static("x-middleware-rewrite"),
    HeaderName::from_static("x-middleware-redirect"),
    HeaderName::from_static("x-middleware-set-cookie"),
    HeaderName::from_static("x-middleware-skip"),
    HeaderName::from_static("x-middleware-override-headers"),
    HeaderName::from_static("x-middleware-next"),
    HeaderName::from_static("x-now-route-matches"),
    HeaderName::from_static("x-matched-path"),
];

const CHUNKED: HeaderValue = HeaderValue::from_static("chunked");
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");

/// What a request asks of the connection itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Another protocol.
    pub(crate) upgrade: bool,
    /// The client sends its body once it is told to.
    pub(crate) waits_for_continue: bool,
}

/// One host, the one that the client means: of an absolute target, else of its only `Host`. `None` if that is not to be
/// had. SECURITY: with two, we would check one and the application could believe the other.
pub(crate) fn settle_host(head: &mut request::Parts, target: Option<&Authority>) -> Option<()> {
    if let Some(target) = target {
        let (_, host) = target.as_str().rsplit_once('@').unwrap_or(("", target.as_str()));
        head.headers.insert(HOST, HeaderValue::from_str(host).ok()?);
        return Some(());
    }
    match head.headers.get_all(HOST).iter().count() {
        // HTTP/1.0 knew none; the client then says the application's.
        0 => (head.version == Version::HTTP_10).then_some(()),
        hosts => (hosts == 1).then_some(()),
    }
}

/// Whether the body is packed in a way that only the next hop was to unpack (`gzip, chunked`). hyper undoes the chunks alone;
/// passed on as if that were all, the rest would be garbage.
pub(crate) fn is_packed(headers: &HeaderMap) -> bool {
    let codings: Vec<_> = tokens(headers, TRANSFER_ENCODING).collect();
    !codings.is_empty() && codings != ["chunked"]
}

/// Makes a client's head the head of a request of ours. `bare`: it has no body.
pub(crate) fn to_app(head: &mut request::Parts, bare: bool) -> Asked {
    let headers = &mut head.headers;
    let modern = head.version == Version::HTTP_11;
    let protocols = if modern && tokens(headers, CONNECTION).any(|token| token == "upgrade") {
        protocols(headers)
    } else {
        None
    };
    let trailers = tokens(headers, TE).any(|token| token == "trailers");
    let chunked = headers.contains_key(TRANSFER_ENCODING);
    let expects = tokens(headers, EXPECT).any(|token| token == "100-continue");
    strip(headers);
    for name in &OF_NEXT {
        headers.remove(name);
    }
    if chunked {
        headers.remove(CONTENT_LENGTH);
        // Said aloud, because hyper takes a GET of unknown length for one without a body.
        headers.insert(TRANSFER_ENCODING, CHUNKED);
    }
    if expects && (bare || !modern) {
        headers.remove(EXPECT);
    }
    if trailers {
        headers.insert(TE, TRAILERS);
        headers.append(CONNECTION, HeaderValue::from_static("te"));
    }
    let upgrade = protocols.is_some();
    if let Some(protocols) = protocols {
        switch(headers, protocols);
    }
    Asked { upgrade, waits_for_continue: expects && !bare && modern }
}

/// Makes the head of the application's answer one of ours.
pub(crate) fn to_client(head: &mut response::Parts) {
    // 426 has to say which protocol it takes (RFC 9110 §15.5.22).
    let speaks =
        matches!(head.status, StatusCode::SWITCHING_PROTOCOLS | StatusCode::UPGRADE_REQUIRED);
    let protocols = if speaks { protocols(&head.headers) } else { None };
    if head.headers.contains_key(TRANSFER_ENCODING) {
        head.headers.remove(CONTENT_LENGTH);
    }
    strip(&mut head.headers);
    if let Some(protocols) = protocols {
        switch(&mut head.headers, protocols);
    }
}

fn switch(headers: &mut HeaderMap, protocols: HeaderValue) {
    headers.insert(UPGRADE, protocols);
    headers.append(CONNECTION, HeaderValue::from_static("upgrade"));
}

/// SECURITY: without `h2c`. Requests inside such a tunnel would pass every rule of ours unseen; who offers it is simply not
/// upgraded, as RFC 9110 §7.8 allows.
fn protocols(headers: &HeaderMap) -> Option<HeaderValue> {
    let offered = headers.get_all(UPGRADE).iter().filter_map(|value| value.to_str().ok());
    let kept: Vec<_> = offered
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|protocol| !protocol.is_empty() && !protocol.eq_ignore_ascii_case("h2c"))
        .collect();
    if kept.is_empty() { None } else { HeaderValue::from_str(&kept.join(", ")).ok() }
}

fn strip(headers: &mut HeaderMap) {
    let named: Vec<_> = tokens(headers, CONNECTION)
        .filter_map(|token| HeaderName::from_bytes(token.as_bytes()).ok())
        .filter(|name| !OF_A_MESSAGE.contains(name))
        .collect();
    for name in named.iter().chain(&OF_A_CONNECTION) {
        headers.remove(name);
    }
}

/// The members of a list header, in lower case.
fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = String> {
    headers.get_all(name).into_iter().flat_map(|value| {
        value
            .as_bytes()
            .split(|&byte| byte == b',')
            .map(|token| String::from_utf8_lossy(token.trim_ascii()).to_ascii_lowercase())
    })
}
