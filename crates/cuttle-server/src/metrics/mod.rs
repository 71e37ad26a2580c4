//! What is counted, for Prometheus. The names, what they mean and the rules for new ones are `docs/metrics.md`, which a test
//! compares with this registry.
//!
//! Labels are words of our own from closed sets, and ids of applications, which the operator wrote; never a text of somebody
//! else's: a URL, a host or a client as a label would let anyone grow the memory of this process and of the Prometheus behind it. A hit costs three atomic additions and
//! nothing else; what is a gauge is read when it is asked for.
//!
//! A job is measured, a request is told. Phases are those of the job and are counted once when it ends, also when nobody waits
//! for it any more: the slow jobs are those that clients leave. A request of an image endpoint is one event of the access log,
//! with its outcome, the phases of the job that it waited for, and the reason. Its counters are chosen at start.

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
type Label = (Word, String);

/// All of them.
pub(crate) struct Metrics {
    registry: Registry,
    of_apps: OfApps,
}

/// What is counted for each application.
struct OfApps {
    requests: Family<[Label; 3], Counter>,
    refusals: Family<[Label; 2], Counter>,
    fallbacks: Family<[Label; 2], Counter>,
    phases: Family<[Label; 2], Histogram, fn() -> Histogram>,
    sent: Family<[Label; 1], Counter>,
    saved: Family<[Label; 1], Counter>,
    proxied: Family<[Label; 2], Counter>,
}

/// The counters of one application.
pub(crate) struct AppMetrics {
    app: String,
    requests: [[Counter; OUTCOMES.len()]; ENDPOINTS.len()],
    refusals: Family<[Label; 2], Counter>,
    fallbacks: Family<[Label; 2], Counter>,
    sent: Counter,
    saved: Counter,
    proxied: [Counter; STATUSES.len()],
}

impl fmt::Debug for AppMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppMetrics").field("app", &self.app).finish_non_exhaustive()
    }
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
        let of_apps = OfApps {
            requests: Family::default(),
            refusals: Family::default(),
            fallbacks: Family::default(),
            phases: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            sent: Family::default(),
            saved: Family::default(),
            proxied: Family::default(),
        };

        let build = Info::new([("version", version)]);
        registry.register("build", "The version that runs", build);
        registry.register(
            "image_requests",
            "Requests of the image endpoints, by what came of them",
            of_apps.requests.clone(),
        );
        registry.register(
            "image_refusals",
            "Requests without an image, by X-Cuttle-Error",
            of_apps.refusals.clone(),
        );
        registry.register(
            "image_fallbacks",
            "Answers that were the original because rendering failed, by why",
            of_apps.fallbacks.clone(),
        );
        registry.register_with_unit(
            "image_phase",
            "How long a job took to get its original, to get a worker, and in the worker",
            Unit::Seconds,
            of_apps.phases.clone(),
        );
        registry.register_with_unit(
            "image_sent",
            "Images sent, bodies only",
            Unit::Bytes,
            of_apps.sent.clone(),
        );
        registry.register_with_unit(
            "image_saved",
            "What the originals of images that were sent have more than those",
            Unit::Bytes,
            of_apps.saved.clone(),
        );
        registry.register(
            "proxied_requests",
            "Requests passed on to the application, by the class of the answer's status",
            of_apps.proxied.clone(),
        );
        registry.register_collector(Box::new(AtScrape::new(read)));

        Self { registry, of_apps }
    }

    /// The counters of an application.
    pub(crate) fn of_app(&self, app: &str) -> AppMetrics {
        let OfApps { requests, refusals, fallbacks, phases, sent, saved, proxied } = &self.of_apps;
        // All at once, so that a series is there, at zero, before anything happens, and nobody looks anything up later.
        for reason in REASONS {
            drop(fallbacks.get_or_create_owned(&[of(app), ("reason", reason.name().to_owned())]));
        }
        for phase in PHASES {
            drop(phases.get_or_create_owned(&[of(app), ("phase", phase.to_owned())]));
        }
        let counter = |endpoint: Word, outcome: Word| {
            let labels = [("endpoint", endpoint.to_owned()), ("outcome", outcome.to_owned())];
            let [endpoint, outcome] = labels;
            requests.get_or_create_owned(&[of(app), endpoint, outcome])
        };
        let proxied =
            |status: Word| proxied.get_or_create_owned(&[of(app), ("status", status.to_owned())]);
        AppMetrics {
            app: app.to_owned(),
            requests: ENDPOINTS.map(|endpoint| OUTCOMES.map(|outcome| counter(endpoint, outcome))),
            refusals: refusals.clone(),
            fallbacks: fallbacks.clone(),
            sent: sent.get_or_create_owned(&[of(app)]),
            saved: saved.get_or_create_owned(&[of(app)]),
            proxied: STATUSES.map(proxied),
        }
    }

    /// The phases of a job.
    pub(crate) fn job(&self, app: &str, phases: &Phases) {
        for (phase, took) in PHASES.into_iter().zip([phases.fetch, phases.queue, phases.encode]) {
            if let Some(took) = took {
                let labels = [of(app), ("phase", phase.to_owned())];
                self.of_apps.phases.get_or_create(&labels).observe(took.as_secs_f64());
            }
        }
    }

    /// Everything, in the text format of `OpenMetrics` 1.0, which Prometheus reads.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry).map(|()| text)
    }
}

impl AppMetrics {
    /// A picture, of which `sent` bytes are on their way.
    pub(crate) fn picture(&self, contract: Contract, answer: &Answer, sent: u64) {
        self.requests[of_contract(contract)][of_found(answer.found)].inc();
        self.sent.inc_by(sent);
        if sent > 0 {
            self.saved.inc_by(answer.original.saturating_sub(sent));
        }
        if let Delivery::Fallback(reason) = answer.delivery {
            let reason = ("reason", reason.name().to_owned());
            self.fallbacks.get_or_create(&[of(&self.app), reason]).inc();
        }
    }

    /// No picture. The codes are a closed set of ours.
    pub(crate) fn refusal(&self, contract: Contract, code: Word) {
        self.requests[of_contract(contract)][REFUSED].inc();
        self.refusals.get_or_create(&[of(&self.app), ("code", code.to_owned())]).inc();
    }

    /// An answer of the application, or ours in its place.
    pub(crate) fn proxied(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        self.proxied[class.min(STATUSES.len() - 1)].inc();
    }
}

/// The label of an application: its id, which the operator chose.
fn of(app: &str) -> Label {
    ("app", app.to_owned())
}

#[cfg(test)]
mod tests;
