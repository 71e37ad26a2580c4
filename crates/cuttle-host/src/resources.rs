//! What this machine, or the container around us, gives: cores and memory.

use std::fs;
use std::thread::available_parallelism;

use cuttle_config::Config;
use cuttle_image::Limits;
use cuttle_pipeline::MemoryPlan;

use crate::configuration::Configured;

/// What is assumed where the system does not say: the smallest VPS that is sold.
const UNKNOWN_MEMORY_BYTES: u64 = 512 << 20;

/// What a server of this configuration takes of the machine.
#[derive(Debug, Clone, Copy)]
pub struct Resources {
    /// Worker processes.
    pub workers: usize,
    /// What one image may cost. A build may allow larger originals at its own endpoint.
    pub limits: Limits,
    /// The shares of the memory limit.
    pub memory: MemoryPlan,
}

impl Resources {
    /// As many workers as are configured, else cores (already reduced by a container's CPU quota). Of memory what is
    /// configured, else three quarters of what is there, because the page cache and the app beside us need room too.
    #[must_use]
    pub fn of(configured: &Configured) -> Self {
        let config = &configured.config;
        let limits = limits(config, configured.largest_original());
        let workers = workers(config);
        let ceiling =
            config.limits.memory.map_or_else(|| available_memory() / 4 * 3, |size| size.0);
        let variants = config.cache.memory.map(|size| size.0);
        let memory = MemoryPlan::new(ceiling, workers, limits.source_bytes, variants);
        Self { workers, limits, memory }
    }
}

fn workers(config: &Config) -> usize {
    let cores = || available_parallelism().map_or(1, usize::from);
    config.limits.workers.and_then(|workers| usize::try_from(workers).ok()).unwrap_or_else(cores)
}

fn limits(config: &Config, source_bytes: u64) -> Limits {
    let limits = &config.limits;
    Limits {
        source_bytes,
        side: u32::try_from(limits.side).unwrap_or(u32::MAX),
        pixels: limits.pixels,
        frames: u32::try_from(limits.frames).unwrap_or(u32::MAX),
        frames_pixels: limits.frames_pixels,
        ..Limits::default()
    }
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
