//! The list itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cuttle_contract::{self as contract, Contract, Failure, ImageRequest, RequestKey, Source};
use cuttle_image::{
    Crop, Fit, Kind, Limits, Orientation, Probe, ProbeError, Profile, RenderError, RenderOptions,
    Size, Target,
};
use cuttle_source::{LoadError, Sources, Validator};
use cuttle_store::{ContentKey, Entry, RequestDigest, Tier, Variant};
use cuttle_worker::{Finished, Job, JobError, Pool};
use moka::sync::Cache;
use tokio::time::{Instant, timeout_at};

use crate::admission::{Admission, Budget, Refused};
use crate::answer::{Answer, Delivery, Found, Reason, SourceDigest, Unanswered};
use crate::coalesce::{Flights, Missed};
use crate::decision::{Decision, acceptable, decide};
use crate::keys::{entity_tag, original_key, rendition_key, request_digest};
use crate::original::{Intake, Original};
use crate::plan::MemoryPlan;

/// What a pipeline is told once, at start.
#[derive(Debug, Clone)]
pub struct Settings {
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
    /// How long a failed render is answered with the original before it is tried again.
    pub remember_failure: Duration,
    /// Whether SVG originals are passed through.
    pub svg: bool,
    /// Encoder effort while a client waits.
    pub profile: Profile,
}

impl Settings {
    /// The defaults of the strict contract, "Limits".
    #[must_use]
    pub fn new(limits: Limits, memory: MemoryPlan) -> Self {
        Self {
            limits,
            memory,
            request: Duration::from_secs(30),
            queue_wait: Duration::from_secs(5),
            queue_length: 64,
            transform: Duration::from_secs(10),
            recheck: Duration::from_secs(1),
            remember_failure: Duration::from_secs(60),
            svg: false,
            profile: Profile::Fast,
        }
    }
}

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
    /// Jobs under way, loading included.
    pub jobs: usize,
    /// Jobs that wait for a worker.
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

struct Stages {
    settings: Settings,
    sources: Sources,
    store: Arc<dyn Tier<Checked>>,
    pool: Arc<Pool>,
    admission: Admission,
    originals: Budget,
    flights: Flights<RequestKey, Result<(Made, SourceDigest), Unanswered>>,
    failed: Cache<ContentKey, Reason>,
    closed: AtomicBool,
}

impl std::fmt::Debug for Stages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stages").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What a job hands to everyone who waits for it.
#[derive(Debug, Clone)]
struct Made {
    variant: Variant,
    delivery: Delivery,
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
        let admission = Admission::new(
            pool.capacity(),
            settings.memory.renders,
            settings.queue_length,
            settings.queue_wait,
        );
        let originals = Budget::new(settings.memory.originals);
        let failed = Cache::builder()
            .max_capacity(REMEMBERED_FAILURES)
            .time_to_live(settings.remember_failure)
            .build();
        Self(Arc::new(Stages {
            settings,
            sources,
            store,
            pool,
            admission,
            originals,
            flights: Flights::default(),
            failed,
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
        if let Some((variant, source)) = self.0.look_up(&digest, &request.source).await {
            return Ok(Answer { delivery: kept(&variant), variant, found: Found::Hit, source });
        }
        if self.0.closed.load(Ordering::Relaxed) {
            return Err(Failure::ShuttingDown.into());
        }
        let stages = Arc::clone(&self.0);
        let job = move || async move { stages.produce(digest, request, deadline).await };
        let landed = match self.0.flights.join(key, deadline, job).await {
            Ok(landed) => landed,
            Err(Missed::Deadline) => return Err(Failure::RequestTimeout.into()),
            Err(Missed::Lost) => {
                return Err(Unanswered::because(Failure::Internal, &"the job panicked"));
            }
        };
        let (Made { variant, delivery }, source) = landed.value?;
        let found = if landed.led { Found::Miss } else { Found::Collapsed };
        Ok(Answer { variant, found, delivery, source })
    }

    /// Takes no new work from now on; jobs under way finish and hits are still answered.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::Relaxed);
    }

    /// How busy it is.
    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            jobs: self.0.flights.len(),
            waiting: self.0.admission.waiting(),
            full: self.0.admission.is_full(),
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
    /// The job of one key, from the original to the stored variant.
    async fn produce(
        &self,
        digest: RequestDigest,
        request: ImageRequest,
        deadline: Instant,
    ) -> Result<(Made, SourceDigest), Unanswered> {
        // Asked before anything is loaded: what cannot be rendered is not fetched either.
        if self.admission.is_full() {
            return Err(Failure::QueueFull.into());
        }
        let original = self.load(&request.source, deadline).await?;
        let source = SourceDigest(original.digest);
        let (content, made) = match original.probe() {
            Ok(probe) => match decide(request.contract, request.format, &probe, self.settings.svg)?
            {
                Decision::PassThrough => self.pass_through(&original, probe.kind)?,
                Decision::Render(target) => {
                    self.rendition(&request, target, &original, &probe, deadline).await?
                }
            },
            Err(error) => self.unreadable(&request, &original, &error)?,
        };
        if let Delivery::Fallback(reason) = made.delivery {
            tracing::warn!(source = %source_for_log(&request.source), reason = reason.name(), "served the original instead");
        } else {
            let validator = Checked { validator: original.validator, at: Instant::now(), source };
            self.store.record(digest, Entry { content, validator });
        }
        Ok((made, source))
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
            let (_, now) = self.sources.check(source).await.ok()?;
            if now != checked.validator {
                return None;
            }
            self.store.record(
                *digest,
                Entry { content, validator: Checked { at: Instant::now(), ..checked } },
            );
        }
        Some((variant, checked.source))
    }

