//! What the operating system says of processes.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Proportional set size of a process in bytes: shared pages are divided among those who share
/// them, so the sum over a server and its workers is what the machine gives up for all of them.
/// Zero for a process that is gone.
#[must_use]
pub fn memory_pss(pid: u32) -> u64 {
    let Ok(text) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { return 0 };
    text.lines()
        .find_map(|line| {
            line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
        })
        .map_or(0, |kib| kib << 10)
}

/// A process stopped by SIGSTOP for as long as this lives: a render that takes exactly as long as a
/// test wants.
#[derive(Debug)]
pub struct Stopped(u32);

/// Stops a process.
///
/// # Panics
/// When there is no such process.
#[must_use]
pub fn stopped(pid: u32) -> Stopped {
    signal(pid, Signal::STOP);
    Stopped(pid)
}

impl Drop for Stopped {
    fn drop(&mut self) {
        if fs::exists(format!("/proc/{}", self.0)).unwrap_or(false) {
            signal(self.0, Signal::CONT);
        }
    }
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process id is not zero");
    kill_process(pid, signal).expect("the process is there and ours");
}

/// Ids of a process's children.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok())
        .flat_map(|text| {
            text.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>()
        })
        .collect()
}

/// Ids of everything that descends from a process.
#[must_use]
pub fn descendants(pid: u32) -> Vec<u32> {
    let mut found = children(pid);
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        found.extend(children(pid));
        next += 1;
    }
    found
}

/// CPU time of the children of a process that ended and were waited for, as the kernel counts it: in ticks of 10 ms.
pub(crate) fn cpu_time_of_ended(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> =
        stat.rsplit_once(") ").map_or_else(Vec::new, |(_, rest)| rest.split(' ').collect());
    let ticks = |field: usize| fields.get(field).and_then(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis((ticks(13).unwrap_or(0) + ticks(14).unwrap_or(0)) * 10)
}

/// CPU time of a process, user and system, threads that ended included. Zero for one that is gone.
///
/// The kernel counts it in ticks of 10 ms, or to the nanosecond where `schedstat` is there.
pub(crate) fn cpu_time(pid: u32) -> Duration {
    let exact: Option<u64> = fs::read_dir(format!("/proc/{pid}/task")).ok().and_then(|tasks| {
        tasks
            .map(|task| {
                let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
                text.split_whitespace().next()?.parse::<u64>().ok()
            })
            .sum()
    });
    let ticks = fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|text| {
        let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    });
    let counted = Duration::from_millis(ticks.unwrap_or(0) * 10);
    exact.map_or(counted, Duration::from_nanos).max(counted)
}
