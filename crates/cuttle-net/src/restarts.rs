//! Signs that the application restarted: its connections are refused, or reset. One that closes a connection that has
//! nothing to do is no sign, as every server does that.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::causes::is_any;

/// When the last sign was seen, by whoever talks to the application. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Restarts(Arc<AtomicU64>);

impl Restarts {
    /// Judges how a connection failed.
    pub fn judge(&self, error: &(dyn Error + 'static)) {
        if is_sign(error) {
            self.note();
        }
    }

    /// It was seen to start now.
    pub fn note(&self) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.0.store(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// When the last sign was seen.
    #[must_use]
    pub fn last(&self) -> Option<SystemTime> {
        let nanoseconds = self.0.load(Ordering::Acquire);
        let seen = || SystemTime::UNIX_EPOCH + Duration::from_nanos(nanoseconds);
        (nanoseconds > 0).then(seen)
    }
}

fn is_sign(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    is_any(error, &|error| {
        let io = error.downcast_ref::<io::Error>().map(io::Error::kind);
        matches!(io, Some(ConnectionAborted | ConnectionRefused | ConnectionReset))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_and_reset_connections_are_signs_also_as_causes_and_others_are_not() {
        let caused = |kind: io::ErrorKind| io::Error::other(io::Error::from(kind));
        for (error, is_one) in [
            (io::Error::from(io::ErrorKind::ConnectionRefused), true),
            (io::Error::from(io::ErrorKind::ConnectionReset), true),
            (caused(io::ErrorKind::ConnectionReset), true),
            (io::Error::from(io::ErrorKind::TimedOut), false),
            (io::Error::from(io::ErrorKind::UnexpectedEof), false),
        ] {
            let restarts = Restarts::default();
            restarts.judge(&error);
            assert_eq!(restarts.last().is_some(), is_one, "{error:?}");
        }
    }
}