    async fn load(&self, source: &Source, deadline: Instant) -> Result<Original, Unanswered> {
        let limit = self.settings.limits.source_bytes;
        let work = async {
            let (bytes, _) = self.sources.check(source).await.map_err(|error| unloaded(&error))?;
            if bytes > limit {
                return Err(Unanswered::because(
                    Failure::SourceTooLarge,
                    &format!("{bytes} bytes"),
                ));
            }
            let reserved = self.originals.reserve(bytes).await;
            let intake = Intake::new(limit)
                .map_err(|error| Unanswered::because(Failure::Internal, &error))?;
            let (intake, validator) =
                self.sources.load(source, limit, intake).await.map_err(|error| unloaded(&error))?;
            Original::seal(intake, validator, reserved)
                .map_err(|error| Unanswered::because(Failure::Internal, &error))
        };
        let original = timeout_at(deadline, work)
            .await
            .map_err(|_| Unanswered::from(Failure::SourceTimeout))??;
        if original.bytes.is_empty() {
            return Err(Failure::SourceEmpty.into());
        }
        Ok(original)
    }

    /// The rendition of an original, or the original where that is the better or the only answer.
    async fn rendition(
        &self,
        request: &ImageRequest,
        target: Target,
        original: &Original,
        probe: &Probe,
        deadline: Instant,
    ) -> Result<(ContentKey, Made), Unanswered> {
        if let Err(excess) = self.settings.limits.check(probe) {
            return match request.contract {
                Contract::Next => self.fall_back(original, probe.kind, Reason::TooLarge),
                Contract::Strict => Err(Unanswered::because(Failure::ImageTooLarge, &excess)),
            };
        }
        let options = RenderOptions {
            width: request.width,
            fit: fit(request),
            target,
            quality: request.quality,
            profile: self.settings.profile,
        };
        let content = rendition_key(&original.digest, &options);
        if let Some(made) = self.stored(&content) {
            return Ok((content, made));
        }
        if let Some(reason) = self.failed.get(&content) {
            return self.fall_back(original, probe.kind, reason);
        }
        let cost = probe.decode_bytes(&options);
        let place =
            self.admission.enter(cost, deadline).await.map_err(|refused| match refused {
                Refused::Full => Failure::QueueFull,
                Refused::TooLate => Failure::QueueTimeout,
            })?;
        // While this job waited, another URL of the same picture may have been served.
        if let Some(made) = self.stored(&content) {
            return Ok((content, made));
        }
        let job = Job { source: original.bytes.clone(), options, limits: self.settings.limits };
        let killed_at = deadline.min(Instant::now() + self.settings.transform);
        let finished = self.pool.render(&job, killed_at.into_std()).await;
        drop(place);
        match finished {
            Ok(finished) if pays(&finished, request, original, probe) => {
                let Finished { bytes, kind, .. } = finished;
                let variant = Variant { etag: entity_tag(&bytes), bytes, kind, passthrough: false };
                self.store.put(content, variant.clone());
                Ok((content, Made { variant, delivery: Delivery::Rendition }))
            }
            Ok(_) => {
                let (_, made) = self.pass_through(original, probe.kind)?;
                self.store.put(content, made.variant.clone());
                Ok((content, made))
            }
            Err(error) => {
                let reason = reason(&error);
                tracing::warn!(source = %source_for_log(&request.source), %error, "rendering failed");
                self.failed.insert(content, reason);
                self.fall_back(original, probe.kind, reason)
            }
        }
    }

