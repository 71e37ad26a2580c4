//! Reaps what is handed to us because we are process 1, as a container's only process is.
//!
//! Whoever asks how *any* child ended takes that from the one who waits for it: ends of workers and apps would be lost. So it is
//! only looked whether there is somebody (`WNOWAIT`), and then each is asked for by number.

use std::{collections::HashSet, time::Duration};

use rustix::process::{Pid, WaitId, WaitIdOptions, getpid, waitid};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::sleep,
};

use crate::{processes, starter};

/// Between two looks at the same process. A child that ended in the moment of its start is not known yet at the first.
const SECOND_LOOK: Duration = Duration::from_secs(1);

/// Runs for as long as we do, and returns at once where we are not process 1. `is_known` says of a process that somebody of
/// ours waits for it; apps that are supervised here are known anyway.
pub async fn reap_orphans(is_known: impl Fn(u32) -> bool) {
    if getpid().is_init() {
        reap(is_known).await;
    }
}

async fn reap(is_known: impl Fn(u32) -> bool) {
    let Ok(mut ended) = signal(SignalKind::child()) else {
        tracing::warn!(
            "processes that ended elsewhere will not be reaped: there is no signal for it"
        );
        return;
    };
    let known = |pid: Pid| starter::is_guardian(pid) || is_known(pid.as_raw_pid().cast_unsigned());
    loop {
        let mut seen = HashSet::new();
        while somebody_ended() {
            seen = look(&seen, known);
            sleep(SECOND_LOOK).await;
        }
        ended.recv().await;
    }
}

fn somebody_ended() -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    matches!(waitid(WaitId::All, look), Ok(Some(_)))
}

/// Reaps those that were seen before, and returns those that are there for the first time.
fn look(seen: &HashSet<Pid>, known: impl Fn(Pid) -> bool) -> HashSet<Pid> {
    let us = getpid().as_raw_pid();
    let all = processes::all().unwrap_or_default().into_iter();
    let ended = all.filter(|process| process.ended && process.parent == us).map(|it| it.pid);
    let (old, new): (Vec<Pid>, Vec<Pid>) =
        ended.filter(|pid| !known(*pid)).partition(|pid| seen.contains(pid));
    for pid in old {
        let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
    }
    new.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[tokio::test]
    async fn the_second_look_takes_what_nobody_knows_and_nothing_else() {
        let start = || Command::new("true").spawn().expect("a process");
        let (mut ours, mut orphan) = (start(), start());
        let pid = |id: u32| Pid::from_raw(id.cast_signed()).expect("a number");
        let (known, other) = (pid(ours.id()), pid(orphan.id()));
        let is_known = |pid| pid == known;
        let mut seen = HashSet::new();
        while !seen.contains(&other) {
            // Both are still to end; the other tests of this process have children as well, which are left alone.
            seen = look(&HashSet::new(), is_known);
            tokio::task::yield_now().await;
        }
        assert!(!seen.contains(&known));
        seen.retain(|pid| *pid == other);
        look(&seen, is_known);
        assert!(ours.wait().expect("not stolen").success());
        assert!(orphan.wait().is_err(), "reaped");
    }

    #[tokio::test]
    async fn where_we_are_not_process_1_it_does_nothing() {
        reap_orphans(|_| false).await;
    }
}
