//! When to ask again, within the one deadline that everything of a request shares.
//!
//! Only what [`LoadError::is_transient`] calls so is tried again. The gaps double, so that a server that is down is left
//! alone, and are spread, so that many loads that failed together do not come back together.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Instant, sleep};

use crate::LoadError;

/// A gap is its base ± a quarter. Less than a third, so that each gap is longer than the one before whatever the dice say:
/// 2 × 0.75 > 1.25.
const SPREAD: f64 = 0.25;
/// Before spreading. No request lives so long.
const LONGEST_GAP: Duration = Duration::from_secs(60);

/// How often, and how far apart.
#[derive(Debug)]
pub struct Retry {
    max_attempts: u32,
    first_gap: Duration,
    dice: Mutex<Rng>,
}

/// One attempt after another at the same thing.
pub(crate) trait Attempt {
    type Output;

    fn attempt(&mut self) -> impl Future<Output = Result<Self::Output, LoadError>> + Send;
}

impl Retry {
    /// At most `max_attempts` in all (at least one), the second about `first_gap` after the first.
    #[must_use]
    pub fn new(max_attempts: u32, first_gap: Duration) -> Self {
        Self { max_attempts, first_gap, dice: Mutex::new(Rng::new()) }
    }

    /// The same with the same gaps every time.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        Self { dice: Mutex::new(Rng::with_seed(seed)), ..self }
    }

    /// Attempts until one succeeds, fails for good, or the next could not begin before `deadline`.
    pub(crate) async fn run<A: Attempt>(
        &self,
        deadline: Instant,
        job: &mut A,
    ) -> Result<A::Output, LoadError> {
        let mut made = 0;
        loop {
            let error = match job.attempt().await {
                Err(error) if error.is_transient() => error,
                done => return done,
            };
            made += 1;
            // Whoever says when to come back is not asked before.
            let gap = self.gap(made).max(error.retry_after().unwrap_or_default());
            if made >= self.max_attempts
                || deadline.saturating_duration_since(Instant::now()) <= gap
            {
                return Err(error);
            }
            sleep(gap).await;
        }
    }

    /// The gap after so many attempts.
    fn gap(&self, made: u32) -> Duration {
        let dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner).f64();
        let doubled = self.first_gap.saturating_mul(1 << made.saturating_sub(1).min(16));
        doubled.min(LONGEST_GAP).mul_f64(1.0 - SPREAD + 2.0 * SPREAD * dice)
    }
}

impl Default for Retry {
    /// Three attempts within about 0.6 s of waiting.
    fn default() -> Self {
        Self::new(3, Duration::from_millis(200))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(200);

    /// Answers by script, and notes when it was asked.
    struct Scripted<'a> {
        script: &'a [Option<(u16, Option<u64>)>],
        asked: Vec<Instant>,
    }

    impl Attempt for Scripted<'_> {
        type Output = ();

        async fn attempt(&mut self) -> Result<(), LoadError> {
            let answer = self.script[self.asked.len()];
            self.asked.push(Instant::now());
            answer.map_or(Ok(()), |(status, retry_after)| {
                Err(LoadError::Status { status, retry_after: retry_after.map(Duration::from_secs) })
            })
        }
    }

    async fn run(
        script: &[Option<(u16, Option<u64>)>],
        budget: Duration,
    ) -> (Result<(), LoadError>, Vec<Duration>) {
        let mut job = Scripted { script, asked: Vec::new() };
        let retry = Retry::new(4, FIRST).seeded(7);
        let result = retry.run(Instant::now() + budget, &mut job).await;
        (result, job.asked.windows(2).map(|pair| pair[1] - pair[0]).collect())
    }

    #[tokio::test(start_paused = true)]
    async fn an_origin_that_fails_twice_is_asked_three_times_with_growing_gaps() {
        let (result, gaps) =
            run(&[Some((503, None)), Some((500, None)), None], Duration::from_secs(10)).await;
        assert!(result.is_ok());
        assert_eq!(gaps.len(), 2);
        assert!(gaps[0] >= FIRST.mul_f64(0.75) && gaps[1] > gaps[0], "{gaps:?}");
        let unseeded: std::collections::HashSet<_> =
            (0..20).map(|_| Retry::new(2, FIRST).gap(1)).collect();
        assert!(unseeded.len() > 1, "gaps are spread");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_permanent_is_asked_once() {
        for status in [301, 304, 400, 401, 403, 404, 410, 418] {
            let (result, gaps) = run(&[Some((status, None))], Duration::from_secs(10)).await;
            assert!(result.is_err() && gaps.is_empty(), "{status}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_attempt_is_the_last() {
        let (result, gaps) = run(&[Some((503, None)); 4], Duration::from_secs(60)).await;
        assert!(matches!(result, Err(LoadError::Status { status: 503, .. })));
        assert_eq!(gaps.len(), 3);
        assert!(gaps.is_sorted_by(|a, b| a < b), "{gaps:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_that_the_origin_asks_for_is_kept_to() {
        let (result, gaps) = run(&[Some((429, Some(5))), None], Duration::from_secs(10)).await;
        assert!(result.is_ok());
        assert!(gaps[0] >= Duration::from_secs(5), "{gaps:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_an_attempt_that_would_come_too_late() {
        let began = Instant::now();
        for (answer, budget) in [((503, Some(60)), 10_000), ((503, None), 100)] {
            let (result, gaps) = run(&[Some(answer)], Duration::from_millis(budget)).await;
            assert!(result.is_err() && gaps.is_empty());
        }
        assert_eq!(Instant::now(), began);
    }
}
