//! The list itself: what happens to a request, in order. One machine for all applications: what a process has once, workers,
//! memory, the queue and the store, it shares out among their sites.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cuttle_contract::{Client, Failure};
use cuttle_image::{Kind, Probe, Target};
use cuttle_source::State;
use cuttle_store::{Epoch, Purge, Purged, RequestDigest, Store, Variant};
use cuttle_worker::Pool;
use tokio::time::Instant;

use crate::answer::{Answer, Delivery, Found, Phases, PipelineError};
use crate::application::Application;
use crate::applications::Applications;
use crate::batch::RenditionRequest;
use crate::decision::{Decision, decide};
use crate::failures::Failures;
use crate::fair_queue::Flow;
use crate::keys::{original_id, original_key, rendition_key, request_digest};
use crate::loader::Loader;
use crate::look_up::{Cached, LookUp, Results, may_be_shared};
use crate::made::Made;
use crate::namespace::CacheNamespace;
use crate::original::Original;
use crate::queries::Queries;
use crate::renderer::Renderer;
use crate::rendition::{self, KEPT_ORIGINAL_BYTES};
use crate::request::{Job, Request};
use crate::settings::Settings;
use crate::shares::Shares;
use crate::single_flight::{JoinError, SingleFlight};
use crate::site::{Site, SiteParts};

/// Questions whether what is known still holds, beside the jobs that may be under way.
const QUESTIONS: usize = 512;

/// What makes pictures for every application. Clones share everything.
#[derive(Debug, Clone)]
pub struct Machine(pub(crate) Arc<Stages>);

pub(crate) struct Stages {
    pub(crate) settings: Settings,
    pub(crate) store: Store<Arc<State>>,
    pub(crate) results: Results,
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) failures: Failures,
    pub(crate) loader: Loader,
    queries: Queries,
    under_way: SingleFlight<JobKey, Result<Done, PipelineError>>,
    /// Jobs under way of each client, and of each application.
    of_clients: Shares<Client>,
    of_applications: Shares<u64>,
    pub(crate) requests: AtomicUsize,
    pub(crate) refused: AtomicU64,
    closed: AtomicBool,
    watch: OnceLock<Watch>,
    /// Sites so far.
    revisions: AtomicU64,
    pub(crate) applications: Applications,
}

/// A request, by the purges that are known and by the revision of the site: what began before another of either is nobody's
/// answer after it. And whether it came straight from a visitor: only then nobody can have it refused as a loop.
type JobKey = (RequestDigest, Epoch, u64, bool);

/// Is told of every job that ended, also of those that nobody waits for any more.
type Watch = Box<dyn Fn(&Application, &Phases) + Send + Sync>;

/// A job ends at the deadline of its first waiter and can say what it was that took so long. So much longer than its own
/// deadline a waiter listens for that.
const VERDICT: Duration = Duration::from_millis(100);

type Doing = Pin<Box<dyn Future<Output = Result<Done, PipelineError>> + Send>>;

/// What a job hands to everyone who waits for it.
#[derive(Debug, Clone)]
struct Done {
    made: Made,
    state: Arc<State>,
    phases: Phases,
}

