//! Tests that cannot run here.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::thread;

const MAY_SKIP: &str = "TESTS_MAY_SKIP";
const SKIPPED: &str = "TESTS_SKIPPED";

/// Notes that this test, or a part of it, is not tested, for this reason.
///
/// # Panics
/// Unless that is allowed, and where it cannot be noted.
#[track_caller]
pub fn skip(why: &str) {
    assert!(
        std::env::var_os(MAY_SKIP).is_some(),
        "cannot be tested here: {why}; with {MAY_SKIP}=1 in the environment it is left out"
    );
    let Some(list) = std::env::var_os(SKIPPED) else { return };
    let thread = thread::current();
    let line = format!("{}: {why}\n", thread.name().unwrap_or("a thread of a test"));
    // In one write, as other tests append to it too.
    let noted = OpenOptions::new().create(true).append(true).open(list);
    noted
        .and_then(|mut list| list.write_all(line.as_bytes()))
        .expect("the list of what was skipped");
}
