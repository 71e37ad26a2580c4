//! What this machine, or the container around us, gives: cores and memory.

use std::fs;
use std::thread::available_parallelism;

use cuttle_config::{Config, Limits};
use cuttle_pipeline::MemoryPlan;

/// What is assumed where the system does not say: the smallest VPS that is sold.
const UNKNOWN_MEMORY_BYTES: u64 = 512 << 20;

/// Workers asked for, else cores (already reduced by a container's CPU quota).
pub(crate) fn workers(limits: &Limits) -> usize {
    let cores = || available_parallelism().map_or(1, usize::from);
    limits.workers.and_then(|workers| usize::try_from(workers).ok()).unwrap_or_else(cores)
}

/// The shares of the ceiling: three quarters of what is there unless stated, because the page cache and the app beside us
/// need room too.
pub(crate) fn memory_plan(config: &Config, largest_source: u64) -> MemoryPlan {
    let ceiling = config.limits.memory.map_or_else(|| available_memory() / 4 * 3, |size| size.0);
    let variants = config.cache.memory.map(|size| size.0);
    MemoryPlan::new(ceiling, workers(&config.limits), largest_source, variants)
}

/// The least of the machine's memory and every limit of the control groups that we are in.
fn available_memory() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    cgroup_limits().chain(machine).min().unwrap_or(UNKNOWN_MEMORY_BYTES)
}

fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

/// Version 2 (`memory.max`) of our group and of every group above it, and version 1. A group without
/// a limit says `max`, or a number near 2^63.
fn cgroup_limits() -> impl Iterator<Item = u64> {
    let mut files = vec!["/sys/fs/cgroup/memory/memory.limit_in_bytes".to_owned()];
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut group = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    loop {
        files.push(format!("/sys/fs/cgroup{}/memory.max", group.trim_end_matches('/')));
        match group.rsplit_once('/') {
            Some((parent, _)) if !group.trim_matches('/').is_empty() => group = parent,
            _ => break,
        }
    }
    files
        .into_iter()
        .filter_map(|file| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok())
        .filter(|&limit| limit > 0 && limit < 1 << 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_in_bytes() {
        assert_eq!(total("MemTotal:       1000 kB\nMemFree: 10 kB\n"), Some(1_024_000));
        assert_eq!(total("MemFree: 10 kB\n"), None);
    }

    #[test]
    fn this_machine_has_some_memory() {
        assert!(available_memory() > 64 << 20);
    }
}
