//! Jobs for workers: when one starts, who is taken along, and what is learnt from one that fails.
//!
//! A free worker is given a job at once; only those who must wait are joined to one of the same
//! original. A job belongs to the server and to none of its guests. When a worker falls over a job of
//! several, nobody knows over which, so each that is left is tried once more by a job of its own, and
//! only that one may condemn it.

use std::sync::Arc;

use cuttle_contract::{Client, Failure};
use cuttle_image::{Probe, RenderError, RenderOptions};
use cuttle_store::{ContentKey, Epoch, Variant};
use cuttle_worker::{Finished, Job, JobError, MAX_RENDITIONS, OriginalId};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::admission::Place;
use crate::answer::{Phases, Reason, Unanswered};
use crate::keys::entity_tag;
use crate::original::Original;
use crate::pipeline::Stages;

/// What one request wants of its original.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    /// Whom it may share a job and a process with.
    pub(crate) original: OriginalId,
    pub(crate) content: ContentKey,
    pub(crate) options: RenderOptions,
    /// When it was begun, where others may have what is made.
    pub(crate) keep: Option<Epoch>,
    /// Whose turn it is.
    pub(crate) client: Client,
    /// The request's own.
    pub(crate) deadline: Instant,
}

/// What becomes of a wish. The inner error is the picture's: its original is sent instead.
pub(crate) type Outcome = Result<Result<Variant, Reason>, Unanswered>;

/// Brings the outcome; closed without one when the job fell and may be tried again.
pub(crate) type Seat = oneshot::Receiver<Outcome>;

impl Stages {
    /// Has a worker make what is wished, by a job of its own or of someone else.
    pub(crate) async fn employ(
        self: &Arc<Self>,
        wish: Wish,
        original: &Arc<Original>,
        probe: &Probe,
        phases: &mut Phases,
    ) -> Outcome {
        if let Some(known) = self.known(&wish.content) {
            return Ok(known);
        }
        // The same picture of another URL or an earlier process.
        if let Some(variant) = self.store.get(&wish.content).await {
            return Ok(Ok(variant));
        }
        for first in [true, false] {
            // Animations share no decode: their frames take turns with one encoder each.
            let together = first && !probe.animated;
            let began = Instant::now();
            let seat = self.seat(wish, original, probe, together).await;
            Phases::add(&mut phases.queue, began.elapsed());
            let (seat, began) = (seat?, Instant::now());
            let outcome = timeout_at(wish.deadline, seat).await;
            Phases::add(&mut phases.encode, began.elapsed());
            match outcome {
                Ok(Ok(outcome)) => return outcome,
                Ok(Err(_fallen)) => {}
                Err(_elapsed) => return Err(Failure::RequestTimeout.into()),
            }
        }
        Err(Unanswered::because(Failure::Internal, &"a job panicked"))
    }

    /// Waits until this wish is admitted or, if it may be, taken along.
    async fn seat(
        self: &Arc<Self>,
        wish: Wish,
        original: &Arc<Original>,
        probe: &Probe,
        together: bool,
    ) -> Result<Seat, Unanswered> {
        let memory = Memory::of(probe, &[wish.options], self.pool.result_limit());
        let place = if let Some(place) = self.admission.try_enter(memory.total()) {
            place
        } else if together {
            let mut listed = self.waiting.list(wish.original, wish);
            let place = tokio::select! {
                biased;
                seat = listed.taken() => return Ok(seat),
                place = self.admission.enter(memory.total(), wish.client, wish.deadline) => place,
            };
            match listed.withdraw() {
                Some(seat) => return Ok(seat),
                None => place?,
            }
        } else {
            self.admission.enter(memory.total(), wish.client, wish.deadline).await?
        };
        // While it waited, another URL of the same picture may have been served.
        if let Some(known) = self.known(&wish.content) {
            return Ok(taken(Ok(known)));
        }
        let (mut party, seat) = Party::new(wish, place, memory);
        if together {
            self.waiting.take_along(&wish.original, |wish| match self.known(&wish.content) {
                Some(known) => Some(taken(Ok(known))),
                None => self.admit(&mut party, wish, probe),
            });
        }
        let (stages, original) = (Arc::clone(self), Arc::clone(original));
        let rendering = async move { stages.perform(party, &original).await };
        cuttle_watchdog::spawn("render", rendering);
        Ok(seat)
    }

    /// What needs no job: it was made, or failed, a moment ago.
    fn known(&self, content: &ContentKey) -> Option<Result<Variant, Reason>> {
        self.store
            .peek_variant(content)
            .map(Ok)
            .or_else(|| self.failures.of_render(content).map(Err))
    }

    /// A seat in a job that has not begun, as far as its size and memory allow.
    fn admit(&self, party: &mut Party, wish: &Wish, probe: &Probe) -> Option<Seat> {
        let same = party.guests.iter().position(|guest| guest.content == wish.content);
        if same.is_none() {
            if party.guests.len() == MAX_RENDITIONS {
                return None;
            }
            let mut options = party.options();
            options.push(wish.options);
            let needed = Memory::of(probe, &options, self.pool.result_limit());
            let more = needed.total().saturating_sub(party.memory.total());
            // More than a worker may have at all would fail where each alone does not.
            if more > 0
                && (needed.heap > self.settings.memory.worker
                    || !self.admission.extend(&mut party.place, more))
            {
                return None;
            }
            party.memory = party.memory.max(needed);
            party.guests.push(Guest::of(wish));
        }
        party.until = party.until.max(wish.deadline);
        let guest = same.unwrap_or(party.guests.len() - 1);
        let guest = &mut party.guests[guest];
        guest.keep = guest.keep.max(wish.keep);
        Some(guest.seat())
    }

