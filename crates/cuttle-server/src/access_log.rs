//! One event for each request of an image endpoint: what came of it, how long each phase took, and why.
//!
//! A refusal is loud, with what to do about it, unless one like it was told of a moment ago; hits can be told in part or not at
//! all. The source is named without its query, which may carry signatures and tokens; a request that could not be read is not
//! repeated.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cuttle_contract::{Contract, Fault, ImageRequest, Refusal, Source};
use cuttle_pipeline::{Answer, Delivery, Found, Phases};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::codes;
use crate::metrics::{endpoint, outcome};
use crate::notices::Notices;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST_ID: usize = 64;
/// Bytes of a name in the DNS.
const LONGEST_HOST: usize = 253;

/// The name of a request in all logs: its sender's where it has a usable one, else one of ours.
///
/// SECURITY: nothing of a sender's own choice but these characters gets into a log line.
pub(crate) fn request_id(headers: &HeaderMap) -> HeaderValue {
    let usable = |id: &&HeaderValue| {
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        (1..=LONGEST_ID).contains(&id.len()) && id.as_bytes().iter().all(fits)
    };
    headers.get(&REQUEST_ID).filter(usable).cloned().unwrap_or_else(|| {
        let made = format!("{:032x}", fastrand::u128(..));
        HeaderValue::from_str(&made).expect("hexadecimal digits are a header value")
    })
}

/// Of how many hits one is told.
#[derive(Debug)]
pub(crate) struct Sampling {
    one_of: u64,
    seen: AtomicU64,
}

impl Sampling {
    /// None at all for 0.
    pub(crate) fn one_of(one_of: u64) -> Self {
        Self { one_of, seen: AtomicU64::new(0) }
    }

    fn tells(&self, found: Found) -> bool {
        match (found, self.one_of) {
            (Found::Hit, 0) => false,
            (Found::Hit, 2..) => {
                self.seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.one_of)
            }
            _ => true,
        }
    }
}

/// A request of an image endpoint, from its beginning on.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    /// The id of the application.
    app: &'a str,
    /// Returned to the client as well.
    pub(crate) id: HeaderValue,
    contract: Contract,
    began: Instant,
}

