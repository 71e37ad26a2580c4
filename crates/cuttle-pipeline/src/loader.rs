//! Loader originals: one question at a time for each source, shared by everyone who needs it meanwhile.
//!
//! A page asks for eight widths of one picture at once; that is one load, one digest and one copy in memory. A load is a
//! question as far as it can be: who holds a state of the original asks whether it still is. Failures are shared too, and
//! remembered for as long as asking again could not help.
//!
//! The two endpoints share no originals. They differ in what they allow, so a redirect that one follows is not the other's
//! answer. An app that uses both loads an image twice, once for each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cuttle_contract::Failure;
use cuttle_source::{LoadError, Outcome, State, Terms};
use tokio::time::Instant;

use crate::admission::{Budget, Queue};
use crate::answer::PipelineError;
use crate::failures::Failures;
use crate::intake::{Intake, Memory};
use crate::keys::LoadKey;
use crate::original::Original;
use crate::original_cache::OriginalCache;
use crate::request::Job;
use crate::settings::Settings;
use crate::single_flight::{JoinError, SingleFlight};

/// What a load came to.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    /// The original's state, confirmed just now or a few seconds ago.
    pub(crate) state: Arc<State>,
    /// Nothing when the state that was asked about still holds.
    pub(crate) original: Option<Arc<Original>>,
}

/// Loads and shares originals. Clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Loader {
    memory: Memory,
    /// For failures that asking again does not mend.
    negative_ttl: Duration,
    under_way: SingleFlight<LoadKey, Result<Loaded, PipelineError>>,
    failures: Failures,
    bytes: Arc<AtomicU64>,
}

impl Loader {
    pub(crate) fn new(settings: &Settings, failures: Failures) -> Self {
        let queue = Queue::new(settings.queue_length, settings.queue_wait);
        let budget = Budget::new(settings.memory.originals);
        Self {
            memory: Memory { budget, queue, cache: OriginalCache::new(settings.original_cache) },
            negative_ttl: settings.remember_failure,
            under_way: SingleFlight::default(),
            failures,
            bytes: Arc::default(),
        }
    }

    /// Bytes of originals set aside.
    pub(crate) fn held(&self) -> u64 {
        self.memory.budget.held()
    }

    /// How many loads wait for memory.
    pub(crate) fn waiting(&self) -> usize {
        self.memory.queue.len()
    }

    /// When the original is asked about again, if that is not at once.
    pub(crate) fn retry_in(&self, job: &Job) -> Option<Duration> {
        let failed = self.failures.of_load(&LoadKey::of(job))?;
        Some(failed.until.saturating_duration_since(Instant::now()))
    }

    /// Bytes of originals loaded so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the original is being loaded just now.
    pub(crate) fn is_loading(&self, job: &Job) -> bool {
        self.under_way.contains(&LoadKey::of(job))
    }

    /// The original from whoever has it or by loading it; or the news that `known` still describes it.
    pub(crate) async fn load(
        &self,
        job: &Arc<Job>,
        mut known: Option<Arc<State>>,
    ) -> Result<Loaded, PipelineError> {
        let (key, deadline) = (LoadKey::of(job), job.deadline);
        loop {
            // Who asks whether what it knows still holds learns nothing from an original that is no newer.
            let newer = |original: &Arc<Original>| {
                known.as_ref().is_none_or(|known| original.state.checked_at > known.checked_at)
            };
            let shared = !job.site.asks_each_time(&job.request.image.source);
            let kept = shared.then(|| self.memory.cache.fresh(&key)).flatten().filter(newer);
            if let Some(loaded) = kept.and_then(Loaded::without_asking) {
                return Ok(loaded);
            }
            if let Some(failed) = self.failures.of_load(&key) {
                return Err(failed.why);
            }
            let job = {
                let (this, job, known) = (self.clone(), Arc::clone(job), known.clone());
                move || async move { this.ask(key, &job, known).await }
            };
            let joined = self.under_way.join(key, deadline, job).await;
            let loaded = match joined {
                Ok(joined) => match joined.value {
                    // The time that was over is the first waiter's; ours is not.
                    Err(failure)
                        if !joined.leader && failure.is_late() && Instant::now() < deadline =>
                    {
                        continue;
                    }
                    value => value?,
                },
                Err(JoinError::Deadline) => return Err(Failure::SourceTimeout.into()),
                Err(JoinError::Lost) => {
                    return Err(PipelineError::because(Failure::Internal, &"a load panicked"));
                }
            };
            // Someone else's question may have been about a state that we do not have.
            let unchanged = known.as_ref().is_some_and(|known| known.digest == loaded.state.digest);
            if loaded.original.is_some() || unchanged {
                return Ok(loaded);
            }
            known = None;
        }
    }

