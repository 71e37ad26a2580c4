//! What is known of a request before anyone is asked: nothing, a fresh picture, or one that should be looked at again.
//!
//! Files are looked at again after a second, so that a redeploy shows; what servers sent, when the time that they gave is
//! over. What is kept for one client alone lies apart, in memory, for a minute. What was confirmed by another build of the
//! application than the one that runs is asked about first, whatever else is known of it.
//!
//! A local file is checked, then its optimized image is served from the store. The index keeps device, inode, size and change
//! time, so that a file swapped in with an old date is seen too.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cuttle_contract::presigned::runs_out;
use cuttle_contract::{Failure, Source};
use cuttle_source::State;
use cuttle_store::{Entry, Epoch, RequestDigest, Store};
use moka::sync::Cache;

use crate::answer::{Answer, Found, PipelineError};
use crate::made::Made;
use crate::request::{Job, Request};
use crate::settings::Settings;
use crate::site::Site;

/// A picture, and the state of the original that it was made from.
#[derive(Debug, Clone)]
pub(crate) struct Cached {
    pub(crate) made: Made,
    pub(crate) state: Arc<State>,
}

/// What the index says.
#[derive(Debug)]
pub(crate) enum LookUp {
    /// To be sent as it is.
    Fresh(Cached),
    /// To be sent as it is, and to be asked about for those who come later.
    Stale(Cached),
    /// To be asked about first.
    MustRevalidate(Cached),
    /// Nothing.
    Absent,
}

/// How good an answer still is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Fresh,
    Stale,
    MustRevalidate,
}

impl Standing {
    /// Of an answer that is fresh until `until`, or for `recheck` where it is a file's.
    fn of(
        state: &State,
        until: SystemTime,
        (recheck, stale_while_revalidate): (Duration, Duration),
        now: SystemTime,
    ) -> Self {
        // The clock was set back: how long ago it was confirmed, nobody knows.
        let Ok(confirmed) = now.duration_since(state.checked_at) else {
            return Self::MustRevalidate;
        };
        match now.duration_since(until) {
            _ if state.is_file() => {
                if confirmed < recheck {
                    Self::Fresh
                } else {
                    Self::MustRevalidate
                }
            }
            Err(_) => Self::Fresh,
            Ok(age) if age < stale_while_revalidate => Self::Stale,
            Ok(_) => Self::MustRevalidate,
        }
    }
}

/// For as long as a client's own pictures are kept; an application that takes a right away must not wait longer.
const PERSONAL: Duration = Duration::from_secs(60);

/// What one of them costs beside its bytes: key, value, state, entity tag, and the cache's own bookkeeping.
const PERSONAL_BYTES: u64 = 1024;

/// What is known of requests: the store, and beside it what is one client's alone.
pub(crate) struct Results {
    store: Store<Arc<State>>,
    /// With the purges that were known when each was begun.
    personal: Cache<RequestDigest, (Epoch, Cached)>,
    recheck: Duration,
}

fn fresh_until(state: &State, site: &Site, request: &Request) -> SystemTime {
    state.fresh_until(site.endpoint(request.image.contract).min_ttl)
}

impl Cached {
    /// Whether the build that runs may say otherwise.
    pub(crate) fn is_doubted(&self, site: &Site, request: &Request) -> bool {
        site.doubts(&request.image.source, &self.state)
    }

    pub(crate) fn answer(self, found: Found, request: &Request) -> Answer {
        self.made.answer(found, &self.state, request)
    }
}

impl Results {
    pub(crate) fn new(settings: &Settings, store: Store<Arc<State>>) -> Self {
        let personal = Cache::builder()
            .max_capacity(settings.memory.personal)
            .weigher(|_, (_, cached): &(Epoch, Cached)| {
                let holds = cached.made.body.len() + cached.state.text_bytes() + PERSONAL_BYTES;
                u32::try_from(holds).unwrap_or(u32::MAX)
            })
            .time_to_live(PERSONAL)
            .build();
        Self { store, personal, recheck: settings.recheck }
    }

    /// Bytes of what is one client's alone.
    pub(crate) fn personal_bytes(&self) -> u64 {
        self.personal.run_pending_tasks();
        self.personal.weighted_size()
    }

    pub(crate) async fn look_up(
        &self,
        digest: &RequestDigest,
        site: &Site,
        request: &Request,
    ) -> LookUp {
        if request.credentials.is_some() {
            let (application, source) = (&site.parts.application.id, request.image.source.as_str());
            let kept = self.personal.get(digest);
            // Whichever process heard of the purge, and whenever this was finished.
            let kept = kept.filter(|(since, _)| !self.store.voids(*since, application, source));
            return kept.map_or(LookUp::Absent, |(_, known)| {
                match known.is_doubted(site, request) {
                    true => LookUp::MustRevalidate(known),
                    false => LookUp::Fresh(known),
                }
            });
        }
        // Memory first: what is hot never waits for a thread that reads files.
        let found = match self.store.peek(digest) {
            None => self.store.find(digest).await,
            found => found,
        };
        let Some((Entry { content, state, .. }, variant)) = found else { return LookUp::Absent };
        let known = Cached { made: Made::kept(variant, content), state };
        if known.is_doubted(site, request) {
            return LookUp::MustRevalidate(known);
        }
        let until = fresh_until(&known.state, site, request);
        let windows = (self.recheck, site.parts.stale_while_revalidate);
        match Standing::of(&known.state, until, windows, SystemTime::now()) {
            Standing::Fresh => LookUp::Fresh(known),
            Standing::Stale => LookUp::Stale(known),
            Standing::MustRevalidate => LookUp::MustRevalidate(known),
        }
    }

