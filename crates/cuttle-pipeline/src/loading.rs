//! Originals in use: one load for each state of a source, shared by everyone who needs it meanwhile.
//!
//! A page asks for eight widths of one picture at once; that is one read, one digest and one copy in
//! memory. Nothing is kept once nobody uses it: the page cache of the system has local files, and the
//! bytes count against the budget for as long as anyone, a slow client included, holds them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cuttle_contract::{Failure, Source};
use cuttle_source::{LoadError, Sources, Validator};
use tokio::time::{Instant, timeout_at};

use crate::admission::{Budget, Queue};
use crate::answer::Unanswered;
use crate::coalesce::{Flights, Missed};
use crate::original::{Intake, Original};

/// A source in one of its states.
type State = (Source, Validator);

/// Loads and shares originals.
#[derive(Debug, Clone)]
pub(crate) struct Loading {
    sources: Sources,
    budget: Budget,
    queue: Queue,
    /// Bytes of the largest original.
    limit: u64,
    flights: Flights<State, Result<Arc<Original>, Unanswered>>,
    in_use: Arc<Mutex<HashMap<State, Weak<Original>>>>,
}

/// So many entries of originals that are gone are tolerated before they are swept out.
const SWEEP_ABOVE: usize = 1024;

impl Loading {
    pub(crate) fn new(sources: Sources, budget: Budget, queue: Queue, limit: u64) -> Self {
        Self { sources, budget, queue, limit, flights: Flights::default(), in_use: Arc::default() }
    }

    /// How many loads wait for memory.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What the source is now, without reading it.
    pub(crate) async fn check(&self, source: &Source) -> Result<(u64, Validator), LoadError> {
        self.sources.check(source).await
    }

    /// The original, from whoever has it or by loading it.
    pub(crate) async fn load(
        &self,
        source: &Source,
        deadline: Instant,
    ) -> Result<Arc<Original>, Unanswered> {
        let (bytes, validator) = timeout_at(deadline, self.check(source))
            .await
            .map_err(|_elapsed| Failure::SourceTimeout)?
            .map_err(|error| unloaded(&error))?;
        if bytes > self.limit {
            let detail = format!("{bytes} bytes");
            return Err(Unanswered::because(Failure::SourceTooLarge, &detail));
        }
        let state = (source.clone(), validator);
        if let Some(original) = self.shared(&state) {
            return Ok(original);
        }
        let this = self.clone();
        let job = {
            let state = state.clone();
            move || async move { this.read(state, bytes, deadline).await }
        };
        match self.flights.join(state, deadline, job).await {
            Ok(landed) => landed.value,
            Err(Missed::Deadline) => Err(Failure::SourceTimeout.into()),
            Err(Missed::Lost) => Err(Unanswered::because(Failure::Internal, &"a load panicked")),
        }
    }

    async fn read(
        self,
        state: State,
        bytes: u64,
        deadline: Instant,
    ) -> Result<Arc<Original>, Unanswered> {
        // Whoever loaded it last may still use it: the check above and this job are not one step.
        if let Some(original) = self.shared(&state) {
            return Ok(original);
        }
        let reserved = self.budget.reserve_within(&self.queue, bytes, deadline).await?;
        let intake = Intake::new(self.limit, reserved)
            .map_err(|error| Unanswered::because(Failure::Internal, &error))?;
        let read = self.sources.load(&state.0, bytes, intake);
        let (intake, validator) = timeout_at(deadline, read)
            .await
            .map_err(|_elapsed| Failure::SourceTimeout)?
            .map_err(|error| match error {
                // Only what was set aside is read: a file that grows meanwhile is still being written.
                LoadError::TooLarge { .. } => {
                    let detail = "it grew while it was read";
                    Unanswered::because(Failure::SourceFailed { status: None }, &detail)
                }
                error => unloaded(&error),
            })?;
        let original = Original::seal(intake, validator)
            .map_err(|error| Unanswered::because(Failure::Internal, &error))?;
        if original.is_empty() {
            return Err(Failure::SourceEmpty.into());
        }
        let original = Arc::new(original);
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if in_use.len() > SWEEP_ABOVE {
            in_use.retain(|_, original| original.strong_count() > 0);
        }
        in_use.insert((state.0, validator), Arc::downgrade(&original));
        Ok(original)
    }

    fn shared(&self, state: &State) -> Option<Arc<Original>> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner).get(state)?.upgrade()
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
