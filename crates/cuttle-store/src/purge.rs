//! Purges: what they match, and what began before them.
//!
//! Numbers of purges are milliseconds since 1970, or one more than the last where that is larger: they grow whatever
//! happens to the clock or to the index.

use std::collections::{BTreeMap, VecDeque};
use std::ops::AddAssign;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// What is to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purge {
    /// The application whose pictures are forgotten, by its id; `None`: those of every application.
    pub application: Option<Box<str>>,
    /// Which of them.
    pub scope: Scope,
}

/// The sources whose pictures are forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every source.
    All,
    /// One source, as its canonical text.
    Source(Box<str>),
    /// Sources whose canonical text begins so.
    Prefix(Box<str>),
}

impl Purge {
    /// Everything of every application.
    pub const EVERYTHING: Self = Self { application: None, scope: Scope::All };

    /// Whether it matches what an application had made from `source`.
    #[must_use]
    pub fn matches(&self, application: &str, source: &str) -> bool {
        self.application.as_deref().is_none_or(|id| id == application)
            && match &self.scope {
                Scope::All => true,
                Scope::Source(text) => **text == *source,
                Scope::Prefix(text) => source.starts_with(&**text),
            }
    }
}

impl From<Scope> for Purge {
    /// In every application.
    fn from(scope: Scope) -> Self {
        Self { application: None, scope }
    }
}

/// What a purge removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purged {
    /// Requests that were answered from it: of the disk, or of memory where there is no disk.
    pub requests: u64,
    /// The same for each application that had any, by its id.
    pub applications: BTreeMap<Box<str>, u64>,
    /// Variants that nothing else named.
    pub variants: u64,
    /// Bytes of those variants.
    pub bytes: u64,
    /// It holds, and is not over: there is much to delete, or the disk cannot be asked. Until it can, nothing is read from it;
    /// then this purge comes first, unless the process ends before.
    pub pending: bool,
    /// Another version of Cuttle may have the same folder open and not hear of it.
    pub unreached: bool,
}

impl AddAssign for Purged {
    /// Adds what another purge removed, or the next piece of the same one.
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.variants += other.variants;
        self.bytes += other.bytes;
        self.pending |= other.pending;
        self.unreached |= other.unreached;
        for (id, requests) in other.applications {
            *self.applications.entry(id).or_default() += requests;
        }
    }
}

/// A moment between purges, to be noted before something is made. The default is before all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub(crate) i64);

/// The purges that this process knows of, as far back as jobs can reach.
#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<Purges>);

#[derive(Debug, Default)]
struct Purges {
    last: i64,
    /// What came before those in `recent`.
    forgotten: i64,
    recent: VecDeque<(i64, Purge)>,
}

/// More purges than come while a job is under way. What began before the oldest of them is void whatever its source.
const REMEMBERED: usize = 1024;

impl Log {
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.lock().last)
    }

    /// Enters a purge that has no number yet.
    pub(crate) fn enter(&self, purge: Purge) -> Epoch {
        let mut purges = self.lock();
        let number = now_ms().max(purges.last + 1);
        purges.enter(number, purge);
        Epoch(number)
    }

    /// Enters a purge of the shared index; whether it is news.
    pub(crate) fn enter_numbered(&self, number: i64, purge: Purge) -> bool {
        let mut purges = self.lock();
        let news = purges.recent.iter().all(|(known, _)| *known != number);
        if news {
            purges.enter(number, purge);
        }
        news
    }

    /// Whether what an application had made from `source` since `epoch` has been purged meanwhile.
    pub(crate) fn voids(&self, epoch: Epoch, application: &str, source: &str) -> bool {
        self.any(epoch, |purge| purge.matches(application, source))
    }

    /// Whether there was any purge since `epoch`.
    pub(crate) fn since(&self, epoch: Epoch) -> bool {
        self.any(epoch, |_| true)
    }

    fn any(&self, epoch: Epoch, matches: impl Fn(&Purge) -> bool) -> bool {
        let purges = self.lock();
        if epoch.0 >= purges.last {
            return false;
        }
        epoch.0 < purges.forgotten
            || purges.recent.iter().any(|(number, purge)| *number > epoch.0 && matches(purge))
    }

    fn lock(&self) -> MutexGuard<'_, Purges> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Purges {
    fn enter(&mut self, number: i64, purge: Purge) {
        self.last = self.last.max(number);
        self.recent.push_back((number, purge));
        if self.recent.len() > REMEMBERED {
            let oldest = self.recent.pop_front().map_or(0, |(number, _)| number);
            self.forgotten = self.forgotten.max(oldest);
        }
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_began_before_a_purge_of_its_source_is_void_and_nothing_else() {
        let log = Log::default();
        let before = log.epoch();
        log.enter(Scope::Prefix("/photos/".into()).into());
        assert!(log.voids(before, "shop", "/photos/a.jpg") && log.since(before));
        assert!(!log.voids(before, "shop", "/photo.jpg"));
        let after = log.epoch();
        assert!(!log.voids(after, "shop", "/photos/a.jpg") && !log.since(after));
        log.enter(Scope::Source("/photo.jpg".into()).into());
        let voids = |source| log.voids(after, "shop", source);
        assert!(voids("/photo.jpg") && !voids("/photo.jpg?v=1"));
        let of_shop = Purge { application: Some("shop".into()), scope: Scope::All };
        log.enter(of_shop);
        assert!(voids("/a.jpg") && !log.voids(after, "docs", "/a.jpg"));
    }

    #[test]
    fn what_began_before_memory_of_purges_reaches_is_void() {
        let log = Log::default();
        log.enter(Scope::Source("/first".into()).into());
        let before = log.epoch();
        for _ in 0..=REMEMBERED {
            log.enter(Scope::Source("/other".into()).into());
        }
        assert!(log.voids(before, "shop", "/photo.jpg"));
        assert!(!log.voids(log.epoch(), "shop", "/photo.jpg"));
    }
}
