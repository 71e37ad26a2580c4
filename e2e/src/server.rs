//! One running `cuttle serve`, stopped when it is dropped.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::binary::binary;
use crate::log::Log;
use crate::process::{children, cpu_time, cpu_time_of_ended, signal};
use crate::until::looks;
use crate::{Client, memory_pss};

/// Often enough to see the peak of a render that takes a hundred milliseconds.
const SAMPLE_EVERY: Duration = Duration::from_millis(20);

/// A server of a test's own.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The public address.
    pub client: Client,
    /// The admin address.
    pub admin: Client,
    /// The public address as text, `127.0.0.1:40123`.
    pub address: String,
    log: Arc<Log>,
    reader: Option<JoinHandle<()>>,
    printed: BufReader<ChildStdout>,
    state: TempDir,
}

impl Server {
    /// Serves `folder` with two workers.
    ///
    /// # Panics
    /// When the server does not come up; its log is in the message.
    #[must_use]
    pub fn start(folder: &Path) -> Self {
        Self::with(folder, &["--workers", "2"])
    }

    /// Serves `folder` with these arguments.
    ///
    /// # Panics
    /// As [`Server::start`].
    #[must_use]
    pub fn with(folder: &Path, args: &[&str]) -> Self {
        Self::run(Command::new(binary()).arg("serve").arg(folder).args(args).stdin(Stdio::null()))
    }

    /// `cuttle serve` with these arguments alone: what it serves is among them.
    ///
    /// # Panics
    /// As [`Server::start`].
    #[must_use]
    pub fn serving<S: AsRef<OsStr>>(args: &[S]) -> Self {
        // No terminal, whoever runs the tests: a server asks its standard input what SIGHUP means.
        Self::run(Command::new(binary()).arg("serve").args(args).stdin(Stdio::null()))
    }

    /// `cuttle run` of a command in a folder.
    ///
    /// # Panics
    /// As [`Server::start`].
    #[must_use]
    pub fn running(folder: &Path, args: &[&str], command: &[&str]) -> Self {
        let own = ["run", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        let mut cuttle = Command::new(binary());
        cuttle.current_dir(folder).args(own).args(args);
        if !command.is_empty() {
            cuttle.arg("--").args(command);
        }
        Self::run(cuttle.stdin(Stdio::null()))
    }

    /// `cuttle dev` in a folder.
    ///
    /// # Panics
    /// As [`Server::start`].
    #[must_use]
    pub fn developing(folder: &Path, command: &[&str]) -> Self {
        let mut cuttle = Command::new(binary());
        cuttle.current_dir(folder).args([
            "dev",
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
        ]);
        if !command.is_empty() {
            cuttle.arg("--").args(command);
        }
        Self::run(cuttle.stdin(Stdio::null()))
    }

    /// The same on a listening socket that is given as systemd gives it, and outlives the server.
    ///
    /// # Panics
    /// As [`Server::start`].
    #[must_use]
    pub fn given<S: AsRef<OsStr>>(listener: &TcpListener, args: &[S]) -> Self {
        let socket = OwnedFd::from(listener.try_clone().expect("a descriptor"));
        let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" serve \"$@\"";
        let mut command = Command::new("sh");
        Self::run(command.args(["-c", script]).arg(binary()).args(args).stdin(socket))
    }

    /// With what a line of shell leaves behind: limits and ignored signals are inherited.
    ///
    /// # Panics
    /// As [`Server::start`].
    #[must_use]
    pub fn after<S: AsRef<OsStr>>(line: &str, args: &[S]) -> Self {
        let script = format!("{line}; exec \"$0\" serve \"$@\"");
        Self::run(Command::new("sh").arg("-c").arg(script).arg(binary()).args(args))
    }

    /// Under another program, which becomes the one that it is given.
    ///
    /// # Panics
    /// As [`Server::start`].
    #[must_use]
    pub fn under<S: AsRef<OsStr>>(program: &[&str], args: &[S]) -> Self {
        let mut command = Command::new(program[0]);
        Self::run(command.args(&program[1..]).arg(binary()).arg("serve").args(args))
    }

    /// Of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn run(command: &mut Command) -> Self {
        // Its own, so that servers of tests that run at the same time leave each other's notes alone.
        let state = tempfile::tempdir().expect("a temporary folder");
        if command.get_args().all(|arg| arg != "--admin") {
            command.args(["--admin", "127.0.0.1:0"]);
        }
        if command.get_args().all(|arg| arg != "--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child = command
            .env("CUTTLE_STATE_DIR", state.path())
            .env("CUTTLE_LOG", "info,cuttle::access=debug,cuttle_store=debug")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let log = Arc::<Log>::default();
        let errors = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let reader = thread::spawn({
            let log = Arc::clone(&log);
            move || log.read(errors)
        });
        let mut ready = String::new();
        let mut printed = BufReader::new(child.stdout.take().expect("stdout is piped"));
        printed.read_line(&mut ready).expect("stdout is text");
        let address =
            ready.trim().strip_prefix("cuttle listening on http://").map(ToOwned::to_owned);
        let Some(address) = address else {
            let _ = child.wait();
            let _ = reader.join();
            panic!("no ready line but {ready:?}; log: {:#?}", log.events());
        };
        let parsed = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let mut server = Self {
            child,
            client: Client::new(parsed(&address)),
            admin: Client::new(parsed(&address)),
            address,
            log,
            reader: Some(reader),
            printed,
            state,
        };
        let admin =
            server.event("its admin address", |event| event["message"] == "health and readiness");
        let admin = admin["address"].as_str().expect("it is logged before the ready line");
        // A socket in the file system is for the test that asked for one.
        if !admin.starts_with("unix:") {
            server.admin = Client::new(parsed(admin));
        }
        server
    }

    /// What it prints next after the ready line.
    ///
    /// # Panics
    /// When it is no text.
    #[must_use]
    pub fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.printed.read_line(&mut line).expect("stdout is text");
        line.trim_end().to_owned()
    }

