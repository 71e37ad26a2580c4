//! A job for a worker: one original, the renditions that are made of it, and everyone who waits for each.

use cuttle_image::{Probe, RenderOptions};
use cuttle_store::{ContentKey, Epoch, Variant};
use cuttle_worker::OriginalId;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::admission::Place;
use crate::answer::{PipelineError, Reason};
use crate::fair_queue::Flow;

/// One rendition of an original, for one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RenditionRequest {
    /// The original, and who may share a job and a process with this request.
    pub(crate) original: OriginalId,
    pub(crate) content: ContentKey,
    pub(crate) options: RenderOptions,
    /// The purge epoch when the request's job began; `None` where the rendition may not be stored.
    pub(crate) store_since: Option<Epoch>,
    /// In whose turn it is admitted.
    pub(crate) flow: Flow,
    pub(crate) deadline: Instant,
}

/// What becomes of a request. The inner error is the picture's: its original is sent instead.
pub(crate) type Outcome = Result<Result<Variant, Reason>, PipelineError>;

/// Brings the outcome; closed without one when the worker was lost and the request may be tried again.
pub(crate) type Reply = oneshot::Receiver<Outcome>;

/// A reply that is there already.
pub(crate) fn replied(outcome: Outcome) -> Reply {
    let (sender, reply) = oneshot::channel();
    let _ = sender.send(outcome);
    reply
}

/// Bytes that a job may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JobMemory {
    /// Of its worker.
    pub(crate) heap: u64,
    /// Of the file in which its worker hands a rendition out: memory as well.
    pub(crate) result: u64,
}

impl JobMemory {
    /// For these renditions, of at most `longest` bytes each.
    pub(crate) fn of(probe: &Probe, options: &[RenderOptions], longest: u64) -> Self {
        let result = probe.result_bytes(options).min(longest);
        Self { heap: probe.decode_bytes_many(options), result }
    }

    pub(crate) fn total(self) -> u64 {
        self.heap.saturating_add(self.result)
    }

    pub(crate) fn max(self, other: Self) -> Self {
        Self { heap: self.heap.max(other.heap), result: self.result.max(other.result) }
    }
}

/// A job that is admitted.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) original: OriginalId,
    pub(crate) place: Place,
    /// Set aside for it.
    pub(crate) memory: JobMemory,
    /// The last of its requests' deadlines: each waiter watches its own.
    pub(crate) until: Instant,
    pub(crate) items: Vec<BatchItem>,
}

impl Batch {
    pub(crate) fn new(request: RenditionRequest, place: Place, memory: JobMemory) -> (Self, Reply) {
        let mut item = BatchItem::of(&request);
        let reply = item.subscribe();
        let RenditionRequest { original, deadline: until, .. } = request;
        (Self { original, place, memory, until, items: vec![item] }, reply)
    }

    pub(crate) fn options(&self) -> Vec<RenderOptions> {
        self.items.iter().map(|item| item.options).collect()
    }

    /// The item that makes this content.
    pub(crate) fn position(&self, content: &ContentKey) -> Option<usize> {
        self.items.iter().position(|item| item.content == *content)
    }

    /// Has the item at `at`, or a new one, answer this request too.
    pub(crate) fn add(&mut self, request: &RenditionRequest, at: Option<usize>) -> Reply {
        let at = at.unwrap_or_else(|| {
            self.items.push(BatchItem::of(request));
            self.items.len() - 1
        });
        self.until = self.until.max(request.deadline);
        let item = &mut self.items[at];
        item.store_since = item.store_since.max(request.store_since);
        item.subscribe()
    }
}

/// One rendition of a job, and everyone who waits for it: two URLs may mean the same picture.
#[derive(Debug)]
pub(crate) struct BatchItem {
    pub(crate) content: ContentKey,
    pub(crate) options: RenderOptions,
    pub(crate) store_since: Option<Epoch>,
    replies: Vec<oneshot::Sender<Outcome>>,
}

impl BatchItem {
    fn of(request: &RenditionRequest) -> Self {
        let RenditionRequest { content, options, store_since, .. } = *request;
        Self { content, options, store_since, replies: Vec::new() }
    }

    fn subscribe(&mut self) -> Reply {
        let (sender, reply) = oneshot::channel();
        self.replies.push(sender);
        reply
    }

    /// Who left meanwhile misses it; the store does not.
    pub(crate) fn reply(&mut self, outcome: Option<&Outcome>) {
        for reply in self.replies.drain(..) {
            if let Some(outcome) = outcome {
                let _ = reply.send(outcome.clone());
            }
        }
    }
}
