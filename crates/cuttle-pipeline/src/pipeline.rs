//! The list itself: what happens to a request, in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cuttle_contract::{Failure, ImageRequest, RequestKey, Source};
use cuttle_image::Probe;
use cuttle_source::{Sources, Validator};
use cuttle_store::{ContentKey, Entry, RequestDigest, Tier, Variant};
use cuttle_worker::Pool;
use moka::sync::Cache;
use tokio::time::{Instant, timeout_at};

use crate::admission::{Admission, Budget, Queue};
use crate::answer::{Answer, Delivery, Found, Reason, SourceDigest, Unanswered};
use crate::coalesce::{Flights, Missed};
use crate::decision::{Decision, decide};
use crate::jobs::{Seat, Wish};
use crate::joining::Waiting;
use crate::keys::request_digest;
use crate::loading::Loading;
use crate::rendition::Made;
use crate::settings::Settings;

/// A state of the source, and when it was last seen to be so.
#[derive(Debug, Clone, Copy)]
pub struct Checked {
    validator: Validator,
    at: Instant,
    source: SourceDigest,
}

/// How busy a pipeline is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Requests that wait for an answer, hits aside.
    pub requests: usize,
    /// Jobs under way, loading included.
    pub jobs: usize,
    /// Jobs that wait for memory for their original, or for a worker.
    pub waiting: usize,
    /// No further job would be admitted.
    pub full: bool,
    /// No new work is taken.
    pub closed: bool,
}

/// Most failed renders remembered at a time; the oldest go first.
const REMEMBERED_FAILURES: u64 = 10_000;

/// The pipeline. Clones share everything.
#[derive(Debug, Clone)]
pub struct Pipeline(Arc<Stages>);

pub(crate) struct Stages {
    pub(crate) settings: Settings,
    pub(crate) store: Arc<dyn Tier<Checked>>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) admission: Admission,
    pub(crate) waiting: Waiting<Wish, Seat>,
    pub(crate) failed: Cache<ContentKey, Reason>,
    loading: Loading,
    flights: Flights<RequestKey, Result<(Made, SourceDigest), Unanswered>>,
    requests: AtomicUsize,
    closed: AtomicBool,
}

impl std::fmt::Debug for Stages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stages").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Pipeline {
    /// Joins the stages. The pool's capacity is the number of jobs that render at a time.
    #[must_use]
    pub fn new(
        settings: Settings,
        sources: Sources,
        store: Arc<dyn Tier<Checked>>,
        pool: Arc<Pool>,
    ) -> Self {
        let queue = || Queue::new(settings.queue_length, settings.queue_wait);
        let admission = Admission::new(pool.capacity(), settings.memory.renders, queue());
        let originals = Budget::new(settings.memory.originals);
        let loading = Loading::new(sources, originals, queue(), settings.limits.source_bytes);
        let failed = Cache::builder()
            .max_capacity(REMEMBERED_FAILURES)
            .time_to_live(settings.remember_failure)
            .build();
        Self(Arc::new(Stages {
            settings,
            store,
            pool,
            admission,
            waiting: Waiting::default(),
            failed,
            loading,
            flights: Flights::default(),
            requests: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        }))
    }

    /// Answers a valid request: from the store, by waiting for a job that is under way, or by a job
    /// of its own that belongs to the server and outlives its client.
    ///
    /// # Errors
    /// [`Unanswered`]: whose fault, and the detail for the log.
    pub async fn answer(&self, request: ImageRequest) -> Result<Answer, Unanswered> {
        let deadline = Instant::now() + self.0.settings.request;
        let key = request.key();
        let digest = request_digest(&key);
        let known = timeout_at(deadline, self.0.look_up(&digest, &request.source)).await;
        if let Some((variant, source)) = known.map_err(|_elapsed| Failure::SourceTimeout)? {
            return Ok(Answer::of(Made::kept(variant), Found::Hit, source));
        }
        if self.0.closed.load(Ordering::Relaxed) {
            return Err(Failure::ShuttingDown.into());
        }
        let _waiting = Counted::one_more(&self.0.requests);
        let stages = Arc::clone(&self.0);
        let job = move || async move { stages.produce(digest, request, deadline).await };
        let landed =
            self.0.flights.join(key, deadline, job).await.map_err(|missed| match missed {
                Missed::Deadline => Failure::RequestTimeout.into(),
                Missed::Lost => Unanswered::because(Failure::Internal, &"the job panicked"),
            })?;
        let (made, source) = landed.value?;
        let found = if landed.led { Found::Miss } else { Found::Collapsed };
        Ok(Answer::of(made, found, source))
    }

    /// Takes no new work from now on; jobs under way finish and hits are still answered.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::Relaxed);
    }

    /// How busy it is.
    #[must_use]
    pub fn load(&self) -> Load {
        let Stages { admission, loading, flights, .. } = &*self.0;
        Load {
            requests: self.0.requests.load(Ordering::Relaxed),
            jobs: flights.len(),
            waiting: admission.waiting() + loading.waiting(),
            full: flights.len() >= self.0.most_jobs(),
            closed: self.0.closed.load(Ordering::Relaxed),
        }
    }

    /// The workers, for readiness and shutdown.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.0.pool
    }

    /// How full the store is.
    #[must_use]
    pub fn usage(&self) -> cuttle_store::Usage {
        self.0.store.usage()
    }
}

