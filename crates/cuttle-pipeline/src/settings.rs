//! What a pipeline is told once, at start.

use std::sync::Arc;
use std::time::Duration;

use cuttle_contract::{AllowedSources, Contract, Rules};
use cuttle_image::{Limits, Profile};
use cuttle_source::Limits as SourceLimits;

use crate::kept::Keeping;
use crate::plan::MemoryPlan;

/// Limits, shares and deadlines.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Tells this application's pictures from those of others in the same store: the same path means other bytes there.
    pub application: Arc<str>,
    /// Checked against every header before a worker sees the picture.
    pub limits: Limits,
    /// Shares of the memory ceiling.
    pub memory: MemoryPlan,
    /// The whole budget of one request; every other wait only shortens its part of it.
    pub request: Duration,
    /// Longest wait for a worker.
    pub queue_wait: Duration,
    /// Most requests that wait for a worker.
    pub queue_length: usize,
    /// Longest render; the worker is killed then.
    pub transform: Duration,
    /// How long the state of a local file is believed before it is looked at again.
    pub recheck: Duration,
    /// How long a failure that asking again would not mend is answered without asking.
    pub remember_failure: Duration,
    /// The source cache.
    pub keep_originals: Keeping,
    /// For how long past its freshness a picture is served while it is asked about again.
    pub stale_while_revalidate: Duration,
    /// For how long past its freshness a picture is served while its origin cannot be asked.
    pub stale_if_error: Duration,
    /// Encoder effort while a client waits.
    pub profile: Profile,
    /// `/_next/image`.
    pub next: Endpoint,
    /// The strict endpoint.
    pub strict: Endpoint,
}

/// What holds for the pictures of one endpoint.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// What its originals may cost.
    pub source: SourceLimits,
    /// Where redirects of its originals may lead.
    pub allowed: AllowedSources,
    /// The least time for which a picture is fresh.
    pub min_ttl: Duration,
    /// Whether SVG originals are passed through.
    pub svg: bool,
}

impl Settings {
    /// The defaults of the strict contract, "Limits", under these rules.
    #[must_use]
    pub fn new(limits: Limits, memory: MemoryPlan, rules: &Rules) -> Self {
        let source = SourceLimits { bytes: limits.source_bytes, ..SourceLimits::default() };
        Self {
            application: "".into(),
            limits,
            memory,
            request: Duration::from_secs(30),
            queue_wait: Duration::from_secs(5),
            queue_length: 64,
            transform: Duration::from_secs(10),
            recheck: Duration::from_secs(1),
            remember_failure: Duration::from_secs(60),
            keep_originals: Keeping::default(),
            stale_while_revalidate: rules.stale_while_revalidate(),
            stale_if_error: rules.stale_if_error(),
            profile: Profile::Fast,
            next: Endpoint {
                source,
                allowed: rules.next_sources().clone(),
                min_ttl: rules.next_min_ttl(),
                svg: rules.next_svg(),
            },
            strict: Endpoint {
                source,
                allowed: rules.strict_sources().clone(),
                min_ttl: rules.min_ttl(),
                svg: rules.svg(),
            },
        }
    }

    pub(crate) fn endpoint(&self, contract: Contract) -> &Endpoint {
        match contract {
            Contract::Next => &self.next,
            Contract::Strict => &self.strict,
        }
    }
}
