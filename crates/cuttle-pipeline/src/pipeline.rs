//! The list itself: what happens to a request, in order.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cuttle_contract::Failure;
use cuttle_image::Probe;
use cuttle_source::{Origins, State};
use cuttle_store::{ContentKey, RequestDigest, Tier};
use cuttle_worker::Pool;
use moka::sync::Cache;
use tokio::time::Instant;

use crate::admission::{Admission, Queue};
use crate::answer::{Answer, Found, Phases, Reason, Unanswered};
use crate::asked::Asked;
use crate::coalesce::{Flights, Missed};
use crate::decision::{Decision, decide};
use crate::jobs::{Seat, Wish};
use crate::joining::Waiting;
use crate::keys::request_digest;
use crate::loading::Loading;
use crate::look_up::{Known, LookUp};
use crate::original::Original;
use crate::rendition::Made;
use crate::settings::Settings;

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
    pub(crate) store: Arc<dyn Tier<Arc<State>>>,
    pub(crate) personal: Cache<RequestDigest, Known>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) admission: Admission,
    pub(crate) waiting: Waiting<Wish, Seat>,
    pub(crate) failed: Cache<ContentKey, Reason>,
    loading: Loading,
    flights: Flights<RequestDigest, Result<Done, Unanswered>>,
    requests: AtomicUsize,
    closed: AtomicBool,
    watch: OnceLock<Watch>,
}

/// Is told of every job that ended, also of those that nobody waits for any more.
type Watch = Box<dyn Fn(&Phases) + Send + Sync>;

/// A job ends at the deadline of its first waiter and can say what it was that took so long. So much longer than its own
/// deadline a waiter listens for that.
const VERDICT: Duration = Duration::from_millis(100);

type Job = Pin<Box<dyn Future<Output = Result<Done, Unanswered>> + Send>>;

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

impl Pipeline {
    /// Joins the stages. The pool's capacity is the number of jobs that render at a time.
    #[must_use]
    pub fn new(
        settings: Settings,
        origins: Origins,
        store: Arc<dyn Tier<Arc<State>>>,
        pool: Arc<Pool>,
    ) -> Self {
        let queue = Queue::new(settings.queue_length, settings.queue_wait);
        let admission = Admission::new(pool.capacity(), settings.memory.renders, queue);
        let loading = Loading::new(origins, &settings);
        let failed = Cache::builder()
            .max_capacity(REMEMBERED_FAILURES)
            .time_to_live(settings.remember_failure)
            .build();
        Self(Arc::new(Stages {
            personal: Known::personal(settings.memory.personal),
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
            watch: OnceLock::new(),
        }))
    }

    /// Answers a valid request: from the store, by waiting for a job that is under way, or by a job
    /// of its own that belongs to the server and outlives its client.
    ///
    /// # Errors
    /// [`Unanswered`]: whose fault, and the detail for the log.
    pub async fn answer(&self, asked: Asked) -> Result<Answer, Unanswered> {
        let deadline = Instant::now() + self.0.settings.request;
        let digest = request_digest(&asked);
        let known = match self.0.look_up(&digest, &asked) {
            LookUp::Fresh(known) => return Ok(known.answer(Found::Hit, &asked)),
            LookUp::Stale(known) => {
                if !self.is_closed() {
                    self.0.start(digest, asked.clone(), known.clone(), deadline);
                }
                return Ok(known.answer(Found::Stale, &asked));
            }
            LookUp::Due(known) => Some(known),
            LookUp::Absent => None,
        };
        let landed = match self.is_closed() {
            true => Err(Failure::ShuttingDown.into()),
            false => self.0.wait(digest, &asked, known.clone(), deadline).await,
        };
        match (landed, known) {
            (Err(failure), Some(known)) if self.0.outlives(&known, &asked, &failure) => {
                Ok(known.answer(Found::Stale, &asked))
            }
            (landed, _) => landed,
        }
    }