    fn stored(&self, content: &ContentKey) -> Option<Made> {
        let variant = self.store.get(content)?;
        Some(Made { delivery: kept(&variant), variant })
    }

    /// A signature without readable headers behind it.
    fn unreadable(
        &self,
        request: &ImageRequest,
        original: &Original,
        error: &ProbeError,
    ) -> Result<(ContentKey, Made), Unanswered> {
        match (error, request.contract) {
            (ProbeError::Io(_), _) => Err(Unanswered::because(Failure::Internal, error)),
            // Next finds out by decoding and sends the original; strict sends only what passed the limits.
            (ProbeError::Malformed { kind, .. }, Contract::Next) => {
                self.fall_back(original, *kind, Reason::Undecodable)
            }
            _ => Err(Unanswered::because(Failure::NotAnImage, error)),
        }
    }

    fn pass_through(
        &self,
        original: &Original,
        kind: Kind,
    ) -> Result<(ContentKey, Made), Unanswered> {
        let content = original_key(&original.digest);
        let variant = self.whole(original, kind)?;
        self.store.put(content, variant.clone());
        Ok((content, Made { variant, delivery: Delivery::PassedThrough }))
    }

    /// The original in place of a rendition. Recorded nowhere: the next request tries again, unless
    /// its failure is remembered.
    fn fall_back(
        &self,
        original: &Original,
        kind: Kind,
        reason: Reason,
    ) -> Result<(ContentKey, Made), Unanswered> {
        let variant = self.whole(original, kind)?;
        Ok((original_key(&original.digest), Made { variant, delivery: Delivery::Fallback(reason) }))
    }

    fn whole(&self, original: &Original, kind: Kind) -> Result<Variant, Unanswered> {
        let bytes = original
            .bytes
            .to_bytes(self.settings.limits.source_bytes)
            .map_err(|error| Unanswered::because(Failure::Internal, &error))?;
        Ok(Variant { etag: entity_tag(&bytes), bytes, kind, passthrough: true })
    }
}

/// How the picture meets the box that was asked for.
fn fit(request: &ImageRequest) -> Fit {
    match (request.height, request.fit, request.crop) {
        (None, ..) => Fit::Width,
        (Some(height), contract::Fit::Contain, _) => Fit::Contain { height },
        (Some(height), contract::Fit::Cover, contract::Crop::Center) => {
            Fit::Cover { height, crop: Crop::Centre }
        }
        (Some(height), contract::Fit::Cover, contract::Crop::Smart) => {
            Fit::Cover { height, crop: Crop::Smart }
        }
    }
}

/// What a stored variant is: fallbacks never get there.
fn kept(variant: &Variant) -> Delivery {
    if variant.passthrough { Delivery::PassedThrough } else { Delivery::Rendition }
}

/// Whether the rendition is worth sending: not when nothing was resized or turned, the client reads
/// the original, and that is no larger.
fn pays(finished: &Finished, request: &ImageRequest, original: &Original, probe: &Probe) -> bool {
    let untouched = probe.display_size()
        == Some(Size { width: finished.width, height: finished.height })
        && probe.orientation == Orientation::Upright;
    !(untouched
        && acceptable(request.format, probe.kind)
        && finished.bytes.len() as u64 >= original.bytes.len())
}

fn reason(error: &JobError) -> Reason {
    match error {
        JobError::Render(RenderError::Excess(_)) => Reason::TooLarge,
        JobError::Render(_) => Reason::Undecodable,
        JobError::TimedOut => Reason::TimedOut,
        _ => Reason::WorkerCrashed,
    }
}

fn unloaded(error: &LoadError) -> Unanswered {
    let failure = match error {
        LoadError::NotFound => Failure::SourceNotFound,
        LoadError::NotAllowed => Failure::SourceNotAllowed,
        LoadError::TooLarge { .. } => Failure::SourceTooLarge,
        LoadError::Failed(_) => Failure::SourceFailed { status: None },
        _ => Failure::Internal,
    };
    Unanswered::because(failure, error)
}

/// A source as the log may name it: queries can carry signatures and tokens.
fn source_for_log(source: &Source) -> String {
    match source {
        Source::Local(path) => path.path().to_owned(),
        Source::Remote(url) => format!("{}{}", url.origin().ascii_serialization(), url.path()),
    }
}
