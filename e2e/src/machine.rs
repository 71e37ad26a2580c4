//! Who has the machine: all tests that drive the binary share it, but for one that measures, which has it alone.
//!
//! One memory limit or a 99th percentile says nothing of the server where other servers run beside it. A lock for every test that
//! is taken by hand would be forgotten, so the first use of the binary takes it, and the end of the test's thread gives it back.

use std::cell::RefCell;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;

static MACHINE: RwLock<()> = RwLock::new(());

/// What a test's thread holds until it ends.
enum Turn {
    Shared(#[expect(dead_code, reason = "held")] RwLockReadGuard<'static, ()>),
    Alone(#[expect(dead_code, reason = "held")] RwLockWriteGuard<'static, ()>),
}

thread_local! {
    static TURN: RefCell<Option<Turn>> = const { RefCell::new(None) };
}

/// The machine for this test, until it ends: waits for those that run, and lets none begin. The first line of every test in
/// `e2e/tests/e2e/measured`, before it prepares anything.
pub fn alone() {
    take(|| Turn::Alone(MACHINE.write().unwrap_or_else(PoisonError::into_inner)));
}

/// The machine beside others, unless this test has it already.
///
/// # Panics
/// In a test of `measured`, which would measure others too.
pub(crate) fn shared() {
    take(|| {
        let named = thread::current().name().is_some_and(|name| name.starts_with("measured::"));
        assert!(!named, "a test of `measured` begins with cuttle_e2e::alone()");
        Turn::Shared(MACHINE.read().unwrap_or_else(PoisonError::into_inner))
    });
}

/// A second read lock could wait for a writer that waits for the first one, so each test takes one; threads of a test are its own
/// and have no name.
fn take(turn: impl FnOnce() -> Turn) {
    if thread::current().name().is_none_or(|name| name == "main") {
        return;
    }
    TURN.with_borrow_mut(|held| {
        held.get_or_insert_with(turn);
    });
}
