//! The applications of a machine, each with the site that it is now.
//!
//! Sites come and go with builds; the application that they are of stays, and so does its share of the queue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::site::Site;

/// The applications whose pictures are made here, each with its last site.
#[derive(Debug, Default)]
pub(crate) struct Applications(Mutex<BTreeMap<Arc<str>, Weak<Site>>>);

impl Applications {
    /// Notes what holds for an application from now on.
    pub(crate) fn note(&self, site: &Arc<Site>) {
        let id = Arc::clone(&site.parts.application.id);
        self.lock().insert(id, Arc::downgrade(site));
    }

    /// The sites that hold.
    pub(crate) fn sites(&self) -> Vec<Arc<Site>> {
        let mut known = self.lock();
        known.retain(|_, site| site.strong_count() > 0);
        known.values().filter_map(Weak::upgrade).collect()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().values().filter(|site| site.strong_count() > 0).count()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Weak<Site>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