impl std::fmt::Debug for Stages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stages").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Machine {
    /// Joins the stages. The pool's capacity is the number of jobs that render at a time.
    #[must_use]
    pub fn new(settings: Settings, store: Store<Arc<State>>, pool: Arc<Pool>) -> Self {
        let failures = Failures::new(settings.memory.failures, settings.remember_failure);
        let queries = Queries::new(settings.recheck);
        let loader = Loader::new(&settings, failures.clone());
        let renderer = Renderer::new(&settings, store.clone(), pool, failures.clone());
        Self(Arc::new(Stages {
            results: Results::new(&settings, store.clone()),
            settings,
            store,
            renderer: Arc::new(renderer),
            failures,
            loader,
            queries,
            under_way: SingleFlight::default(),
            of_clients: Shares::default(),
            of_applications: Shares::default(),
            requests: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            watch: OnceLock::new(),
            revisions: AtomicU64::new(0),
            applications: Applications::default(),
        }))
    }

    /// An application whose pictures are made here, in the state of this moment.
    #[must_use]
    pub fn site(&self, parts: SiteParts) -> Arc<Site> {
        let svg = [parts.next.svg, parts.strict.svg];
        let namespace = CacheNamespace::of(&self.0.settings, &parts.application, svg);
        let revision = self.0.revisions.fetch_add(1, Ordering::Relaxed);
        let site = Arc::new(Site::new(parts, namespace, revision));
        self.0.applications.note(&site);
        site
    }

    /// Answers a valid request: from the store, by waiting for a job that is under way, or by a job
    /// of its own that belongs to the server and outlives its client.
    ///
    /// # Errors
    /// [`PipelineError`]: whose fault, and the detail for the log.
    pub async fn answer(
        &self,
        site: &Arc<Site>,
        request: Request,
    ) -> Result<Answer, PipelineError> {
        let deadline = Instant::now() + self.0.settings.request;
        let request = self.0.queries.settle(site, request, deadline).await;
        let digest = request_digest(&site.namespace, &request);
        let since = self.0.store.epoch();
        let found = self.0.results.look_up(&digest, site, &request).await;
        let job = |request| Arc::new(Job { site: Arc::clone(site), request, since, deadline });
        let (job, known) = match found {
            LookUp::Fresh(known) => return Ok(known.answer(Found::Hit, &request)),
            LookUp::Stale(known) => {
                let job = job(request);
                let retry_in = self.0.loader.retry_in(&job);
                // What is stale can wait: for others to be done, and for the next who asks.
                if retry_in.is_none() && !self.is_closed() && !self.0.is_full() {
                    self.0.start(digest, &job, known.clone());
                }
                return Ok(known.answer(Found::Stale, &job.request).retried_in(retry_in));
            }
            LookUp::MustRevalidate(known) => (job(request), Some(known)),
            LookUp::Absent => (job(request), None),
        };
        let joined = match self.is_closed() {
            true => Err(Failure::ShuttingDown.into()),
            false => self.0.wait(digest, &job, known.clone()).await,
        };
        match (joined, known) {
            // SECURITY: not where another build may guard it by now, and nobody could be asked.
            (Err(failure), Some(known))
                if self.0.results.may_serve_stale_on_error(&known, &job, &failure)
                    && !known.is_doubted(&job.site, &job.request) =>
            {
                let retry_in = self.0.loader.retry_in(&job);
                Ok(known.answer(Found::Stale, &job.request).retried_in(retry_in))
            }
            (joined, _) => joined,
        }
    }

    /// Takes no new work from now on; jobs under way finish and hits are still answered.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Relaxed)
    }

    /// Has `watch` told how long each job took, from now on; the first one that asks is told.
    pub fn watch(&self, watch: impl Fn(&Application, &Phases) + Send + Sync + 'static) {
        let _ = self.0.watch.set(Box::new(watch));
    }

    /// The workers, for readiness and shutdown.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        self.0.renderer.pool()
    }

    /// Forgets what was made from some sources: kept, being made, and being loaded.
    pub async fn purge(&self, purge: Purge) -> Purged {
        let mut purged = Purged::default();
        for site in self.0.applications.sites() {
            if let Some(settled) = self.0.queries.settle_purge(&site, &purge).await {
                purged += self.0.store.purge(settled).await;
            }
        }
        purged += self.0.store.purge(purge).await;
        purged
    }

    /// Waits until everything that is kept is on disk, or cannot be.
    pub async fn flush(&self) {
        self.0.store.flush().await;
    }
}

impl Stages {
    /// One at work for each worker, and a full queue behind them.
    fn most_jobs(&self) -> usize {
        self.renderer.pool().capacity() + self.settings.queue_length
    }

    pub(crate) fn jobs(&self) -> usize {
        self.under_way.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.jobs() >= self.most_jobs()
    }

    /// Half of the queue, and no less than could be done at once. Clients that we cannot tell apart are not held against each
    /// other.
    fn most_jobs_of(&self, client: Client) -> usize {
        let half = self.renderer.pool().capacity().max(self.settings.queue_length / 2);
        if client.is_known() { half } else { usize::MAX }
    }

    /// Three quarters of everything where there are others, so that none fills it alone.
    fn most_jobs_of_an_application(&self) -> usize {
        match self.applications.len() {
            0 | 1 => usize::MAX,
            _ => self.renderer.pool().capacity().max(self.most_jobs() / 4 * 3),
        }
    }

