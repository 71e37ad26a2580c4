//! An application as requests meet it: which of them are for it, what of them is ours, its releases, and who answers the rest.
//!
//! Which releases may be running is not decided here, nor how an application is started.

use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::{ArcSwap, Guard};
use cuttle_contract::{Contract, LocalPath, Route};
use cuttle_gateway::Proxy;
use cuttle_source::{Folder, LoopId};
use http::Uri;

use crate::admin::reach::Reach;
use crate::forwarding::Forwarding;
use crate::metrics::AppMetrics;
use crate::releases::Releases;

/// The widest placeholder of a static import (`BLUR_IMG_SIZE` of Next).
const PLACEHOLDER: u32 = 8;

/// One application.
#[derive(Debug)]
pub struct App {
    pub(crate) parts: AppParts,
    releases: ArcSwap<Releases>,
    pub(crate) metrics: AppMetrics,
}

/// What an [`App`] is made of.
#[derive(Debug)]
pub struct AppParts {
    /// Its name in metrics, logs and purges.
    pub id: Arc<str>,
    /// Which requests are for it.
    pub route: Route,
    /// Below it everything is ours but `/_next/image`.
    pub prefix: String,
    /// Who answers for everything that is not ours.
    pub fallthrough: Fallthrough,
    /// What of a request the application is told when an original is loaded.
    pub forwarding: Forwarding,
    /// Where the application listens, if it does: whether it is there is part of the readiness report.
    pub reach: Option<Reach>,
    /// By which requests are recognised that came from ourselves.
    pub loop_id: LoopId,
    /// It is `next dev`, which answers image requests itself that we would refuse.
    pub development: bool,
}

/// Who answers for everything that is not ours.
#[derive(Debug)]
pub enum Fallthrough {
    /// A folder: its files, and a page for people.
    Folder(Arc<Folder>),
    /// The application behind us.
    Proxy(Proxy),
    /// Nobody.
    Nothing,
}

impl App {
    pub(crate) fn new(
        parts: AppParts,
        releases: Releases,
        since: SystemTime,
        metrics: AppMetrics,
    ) -> Self {
        releases.begin(since);
        Self { parts, releases: ArcSwap::from_pointee(releases), metrics }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.parts.id
    }

    /// From now on these are the releases that may be running, and what is known of the application's pictures is asked about
    /// again.
    pub fn replace(&self, releases: Releases) {
        // In this order: whatever those before still keep was confirmed before these begin.
        self.releases().retire();
        releases.begin(SystemTime::now());
        self.releases.store(Arc::new(releases));
    }

    /// Those that may be running.
    pub(crate) fn releases(&self) -> Guard<Arc<Releases>> {
        self.releases.load()
    }

    /// The image endpoint that is at `path`.
    pub(crate) fn image_endpoint(&self, path: &str) -> Option<Contract> {
        let strict = || (self.own(path) == Some("/image")).then_some(Contract::Strict);
        self.releases().have_next_endpoint(path).then_some(Contract::Next).or_else(strict)
    }

    /// Whether `next dev` answers a request of the image endpoint: what the rules of the app do not allow, so that it says why in
    /// its own words, and the placeholders of static imports, which it asks for in 8 pixels and no build has.
    pub(crate) fn is_left_to_next_dev(&self, contract: Contract, asked: &Uri) -> bool {
        if !self.parts.development || contract != Contract::Next {
            return false;
        }
        let query = asked.query().unwrap_or_default();
        let width = query.split('&').find_map(|pair| pair.strip_prefix("w="));
        width.and_then(|width| width.parse().ok()).is_none_or(|width: u32| width <= PLACEHOLDER)
            || self.releases().parse(contract, asked.path(), query, None).is_err()
    }

    /// What follows our prefix in a path beneath it.
    pub(crate) fn own<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(&*self.parts.prefix)
            .filter(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// `/%5Fcuttle/x` and `/./_cuttle/x` are reserved as well.
    pub(crate) fn is_reserved(&self, path: &str) -> bool {
        LocalPath::parse(path).is_ok_and(|path| path.is_under(&self.parts.prefix))
    }
}