    /// Where it notes its admin address.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        self.state.path()
    }

    /// The first event that fits, as soon as it is logged.
    ///
    /// # Panics
    /// When a minute passed without one; all events are in the message.
    #[must_use]
    pub fn event(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let found = self.log.first(fits);
        found.unwrap_or_else(|| panic!("never logged: {what}: {:#?}", self.log()))
    }

    /// Process ids of the workers, and of those that are or were theirs: of every child.
    #[must_use]
    pub fn workers(&self) -> Vec<u32> {
        children(self.child.id())
    }

    /// Kills whatever worker is there, spares first and also one that is just starting, and gives the server time to learn of each.
    pub fn kill_workers(&self) {
        for worker in self.workers().into_iter().rev() {
            let pid = Pid::from_raw(worker.cast_signed()).expect("a process id is not zero");
            let _ = kill_process(pid, Signal::KILL);
            thread::park_timeout(SAMPLE_EVERY);
        }
    }

    /// Proportional set size of the server and all of its workers, in bytes.
    #[must_use]
    pub fn memory(&self) -> u64 {
        memory_pss(self.child.id()) + self.workers().into_iter().map(memory_pss).sum::<u64>()
    }

    /// The highest [`Server::memory`] seen while `work` ran.
    ///
    /// # Panics
    /// When `work` does.
    pub fn peak_memory(&self, work: impl FnOnce()) -> u64 {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let sampler = scope.spawn(|| {
                let mut highest = 0;
                while !done.load(Ordering::Relaxed) {
                    highest = self.memory().max(highest);
                    thread::park_timeout(SAMPLE_EVERY);
                }
                highest
            });
            work();
            done.store(true, Ordering::Relaxed);
            sampler.join().expect("samples")
        })
    }

    /// The lowest [`Server::memory`] of the next so many samples, or the first that is low `enough`:
    /// what is left once it is calm.
    #[must_use]
    pub fn calm_memory(&self, samples: u32, enough: u64) -> u64 {
        let mut lowest = u64::MAX;
        for _ in 0..samples {
            lowest = self.memory().min(lowest);
            if lowest <= enough {
                break;
            }
            thread::park_timeout(SAMPLE_EVERY);
        }
        lowest
    }

    /// CPU time of the server and all of its workers so far, also of those that ended.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        let server = cpu_time(self.child.id()) + cpu_time_of_ended(self.child.id());
        server + self.workers().into_iter().map(cpu_time).sum::<Duration>()
    }

    /// The same, once every worker that had a job has ended and its successor waits: all of what the work cost.
    ///
    /// # Panics
    /// As [`Server::fresh_workers`].
    #[must_use]
    pub fn settled_cpu(&self) -> Duration {
        let _ = self.fresh_workers();
        self.cpu()
    }

    /// Process ids of the workers, once each place has one that never had a job, and nothing else: after a job its worker
    /// is still there for a moment, and the next one already.
    ///
    /// # Panics
    /// When a minute passed and it is not so.
    #[must_use]
    pub fn fresh_workers(&self) -> Vec<u32> {
        let (mut workers, mut unchanged) = (self.workers(), 0);
        let calm = looks().any(|()| {
            let (now, report) = (self.workers(), self.readiness());
            let calm = report["queue"]["jobs"] == 0 && report["workers"]["capacity"] == now.len();
            unchanged = if calm && now == workers { unchanged + 1 } else { 0 };
            workers.clone_from(&now);
            // For longer than any worker waits: a fifth of a second.
            unchanged == 20
        });
        assert!(calm, "never calm: {:#}", self.readiness());
        workers
    }

    /// The readiness report.
    ///
    /// # Panics
    /// When it is not JSON.
    #[must_use]
    pub fn readiness(&self) -> Value {
        serde_json::from_slice(&self.admin.get("/readyz").body).expect("readiness is JSON")
    }

    /// Every series of the metrics by its name and labels as they are written, added up over applications.
    ///
    /// # Panics
    /// When they are not told, or not as `OpenMetrics`.
    #[must_use]
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let answer = self.admin.get("/metrics");
        let text = answer.text();
        assert!(answer.status == 200 && text.ends_with("# EOF\n"), "{text}");
        let series = text.lines().filter(|line| !line.starts_with('#'));
        let mut sums = BTreeMap::new();
        for (name, value) in series.map(|line| line.rsplit_once(' ').expect("a value")) {
            let value: f64 = value.parse().expect("a number");
            *sums.entry(without_app(name)).or_default() += value;
        }
        sums
    }

    /// Encodes so far: each one that was tried is counted, whatever came of it.
    #[must_use]
    pub fn encodes(&self) -> u64 {
        self.metrics()["cuttle_worker_jobs_total"] as u64
    }

    /// Asks for readiness until `seen` says so.
    ///
    /// # Panics
    /// When a minute passed and it did not.
    #[track_caller]
    pub fn wait_until(&self, what: &str, seen: impl Fn(&Value) -> bool) {
        if !looks().any(|()| seen(&self.readiness())) {
            panic!("never saw: {what}; last: {:#}", self.readiness());
        }
    }

    /// Everything logged so far.
    ///
    /// # Panics
    /// Never, unless the log reader did.
    #[must_use]
    pub fn log(&self) -> Vec<Value> {
        self.log.events()
    }

    /// Tells the server to stop, as a supervisor does.
    pub fn terminate(&self) {
        signal(self.child.id(), Signal::TERM);
    }

    /// Waits for the end of the process.
    ///
    /// # Panics
    /// When the system cannot wait for it.
    #[must_use]
    pub fn ended(mut self) -> (ExitStatus, Vec<Value>) {
        let status = self.child.wait().expect("a child can be waited for");
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        (status, self.log())
    }
}

impl Drop for Server {
    /// Whatever else a test is about, it fails where a task kept its thread of the server busy (`cuttle-watchdog`).
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        let busy: Vec<_> =
            self.log().into_iter().filter(|event| event.get("cpu_ms").is_some()).collect();
        assert!(busy.is_empty() || thread::panicking(), "the reactor stood still: {busy:#?}");
    }
}

/// Kills a process outright.
///
/// # Panics
/// When there is no such process.
pub fn kill(pid: u32) {
    signal(pid, Signal::KILL);
}

/// Says what a terminal says that closes.
///
/// # Panics
/// When there is no such process.
pub fn hang_up(pid: u32) {
    signal(pid, Signal::HUP);
}

/// A series without the label of an application.
fn without_app(series: &str) -> String {
    let Some((before, rest)) = series.split_once("app=\"") else { return series.to_owned() };
    let (_, after) = rest.split_once('"').expect("the end of the value");
    let name = match after.strip_prefix(',') {
        Some(after) => format!("{before}{after}"),
        None => format!("{}{after}", before.trim_end_matches(',')),
    };
    name.replace("{}", "")
}
