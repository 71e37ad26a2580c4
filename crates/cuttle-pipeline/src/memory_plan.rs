//! Who may use how much memory, derived from one ceiling and printed at start.
//!
//! concurrency × worst case must stay under the ceiling (lessons: "raising the worker count turned
//! queueing into OOM"), so the shares are computed here, once, and each is enforced where the memory
//! is spent: originals and renders by the two budgets, variants and index by the memory tier, what waits for the disk
//! by its queue, failures and static files by their caches, a single job by its worker's resource limit.

/// Bytes for each purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryPlan {
    /// What the operator or the machine allows for everything together.
    pub ceiling: u64,
    /// Originals held at a time, over all requests.
    pub originals: u64,
    /// Estimated peak of all renders at a time.
    pub renders: u64,
    /// Hard limit of one worker (`RLIMIT_DATA`).
    pub worker: u64,
    /// What each worker may keep while it waits for another width of its original; with more it ends at once.
    pub kept: u64,
    /// Variants kept by the memory tier.
    pub variants: u64,
    /// Variants that are one client's, kept for a minute.
    pub personal: u64,
    /// Requests whose answer is known: the index in memory.
    pub index: u64,
    /// What waits to be written to the disk.
    pub queue: u64,
    /// Failures that are remembered.
    pub failures: u64,
    /// Static files of applications.
    pub files: u64,
    /// Code and connections: what is there before any picture.
    pub fixed: u64,
}

const MIB: u64 = 1 << 20;
/// Measured with an idle server, rounded up: server process, then the two processes of each place, the worker
/// and its spare.
const SERVER_BYTES: u64 = 24 * MIB;
const IDLE_WORKERS_BYTES: u64 = 2 * 4 * MIB;
/// The most for one worker, however much there is.
const WORKER_BYTES: u64 = 512 * MIB;
/// An eighth of a million names of ordinary length: the others are on disk.
const MOST_INDEX_BYTES: u64 = 128 * MIB;
/// Scripts and styles of some applications, each in three codings.
const MOST_FILES_BYTES: u64 = 32 * MIB;
/// A tiny job's crumbs, and what a large photo leaves in the allocator (measured: 40 to 100 MiB).
const LEAST_KEPT_BYTES: u64 = 8 * MIB;
const MOST_KEPT_BYTES: u64 = 128 * MIB;
/// A worker with less cannot decode an ordinary phone photo.
const LEAST_WORKER_BYTES: u64 = 96 * MIB;

impl MemoryPlan {
    /// Divides `ceiling` among `workers` workers: an eighth for originals, a sixteenth for variants
    /// (64 MiB are plenty) unless `variants` says otherwise, the rest for renders.
    #[must_use]
    pub fn new(ceiling: u64, workers: usize, largest_source: u64, variants: Option<u64>) -> Self {
        let workers = workers as u64;
        let fixed = SERVER_BYTES + workers * IDLE_WORKERS_BYTES;
        let originals = (ceiling / 8).clamp(largest_source, 16 * largest_source);
        let variants = variants.unwrap_or((ceiling / 16).clamp(4 * MIB, 64 * MIB));
        let personal = variants / 8;
        let index = (ceiling / 16).clamp(4 * MIB, MOST_INDEX_BYTES);
        let queue = (ceiling / 32).clamp(4 * MIB, 16 * MIB);
        let failures = (ceiling / 32).clamp(2 * MIB, 16 * MIB);
        let files = (ceiling / 32).clamp(2 * MIB, MOST_FILES_BYTES);
        let kept_apart = originals + variants + personal + index + queue + failures + files;
        let left = ceiling.saturating_sub(fixed + kept_apart);
        // A quarter for what allocators do not give back, and no more than a large photo leaves.
        let kept = (left / (4 * workers)).clamp(LEAST_KEPT_BYTES, MOST_KEPT_BYTES);
        let left = left.saturating_sub(workers * kept);
        let renders = left.clamp(LEAST_WORKER_BYTES, workers * WORKER_BYTES);
        let worker = renders.min(WORKER_BYTES);
        Self {
            ceiling,
            originals,
            renders,
            worker,
            kept,
            variants,
            personal,
            index,
            queue,
            failures,
            files,
            fixed,
        }
    }

    fn workers_keep(&self) -> u64 {
        (self.fixed - SERVER_BYTES) / IDLE_WORKERS_BYTES * self.kept
    }

    /// What is kept for later: pictures, names, failures, and what the disk has not heard of.
    fn caches(&self) -> u64 {
        self.variants + self.personal + self.index + self.queue + self.failures + self.files
    }

    /// What all shares add up to at worst.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.fixed + self.originals + self.renders + self.caches() + self.workers_keep()
    }

    /// Whether the worst case stays under the ceiling; if not, the machine is too small for even
    /// one ordinary photo and the operator must be told.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.total() <= self.ceiling
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: u64 = 20_000_000;

    #[test]
    fn the_worst_case_stays_under_every_ceiling_from_256_mib_up() {
        for ceiling in [256, 300, 512, 1024, 4096, 24 << 10] {
            for workers in [1, 2, 4, 8, 64] {
                let plan = MemoryPlan::new(ceiling * MIB, workers, SOURCE, None);
                let least = plan.fixed + plan.originals + plan.caches() + plan.workers_keep();
                assert_eq!(plan.fits(), least + LEAST_WORKER_BYTES <= plan.ceiling, "{plan:?}");
                assert!(plan.worker <= plan.renders && plan.originals >= SOURCE);
            }
        }
    }

    #[test]
    fn a_large_machine_is_not_spent_for_its_own_sake() {
        let plan = MemoryPlan::new(24 << 30, 2, SOURCE, None);
        assert!(plan.total() < 2 << 30, "{plan:?}");
    }

    #[test]
    fn a_ceiling_that_is_too_small_says_so() {
        assert!(!MemoryPlan::new(64 * MIB, 2, SOURCE, None).fits());
    }
}
