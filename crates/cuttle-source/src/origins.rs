//! Every place that an original may come from, behind one conditional question.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cuttle_contract::{Client, LocalPath, Source};
use tokio::time::{Instant, timeout_at};

use crate::fetch::client::Reply;
use crate::fetch::{Forwarded, Remote, Traffic, Upstream, Via};
use crate::intake::{Intake, Pour};
use crate::mount::Mount;
use crate::state::{Freshness, Loaded, Outcome, State, Version};
use crate::{LoadError, OpenFile, off_the_reactor};

/// How much an original may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes, after decoding.
    pub bytes: u64,
    /// Hops after the first.
    pub redirects: u32,
    /// From a request, connecting included, to the head of its answer.
    pub first_byte: Duration,
    /// One hop from its request to the end of its body.
    pub hop: Duration,
}

impl Default for Limits {
    /// Those of `docs/configuration.md`, "`[limits]`".
    fn default() -> Self {
        let total = Duration::from_secs(10);
        Self { bytes: 20_000_000, redirects: 0, first_byte: total, hop: total }
    }
}

/// The terms of one load, given by whoever asks.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// When every attempt, hop and wait of it ends.
    pub deadline: Instant,
    /// Those of the endpoint that was asked.
    pub limits: Limits,
    /// Whether the target of a redirect may be loaded. The source itself was checked by the contract.
    pub allowed: &'a (dyn Fn(&Source) -> bool + Sync),
    /// Sent to the application only.
    pub forwarded: &'a Forwarded,
    /// Whose share of a host's places it takes.
    pub client: Client,
    /// Through whom the request came that it is for.
    pub via: &'a Via,
}

impl fmt::Debug for Terms<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms")
            .field("deadline", &self.deadline)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The origins of one application. Clones share everything.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    mounts: Arc<[Mount]>,
    upstream: Option<Arc<Upstream>>,
    remote: Option<Arc<Remote>>,
}

impl Origins {
    /// Local paths are the files of `mounts`, in order, and no others.
    #[must_use]
    pub fn new(mounts: impl IntoIterator<Item = Mount>) -> Self {
        Self { mounts: mounts.into_iter().collect(), ..Self::default() }
    }

    /// The same application and servers, with other files in front of them.
    #[must_use]
    pub fn with_mounts(self, mounts: impl IntoIterator<Item = Mount>) -> Self {
        Self { mounts: mounts.into_iter().collect(), ..self }
    }

    /// Local paths that no mount answers for are asked of `upstream`.
    #[must_use]
    pub fn with_upstream(self, upstream: Upstream) -> Self {
        Self { upstream: Some(Arc::new(upstream)), ..self }
    }

    /// Remote sources are loaded by `remote`.
    #[must_use]
    pub fn with_remote(self, remote: Remote) -> Self {
        Self { remote: Some(Arc::new(remote)), ..self }
    }

    /// How busy the ways to all of them are.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let upstream = self.upstream.as_ref().map(|upstream| upstream.traffic());
        let remote = self.remote.as_ref().map(|remote| remote.traffic());
        upstream.unwrap_or_default() + remote.unwrap_or_default()
    }

    /// Asks for an original: for all of it, or, when a state of it is known already, whether that is still true.
    ///
    /// Nothing is written to `intake` before its room was set aside; it is given back full or not at all.
    ///
    /// # Errors
    /// [`LoadError`], which says whose fault it is.
    pub async fn load<I: Intake>(
        &self,
        source: &Source,
        previous: Option<&State>,
        terms: &Terms<'_>,
        intake: I,
    ) -> Result<Outcome<I>, LoadError> {
        let mut pour = Pour::new(intake, terms.limits.bytes);
        let reply = match source {
            Source::Local(path) => match (self.file(path, terms.deadline).await, &self.upstream) {
                (Ok(found), _) => return read(found, previous, terms, pour).await,
                (Err(LoadError::NotFound), Some(upstream)) => {
                    upstream.load(path, previous, terms, &mut pour).await?
                }
                (Err(error), _) => return Err(error),
            },
            Source::Remote(url) => {
                let remote = self.remote.as_ref().ok_or(LoadError::NotAllowed)?;
                remote.load(url, previous, terms, &mut pour).await?
            }
        };
        match reply {
            Reply::NotModified(state) => Ok(Outcome::NotModified(state)),
            Reply::Received { version, answered_at, freshness, declared_type } => {
                let bytes = pour.written();
                let (intake, digest) = pour.finish()?;
                let state = State { version, digest, bytes, checked_at: answered_at, freshness };
                Ok(Outcome::Loaded(Loaded { intake, state, declared_type }))
            }
            Reply::Redirect { status, .. } => {
                Err(LoadError::Status { status: status.as_u16(), retry_after: None })
            }
        }
    }

    /// Whether a file answers for that path, whatever its query.
    pub async fn have_file(&self, path: &LocalPath, deadline: Instant) -> bool {
        self.file(path, deadline).await.is_ok()
    }

    /// The first mount's file of that path.
    async fn file(&self, path: &LocalPath, deadline: Instant) -> Result<OpenFile, LoadError> {
        if self.mounts.is_empty() {
            return Err(LoadError::NotFound);
        }
        let (mounts, path) = (Arc::clone(&self.mounts), path.clone());
        let looking = off_the_reactor(move || {
            mounts
                .iter()
                .map(|mount| mount.open(&path))
                .find(|opened| !matches!(opened, Err(LoadError::NotFound)))
                .unwrap_or(Err(LoadError::NotFound))
        });
        timeout_at(deadline, looking)
            .await
            .map_err(|_elapsed| LoadError::TimedOut { waited_for: "look-up in the folder" })?
    }
}

async fn read<I: Intake>(
    mut file: OpenFile,
    previous: Option<&State>,
    terms: &Terms<'_>,
    mut pour: Pour<I>,
) -> Result<Outcome<I>, LoadError> {
    let checked_at = SystemTime::now();
    let version = Version::File(file.validator());
    if let Some(known) = previous.filter(|known| known.version == version) {
        return Ok(Outcome::NotModified(State { checked_at, ..known.clone() }));
    }
    let bytes = file.len();
    pour.expect(bytes).await?;
    let reading = off_the_reactor(move || {
        // Only what was set aside is read: a file that grows meanwhile is still being written.
        file.copy_to(&mut pour, bytes).map_err(|error| match error {
            LoadError::TooLarge { .. } => {
                LoadError::Failed(io::Error::other("it grew while it was read"))
            }
            error => error,
        })?;
        pour.finish()
    });
    let (intake, digest) = timeout_at(terms.deadline, reading)
        .await
        .map_err(|_elapsed| LoadError::TimedOut { waited_for: "end of the file" })??;
    let state = State { version, digest, bytes, checked_at, freshness: Freshness::default() };
    Ok(Outcome::Loaded(Loaded { intake, state, declared_type: None }))
}
