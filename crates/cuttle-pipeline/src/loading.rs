//! Loading originals: one question at a time for each source, shared by everyone who needs it meanwhile.
//!
//! A page asks for eight widths of one picture at once; that is one load, one digest and one copy in memory. A load is a
//! question as far as it can be: who holds a state of the original asks whether it still is. Failures are shared too, and
//! remembered for as long as asking again could not help.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cuttle_contract::{Contract, Failure, Source};
use cuttle_source::{LoadError, Origins, Outcome, State, Terms};
use moka::Expiry;
use moka::sync::Cache;
use tokio::time::Instant;

use crate::admission::{Budget, Queue};
use crate::answer::Unanswered;
use crate::asked::{Asked, Personal};
use crate::coalesce::{Flights, Missed};
use crate::kept::Kept;
use crate::original::{Intake, Original, Room};
use crate::settings::{Endpoint, Settings};

/// What makes two loads one. The endpoints differ in what they allow, so a redirect that one of them follows is not the
/// other's answer; what was loaded for one client is for that client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct LoadKey {
    contract: Contract,
    source: Source,
    personal: Option<[u8; 32]>,
}

impl LoadKey {
    pub(crate) fn of(asked: &Asked) -> Self {
        Self {
            contract: asked.request.contract,
            source: asked.request.source.clone(),
            personal: asked.personal.as_ref().map(Personal::digest),
        }
    }
}

/// What a load came to.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    /// The original's state, confirmed just now or a few seconds ago.
    pub(crate) state: Arc<State>,
    /// Nothing when the state that was asked about still holds.
    pub(crate) original: Option<Arc<Original>>,
}

/// Most failures remembered at a time; the oldest go first.
const REMEMBERED_FAILURES: u64 = 10_000;
/// For failures that may be over in a moment, when all attempts were spent on them.
const PASSING: Duration = Duration::from_secs(1);

/// Loads and shares originals. Clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Loading {
    origins: Origins,
    room: Room,
    next: Endpoint,
    strict: Endpoint,
    /// For failures that asking again does not mend.
    lasting: Duration,
    flights: Flights<LoadKey, Result<Loaded, Unanswered>>,
    failed: Cache<LoadKey, (Unanswered, Duration)>,
    bytes: Arc<AtomicU64>,
}

impl Loading {
    pub(crate) fn new(origins: Origins, settings: &Settings) -> Self {
        let queue = Queue::new(settings.queue_length, settings.queue_wait);
        let budget = Budget::new(settings.memory.originals);
        let failed = Cache::builder().max_capacity(REMEMBERED_FAILURES).expire_after(ByFailure);
        Self {
            origins,
            room: Room { budget, queue, kept: Kept::new(settings.keep_originals) },
            next: settings.next.clone(),
            strict: settings.strict.clone(),
            lasting: settings.remember_failure,
            flights: Flights::default(),
            failed: failed.build(),
            bytes: Arc::default(),
        }
    }

    /// How many loads wait for memory.
    pub(crate) fn waiting(&self) -> usize {
        self.room.queue.len()
    }

    /// Bytes of originals loaded so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the original is being loaded just now.
    pub(crate) fn is_loading(&self, asked: &Asked) -> bool {
        self.flights.contains(&LoadKey::of(asked))
    }

    /// The original from whoever has it or by loading it; or the news that `known` still describes it.
    pub(crate) async fn load(
        &self,
        asked: &Asked,
        mut known: Option<Arc<State>>,
        deadline: Instant,
    ) -> Result<Loaded, Unanswered> {
        let key = LoadKey::of(asked);
        loop {
            if let Some(loaded) = self.room.kept.fresh(&key).and_then(Loaded::without_asking) {
                return Ok(loaded);
            }
            if let Some((failure, _)) = self.failed.get(&key) {
                return Err(failure);
            }
            let job = {
                let (this, key, asked, known) =
                    (self.clone(), key.clone(), asked.clone(), known.clone());
                move || async move { this.ask(key, &asked, known, deadline).await }
            };
            let landed = self.flights.join(key.clone(), deadline, job).await;
            let loaded = match landed {
                Ok(landed) => landed.value?,
                Err(Missed::Deadline) => return Err(Failure::SourceTimeout.into()),
                Err(Missed::Lost) => {
                    return Err(Unanswered::because(Failure::Internal, &"a load panicked"));
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
    pub(crate) fn condemn(&self, asked: &Asked, state: &State, why: &Unanswered) {
        if !state.is_file() {
            self.failed.insert(LoadKey::of(asked), (why.clone(), self.lasting));
        }
    }

    /// The one load of this key.
    async fn ask(
        self,
        key: LoadKey,
        asked: &Asked,
        known: Option<Arc<State>>,
        deadline: Instant,
    ) -> Result<Loaded, Unanswered> {
        let held = self.room.kept.find(&key);
        let state = held.as_ref().map(|original| Arc::clone(&original.state)).or(known);
        let endpoint = match key.contract {
            Contract::Next => &self.next,
            Contract::Strict => &self.strict,
        };
        let terms = Terms {
            deadline,
            limits: endpoint.source,
            allowed: &|source| endpoint.allowed.allow(source),
            forwarded: asked.forwarded(),
        };
        let intake = Intake::new(endpoint.source.bytes, self.room.clone(), deadline)
            .map_err(|error| Unanswered::because(Failure::Internal, &error))?;
        match self.origins.load(&key.source, state.as_deref(), &terms, intake).await {
            Ok(Outcome::NotModified(state)) => {
                Ok(Loaded { state: Arc::new(state), original: held })
            }
            Ok(Outcome::Loaded(loaded)) => {
                self.bytes.fetch_add(loaded.state.bytes, Ordering::Relaxed);
                let original = Original::seal(loaded.intake, loaded.state)
                    .map_err(|error| Unanswered::because(Failure::Internal, &error))?;
                let original = Arc::new(original);
                let state = Arc::clone(&original.state);
                // What is private is for those who wait for it now, and for nobody who comes later.
                if !state.freshness.private {
                    self.room.kept.keep(key, &original);
                }
                Ok(Loaded { state, original: Some(original) })
            }
            Err(error) => {
                let failure = Unanswered::because(error.failure(), &error);
                if let Some(time) = self.memory_of(&error, deadline) {
                    self.failed.insert(key, (failure.clone(), time));
                }
                Err(failure)
            }
        }
    }

    /// For how long asking again would bring nothing better. Our own troubles and those of the folder are looked at again
    /// each time: that costs nobody but us.
    fn memory_of(&self, error: &LoadError, deadline: Instant) -> Option<Duration> {
        match error {
            LoadError::NotFound | LoadError::Failed(_) => None,
            LoadError::NoRoom(_) | LoadError::Sink(_) => None,
            // Whose time was up decides: an origin's failing is everyone's, a job's own deadline is not.
            LoadError::TimedOut { .. } => (Instant::now() < deadline).then_some(PASSING),
            error if error.is_transient() => Some(PASSING),
            _ => Some(self.lasting),
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

/// Each failure has its own time.
#[derive(Debug, Clone, Copy)]
struct ByFailure;

impl Expiry<LoadKey, (Unanswered, Duration)> for ByFailure {
    fn expire_after_create(
        &self,
        _: &LoadKey,
        (_, time): &(Unanswered, Duration),
        _: std::time::Instant,
    ) -> Option<Duration> {
        Some(*time)
    }
}
