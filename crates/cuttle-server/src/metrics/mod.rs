//! What is counted, for Prometheus. The names, what they mean and the rules for new ones are `docs/metrics.md`, which a test
//! compares with this registry.
//!
//! Labels are words of our own from closed sets, never a text of somebody else's: a URL, a host or a client as a label would
//! let anyone grow the memory of this process and of the Prometheus behind it. A hit costs three atomic additions and
//! nothing else; what is a gauge is read when it is asked for.

mod readings;

use std::fmt;

use cuttle_contract::Contract;
use cuttle_pipeline::{Answer, Delivery, Found, Phases, Reason};
use http::StatusCode;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use readings::AtScrape;
pub(crate) use readings::Readings;

/// `Content-Type` of the exposition.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Seconds. From a look at a file to the longest that a request may take by default.
const BUCKETS: [f64; 15] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
const ENDPOINTS: [&str; 2] = ["next", "strict"];
const OUTCOMES: [&str; 5] = ["hit", "stale", "miss", "collapsed", "refused"];
const REFUSED: usize = 4;
const PHASES: [&str; 3] = ["fetch", "queue", "encode"];
const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
const REASONS: [Reason; 5] = [
    Reason::Undecodable,
    Reason::TooLarge,
    Reason::WorkerCrashed,
    Reason::TimedOut,
    Reason::NoWorker,
];

type Word = &'static str;
type Label = (Word, Word);

/// All of them.
pub(crate) struct Metrics {
    registry: Registry,
    requests: [[Counter; OUTCOMES.len()]; ENDPOINTS.len()],
    refusals: Family<[Label; 1], Counter>,
    fallbacks: Family<[Label; 1], Counter>,
    phases: [Histogram; PHASES.len()],
    sent: Counter,
    saved: Counter,
    proxied: [Counter; STATUSES.len()],
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// The name under which an outcome is counted and logged.
pub(crate) fn outcome(found: Found) -> Word {
    OUTCOMES[of_found(found)]
}

/// The name under which an endpoint is counted and logged.
pub(crate) fn endpoint(contract: Contract) -> Word {
    ENDPOINTS[of_contract(contract)]
}

fn of_found(found: Found) -> usize {
    match found {
        Found::Hit => 0,
        Found::Stale => 1,
        Found::Miss => 2,
        Found::Collapsed => 3,
    }
}

fn of_contract(contract: Contract) -> usize {
    match contract {
        Contract::Next => 0,
        Contract::Strict => 1,
    }
}

impl Metrics {
    /// With the gauges that `read` gives at each scrape.
    pub(crate) fn new(version: Word, read: impl Fn() -> Readings + Send + Sync + 'static) -> Self {
        let mut registry = Registry::with_prefix("cuttle");
        let requests = Family::<[Label; 2], Counter>::default();
        let (refusals, fallbacks) = (Family::default(), Family::<[Label; 1], Counter>::default());
        let phases =
            Family::<[Label; 1], Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        let (sent, saved) = (Counter::default(), Counter::default());
        let proxied = Family::<[Label; 1], Counter>::default();

        let build = Info::new([("version", version)]);
        registry.register("build", "The version that runs", build);
        registry.register(
            "image_requests",
            "Requests of the image endpoints, by what came of them",
            requests.clone(),
        );
        registry.register(
            "image_refusals",
            "Requests without a picture, by X-Cuttle-Error",
            refusals.clone(),
        );
        registry.register(
            "image_fallbacks",
            "Answers that were the original because rendering failed, by why",
            fallbacks.clone(),
        );
        registry.register_with_unit(
            "image_phase",
            "How long a job took to get its original, to get a worker, and in the worker",
            Unit::Seconds,
            phases.clone(),
        );
        registry.register_with_unit(
            "image_sent",
            "Pictures sent, bodies only",
            Unit::Bytes,
            sent.clone(),
        );
        registry.register_with_unit(
            "image_saved",
            "What the originals of pictures that were sent have more than those",
            Unit::Bytes,
            saved.clone(),
        );
        registry.register(
            "proxied_requests",
            "Requests passed on to the application, by the class of the answer's status",
            proxied.clone(),
        );
        registry.register_collector(Box::new(AtScrape::new(read)));

        // All at once, so that a series is there, at zero, before anything happens, and nobody looks anything up later.
        for reason in REASONS {
            drop(fallbacks.get_or_create_owned(&[("reason", reason.name())]));
        }
        let counter = |endpoint, outcome| {
            requests.get_or_create_owned(&[("endpoint", endpoint), ("outcome", outcome)])
        };
        Self {
            registry,
            requests: ENDPOINTS.map(|endpoint| OUTCOMES.map(|outcome| counter(endpoint, outcome))),
            refusals,
            fallbacks,
            phases: PHASES.map(|phase| phases.get_or_create_owned(&[("phase", phase)])),
            sent,
            saved,
            proxied: STATUSES.map(|status| proxied.get_or_create_owned(&[("status", status)])),
        }
    }

    /// A picture, of which `sent` bytes are on their way.
    pub(crate) fn picture(&self, contract: Contract, answer: &Answer, sent: u64) {
        self.requests[of_contract(contract)][of_found(answer.found)].inc();
        self.sent.inc_by(sent);
        if sent > 0 {
            self.saved.inc_by(answer.original.saturating_sub(sent));
        }
        if let Delivery::Fallback(reason) = answer.delivery {
            self.fallbacks.get_or_create(&[("reason", reason.name())]).inc();
        }
    }

    /// No picture. The codes are a closed set of ours.
    pub(crate) fn refusal(&self, contract: Contract, code: Word) {
        self.requests[of_contract(contract)][REFUSED].inc();
        self.refusals.get_or_create(&[("code", code)]).inc();
    }

    /// The phases of a job.
    pub(crate) fn job(&self, phases: &Phases) {
        for (histogram, took) in self.phases.iter().zip([phases.fetch, phases.queue, phases.encode])
        {
            if let Some(took) = took {
                histogram.observe(took.as_secs_f64());
            }
        }
    }

    /// An answer of the application, or ours in its place.
    pub(crate) fn proxied(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        self.proxied[class.min(STATUSES.len() - 1)].inc();
    }

    /// Everything, in the text format of `OpenMetrics` 1.0, which Prometheus reads.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry).map(|()| text)
    }
}

#[cfg(test)]
mod tests;