    /// Keeps what was made, as far as its origin and its client allow.
    pub(crate) async fn remember(
        &self,
        digest: RequestDigest,
        job: &Job,
        made: &Made,
        state: &Arc<State>,
    ) {
        let Job { site, request, since, .. } = job;
        // SECURITY: what another build would say of it is asked by whoever comes next.
        if site.is_over() && matches!(request.image.source, Source::Local(_)) {
            return;
        }
        if state.freshness.private {
            return self.forget(&digest).await;
        }
        let Some((content, variant)) = &made.stored else { return };
        if request.credentials.is_some() {
            let known = Cached { made: made.clone(), state: Arc::clone(state) };
            self.personal.insert(digest, (*since, known));
        } else {
            let source = request.image.source.as_str().into();
            let application = Arc::clone(&site.parts.application.id);
            let entry = Entry { content: *content, state: Arc::clone(state), application, source };
            self.store.record(*since, digest, entry, variant);
        }
    }

    /// Ends when no crash can bring it back: only then is anyone told that it is gone.
    pub(crate) async fn forget(&self, digest: &RequestDigest) {
        self.personal.invalidate(digest);
        self.store.forget(digest).await;
    }

    /// Whether a picture is still of use although its original could not be asked about: not when the origin says that there
    /// is none for us, unless it says so of a URL whose time is over; and not for ever.
    pub(crate) fn may_serve_stale_on_error(
        &self,
        known: &Cached,
        job: &Job,
        failure: &PipelineError,
    ) -> bool {
        let Job { site, request, .. } = job;
        let (now, stale_if_error) = (SystemTime::now(), site.parts.stale_if_error);
        let end = fresh_until(&known.state, site, request).checked_add(stale_if_error);
        failure.may_pass() && end.is_none_or(|end| now < end)
            || failure.failure == Failure::SourceFailed { status: Some(403) }
                && request.credentials.is_none()
                && ran_out(&request.image.source, &known.state, stale_if_error, now)
    }
}

/// Whether what is made may be stored for whoever has the same original.
pub(crate) fn may_be_shared(request: &Request, state: &State) -> bool {
    !state.freshness.private && request.credentials.is_none()
}

/// Whether a URL stopped working because its own time was over, and has not been for long: what it showed until then is as true as
/// before, and whoever renders the page writes a new one. Before that time, or of a picture that came later, a refusal means
/// what it says.
fn ran_out(source: &Source, state: &State, stale_if_error: Duration, now: SystemTime) -> bool {
    let Source::Remote(url) = source else { return false };
    let Some(end) = runs_out(url) else { return false };
    let last = end.checked_add(stale_if_error);
    state.checked_at < end && end <= now && last.is_none_or(|last| now < last)
}

#[cfg(test)]
mod tests {
    use cuttle_source::{Freshness, Version};

    use super::*;

    #[test]
    fn what_a_server_sent_is_fresh_then_stale_then_due_and_due_when_the_clock_was_set_back() {
        let second = Duration::from_secs(1);
        let checked_at = SystemTime::UNIX_EPOCH + 1000 * second;
        let state = State {
            version: Version::Http { etag: None, last_modified: None },
            digest: [0; 32],
            bytes: 1,
            checked_at,
            freshness: Freshness { max_age: 60 * second, private: false },
        };
        let until = state.fresh_until(Duration::ZERO);
        for (now, expected) in [
            (0, Standing::MustRevalidate),
            (999, Standing::MustRevalidate),
            (1000, Standing::Fresh),
            (1059, Standing::Fresh),
            (1060, Standing::Stale),
            (1159, Standing::Stale),
            (1160, Standing::MustRevalidate),
        ] {
            let now = SystemTime::UNIX_EPOCH + now * second;
            let standing = Standing::of(&state, until, (second, 100 * second), now);
            assert_eq!(standing, expected, "{now:?}");
        }
    }

    #[test]
    fn a_refusal_drops_a_picture_unless_the_url_s_own_time_ended_after_it_was_fetched() {
        let second = Duration::from_secs(1);
        let at = |seconds: u32| SystemTime::UNIX_EPOCH + seconds * second;
        let told = |query: &str, fetched: u32, now: u32| {
            let url = format!("https://a.example/p.jpg?{query}").parse().expect("a URL");
            let state = State {
                version: Version::Http { etag: None, last_modified: None },
                digest: [0; 32],
                bytes: 1,
                checked_at: at(fetched),
                freshness: Freshness::default(),
            };
            ran_out(&Source::Remote(url), &state, 100 * second, at(now))
        };
        for (query, fetched, now, kept) in [
            ("exp=1000", 900, 999, false),
            ("exp=1000", 900, 1000, true),
            ("exp=1000", 900, 1099, true),
            ("exp=1000", 900, 1100, false),
            ("exp=1000", 999, 1000, true),
            ("exp=1000", 1000, 1001, false),
            ("exp=1000&Expires=1", 900, 1000, false),
            ("Expires=1", 900, 1000, false),
            ("v=1", 900, 1000, false),
        ] {
            assert_eq!(told(query, fetched, now), kept, "{query} {fetched} {now}");
        }
    }
}