    /// Remembers that the bytes of a source are not what anyone can be given.
    pub(crate) fn remember_bad_source(&self, job: &Job, state: &State, why: &PipelineError) {
        if !state.is_file() {
            self.failures.load_failed(LoadKey::of(job), why, self.negative_ttl);
        }
    }

    /// The one load of this key.
    async fn ask(
        self,
        key: LoadKey,
        job: &Job,
        known: Option<Arc<State>>,
    ) -> Result<Loaded, PipelineError> {
        let Job { site, request, deadline, .. } = job;
        let deadline = *deadline;
        let held = self.memory.cache.find(&key);
        let state = held.as_ref().map(|original| Arc::clone(&original.state)).or(known);
        let endpoint = site.endpoint(request.image.contract);
        let terms = Terms {
            deadline,
            limits: endpoint.source,
            allowed: &|source| endpoint.allowed.allow(source),
            forwarded: request.forwarded(),
            client: request.client,
            via: &request.via,
        };
        let intake = Intake::new(endpoint.source.bytes, self.memory.clone(), deadline)
            .map_err(|error| PipelineError::of_system(&error))?;
        let origins = &site.parts.origins;
        match origins.load(&request.image.source, state.as_deref(), &terms, intake).await {
            Ok(Outcome::NotModified(state)) => {
                self.failures.load_succeeded(&key);
                Ok(Loaded { state: Arc::new(state), original: held })
            }
            Ok(Outcome::Loaded(loaded)) => {
                self.failures.load_succeeded(&key);
                self.bytes.fetch_add(loaded.state.bytes, Ordering::Relaxed);
                let original = loaded
                    .intake
                    .seal(loaded.state)
                    .map_err(|error| PipelineError::of_system(&error))?;
                let original = Arc::new(original);
                let state = Arc::clone(&original.state);
                // What is private is for those who wait for it now, and for nobody who comes later.
                if state.freshness.private {
                    self.memory.cache.remove(&key);
                } else {
                    self.memory.cache.insert(key, &original);
                }
                Ok(Loaded { state, original: Some(original) })
            }
            Err(error) => {
                let failure = PipelineError::because(error.failure(), &error);
                if !failure.may_pass() {
                    self.memory.cache.remove(&key);
                }
                if let Some(time) = self.negative_ttl(key, &error, deadline) {
                    self.failures.load_failed(key, &failure, time);
                }
                Err(failure)
            }
        }
    }

    /// For how long asking again would bring nothing better. Our own troubles and those of the folder are looked at again
    /// each time: that costs nobody but us.
    fn negative_ttl(&self, key: LoadKey, error: &LoadError, deadline: Instant) -> Option<Duration> {
        match error {
            LoadError::NotFound | LoadError::Failed(_) => None,
            LoadError::NoRoom(_) | LoadError::Sink(_) => None,
            // Whose time was up decides: an origin's failing is everyone's, a job's own deadline is not.
            LoadError::TimedOut { .. } if Instant::now() >= deadline => None,
            LoadError::TimedOut { .. } => Some(self.failures.back_off(key)),
            error if error.is_transient() => Some(self.failures.back_off(key)),
            _ => Some(self.negative_ttl),
        }
    }
}

impl Loaded {
    /// A file is looked at each time: a look costs microseconds, and a redeploy must show at once.
    fn without_asking(original: Arc<Original>) -> Option<Self> {
        let state = Arc::clone(&original.state);
        (!state.is_file()).then_some(Self { state, original: Some(original) })
    }
}