    /// Takes no new work from now on; jobs under way finish and hits are still answered.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::Relaxed);
    }

    fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Relaxed)
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
            closed: self.is_closed(),
        }
    }

    /// Has `watch` told how long each job took, from now on; the first one that asks is told.
    pub fn watch(&self, watch: impl Fn(&Phases) + Send + Sync + 'static) {
        let _ = self.0.watch.set(Box::new(watch));
    }

    /// Bytes of originals loaded so far.
    #[must_use]
    pub fn loaded_bytes(&self) -> u64 {
        self.0.loading.bytes()
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

    /// Waits for the job of one key until `deadline`, starting it if there is none.
    async fn wait(
        self: &Arc<Self>,
        digest: RequestDigest,
        asked: &Asked,
        known: Option<Known>,
        deadline: Instant,
    ) -> Result<Answer, Unanswered> {
        let _waiting = Counted::one_more(&self.requests);
        loop {
            let job = self.job(digest, asked.clone(), known.clone(), deadline);
            let landed = self.flights.join(digest, deadline + VERDICT, job).await;
            let landed = landed.map_err(|missed| match missed {
                // By what it was waiting for: the origin's slowness is not ours.
                Missed::Deadline if self.loading.is_loading(asked) => Failure::SourceTimeout.into(),
                Missed::Deadline => Failure::RequestTimeout.into(),
                Missed::Lost => Unanswered::because(Failure::Internal, &"the job panicked"),
            })?;
            return match landed.value {
                Ok(Done { made, state, phases }) => {
                    let found = match (made.confirmed, landed.led) {
                        (true, _) => Found::Hit,
                        (false, true) => Found::Miss,
                        (false, false) => Found::Collapsed,
                    };
                    Ok(Answer { phases, ..Answer::of(made, found, &state, asked) })
                }
                // The time that was over is the first waiter's, whose job it was.
                Err(failure) if !landed.led && failure.is_late() && Instant::now() < deadline => {
                    continue;
                }
                Err(failure) => Err(failure),
            };
        }
    }

    /// Has a stale picture made anew for those who come later.
    fn start(
        self: &Arc<Self>,
        digest: RequestDigest,
        asked: Asked,
        known: Known,
        deadline: Instant,
    ) {
        self.flights.start(digest, self.job(digest, asked, Some(known), deadline));
    }

    fn job(
        self: &Arc<Self>,
        digest: RequestDigest,
        asked: Asked,
        known: Option<Known>,
        deadline: Instant,
    ) -> impl FnOnce() -> Job {
        let stages = Arc::clone(self);
        move || {
            Box::pin(async move {
                let mut phases = Phases::default();
                let produced = stages.produce(digest, &asked, known, deadline, &mut phases).await;
                if let Some(watch) = stages.watch.get() {
                    watch(&phases);
                }
                match produced {
                    Ok((made, state)) => Ok(Done { made, state, phases }),
                    Err(failure) => Err(Unanswered { phases, ..failure }),
                }
            })
        }
    }

    /// The job of one key, from the original to the stored variant.
    async fn produce(
        self: &Arc<Self>,
        digest: RequestDigest,
        asked: &Asked,
        known: Option<Known>,
        deadline: Instant,
        phases: &mut Phases,
    ) -> Result<(Made, Arc<State>), Unanswered> {
        // Asked before anything is loaded: what cannot be rendered soon is not fetched either. Every job
        // counts, also while it loads, so that the answer is honest at once and not after a wait.
        if known.is_none() && self.flights.len() > self.most_jobs() {
            return Err(Failure::QueueFull.into());
        }
        let state = known.as_ref().map(|known| Arc::clone(&known.state));
        let began = Instant::now();
        let loaded = self.loading.load(asked, state, deadline).await;
        phases.fetch = Some(began.elapsed());
        let loaded = loaded.inspect_err(|failure| {
            if known.as_ref().is_some_and(|known| !self.outlives(known, asked, failure)) {
                self.forget(&digest);
            }
        })?;
        let made = match (loaded.original, known) {
            (Some(original), _) => self.make(asked, &original, deadline, phases).await?,
            (None, Some(known)) => Made { confirmed: true, ..known.made },
            (None, None) => {
                return Err(Unanswered::because(Failure::Internal, &"nothing to confirm"));
            }
        };
        self.remember(digest, asked, &made, &loaded.state);
        Ok((made, loaded.state))
    }

    /// From the original to what is sent of it.
    async fn make(
        self: &Arc<Self>,
        asked: &Asked,
        original: &Arc<Original>,
        deadline: Instant,
        phases: &mut Phases,
    ) -> Result<Made, Unanswered> {
        let made = match original.probe() {
            Ok(probe) => match self.decide(asked, &probe) {
                Ok(Decision::PassThrough) => self.pass_through(asked, original, probe.kind),
                Ok(Decision::Render(target)) => {
                    self.render(asked, target, original, &probe, deadline, phases).await
                }
                Err(refused) => Err(refused.into()),
            },
            Err(error) => Self::unreadable(&asked.request, original, &error),
        };
        made.inspect_err(|failure| {
            if failure.is_of_the_bytes() {
                self.loading.condemn(asked, &original.state, failure);
            }
        })
    }

    fn decide(&self, asked: &Asked, probe: &Probe) -> Result<Decision, Failure> {
        let request = &asked.request;
        let svg = self.settings.endpoint(request.contract).svg;
        decide(request.contract, request.format, probe, &self.settings.limits, svg)
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
