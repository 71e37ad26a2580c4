//! Whether the log can be written. Who writes it says so here; operators read it here, as the log itself cannot tell them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How the log is, at this moment and so far.
#[derive(Debug, Default)]
pub struct LogHealth {
    lost: AtomicU64,
    trouble: Mutex<Option<String>>,
}

impl LogHealth {
    /// So many lines were not written, and why.
    pub fn lost(&self, lines: u64, why: &str) {
        self.lost.fetch_add(lines, Ordering::Relaxed);
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.as_deref() != Some(why) {
            *trouble = Some(why.to_owned());
        }
    }

    /// What waited was written. Returns whether it could not be before.
    pub fn written(&self) -> bool {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }

    /// Lines that were not written so far.
    #[must_use]
    pub fn lines_lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Why what was logged last was not written.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