    /// Does a job and answers each of its guests as soon as it can.
    async fn perform(&self, party: Party, original: &Original) {
        let options = party.options();
        let Party { original: id, place, memory, until, mut guests } = party;
        let limits = self.settings.limits;
        let job = Job {
            original: id,
            source: original.bytes.clone(),
            options,
            limits,
            memory: memory.heap,
            result: memory.result,
        };
        let each = self.settings.transform;
        let trial = Trial { alone: guests.len() == 1, late: Instant::now() + each > until };
        let (mut place, mut left) = (Some(place), guests.len());
        let finished = self.pool.render_each(&job, each, until.into_std(), |at, result| {
            left -= 1;
            if left == 0 {
                // Before the last answer: whoever has it may ask again at once.
                place = None;
            }
            let guest = &mut guests[at];
            let outcome = self.settle(guest, result, trial);
            guest.answer(outcome.as_ref());
        });
        if let Err(error) = finished.await {
            drop(place);
            for guest in &mut guests {
                let outcome = self.settle(guest, Err(error.clone()), trial);
                guest.answer(outcome.as_ref());
            }
        }
    }

    /// Keeps a rendition, or what its failure says; nothing when it must be tried alone.
    fn settle(
        &self,
        guest: &Guest,
        result: Result<Finished, JobError>,
        trial: Trial,
    ) -> Option<Outcome> {
        let error = match result {
            Ok(Finished { bytes, kind, width, height, .. }) => {
                let etag = entity_tag(&blake3::hash(&bytes));
                let variant = Variant { bytes, kind, width, height, etag, passthrough: false };
                if let Some(since) = guest.keep {
                    self.store.put(since, guest.content, variant.clone());
                }
                return Some(Ok(Ok(variant)));
            }
            Err(error) => error,
        };
        tracing::warn!(%error, "a job has no rendition");
        let reason = match error {
            // Ours, not the picture's: said as it is, and tried again by the next request.
            JobError::Busy => return Some(Err(Failure::QueueFull.into())),
            JobError::ShutDown => return Some(Err(Failure::ShuttingDown.into())),
            JobError::Start(_) | JobError::Exchange(_) => return Some(Ok(Err(Reason::NoWorker))),
            JobError::Render(RenderError::Excess(_)) => Reason::TooLarge,
            JobError::Render(_) => Reason::Undecodable,
            _ if !trial.alone => return None,
            // Late only because it waited long for its turn: says nothing about the picture.
            JobError::TimedOut if trial.late => return Some(Err(Failure::RequestTimeout.into())),
            JobError::TimedOut => Reason::TimedOut,
            _ => Reason::WorkerCrashed,
        };
        self.failures.render_failed(guest.content, reason);
        Some(Ok(Err(reason)))
    }
}

/// Under which circumstances a job was done, for the verdict on one that failed.
#[derive(Debug, Clone, Copy)]
struct Trial {
    /// It had one rendition to make.
    alone: bool,
    /// Its deadline was nearer than a render may take.
    late: bool,
}

/// Bytes that a job may take.
#[derive(Debug, Clone, Copy)]
struct Memory {
    /// Of its worker.
    heap: u64,
    /// Of the file in which its worker hands a rendition out: memory as well.
    result: u64,
}

impl Memory {
    fn of(probe: &Probe, options: &[RenderOptions], longest: u64) -> Self {
        let result = probe.result_bytes(options).min(longest);
        Self { heap: probe.decode_bytes_many(options), result }
    }

    fn total(self) -> u64 {
        self.heap.saturating_add(self.result)
    }

    fn max(self, other: Self) -> Self {
        Self { heap: self.heap.max(other.heap), result: self.result.max(other.result) }
    }
}

/// A job that has a place, and may still take others along.
#[derive(Debug)]
struct Party {
    original: OriginalId,
    place: Place,
    /// Set aside for it.
    memory: Memory,
    /// The last of its guests' deadlines: each watches its own.
    until: Instant,
    guests: Vec<Guest>,
}

impl Party {
    fn new(wish: Wish, place: Place, memory: Memory) -> (Self, Seat) {
        let mut guest = Guest::of(&wish);
        let seat = guest.seat();
        let Wish { original, deadline: until, .. } = wish;
        (Self { original, place, memory, until, guests: vec![guest] }, seat)
    }

    fn options(&self) -> Vec<RenderOptions> {
        self.guests.iter().map(|guest| guest.options).collect()
    }
}

/// One rendition of a job, and everyone who waits for it: two URLs may mean the same picture.
#[derive(Debug)]
struct Guest {
    content: ContentKey,
    options: RenderOptions,
    keep: Option<Epoch>,
    seats: Vec<oneshot::Sender<Outcome>>,
}

impl Guest {
    fn of(wish: &Wish) -> Self {
        let Wish { content, options, keep, .. } = *wish;
        Self { content, options, keep, seats: Vec::new() }
    }

    fn seat(&mut self) -> Seat {
        let (sender, seat) = oneshot::channel();
        self.seats.push(sender);
        seat
    }

    /// Who left meanwhile misses it; the store does not.
    fn answer(&mut self, outcome: Option<&Outcome>) {
        for seat in self.seats.drain(..) {
            if let Some(outcome) = outcome {
                let _ = seat.send(outcome.clone());
            }
        }
    }
}

/// A seat whose outcome is there already.
fn taken(outcome: Outcome) -> Seat {
    let (sender, seat) = oneshot::channel();
    let _ = sender.send(outcome);
    seat
}
