//! Which processes belong to a guardian: its group, and whoever descends from it.
//!
//! Both, as either alone has a hole. `setsid` leaves the group and stays a descendant; and where a guardian was killed, its
//! descendants are handed to another process and stay in the group.

use std::{collections::HashSet, fs, io};

use rustix::process::{Pid, Signal, getpid, kill_process};

/// One process, as `/proc/PID/stat` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: Pid,
    pub(crate) parent: i32,
    group: i32,
    /// It has ended, and nobody has asked how.
    pub(crate) ended: bool,
}

/// Every process that we can see.
///
/// # Errors
/// There is no `/proc`, or it is that of another namespace, as where a container was given its host's: its numbers are other
/// processes, and whom we signalled by them would be a stranger.
pub(crate) fn all() -> io::Result<Vec<Process>> {
    let us = fs::read_link("/proc/self")?;
    if us.to_str() != Some(&getpid().as_raw_pid().to_string()) {
        return Err(io::Error::other("/proc is that of another namespace of processes"));
    }
    let entries = fs::read_dir("/proc")?;
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    // Whoever ends meanwhile is not there any more.
    let stats = numbers.filter_map(|number| fs::read(format!("/proc/{number}/stat")).ok());
    Ok(stats.filter_map(|stat| parse(&String::from_utf8_lossy(&stat))).collect())
}

/// A program's name stands in parentheses and may hold some itself, so the last one counts.
fn parse(stat: &str) -> Option<Process> {
    let (before, after) = stat.rsplit_once(") ")?;
    let pid = Pid::from_raw(before.split_once(' ')?.0.parse().ok()?)?;
    let mut fields = after.split(' ');
    let ended = matches!(fields.next()?, "Z" | "X");
    Some(Process {
        pid,
        parent: fields.next()?.parse().ok()?,
        group: fields.next()?.parse().ok()?,
        ended,
    })
}

/// Everyone of a guardian's who still runs, without the guardian.
pub(crate) fn family(guardian: Pid, all: &[Process]) -> Vec<Pid> {
    let root = guardian.as_raw_pid();
    let mut members: HashSet<i32> = HashSet::from([root]);
    loop {
        let known = members.len();
        let joins = |process: &&Process| process.group == root || members.contains(&process.parent);
        let more: Vec<i32> = all.iter().filter(joins).map(|it| it.pid.as_raw_pid()).collect();
        members.extend(more);
        if members.len() == known {
            break;
        }
    }
    let runs = |process: &&Process| !process.ended && process.pid != guardian;
    let running = all.iter().filter(runs).map(|process| process.pid);
    running.filter(|pid| members.contains(&pid.as_raw_pid())).collect()
}

/// Sends a signal to each. Whoever has ended meanwhile needs none.
pub(crate) fn signal(processes: &[Pid], signal: Signal) {
    for process in processes {
        let _ = kill_process(*process, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(pid: i32, name: &str, state: &str, parent: i32, group: i32) -> Process {
        parse(&format!("{pid} ({name}) {state} {parent} {group} 1 0 -1")).expect("a process")
    }

    #[test]
    fn a_family_is_the_group_and_all_who_descend() {
        let all = [
            line(1, "init", "S", 0, 1),
            line(10, "cuttle", "S", 1, 10),
            line(20, "guardian", "S", 10, 20),
            line(21, "npx (next) start", "S", 20, 20),
            line(30, "next) S 1 1 (x", "R", 21, 20),
            line(31, "own session", "S", 30, 31),
            line(32, "its child", "S", 31, 31),
            line(33, "in the group still", "S", 1, 20),
            line(34, "ended", "Z", 20, 20),
            line(40, "another guardian", "S", 10, 40),
            line(41, "another app", "S", 40, 40),
        ];
        let pids = |of: i32| -> Vec<i32> {
            let guardian = Pid::from_raw(of).expect("a number");
            family(guardian, &all).into_iter().map(Pid::as_raw_pid).collect()
        };
        assert_eq!(pids(20), [21, 30, 31, 32, 33]);
        assert_eq!(pids(40), [41]);
        assert_eq!(pids(99), Vec::<i32>::new());
    }

    #[test]
    fn we_are_among_all() {
        let us = getpid();
        let us = all().expect("/proc").into_iter().find(|process| process.pid == us);
        let us = us.expect("this process");
        assert_eq!(Some(us.parent), rustix::process::getppid().map(Pid::as_raw_pid));
        assert!(!us.ended);
    }
}
