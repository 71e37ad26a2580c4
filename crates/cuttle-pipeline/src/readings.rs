//! How busy the machine is and what it holds, for readiness and metrics. Reads; nothing depends on it.

use std::ops::Add;
use std::sync::atomic::Ordering;

use cuttle_source::Traffic;
use cuttle_store::{Trouble, Usage};

use crate::machine::{Machine, Stages};
use crate::memory_plan::MemoryPlan;

/// How busy the machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Requests that wait for an answer, hits aside.
    pub requests: usize,
    /// Jobs under way, loading included.
    pub jobs: usize,
    /// Jobs that wait for memory for their original, or for a worker.
    pub waiting: usize,
    /// No further job would be admitted.
    pub full: bool,
    /// Jobs refused since the start because there was no room for anyone's.
    pub refused: u64,
    /// No new work is taken.
    pub closed: bool,
}

/// One share of the memory plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryShare {
    /// For metrics.
    pub name: &'static str,
    /// Bytes held.
    pub held: u64,
    /// Bytes at most.
    pub most: u64,
}

impl Machine {
    /// How busy it is.
    #[must_use]
    pub fn load(&self) -> Load {
        let Stages { renderer, loader, .. } = &*self.0;
        Load {
            requests: self.0.requests.load(Ordering::Relaxed),
            jobs: self.0.jobs(),
            waiting: renderer.waiting() + loader.waiting(),
            full: self.0.is_full(),
            refused: self.0.refused.load(Ordering::Relaxed),
            closed: self.is_closed(),
        }
    }

    /// What each share of the memory plan holds at present, and what it may hold.
    #[must_use]
    pub fn memory(&self) -> [MemoryShare; 7] {
        let Stages { renderer, loader, results, failures, store, settings, .. } = &*self.0;
        let (plan, usage) = (&settings.memory, store.usage());
        [
            ("originals", loader.held(), plan.originals),
            ("renders", renderer.held(), plan.renders),
            ("variants", usage.memory.bytes, plan.variants),
            ("personal", results.personal_bytes(), plan.personal),
            ("index", usage.memory.index_bytes, plan.index),
            ("queue", usage.queued_bytes, plan.queue),
            ("failures", failures.bytes(), plan.failures),
        ]
        .map(|(name, held, most)| MemoryShare { name, held, most })
    }

    /// Who may use how much.
    #[must_use]
    pub fn memory_plan(&self) -> MemoryPlan {
        self.0.settings.memory
    }

    /// Bytes of originals loaded so far.
    #[must_use]
    pub fn loaded_bytes(&self) -> u64 {
        self.0.loader.bytes()
    }

    /// How busy the ways to origins are. The sites of an application share them.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let sites = self.0.applications.sites();
        sites.iter().map(|site| site.parts.origins.traffic()).fold(Traffic::default(), Add::add)
    }

    /// How full the store is.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.0.store.usage()
    }

    /// What keeps the disk from being used at present.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        self.0.store.trouble()
    }
}
