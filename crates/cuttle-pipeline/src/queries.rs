//! A query means nothing to a file: `/photo.jpg?1`, `/photo.jpg?2` and `/photo.jpg` are one picture, kept under one name and
//! read once. Else whoever counts upwards has 20 MB read and digested with each request, and an entry kept for each.
//!
//! What is no file keeps its query: the application may answer each as it likes. Which of both it is, is looked at as often as
//! files are.

use std::time::Duration;

use cuttle_contract::{LocalPath, Source};
use cuttle_store::{Purge, Scope};
use moka::sync::Cache;
use tokio::time::Instant;

use crate::request::Request;
use crate::site::Site;

/// Paths with a query that were looked at lately; each costs some 200 bytes.
const REMEMBERED: u64 = 4096;

/// For a folder that does not answer.
const PURGE_WAITS: Duration = Duration::from_secs(1);

/// Tells files from what else has a query.
#[derive(Debug, Clone)]
pub(crate) struct Queries {
    /// By the site and a digest of the path.
    seen: Cache<(u64, [u8; 32]), bool>,
}

impl Queries {
    /// Believes what it saw for as long as `recheck`.
    pub(crate) fn new(recheck: Duration) -> Self {
        Self { seen: Cache::builder().max_capacity(REMEMBERED).time_to_live(recheck).build() }
    }

    /// As it was asked, or without the query where that is one of a file.
    pub(crate) async fn settle(
        &self,
        site: &Site,
        mut request: Request,
        deadline: Instant,
    ) -> Request {
        if let Source::Local(path) = &request.image.source
            && path.query().is_some()
            && self.is_file(site, path, deadline).await
        {
            request.image.source = Source::Local(path.without_query());
        }
        request
    }

    /// The purge that is meant too where a site keeps the source, which is a file there, without its query.
    pub(crate) async fn settle_purge(&self, site: &Site, purge: &Purge) -> Option<Purge> {
        let id = &site.parts.application.id;
        let Purge { application, scope: Scope::Source(text) } = purge else { return None };
        let is_asked = application.as_ref().is_none_or(|application| **application == **id);
        let path = LocalPath::parse(text).ok().filter(|path| path.query().is_some() && is_asked)?;
        let is_file = self.is_file(site, &path, Instant::now() + PURGE_WAITS).await;
        let scope = Scope::Source(path.path().into());
        is_file.then(|| Purge { application: Some(id.as_ref().into()), scope })
    }

    async fn is_file(&self, site: &Site, path: &LocalPath, deadline: Instant) -> bool {
        let key = (site.revision, *blake3::hash(path.path().as_bytes()).as_bytes());
        if let Some(known) = self.seen.get(&key) {
            return known;
        }
        let is_file = site.parts.origins.have_file(path, deadline).await;
        self.seen.insert(key, is_file);
        is_file
    }
}