impl Stages {
    /// One at work for each worker, and a full queue behind them.
    fn most_jobs(&self) -> usize {
        self.pool.capacity() + self.settings.queue_length
    }

    /// The job of one key, from the original to the stored variant.
    async fn produce(
        self: &Arc<Self>,
        digest: RequestDigest,
        request: ImageRequest,
        deadline: Instant,
    ) -> Result<(Made, SourceDigest), Unanswered> {
        // Asked before anything is loaded: what cannot be rendered soon is not fetched either. Every job
        // counts, also while it loads, so that the answer is honest at once and not after a wait.
        if self.flights.len() > self.most_jobs() {
            return Err(Failure::QueueFull.into());
        }
        let original = self.loading.load(&request.source, deadline).await?;
        let source = SourceDigest(original.digest);
        let made = match original.probe() {
            Ok(probe) => match self.decide(&request, &probe)? {
                Decision::PassThrough => self.pass_through(&original, probe.kind)?,
                Decision::Render(target) => {
                    self.render(&request, target, &original, &probe, deadline).await?
                }
            },
            Err(error) => Self::unreadable(&request, &original, &error)?,
        };
        if let Some(content) = made.content {
            let checked = Checked { validator: original.validator, at: Instant::now(), source };
            self.store.record(digest, Entry { content, validator: checked });
        }
        if let Delivery::Fallback(reason) = made.delivery {
            let source = source_for_log(&request.source);
            tracing::warn!(source, reason = reason.name(), "served the original instead");
        }
        Ok((made, source))
    }

    fn decide(&self, request: &ImageRequest, probe: &Probe) -> Result<Decision, Failure> {
        let Settings { limits, svg, .. } = &self.settings;
        decide(request.contract, request.format, probe, limits, *svg)
    }

    /// A stored answer whose source is still what it was.
    async fn look_up(
        &self,
        digest: &RequestDigest,
        source: &Source,
    ) -> Option<(Variant, SourceDigest)> {
        let Entry { content, validator: checked } = self.store.find(digest)?;
        let variant = self.store.get(&content)?;
        if checked.at.elapsed() >= self.settings.recheck {
            // Recorded first, so that of many hits at this instant only one looks at the disk.
            let again = Checked { at: Instant::now(), ..checked };
            self.store.record(*digest, Entry { content, validator: again });
            let now = self.loading.check(source).await;
            if now.is_err() || now.is_ok_and(|(_, now)| now != checked.validator) {
                self.store.forget(digest);
                return None;
            }
        }
        Some((variant, checked.source))
    }
}

/// A source as the log may name it: queries can carry signatures and tokens.
pub(crate) fn source_for_log(source: &Source) -> String {
    match source {
        Source::Local(path) => path.path().to_owned(),
        Source::Remote(url) => format!("{}{}", url.origin().ascii_serialization(), url.path()),
    }
}

/// One more for as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn one_more(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