    /// Waits for the job of one key until `deadline`, starting it if there is none.
    async fn wait(
        self: &Arc<Self>,
        digest: RequestDigest,
        job: &Arc<Job>,
        known: Option<Cached>,
    ) -> Result<Answer, PipelineError> {
        let _waiting = Counted::one_more(&self.requests);
        let Job { request, deadline, .. } = &**job;
        loop {
            let work = self.work(digest, job, known.clone());
            let joined = self.under_way.join(key(digest, job), *deadline + VERDICT, work).await;
            let joined = joined.map_err(|error| match error {
                // By what it was waiting for: the origin's slowness is not ours.
                JoinError::Deadline if self.loader.is_loading(job) => Failure::SourceTimeout.into(),
                JoinError::Deadline => Failure::RequestTimeout.into(),
                JoinError::Lost => PipelineError::because(Failure::Internal, &"the job panicked"),
            })?;
            return match joined.value {
                Ok(Done { made, state, phases }) => {
                    let found = match (made.confirmed, joined.leader) {
                        (true, _) => Found::Hit,
                        (false, true) => Found::Miss,
                        (false, false) => Found::Collapsed,
                    };
                    Ok(Answer { phases, ..made.answer(found, &state, request) })
                }
                // The time that was over is the first waiter's, whose job it was.
                Err(failure)
                    if !joined.leader && failure.is_late() && Instant::now() < *deadline =>
                {
                    continue;
                }
                Err(failure) => Err(failure),
            };
        }
    }

    /// Has a stale picture made anew for those who come later.
    fn start(self: &Arc<Self>, digest: RequestDigest, job: &Arc<Job>, known: Cached) {
        self.under_way.start(key(digest, job), self.work(digest, job, Some(known)));
    }

    fn work(
        self: &Arc<Self>,
        digest: RequestDigest,
        job: &Arc<Job>,
        known: Option<Cached>,
    ) -> impl FnOnce() -> Doing + use<> {
        let (stages, job) = (Arc::clone(self), Arc::clone(job));
        move || {
            Box::pin(async move {
                let mut phases = Phases::default();
                let produced = stages.in_turn(digest, &job, known, &mut phases).await;
                if let Some(watch) = stages.watch.get() {
                    watch(&job.site.parts.application, &phases);
                }
                match produced {
                    Ok((made, state)) => Ok(Done { made, state, phases }),
                    Err(failure) => Err(PipelineError { phases, ..failure }),
                }
            })
        }
    }