/// All events have the same fields; those without a value are left out.
macro_rules! tell {
    ($level:ident, $message:literal, $report:expr, $asked:expr, $source:expr, $phases:expr, $($field:tt)+) => {{
        let (report, asked, phases): (&Report<'_>, Option<&ImageRequest>, &Phases) =
            ($report, $asked, $phases);
        let source: Option<&Source> = $source;
        tracing::$level!(
            target: "cuttle::image",
            request_id = report.id.to_str().unwrap_or_default(),
            app = report.app,
            endpoint = endpoint(report.contract),
            $($field)+,
            source = source.map(without_query).as_deref(),
            width = asked.map(|asked| asked.width),
            quality = asked.map(|asked| asked.quality),
            milliseconds = milliseconds(report.began.elapsed()),
            fetch_ms = phases.fetch.map(milliseconds),
            queue_ms = phases.queue.map(milliseconds),
            encode_ms = phases.encode.map(milliseconds),
            $message
        );
    }};
}

impl<'a> Report<'a> {
    pub(crate) fn begin(app: &'a str, contract: Contract, headers: &HeaderMap) -> Self {
        Self { app, id: request_id(headers), contract, began: Instant::now() }
    }

    /// A picture, of which `sent` bytes are on their way.
    pub(crate) fn picture(
        &self,
        sampling: &Sampling,
        asked: &ImageRequest,
        answer: &Answer,
        status: u16,
        sent: u64,
    ) {
        let Answer { found, delivery, kind, phases, .. } = answer;
        let (outcome, kind) = (outcome(*found), kind.name());
        match delivery {
            Delivery::Fallback(reason) => tell!(
                warn,
                "served the original instead",
                self,
                Some(asked),
                Some(&asked.source),
                phases,
                outcome,
                status,
                kind,
                bytes = sent,
                reason = reason.name()
            ),
            Delivery::PassedThrough | Delivery::Rendition if sampling.tells(*found) => {
                let passed = *delivery == Delivery::PassedThrough;
                let reason = passed.then_some("passthrough");
                tell!(
                    info,
                    "served",
                    self,
                    Some(asked),
                    Some(&asked.source),
                    phases,
                    outcome,
                    status,
                    kind,
                    bytes = sent,
                    reason
                );
            }
            Delivery::PassedThrough | Delivery::Rendition => {}
        }
    }

    /// No picture.
    pub(crate) fn refusal(
        &self,
        notices: &Notices,
        asked: Option<&ImageRequest>,
        refusal: &Refusal,
        phases: &Phases,
    ) {
        let Refusal { code: reason, status, detail, fault, source, .. } = refusal;
        let source = asked.map(|asked| &asked.source).or(source.as_deref());
        let told = notices.tell(reason, source.map_or("", host), self.began);
        let (remedy, untold) = (told.and_then(|_| codes::remedy(reason)), told.filter(|&n| n > 0));
        let (outcome, detail) = ("refused", detail.as_deref());
        macro_rules! refused {
            ($level:ident, $message:literal) => {
                tell!(
                    $level, $message, self, asked, source, phases, outcome, status, reason, detail,
                    remedy, untold
                )
            };
        }
        match fault {
            // They are few, and each is one too many.
            Fault::Us if *status != 503 => refused!(error, "Cuttle is at fault"),
            _ if told.is_none() => refused!(debug, "refused"),
            Fault::Client => refused!(warn, "refused"),
            Fault::Origin => refused!(warn, "the source is at fault"),
            Fault::Us => refused!(warn, "too busy"),
        }
    }
}

/// A request for a name that is not ours, whatever it was for.
pub(crate) fn wrong_host(notices: &Notices, host: &str) {
    let reason = "wrong_host";
    let Some(untold) = notices.tell(reason, host, Instant::now()) else { return };
    // A client may write anything there, at any length.
    let host = &host[..host.floor_char_boundary(LONGEST_HOST)];
    let (remedy, untold) = (codes::remedy(reason), Some(untold).filter(|&n| n > 0));
    tracing::warn!(target: "cuttle::access", status = 421, reason, host, remedy, untold, "refused");
}

/// Of a remote source; those of the application are of one host.
fn host(source: &Source) -> &str {
    match source {
        Source::Local(_) => "",
        Source::Remote(url) => url.host_str().unwrap_or_default(),
    }
}

fn without_query(source: &Source) -> Cow<'_, str> {
    match source {
        Source::Local(path) => Cow::Borrowed(path.path()),
        Source::Remote(url) => {
            Cow::Owned(format!("{}{}", url.origin().ascii_serialization(), url.path()))
        }
    }
}

/// With what a person can read of it, microseconds.
fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_over_only_if_it_cannot_be_mistaken_for_anything_else() {
        let longest = "a".repeat(64);
        let given = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(id.as_bytes()).expect(id));
            let taken = request_id(&headers);
            taken.to_str().expect("ASCII") == id
        };
        for id in ["a", "7b0f-A.b_c", &longest] {
            assert!(given(id), "{id}");
        }
        let longer = format!("{longest}a");
        for id in ["", "a b", "a\tb", "é", "a\"b", "a/b", &longer] {
            assert!(!given(id), "{id}");
        }
        let made = request_id(&HeaderMap::new());
        assert_eq!(made.len(), 32);
        assert_ne!(made, request_id(&HeaderMap::new()), "each has its own");
    }

    #[test]
    fn one_hit_of_so_many_is_told_and_everything_else_is() {
        for (one_of, expected) in [(0, 0), (1, 10), (5, 2), (100, 1)] {
            let sampling = Sampling::one_of(one_of);
            let told = (0..10).filter(|_| sampling.tells(Found::Hit)).count();
            assert_eq!(told, expected, "{one_of}");
            assert!(sampling.tells(Found::Stale) && sampling.tells(Found::Miss));
        }
    }

    #[test]
    fn a_query_is_never_named() {
        let remote = url::Url::parse("https://cdn.example/a.jpg?signature=secret").expect("a URL");
        assert_eq!(without_query(&Source::Remote(remote)), "https://cdn.example/a.jpg");
        let local = cuttle_contract::LocalPath::parse("/a.jpg?token=secret").expect("a path");
        assert_eq!(without_query(&Source::Local(local)), "/a.jpg");
    }
}
