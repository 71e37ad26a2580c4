//! Waiting for what nobody tells a test of.

use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything takes that is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks: each may cost the server that is measured some CPU time, and what is waited for may need every core.
const BETWEEN: Duration = Duration::from_millis(10);

/// One after the other for a minute, and one after it.
pub(crate) fn looks() -> impl Iterator<Item = ()> {
    let patience = Instant::now() + PATIENCE;
    let (mut first, mut last) = (true, false);
    std::iter::from_fn(move || {
        if last {
            return None;
        }
        if !first {
            thread::park_timeout(BETWEEN);
        }
        (first, last) = (false, Instant::now() >= patience);
        Some(())
    })
}

/// Looks until it is so.
///
/// # Panics
/// When a minute passed and it is not so.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    found(what, || is_so().then_some(()));
}

/// What `look` finds, as soon as it finds something.
///
/// # Panics
/// When a minute passed without it.
#[track_caller]
pub fn found<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    looks().find_map(|()| look()).unwrap_or_else(|| panic!("never: {what}"))
}
