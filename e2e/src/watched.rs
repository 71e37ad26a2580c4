//! A file of which a test knows when somebody looked at it.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};

/// One file, until another takes its name.
#[derive(Debug)]
pub struct Watched(OwnedFd);

impl Watched {
    /// From now on.
    ///
    /// # Panics
    /// When it cannot be watched.
    #[must_use]
    pub fn new(file: &Path) -> Self {
        let events = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).expect("inotify");
        add_watch(&events, file, WatchFlags::OPEN).expect("a file");
        Self(events)
    }

    /// Whether it was opened since the last time that this was asked.
    #[must_use]
    pub fn was_opened(&self) -> bool {
        let (mut opened, mut events) = (false, [0; 4096]);
        while rustix::io::read(&self.0, &mut events).is_ok_and(|read| read > 0) {
            opened = true;
        }
        opened
    }
}
