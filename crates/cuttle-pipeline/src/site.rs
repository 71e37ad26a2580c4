//! One application in one state, as far as its pictures go: where originals come from, on which terms, and from when on what is
//! known of them holds. Replaced as a whole when its build is another, so that every request is judged by one of them from its
//! beginning to its end.
//!
//! The order of a replacement: first the old site keeps nothing any more, then the new one begins at a moment, then requests
//! see it. So whatever is kept was confirmed by the site that serves it, or before that moment, and then the app is asked
//! first. Loads and jobs are shared within one site only.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use cuttle_contract::{AllowedSources, Contract, Rules, Source};
use cuttle_source::{Limits, Origins, State};

use crate::application::Application;
use crate::namespace::CacheNamespace;

/// What holds for the pictures of one endpoint.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// What its originals may cost.
    pub source: Limits,
    /// Where redirects of its originals may lead.
    pub allowed: AllowedSources,
    /// The least time for which a picture is fresh.
    pub min_ttl: Duration,
    /// Whether SVG originals are passed through.
    pub svg: bool,
}

impl Endpoint {
    /// `/_next/image` under these rules.
    #[must_use]
    pub fn next(rules: &Rules, source: Limits) -> Self {
        let (allowed, min_ttl, svg) =
            (rules.next_sources().clone(), rules.next_min_ttl(), rules.next_svg());
        Self { source, allowed, min_ttl, svg }
    }

    /// The strict endpoint under these rules.
    #[must_use]
    pub fn strict(rules: &Rules, source: Limits) -> Self {
        let (allowed, min_ttl, svg) =
            (rules.strict_sources().clone(), rules.min_ttl(), rules.svg());
        Self { source, allowed, min_ttl, svg }
    }
}

/// What a [`Site`] is made of.
#[derive(Debug)]
pub struct SiteParts {
    /// Whose it is.
    pub application: Application,
    /// Where its originals come from.
    pub origins: Origins,
    /// `/_next/image`.
    pub next: Endpoint,
    /// The strict endpoint.
    pub strict: Endpoint,
    /// For how long past its freshness a picture is served while it is asked about again.
    pub stale_while_revalidate: Duration,
    /// For how long past its freshness a picture is served while its origin cannot be asked.
    pub stale_if_error: Duration,
    /// Which build the application runs is not certain, so nothing that it says holds for longer than it takes to say it.
    pub unsettled: bool,
}

/// One application in one state.
#[derive(Debug)]
pub struct Site {
    pub(crate) parts: SiteParts,
    pub(crate) namespace: CacheNamespace,
    /// Tells it from those before and after it: what one of them began is no answer of another.
    pub(crate) revision: u64,
    /// Of its application.
    pub(crate) number: u64,
    since: OnceLock<SystemTime>,
    over: AtomicBool,
}

impl Site {
    /// The id of its application.
    #[must_use]
    pub fn application(&self) -> &Arc<str> {
        &self.parts.application.id
    }

    pub(crate) fn new(parts: SiteParts, namespace: CacheNamespace, revision: u64) -> Self {
        let (number, over) = (parts.application.number(), AtomicBool::new(false));
        Self { parts, namespace, revision, number, since: OnceLock::new(), over }
    }

    /// What was confirmed until `since` is due: it was by another build. Once, before the first request.
    pub fn begin(&self, since: SystemTime) {
        let _ = self.since.set(since);
    }

    /// Nothing that it says from now on is kept. Before the next one begins: then whatever this one still keeps was
    /// confirmed before that.
    pub fn retire(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    pub(crate) fn endpoint(&self, contract: Contract) -> &Endpoint {
        match contract {
            Contract::Next => &self.parts.next,
            Contract::Strict => &self.parts.strict,
        }
    }

    /// Whether what the application says of `source` may not hold for longer than it takes to say it.
    pub(crate) fn asks_each_time(&self, source: &Source) -> bool {
        self.parts.unsettled && matches!(source, Source::Local(_))
    }

    /// Whether the origin must be asked before an answer: what is known is of another build, or may be.
    ///
    /// Files are looked at so often anyway, and only where no build that may be running covers them.
    pub(crate) fn doubts(&self, source: &Source, state: &State) -> bool {
        let before = || self.since.get().is_none_or(|since| state.checked_at <= *since);
        matches!(source, Source::Local(_)) && before()
            || self.asks_each_time(source) && !state.is_file()
    }
}
