//! What a server logs, as it comes.

use std::io::BufRead;
use std::sync::{Condvar, Mutex};
use std::time::Instant;

use serde_json::Value;

use crate::until::PATIENCE;

/// What it wrote so far, for whoever waits for more.
#[derive(Debug, Default)]
pub(crate) struct Log {
    written: Mutex<Written>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Written {
    events: Vec<Value>,
    closed: bool,
}

impl Log {
    /// Until the server closes it; what is no event is kept as text.
    pub(crate) fn read(&self, lines: impl BufRead) {
        for line in lines.lines().map_while(Result::ok) {
            let event = serde_json::from_str(&line).unwrap_or(Value::String(line));
            self.written.lock().expect("no reader panics").events.push(event);
            self.more.notify_all();
        }
        self.written.lock().expect("no reader panics").closed = true;
        self.more.notify_all();
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        self.written.lock().expect("no reader panics").events.clone()
    }

    /// The first event that fits; `None` where the log ended, or a minute passed, without one. Nothing is locked while an event is
    /// looked at, as others may decide whether it fits.
    pub(crate) fn first(&self, fits: impl Fn(&Value) -> bool) -> Option<Value> {
        let patience = Instant::now() + PATIENCE;
        let mut seen = 0;
        loop {
            let (new, closed) = {
                let left = patience.checked_duration_since(Instant::now())?;
                let nothing =
                    |written: &mut Written| written.events.len() == seen && !written.closed;
                let written = self.written.lock().expect("no reader panics");
                let waited = self.more.wait_timeout_while(written, left, nothing);
                let (written, _) = waited.expect("no reader panics");
                (written.events[seen..].to_vec(), written.closed)
            };
            seen += new.len();
            if let Some(event) = new.into_iter().find(&fits) {
                return Some(event);
            }
            if closed {
                return None;
            }
        }
    }
}
