//! How long to wait before an app is started again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);
/// Ready for this long, and whatever was before it has nothing to do with why it ended.
const STEADY: Duration = Duration::from_secs(60);

/// Doubles with each failure.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self { next: FIRST }
    }

    /// The pause after an end. `ready_for` is how long it could be asked before, if ever.
    pub(crate) fn after(&mut self, ready_for: Option<Duration>) -> Duration {
        if ready_for.is_some_and(|time| time >= STEADY) {
            self.next = FIRST;
        }
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_its_longest_and_begins_anew_after_a_steady_time() {
        let mut backoff = Backoff::new();
        let pauses: Vec<_> = (0..8).map(|_| backoff.after(None).as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        assert_eq!(backoff.after(Some(STEADY / 2)), LONGEST, "too short to mean anything");
        assert_eq!(backoff.after(Some(STEADY)), FIRST);
        assert_eq!(backoff.after(None), FIRST * 2);
    }
}
