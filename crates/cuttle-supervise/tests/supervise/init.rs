//! As process 1: what is handed to us is reaped, and nothing is taken from those who wait for their own.

use std::{
    fs,
    process::{Command, ExitCode},
    time::Duration,
};

use rustix::process::geteuid;

use crate::{app::eventually, ending::us, trials};

trials![process_1_reaps_orphans_and_steals_nothing];

/// First argument of this binary when it must be process 1 of a namespace.
pub(crate) const INIT: &str = "process-1";

/// Succeeds if an orphan is reaped and a child of its own is not.
pub(crate) fn init() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut ours = Command::new("sh").args(["-c", "exit 3"]).spawn().expect("a shell");
        let known = ours.id();
        tokio::spawn(cuttle_supervise::reap_orphans(move |pid| pid == known));
        let shell = Command::new("sh").args(["-c", "sh -c 'exit 4' &"]).status();
        assert!(shell.expect("a shell").success());
        let zombies = || {
            let all = fs::read_dir("/proc").expect("/proc").flatten();
            let stats = all.filter_map(|it| fs::read_to_string(it.path().join("stat")).ok());
            stats.filter(|stat| stat.contains(") Z ")).count()
        };
        eventually("ours is the only one that is left", || zombies() == 1).await;
        // For longer than the second look takes.
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(ours.wait().expect("not stolen").code(), Some(3));
    });
    ExitCode::SUCCESS
}

async fn process_1_reaps_orphans_and_steals_nothing() {
    if !geteuid().is_root() {
        return cuttle_testing::skip("a namespace of processes needs root");
    }
    let mut namespace = Command::new("unshare");
    namespace.args(["--pid", "--fork", "--mount-proc"]).arg(us()).arg(INIT);
    let output = namespace.output().expect("unshare of util-linux");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