    /// The job of one key, unless its client or its application has enough of them.
    async fn in_turn(
        self: &Arc<Self>,
        digest: RequestDigest,
        job: &Arc<Job>,
        known: Option<Cached>,
        phases: &mut Phases,
    ) -> Result<(Made, Arc<State>), PipelineError> {
        let full = |whose: &str| {
            let why =
                format!("this {whose} already has as many images in the queue as it may have");
            Err(PipelineError::because(Failure::QueueFull, &why))
        };
        let (client, application) = (job.request.client, job.site.number);
        let Some(_of_client) = self.of_clients.one_more(client, self.most_jobs_of(client)) else {
            return full("client");
        };
        let most = self.most_jobs_of_an_application();
        let Some(_of_application) = self.of_applications.one_more(application, most) else {
            return full("app");
        };
        let produced = self.produce(digest, job, known, phases).await;
        if produced.as_ref().is_err_and(|unanswered| unanswered.failure == Failure::QueueFull) {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        produced
    }

    /// The job of one key, from the original to the stored variant.
    async fn produce(
        self: &Arc<Self>,
        digest: RequestDigest,
        job: &Arc<Job>,
        known: Option<Cached>,
        phases: &mut Phases,
    ) -> Result<(Made, Arc<State>), PipelineError> {
        // Asked before anything is loaded: what cannot be rendered soon is not fetched either. Every job
        // counts, also while it loads, so that the answer is honest at once and not after a wait.
        // What is known and due costs a question only; but who leaves again leaves the question behind.
        let more = if known.is_some() { QUESTIONS } else { 0 };
        if self.jobs() > self.most_jobs() + more {
            return Err(Failure::QueueFull.into());
        }
        let state = known.as_ref().map(|known| Arc::clone(&known.state));
        let began = Instant::now();
        let loaded = self.loader.load(job, state).await;
        phases.fetch = Some(began.elapsed());
        if let (Err(failure), Some(known)) = (&loaded, &known)
            && !self.results.may_serve_stale_on_error(known, job, failure)
        {
            self.results.forget(&digest).await;
        }
        let loaded = loaded?;
        let made = match (known, loaded.original) {
            // Also when all of it was loaded: the same bytes cost no work.
            (Some(known), _) if known.state.digest == loaded.state.digest => {
                Made { confirmed: true, ..known.made }
            }
            (_, Some(original)) => {
                let made = self.make(job, &original, phases).await;
                made.inspect_err(|failure| {
                    if failure.is_of_the_bytes() {
                        self.loader.remember_bad_source(job, &original.state, failure);
                    }
                })?
            }
            (_, None) => {
                return Err(PipelineError::because(Failure::Internal, &"nothing to confirm"));
            }
        };
        self.results.remember(digest, job, &made, &loaded.state).await;
        Ok((made, loaded.state))
    }

    /// From the original to what is sent of it.
    async fn make(
        &self,
        job: &Job,
        original: &Arc<Original>,
        phases: &mut Phases,
    ) -> Result<Made, PipelineError> {
        let request = &job.request.image;
        let probe = match original.probe().await {
            Ok(probe) => probe,
            Err(error) => return rendition::unreadable(request, original, &error),
        };
        let target = match self.decide(job, &probe)? {
            Decision::PassThrough => return self.pass_through(job, original, probe.kind),
            Decision::Render(target) => target,
        };
        if let Err(excess) = self.settings.limits.check(&probe) {
            return rendition::too_large(request, original, probe.kind, &excess);
        }
        let wanted = self.rendition(job, target, original);
        let outcome = match self.renderer.find(&wanted.content).await {
            Some(known) => known,
            None => self.renderer.render(wanted, original, &probe, phases).await?,
        };
        match outcome {
            // Decided for each request anew: what one client may get instead, another cannot read.
            Ok(variant) if rendition::pays(&variant, request, original, &probe) => {
                Ok(Made::kept(variant, wanted.content))
            }
            Ok(_) => self.pass_through(job, original, probe.kind),
            Err(reason) => Ok(rendition::fall_back(original, probe.kind, reason)),
        }
    }

    fn rendition(&self, job: &Job, target: Target, original: &Original) -> RenditionRequest {
        let Job { site, request, since, deadline } = job;
        let options = rendition::options(&request.image, target, self.settings.profile);
        RenditionRequest {
            original: original_id(request, original),
            content: rendition_key(&original.digest, &options),
            options,
            store_since: may_be_shared(request, &original.state).then_some(*since),
            flow: Flow { application: site.number, client: request.client },
            deadline: *deadline,
        }
    }

    /// The original on purpose.
    fn pass_through(
        &self,
        job: &Job,
        original: &Arc<Original>,
        kind: Kind,
    ) -> Result<Made, PipelineError> {
        let made = Made::original(original, kind, Delivery::PassedThrough);
        if original.len() > KEPT_ORIGINAL_BYTES {
            return Ok(made);
        }
        let content = original_key(&original.digest);
        let bytes = original
            .bytes
            .to_bytes(KEPT_ORIGINAL_BYTES)
            .map_err(|error| PipelineError::of_system(&error))?;
        let etag = Arc::clone(&made.etag);
        let variant = Variant { bytes, kind, width: 0, height: 0, etag, passthrough: true };
        if may_be_shared(&job.request, &original.state) {
            self.store.put(job.since, content, variant.clone());
        }
        Ok(Made::kept(variant, content))
    }

    fn decide(&self, job: &Job, probe: &Probe) -> Result<Decision, Failure> {
        let request = &job.request.image;
        let svg = job.site.endpoint(request.contract).svg;
        decide(request.contract, request.format, probe, &self.settings.limits, svg)
    }
}

fn key(digest: RequestDigest, job: &Job) -> JobKey {
    (digest, job.since, job.site.revision, job.request.via.is_empty())
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
