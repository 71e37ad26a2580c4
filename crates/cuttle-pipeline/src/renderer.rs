//! Renditions by workers: when a job starts, which requests it answers, and what is learnt from one that fails.
//!
//! A free worker is given a job at once; only requests that must wait join one of the same original. A job belongs to the
//! server and to nobody who waits for it. When a worker is lost over a job of several renditions, nobody knows over which, so
//! each that is left is tried once more by a job of its own, and only that one says anything about the picture.
//!
//! Who waits for the same original shares a job; who need not wait does not. What renditions have in common is done once, but
//! joining is worth nothing to a request that a free worker could serve. Animations are not joined: they share no decode.
//!
//! All renditions of a job go through one result file, which is written over once the server has read it. So a job of sixteen
//! gives a hostile worker no more memory to fill than a job of one, and descriptors that it keeps are of the same file. The
//! deadline of a render holds for each rendition anew. When a worker falls, what it had finished is kept.

use std::sync::Arc;
use std::time::Duration;

use cuttle_contract::Failure;
use cuttle_image::{Limits, Probe, RenderError};
use cuttle_source::State;
use cuttle_store::{ContentKey, Store, Variant};
use cuttle_worker::{Exit, Finished, Job, JobError, MAX_RENDITIONS, Pool};
use tokio::time::{Instant, timeout_at};

use crate::admission::{Admission, Queue};
use crate::answer::{Phases, PipelineError, Reason};
use crate::batch::{Batch, BatchItem, JobMemory, Outcome, RenditionRequest, Reply, replied};
use crate::batching::Waiting;
use crate::failures::Failures;
use crate::keys::entity_tag;
use crate::original::Original;
use crate::settings::Settings;

/// How a worker ends whose allocation fails, at the memory that its job was admitted with: by SIGABRT. A panic is said
/// before it, so all else that ends so is glibc's word for a heap that a codec spoiled; the log has the signal.
const OUT_OF_MEMORY: Exit = Exit::Signal(6);

pub(crate) struct Renderer {
    pool: Arc<Pool>,
    admission: Admission,
    waiting: Waiting<RenditionRequest, Reply>,
    failures: Failures,
    store: Store<Arc<State>>,
    limits: Limits,
    /// The longest render.
    transform: Duration,
    /// Most bytes that a worker may have.
    worker_bytes: u64,
}

/// Under which circumstances a job was done, for what one that failed says.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    /// It had one rendition to make.
    alone: bool,
    /// Its deadline was nearer than a render may take.
    late: bool,
}

