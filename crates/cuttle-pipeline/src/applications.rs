//! The applications of a machine, each with the site that it is now.
//!
//! Sites come and go with builds; the application that they are of stays, and so does its share of the queue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::site::Site;

/// The applications whose pictures are made here, each with its sites that are there, the last one last.
#[derive(Debug, Default)]
pub(crate) struct Applications(Mutex<BTreeMap<Arc<str>, Vec<Weak<Site>>>>);

impl Applications {
    /// Notes a site. It holds for its application as long as it is there: one that is made and never asked, as a configuration
    /// turned out to be wrong, leaves the one before it.
    pub(crate) fn note(&self, site: &Arc<Site>) {
        let id = Arc::clone(&site.parts.application.id);
        self.lock().entry(id).or_default().push(Arc::downgrade(site));
    }

    /// The last site of each.
    pub(crate) fn sites(&self) -> Vec<Arc<Site>> {
        self.lock()
            .values()
            .filter_map(|sites| sites.iter().rev().find_map(Weak::upgrade))
            .collect()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Vec<Weak<Site>>>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, sites| {
            sites.retain(|site| site.strong_count() > 0);
            !sites.is_empty()
        });
        known
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cuttle_contract::{Images, Rules};
    use cuttle_image::Limits;
    use cuttle_source::Origins;

    use super::*;
    use crate::application::Application;
    use crate::memory_plan::MemoryPlan;
    use crate::namespace::CacheNamespace;
    use crate::settings::Settings;
    use crate::site::{Endpoint, SiteParts};

    fn site(id: &str, revision: u64) -> Arc<Site> {
        let rules = Rules::compile(&Images::default()).expect("the defaults are allowed");
        let parts = SiteParts {
            application: Application { id: id.into(), key: id.into() },
            origins: Origins::default(),
            next: Endpoint::next(&rules, cuttle_source::Limits::default()),
            strict: Endpoint::strict(&rules, cuttle_source::Limits::default()),
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            unsettled: false,
        };
        let settings = Settings::new(Limits::default(), MemoryPlan::new(1 << 30, 1, 1 << 20, None));
        let namespace = CacheNamespace::of(&settings, &parts.application, [false, false]);
        Arc::new(Site::new(parts, namespace, revision))
    }

    #[test]
    fn a_site_that_is_never_asked_leaves_the_one_before_it() {
        let applications = Applications::default();
        let (shop, docs) = (site("shop", 1), site("docs", 2));
        let revisions =
            || -> Vec<_> { applications.sites().iter().map(|site| site.revision).collect() };
        [&docs, &shop].into_iter().for_each(|site| applications.note(site));
        assert_eq!((revisions(), applications.len()), (vec![2, 1], 2));
        let wrong = site("shop", 3);
        applications.note(&wrong);
        assert_eq!(revisions(), [2, 3]);
        drop(wrong);
        assert_eq!((revisions(), applications.len()), (vec![2, 1], 2));
        drop(docs);
        assert_eq!((revisions(), applications.len()), (vec![1], 1));
    }
}
