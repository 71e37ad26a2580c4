//! Which builds may be running: the last one that counts, those before it until the application was seen to restart, and
//! what is being written.
//!
//! A build in the folder says nothing of the application, which runs the one that it was started with. So a new build adds
//! to what holds, and takes away only when the old one cannot be running any more. Pure: the disk and the clock are given.
//!
//! The old build cannot run any more when the app's connections were refused, when they were reset on a request without a body,
//! or when ten minutes passed. A reset on a request with a body says nothing: an app that has read enough resets it too, and a
//! client decides on that. The disk is looked at once a second, by change times, which nobody can set. At start nobody knows
//! what ran before: what was confirmed within ten minutes of the build's writing is asked about again.

use std::time::{Duration, Instant, SystemTime};

use super::Stamp;

/// A build counts when nothing of it has changed for so long: the last files of one are written within a second, those of
/// a folder that is copied one after the other.
const QUIET: Duration = Duration::from_secs(2);

/// Longest wait for a restart: nobody need ask for anything while the application restarts, and then it is not seen.
const RESTARTED_WITHIN: Duration = Duration::from_secs(600);

/// What is known of the builds of one application.
#[derive(Debug)]
pub struct Following {
    followed: Stamp,
    /// When the disk was last seen to hold it.
    seen: SystemTime,
    writing: Option<Writing>,
    transition: Option<Transition>,
}

/// Files that are not those of the build that is followed.
#[derive(Debug)]
struct Writing {
    stamp: Stamp,
    since: Instant,
    refused: bool,
}

/// The build before may still be running.
#[derive(Debug)]
struct Transition {
    /// A sign of a restart after this is one of the restart into the new build.
    from: SystemTime,
    ends: Instant,
}

/// What there is to see at one moment.
#[derive(Debug, Clone)]
pub struct Look {
    /// Of the files.
    pub stamp: Stamp,
    /// The moment.
    pub now: Instant,
    /// The same by the clock that files have.
    pub clock: SystemTime,
    /// When the application was last seen to restart.
    pub restarted: Option<SystemTime>,
}

/// What it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Nothing new.
    Same,
    /// Files are there that are not those of the build that is followed, nor yet a build that counts: others than at the
    /// last look. `begun` if there were none then.
    Writing {
        /// The first look at such files.
        begun: bool,
    },
    /// The build that is followed is there again.
    Restored,
    /// A new build counts. It is to be read, and then [followed](Following::follow) or [refused](Following::refuse).
    Finished,
    /// Only the build that is followed may be running.
    Settled(End),
}

/// How it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The application was seen to restart.
    Restarted,
    /// The wait is over.
    WaitedLongEnough,
}

impl Following {
    /// From a build on that was read, as it was `seen` to be there.
    #[must_use]
    pub fn new(followed: Stamp, seen: SystemTime) -> Self {
        Self { followed, seen, writing: None, transition: None }
    }

    /// Until when the application may have run another build than the one that is followed, as far as anyone can tell who did not
    /// see the change.
    #[must_use]
    pub fn doubtful_until(&self) -> SystemTime {
        self.followed.changed() + RESTARTED_WITHIN
    }

    /// Whether a build may be running that is not the one that is followed.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        self.writing.is_some() || self.transition.is_some()
    }

    /// What is new at this look. One thing at a time: to be asked until it is [`Sight::Same`].
    pub fn look(&mut self, look: &Look) -> Sight {
        if look.stamp != self.followed {
            return self.look_at_writing(look);
        }
        self.seen = look.clock;
        if self.writing.take().is_some() {
            return Sight::Restored;
        }
        self.look_at_transition(look)
    }

    fn look_at_writing(&mut self, look: &Look) -> Sight {
        let known = self.writing.as_ref().filter(|writing| writing.stamp == look.stamp);
        let refused = known.is_some_and(|writing| writing.refused);
        let since = known.map_or(look.now, |writing| writing.since);
        let calm = look.now.saturating_duration_since(since) >= QUIET
            // Nobody may have looked meanwhile.
            || look.clock.duration_since(look.stamp.changed()).is_ok_and(|age| age >= QUIET);
        if calm && !refused && self.lacks(&look.stamp).is_none() {
            return Sight::Finished;
        }
        if known.is_some() {
            return self.look_at_transition(look);
        }
        let writing = Writing { stamp: look.stamp.clone(), since, refused };
        Sight::Writing { begun: self.writing.replace(writing).is_none() }
    }

    fn look_at_transition(&mut self, look: &Look) -> Sight {
        let Some(transition) = &self.transition else { return Sight::Same };
        let end = match look.restarted {
            Some(restarted) if restarted > transition.from => End::Restarted,
            _ if look.now >= transition.ends => End::WaitedLongEnough,
            _ => return Sight::Same,
        };
        self.transition = None;
        Sight::Settled(end)
    }

    /// The file without which what is there is no whole build.
    #[must_use]
    pub fn lacks(&self, stamp: &Stamp) -> Option<&'static str> {
        stamp.lacks(&self.followed)
    }

    /// Follows the build that `look` saw, once it was read. The one before it may still be running.
    pub fn follow(&mut self, look: &Look) {
        // SECURITY: a restart before the build was whole was one into another build. Its files may have been written long
        // before they came to this place, but not before the last look at those that were here.
        let from = look.stamp.changed().max(self.seen);
        self.transition = Some(Transition { from, ends: look.now + RESTARTED_WITHIN });
        self.writing = None;
        self.followed = look.stamp.clone();
        self.seen = look.clock;
    }

    /// Has the build that `look` saw not tried again until it changes: it could not be read.
    pub fn refuse(&mut self, look: &Look) {
        let (stamp, since) = (look.stamp.clone(), look.now);
        self.writing = Some(Writing { stamp, since, refused: true });
    }

    /// The build that is followed is the one that is running: the operator says so.
    pub fn settle(&mut self) {
        self.transition = None;
    }
}

#[cfg(test)]
#[path = "following_tests.rs"]
mod tests;
