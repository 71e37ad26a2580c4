//! What every request may use, built once at start.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cuttle_contract::{NextContract, Rules, StrictContract};
use cuttle_pipeline::Pipeline;
use cuttle_source::Folder;
use tokio::sync::Semaphore;

use crate::Hosts;

/// The served application: contracts, pipeline, folder.
#[derive(Debug)]
pub struct App {
    pub(crate) rules: Arc<Rules>,
    pub(crate) next: NextContract,
    pub(crate) strict: StrictContract,
    pub(crate) pipeline: Pipeline,
    pub(crate) folder: Arc<Folder>,
    pub(crate) facts: Facts,
    pub(crate) hosts: Hosts,
    /// Pages for people that may be made at a time.
    pub(crate) pages: Arc<Semaphore>,
    draining: AtomicBool,
}

/// Making one opens hundreds of files, on threads that everything else needs as well.
const PAGES_AT_A_TIME: usize = 4;

/// What the page for people says about this server.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Public version.
    pub version: &'static str,
    /// Workers that render at a time.
    pub workers: usize,
    /// Every layer of the sandbox is active.
    pub sandbox_complete: bool,
    /// Address that people open.
    pub address: String,
}

impl App {
    /// Joins the parts.
    #[must_use]
    pub fn new(
        rules: Arc<Rules>,
        pipeline: Pipeline,
        folder: Arc<Folder>,
        facts: Facts,
        hosts: Hosts,
    ) -> Self {
        Self {
            next: NextContract::new(&rules),
            strict: StrictContract::new(&rules),
            rules,
            pipeline,
            folder,
            facts,
            hosts,
            pages: Arc::new(Semaphore::new(PAGES_AT_A_TIME)),
            draining: AtomicBool::new(false),
        }
    }

    /// From now on this process wants no traffic: `/readyz` says so and new renders are refused.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.pipeline.close();
    }

    /// Address that people open.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.facts.address
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