impl Renderer {
    /// The pool's capacity is the number of jobs at a time.
    pub(crate) fn new(
        settings: &Settings,
        store: Store<Arc<State>>,
        pool: Arc<Pool>,
        failures: Failures,
    ) -> Self {
        let queue = Queue::new(settings.queue_length, settings.queue_wait);
        Self {
            admission: Admission::new(pool.capacity(), settings.memory.renders, queue),
            pool,
            waiting: Waiting::default(),
            failures,
            store,
            limits: settings.limits,
            transform: settings.transform,
            worker_bytes: settings.memory.worker,
        }
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// How many jobs wait for a worker.
    pub(crate) fn waiting(&self) -> usize {
        self.admission.waiting()
    }

    /// Bytes set aside for renders.
    pub(crate) fn held(&self) -> u64 {
        self.admission.held()
    }

    /// What needs no job: the same picture of another URL or an earlier process, or that it failed a moment ago.
    pub(crate) async fn find(&self, content: &ContentKey) -> Option<Result<Variant, Reason>> {
        match self.peek(content) {
            Some(known) => Some(known),
            None => self.store.get(content).await.map(Ok),
        }
    }

    /// As [`Self::find`], as far as it is in memory.
    fn peek(&self, content: &ContentKey) -> Option<Result<Variant, Reason>> {
        self.store
            .peek_variant(content)
            .map(Ok)
            .or_else(|| self.failures.of_render(content).map(Err))
    }

    /// Has a worker make what is asked for, by a job of its own or of someone else.
    pub(crate) async fn render(
        self: &Arc<Self>,
        request: RenditionRequest,
        original: &Arc<Original>,
        probe: &Probe,
        phases: &mut Phases,
    ) -> Outcome {
        for first in [true, false] {
            // Animations share no decode: their frames take turns with one encoder each.
            let together = first && !probe.animated;
            let began = Instant::now();
            let reply = self.admit(request, original, probe, together).await;
            Phases::add(&mut phases.queue, began.elapsed());
            let (reply, began) = (reply?, Instant::now());
            let outcome = timeout_at(request.deadline, reply).await;
            Phases::add(&mut phases.encode, began.elapsed());
            match outcome {
                Ok(Ok(outcome)) => return outcome,
                Ok(Err(_worker_lost)) => {}
                Err(_elapsed) => return Err(Failure::RequestTimeout.into()),
            }
        }
        Err(PipelineError::because(Failure::Internal, &"a job panicked"))
    }

    /// Waits until this request has a job of its own or, if it may, joins one.
    async fn admit(
        self: &Arc<Self>,
        request: RenditionRequest,
        original: &Arc<Original>,
        probe: &Probe,
        together: bool,
    ) -> Result<Reply, PipelineError> {
        let memory = JobMemory::of(probe, &[request.options], self.pool.result_limit());
        let place = if let Some(place) = self.admission.try_enter(memory.total()) {
            place
        } else if together {
            let mut listed = self.waiting.list(request.original, request);
            let place = tokio::select! {
                biased;
                reply = listed.joined() => return Ok(reply),
                place = self.admission.enter(memory.total(), request.flow, request.deadline) => place,
            };
            match listed.withdraw() {
                Some(reply) => return Ok(reply),
                None => place?,
            }
        } else {
            self.admission.enter(memory.total(), request.flow, request.deadline).await?
        };
        // While it waited, another URL of the same picture may have been served.
        if let Some(known) = self.peek(&request.content) {
            return Ok(replied(Ok(known)));
        }
        let (mut batch, reply) = Batch::new(request, place, memory);
        if together {
            self.waiting.drain_same_source(&request.original, |request| {
                match self.peek(&request.content) {
                    Some(known) => Some(replied(Ok(known))),
                    None => self.join(&mut batch, request, probe),
                }
            });
        }
        let (this, original) = (Arc::clone(self), Arc::clone(original));
        let rendering = async move { this.run(batch, &original).await };
        cuttle_watchdog::spawn("render", rendering);
        Ok(reply)
    }

    /// A reply of a job that has not begun, as far as its size and memory allow.
    fn join(&self, batch: &mut Batch, request: &RenditionRequest, probe: &Probe) -> Option<Reply> {
        let same = batch.position(&request.content);
        if same.is_none() {
            if batch.items.len() == MAX_RENDITIONS {
                return None;
            }
            let mut options = batch.options();
            options.push(request.options);
            let needed = JobMemory::of(probe, &options, self.pool.result_limit());
            let more = needed.total().saturating_sub(batch.memory.total());
            // More than a worker may have at all would fail where each alone does not.
            if more > 0
                && (needed.heap > self.worker_bytes
                    || !self.admission.extend(&mut batch.place, more))
            {
                return None;
            }
            batch.memory = batch.memory.max(needed);
        }
        Some(batch.add(request, same))
    }

    /// Does a job and answers each of its requests as soon as it can.
    async fn run(&self, batch: Batch, original: &Original) {
        let options = batch.options();
        let Batch { original: id, place, memory, until, mut items } = batch;
        let limits = self.limits;
        let job = Job {
            original: id,
            source: original.bytes.clone(),
            options,
            limits,
            memory: memory.heap,
            result: memory.result,
        };
        let each = self.transform;
        let attempt = Attempt { alone: items.len() == 1, late: Instant::now() + each > until };
        let (mut place, mut left) = (Some(place), items.len());
        let finished = self.pool.render_each(&job, each, until.into_std(), |at, result| {
            left -= 1;
            if left == 0 {
                // Before the last answer: whoever has it may ask again at once.
                place = None;
            }
            let item = &mut items[at];
            let outcome = self.conclude(item, result, attempt);
            item.reply(outcome.as_ref());
        });
        if let Err(error) = finished.await {
            drop(place);
            for item in &mut items {
                let outcome = self.conclude(item, Err(error.clone()), attempt);
                item.reply(outcome.as_ref());
            }
        }
    }

    /// Stores a rendition, or remembers what its failure says; nothing when it must be tried alone.
    fn conclude(
        &self,
        item: &BatchItem,
        result: Result<Finished, JobError>,
        attempt: Attempt,
    ) -> Option<Outcome> {
        let error = match result {
            Ok(Finished { bytes, kind, width, height, .. }) => {
                let etag = entity_tag(&blake3::hash(&bytes));
                let variant = Variant { bytes, kind, width, height, etag, passthrough: false };
                if let Some(since) = item.store_since {
                    self.store.put(since, item.content, variant.clone());
                }
                return Some(Ok(Ok(variant)));
            }
            Err(error) => error,
        };
        tracing::warn!(%error, "an image could not be optimized");
        let reason = match error {
            // Ours, not the picture's: said as it is, and tried again by the next request.
            JobError::Busy => return Some(Err(Failure::QueueFull.into())),
            JobError::ShutDown => return Some(Err(Failure::ShuttingDown.into())),
            JobError::Start(_) | JobError::Exchange(_) => return Some(Ok(Err(Reason::NoWorker))),
            JobError::Render(RenderError::Excess(_)) => Reason::TooLarge,
            JobError::Render(_) => Reason::Undecodable,
            _ if !attempt.alone => return None,
            // Late only because it waited long for its turn: says nothing about the picture.
            JobError::TimedOut if attempt.late => {
                return Some(Err(Failure::RequestTimeout.into()));
            }
            JobError::TimedOut => Reason::TimedOut,
            // What its decoder did not expect is the picture's too.
            JobError::Panicked(_) => Reason::Undecodable,
            JobError::Crashed(OUT_OF_MEMORY) => Reason::TooLarge,
            _ => Reason::WorkerCrashed,
        };
        self.failures.render_failed(item.content, reason);
        Some(Ok(Err(reason)))
    }
}
