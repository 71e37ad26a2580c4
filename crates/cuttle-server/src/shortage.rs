//! The lack of file descriptors: told once a minute, whoever ran into it, as those who do are as many as there are requests.

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cuttle_net::is_out_of_descriptors;

const EVERY: Duration = Duration::from_secs(60);

/// Descriptors are the process's, and so is what was said of them: when, and how often since.
static TOLD: Mutex<Option<(Instant, u64)>> = Mutex::new(None);

/// Whether `error` is nothing but that; then it is told.
pub(crate) fn is_it(error: &(dyn Error + 'static), doing: &'static str) -> bool {
    let is_it = is_out_of_descriptors(error);
    if is_it {
        tell(doing);
    }
    is_it
}

/// Tells it, if it is time for that.
pub(crate) fn tell(doing: &'static str) {
    if let Some(untold) = due(&TOLD, Instant::now()) {
        let untold = Some(untold).filter(|&number| number > 0);
        tracing::warn!(
            doing,
            untold,
            remedy = crate::codes::remedy("out_of_descriptors"),
            "no file descriptor is left"
        );
    }
}

/// How many were not told of since the last, where it is time for one.
fn due(told: &Mutex<Option<(Instant, u64)>>, now: Instant) -> Option<u64> {
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    match &mut *told {
        Some((at, untold)) if now.saturating_duration_since(*at) < EVERY => {
            *untold += 1;
            None
        }
        before => {
            let untold = before.map_or(0, |(_, untold)| untold);
            *before = Some((now, 0));
            Some(untold)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_minute_says_how_many_there_were() {
        let (told, began) = (Mutex::new(None), Instant::now());
        let due = |seconds| due(&told, began + Duration::from_secs(seconds));
        assert_eq!([0, 1, 59, 60, 61].map(due), [Some(0), None, None, Some(2), None]);
    }
}
